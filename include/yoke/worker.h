/*
 * yoke/worker.h: the worker's side: boot, serve, call the master.
 *
 * A worker has a loop of its own, made for it. It ends when its entry function returns, when the master tells it to
 * stop, or when the master is gone, in whatever way.
 *
 * A worker that changes its user or group id after yoke_worker_run() has begun must then call prctl(PR_SET_PDEATHSIG, SIGKILL)
 * itself: Linux forgets it at that moment, and a worker too busy to read its channel would outlive its master.
 */
#ifndef YOKE_WORKER_H
#define YOKE_WORKER_H

#include <yoke/rpc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop;
struct yoke_worker;

/* Exit codes that Yoke itself gives a worker; from sysexits.h. */
#define YOKE_EXIT_BOOT 70     /* the worker could not be set up (EX_SOFTWARE) */
#define YOKE_EXIT_PROTOCOL 76 /* the master violated the protocol (EX_PROTOCOL) */

/*
 * A worker's life: register services, then return yoke_worker_run(worker). What it returns, 0 to 255, is the exit code.
 * Whatever was accepted for sending is sent before the process exits; callbacks of calls that are still in flight do not
 * run any more; stdout and stderr are flushed; exit handlers inherited from the master do not run.
 */
typedef int yoke_worker_entry(struct yoke_worker *worker, void *user_data);

/* How a worker started in exec mode sets itself up; a forked one has its master's limits, tuning and log hook. */
struct yoke_worker_options {
    size_t size;        /* set by YOKE_WORKER_OPTIONS_INIT */
    yoke_log_hook *log; /* NULL: nothing is said */
    void *log_user_data;
    struct yoke_limits limits;
    struct yoke_tuning tuning;
};
#define YOKE_WORKER_OPTIONS_INIT .size = sizeof(struct yoke_worker_options)

/*
 * The life of a program that a master spawns in exec mode; what it returns is for main() to return. `options` may be NULL.
 * Negative when there is no such life, for main() to report: -ENOTCONN: no master started the program; -EINVAL: options not
 * initialised or out of range; -E2BIG: options of a newer Yoke are set; -ENOMEM, -EMFILE: the kernel's. Otherwise entry's exit code.
 */
int yoke_worker_main(yoke_worker_entry *entry, const struct yoke_worker_options *options, void *user_data);

/*
 * Announce the services, then serve until the master says stop or yoke_worker_stop(): what is in flight is answered
 * first; or until the master is dead, when nothing is. Returns the exit code: 0, what yoke_worker_stop() was given, or
 * YOKE_EXIT_PROTOCOL.
 */
int yoke_worker_run(struct yoke_worker *worker);

/*
 * Make yoke_worker_run() return `exit_code` once no call is in flight either way. The master is told which call was the
 * last that this worker takes; those that cross this end as UNAVAILABLE, safe to retry. Calls that the worker makes still
 * go out. Its pool's stop.drain_ms bounds that. Calling it again changes the exit code.
 */
void yoke_worker_stop(struct yoke_worker *worker, int exit_code);

/*
 * A worker counts as ready when yoke_worker_run() begins, or with its first call or event to the master, if that is earlier. One
 * that has more to do before, such as asking the master for its configuration, says so first, by postponing, and is ready when it
 * says yoke_worker_ready(), inside or before yoke_worker_run(). Its pool's start_ms goes on meanwhile. Its services are announced by
 * what it sends first all the same, so they are registered before.
 * -EALREADY: the master counts it as ready already; -ECHILD; yoke_worker_ready() also -ENOMEM, -ENOTCONN.
 */
int yoke_worker_postpone_ready(struct yoke_worker *worker);
int yoke_worker_ready(struct yoke_worker *worker);

/*
 * yoke_worker_stop() with a deadline: what is still in flight after so many microseconds is given up, calls to the master as
 * CANCELLED, the master's as UNAVAILABLE to it.
 */
void yoke_worker_drain(struct yoke_worker *worker, int exit_code, uint64_t timeout_us);

/*
 * The master wants the worker to stop: its pool stops, is reloaded or shrinks, or the worker is to be recycled. Runs once, from
 * the loop, and may do what a callback may. Not when the worker has said yoke_worker_stop() before, nor when the master is dead.
 */
typedef void yoke_worker_drain_hook(struct yoke_worker *worker, void *user_data);

/*
 * Be told to stop instead of being stopped: for a worker that serves others than its master, connections of its own, which it
 * brings to an end first. The master gives it no more calls; it goes on, may call the master and emit, until it says
 * yoke_worker_stop(). Its pool's stop.drain_ms bounds that.
 * To be said before the first call or event to the master and before yoke_worker_run(), or it is -EALREADY. -EINVAL: no hook;
 * -ECHILD: in a process forked from the worker.
 */
int yoke_worker_on_drain(struct yoke_worker *worker, yoke_worker_drain_hook *hook, void *user_data);

/*
 * The door for other threads: run(user_data) runs once, on the worker's thread and from its loop, after all that was posted
 * before it. May be called from any thread. A handler can so leave its work to a thread, which posts the answer: the call itself
 * is only to be touched in `run`, where it may turn out to be cancelled. `run` may do what a callback may.
 *
 * A call that is not answered keeps a worker that is to stop; posting alone does not. Whoever posts must have ended (been
 * joined) before the entry returns; what has not run by then never does. -EINVAL: no function; -ENOMEM; -ECHILD: in a process
 * forked from the worker.
 */
int yoke_worker_post(struct yoke_worker *worker, void (*run)(void *user_data), void *user_data);

/* The worker's loop, for watchers of your own. */
struct ev_loop *yoke_worker_loop(struct yoke_worker *worker);

/* The services that the master can call. Register before yoke_worker_run(). */
struct yoke_server *yoke_worker_server(struct yoke_worker *worker);

/* Subscriptions to what the master emits. */
struct yoke_events *yoke_worker_events(struct yoke_worker *worker);

/*
 * The channel to the master. What is sent before yoke_worker_run() leaves when it runs, or when the entry returns. Calls
 * give -ENOTCONN once the master has told the worker to stop.
 */
struct yoke_channel *yoke_worker_master(struct yoke_worker *worker);

/* This worker's id, unique in its master's life, never 0. */
uint64_t yoke_worker_id(const struct yoke_worker *worker);

/* The worker's place in its pool, 0 … size - 1; a replacement has its predecessor's. */
unsigned yoke_worker_index(const struct yoke_worker *worker);

/* The generation of workers that it belongs to, from 1; one more for each reload of its pool. */
uint64_t yoke_worker_generation(const struct yoke_worker *worker);

/*
 * The listening socket number `index` of those that the pool's options name: a descriptor, non-blocking, close-on-exec, which
 * stays Yoke's: the worker accepts from it and does not close it. -ENOENT: there is no such one.
 */
int yoke_worker_listener(const struct yoke_worker *worker, unsigned index);

#ifdef __cplusplus
}
#endif

#endif
