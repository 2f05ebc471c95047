/*
 * yoke/master.h: the process that forks: masters, pools, children.
 *
 * A master runs on a libev loop of yours, which must not be the default loop's business: Yoke never uses
 * ev_default_loop, SIGCHLD, or waitpid on a process that it did not start. Call everything here from the loop's thread.
 * That thread must outlive the workers: Linux ties a worker's death signal to the thread that forked it.
 */
#ifndef YOKE_MASTER_H
#define YOKE_MASTER_H

#include <yoke/rpc.h>
#include <yoke/v1/lifecycle.yoke.h>
#include <yoke/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop;
struct yoke_master;
struct yoke_pool;
struct yoke_child;

/* ---- Master --------------------------------------------------------------------------------------------------- */

struct yoke_master_options {
    size_t size;        /* set by YOKE_MASTER_OPTIONS_INIT */
    yoke_log_hook *log; /* NULL: nothing is said */
    void *log_user_data;
    struct yoke_limits limits;
    struct yoke_tuning tuning;
};
#define YOKE_MASTER_OPTIONS_INIT .size = sizeof(struct yoke_master_options)

/*
 * Make a master on `loop`, which it does not own and which must outlive it. `options` may be NULL.
 * -EINVAL: no loop, the default loop (it reaps every child of the process), or options not initialised or out of range;
 * -E2BIG: options of a newer Yoke are set; -ENOMEM; -EMFILE, -ENFILE: no descriptor is left.
 */
int yoke_master_create(struct ev_loop *loop, const struct yoke_master_options *options,
                       struct yoke_master **ret_master);

/*
 * Kill and reap every worker that still lives, complete their calls as UNAVAILABLE, and free everything, pools
 * included. No events are emitted. Waits for the kernel to end the workers, which were sent SIGKILL. NULL is fine.
 * -EBUSY, and nothing is done, from inside a Yoke callback or while a call blocks. In a forked copy of the process nothing is done, and 0 returned:
 * the workers, the descriptors and the loop are the original's.
 */
int yoke_master_destroy(struct yoke_master *master);

/* The services that workers can call. Add to it before the first pool is created. */
struct yoke_server *yoke_master_server(struct yoke_master *master);

/* Subscriptions to what workers emit and to yoke.v1.WorkerStarted, WorkerReady, WorkerDied and PoolStopped. */
struct yoke_events *yoke_master_events(struct yoke_master *master);

/*
 * The door for other threads: run(user_data) runs once, on the loop's thread and from the loop, after all that was posted
 * before it. May be called from any thread. A handler can so leave its work to a thread, which posts the answer: the call itself
 * is only to be touched in `run`, where it may turn out to be cancelled. `run` may do what a callback may.
 *
 * Posting does not keep the loop running. Whoever posts must have ended (been joined) before yoke_master_destroy() begins; what
 * has not run by then never does.
 *
 * -EINVAL: no function; -ENOMEM; -ECHILD: in a forked copy of the process.
 */
int yoke_master_post(struct yoke_master *master, void (*run)(void *user_data), void *user_data);

/* ---- Pools ---------------------------------------------------------------------------------------------------- */

/*
 * A pool of workers of one kind. Exactly one of `entry` (fork mode) and `path` (exec mode) is set.
 *
 * Fork mode: the worker is a copy of the master that runs entry(worker, user_data) and exits with what it returns.
 * Exec mode: the worker is a new program, spawned in constant time however big the master is; its main() calls
 * yoke_worker_main(). In both, a worker has stdin, stdout, stderr and its channel (fd 3), and no other descriptor;
 * signal handlers are reset and no signal is blocked. Workers are in the master's process group, so a terminal's Ctrl-C
 * reaches them, too, and ends them before a graceful stop could.
 */
struct yoke_pool_options {
    size_t size;      /* set by YOKE_POOL_OPTIONS_INIT */
    const char *name; /* in events and messages; copied; NULL: "pool" */
    unsigned workers; /* how many; 0: yoke_usable_cpus() */

    yoke_worker_entry *entry; /* fork mode */
    void *user_data;          /* for entry */

    const char *path;  /* exec mode: the program, an absolute or relative path, not searched in PATH; copied */
    char *const *argv; /* exec mode: NULL-terminated; copied; NULL: { path, NULL } */

    bool restart;              /* replace a worker that died; default no */
    unsigned restart_pause_ms; /* wait so long before replacing it; 0: 100 ms */
    unsigned stop_timeout_ms;  /* a worker that was told to stop, or has closed its channel, gets so long
                                 before SIGKILL; 0: 5,000 ms */
};
#define YOKE_POOL_OPTIONS_INIT .size = sizeof(struct yoke_pool_options)

/*
 * Make a pool and spawn its workers. The pool belongs to the master.
 * -EINVAL: options not initialised or contradictory; -E2BIG: options of a newer Yoke are set; -ENOMEM, -EMFILE, -EAGAIN: the kernel's; in exec mode also what
 * execve() says (-ENOENT, -EACCES, …); -ESHUTDOWN: the master is being destroyed. On failure no worker is left.
 */
int yoke_pool_create(struct yoke_master *master, const struct yoke_pool_options *options, struct yoke_pool **ret_pool);

/* A channel that gives each call to the next ready worker in turn (to a starting one when none is ready). */
struct yoke_channel *yoke_pool_channel(struct yoke_pool *pool);

/*
 * Ask every worker to stop: it gets the calls sent so far, answers them, and exits; it has options.stop_timeout_ms for it.
 * Nothing is restarted any more and new calls give -ENOTCONN; those that wait for a worker end as UNAVAILABLE. A worker can
 * go on calling the master while it has calls to answer; one that it makes when all is done, and it is told so, ends as
 * UNAVAILABLE, safe to retry. One WorkerDied for each, then one PoolStopped. Calling it again is harmless.
 */
void yoke_pool_stop(struct yoke_pool *pool);

/* yoke_pool_stop() for all pools. When they have stopped, the master no longer keeps the loop running. */
void yoke_master_stop(struct yoke_master *master);

/* How many children the pool has. */
unsigned yoke_pool_size(const struct yoke_pool *pool);

/* ---- Children ------------------------------------------------------------------------------------------------- *
 * A child is one place in a pool and the worker that fills it now. It lives as long as the pool; when its worker is
 * replaced, id and pid change and the channel leads to the new one.
 */

enum yoke_child_state {
    YOKE_CHILD_DEAD,     /* no worker now */
    YOKE_CHILD_STARTING, /* forked; has not said that it is ready */
    YOKE_CHILD_READY,    /* serving */
    YOKE_CHILD_STOPPING  /* stops, told to or not, or is killed, or has closed its channel; not yet reaped */
};

/* The child at `index`, 0 … yoke_pool_size() - 1; NULL beyond. */
struct yoke_child *yoke_pool_child(struct yoke_pool *pool, unsigned index);

/* The channel to this one worker. Calls give -ENOTCONN while it is dead or stopping. */
struct yoke_channel *yoke_child_channel(struct yoke_child *child);

enum yoke_child_state yoke_child_state(const struct yoke_child *child);
uint64_t yoke_child_id(const struct yoke_child *child); /* the worker's id, unique in the master's life */
pid_t yoke_child_pid(const struct yoke_child *child);   /* 0 when dead */

/* True when the worker has announced that it offers the service of this full name, "demo.Greeter". */
bool yoke_child_serves(const struct yoke_child *child, const char *service);

/* Calls to this worker that are unanswered. */
size_t yoke_child_calls_in_flight(const struct yoke_child *child);

/* Send a signal, race-free. -ESRCH: dead already; -EINVAL: no such signal. */
int yoke_child_kill(struct yoke_child *child, int signal);

#ifdef __cplusplus
}
#endif

#endif
