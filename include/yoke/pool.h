/*
 * yoke/pool.h: pools of workers and how a master keeps them up: how many, when they are replaced, how they stop, who gets a
 * call, as whom they run. Included by yoke/master.h.
 *
 * Every option has a default, which is what its zero means. What happens is told by events: yoke/v1/lifecycle.proto.
 */
#ifndef YOKE_POOL_H
#define YOKE_POOL_H

#include <yoke/rpc.h>
#include <yoke/worker.h>

#include <sys/resource.h>

#ifdef __cplusplus
extern "C" {
#endif

struct yoke_master;
struct yoke_pool;
struct yoke_child;
struct yoke_listener;

/* For options in milliseconds that can be switched off: never. */
#define YOKE_NEVER UINT32_MAX

/* ---- Replacing workers that died -------------------------------------------------------------------------------- */

enum yoke_restart {
    YOKE_RESTART_NEVER,
    YOKE_RESTART_ALWAYS,    /* however it ended, but for what it was told to */
    YOKE_RESTART_ON_FAILURE /* unless it exited with code 0 */
};

/* What becomes of a pool whose workers die too often. */
enum yoke_failure_action {
    YOKE_FAILURE_STOP_POOL,   /* as yoke_pool_stop() */
    YOKE_FAILURE_STOP_MASTER, /* as yoke_master_stop(), and yoke_master_exit_code() says `exit_code` */
    YOKE_FAILURE_KEEP_TRYING  /* go on, with max_pause_ms before each attempt, until one is healthy */
};

/*
 * A place whose worker died is filled again after a pause. The pause doubles with each death in a row, and is `pause_ms` again
 * after a worker that was healthy. More than `max_restarts` deaths within `period_ms`, of the whole pool, are a crash loop: the
 * pool has failed (yoke.v1.PoolFailed). Deaths that the master or a yoke_worker_stop() brought about do not count.
 */
struct yoke_restart_options {
    enum yoke_restart when;
    uint32_t pause_ms;       /* default 100 */
    uint32_t max_pause_ms;   /* default 30,000, or pause_ms if that is more */
    uint32_t jitter_percent; /* each pause is longer by up to so much, by chance; default 20; at most 100 */
    uint32_t healthy_ms;     /* a worker that was ready for so long was healthy; default 10,000 */
    uint32_t max_restarts;   /* default 5 for each of max_workers; at most 1,000,000, or UINT32_MAX: no bound */
    uint32_t period_ms;      /* default 60,000 */
    enum yoke_failure_action on_failure;
    int exit_code;       /* of the master, for YOKE_FAILURE_STOP_MASTER; 0: 1 */
    int final_exit_code; /* a worker that exits with it is not replaced, whatever `when` says; 0: there is no such code */
};

/* ---- Noticing workers that hang ---------------------------------------------------------------------------------- */

/*
 * A worker is asked for a sign of life, which its loop gives: one that is stopped, or whose handler blocks or loops, does not.
 * After the patience it is hung (yoke.v1.WorkerHung): it gets SIGABRT, so that there can be a core, then SIGKILL.
 */
struct yoke_liveness_options {
    uint32_t
        heartbeat_ms; /* ask so often; default 0: never, because handlers that block for long are no fault as such */
    uint32_t
        patience_ms; /* without an answer for so long it is hung; default 3 x heartbeat_ms, or 3,000 without a heartbeat */
    uint32_t abort_ms; /* from SIGABRT to SIGKILL; default 2,000 */
};

/* ---- Stopping ------------------------------------------------------------------------------------------------------ */

/*
 * The one way in which a worker is stopped, for whatever reason: it is announced (yoke.v1.WorkerDraining) and gets no new calls;
 * it answers those that it has; it is told that nothing follows and exits; after `drain_ms` it gets SIGTERM, after another
 * `term_ms` SIGKILL; it is reaped.
 */
struct yoke_stop_options {
    uint32_t
        drain_ms;     /* default 5,000; YOKE_NEVER: as long as it takes. Also of a worker that has closed its channel */
    uint32_t term_ms; /* default 1,000 */
};

/* ---- Replacing workers that live ---------------------------------------------------------------------------------- */

/*
 * A worker is replaced, when it is recycled or the pool is reloaded, by another that is ready before it drains. No more than
 * `surge` are added to the pool for that at a time; those that drain are not counted. A new one that dies or is not ready in time ends a reload
 * (yoke.v1.PoolReloadFailed): those not replaced yet stay as they are and serve on.
 */
struct yoke_replace_options {
    uint32_t surge; /* default 1 */
};

/* When a worker has done enough. The replacement of a recycled worker that fails is tried again after restart.pause_ms. */
struct yoke_recycle_options {
    uint64_t after_calls; /* that it has answered; default 0: never */
    uint32_t after_ms;    /* of age; default 0: never */
    uint32_t
        jitter_percent; /* of both: each worker's bound is longer by up to so much, so that they do not go together; default
                                  10; at most 100 */
    uint64_t above_rss_bytes; /* of resident memory; default 0: never */
    uint64_t
        above_pss_bytes; /* of proportional memory, which does not count in full what forked workers share with the master;
                                  costs the kernel more; default 0: never */
    uint32_t check_ms; /* look at memory so often; default 1,000 */
};

/* ---- Workers on demand -------------------------------------------------------------------------------------------- */

/* For pools with max_workers: when it grows and shrinks, by one at a time. */
struct yoke_demand_options {
    uint32_t grow_after_ms; /* a call has waited so long in the queue; default 10 */
    uint32_t
        shrink_after_ms; /* some worker has had no call for so long, and the last one has none now; default 30,000 */
};

/* ---- Who gets a call ----------------------------------------------------------------------------------------------- */

enum yoke_route {
    YOKE_ROUTE_ROUND_ROBIN,       /* the next in turn */
    YOKE_ROUTE_LEAST_OUTSTANDING, /* who has the fewest calls unanswered */
    YOKE_ROUTE_POWER_OF_TWO,      /* of two taken by chance, who has fewer */
    YOKE_ROUTE_STICKY /* by the request's field marked [(yoke.v1.key) = true]: the same key goes to the same place, and a
                                     death moves only the keys of the dead. Requests without such a field go round robin */
};

/*
 * Choose a child of the pool for a call: one that takes calls, or NULL for none now (the call waits, if it may, or ends). `key`
 * is the hash of the request's key, 0 when it has none. Must not call Yoke but for the yoke_child_ and yoke_pool_ functions that
 * ask.
 */
typedef struct yoke_child *yoke_picker(struct yoke_pool *pool, const struct yoke_method *method, uint64_t key,
                                       void *user_data);

struct yoke_routing_options {
    enum yoke_route route;
    yoke_picker *picker; /* instead of `route` */
    void *picker_data;

    /* Calls that a worker gets at a time; 1 for handlers that block. Default 0: as many as come. */
    uint32_t max_calls_per_worker;

    /*
     * Calls that wait for a worker that has room, first come, first served; one more ends as RESOURCE_EXHAUSTED, safe to retry.
     * Each waits as long as its deadline allows. Default 1,024 when max_calls_per_worker is set; without it, calls wait only by
     * their option wait_for_ready.
     */
    uint32_t max_queued_calls;
};

/* ---- Calls that are made again --------------------------------------------------------------------------------------- */

/*
 * A call over the pool's channel that its worker has certainly not begun to handle goes to another worker by itself. One that it
 * may have begun goes to another only if its method is declared `idempotency_level = IDEMPOTENT` or `NO_SIDE_EFFECTS`; else it
 * ends as UNAVAILABLE. Only calls with one request can be made again, and until the first headers or reply. When there is no other
 * worker, but one may come, the call waits for it, as long as its deadline allows.
 *
 * The budget keeps retries from making things worse: those of calls that may have been handled may be a tenth of the calls made, of
 * the last 10,000, and ten more.
 */
struct yoke_retry_options {
    uint32_t max_attempts;   /* of one call, the first counted; default 3; 1: no retry */
    uint32_t pause_ms;       /* before the second attempt after a death; doubles; by chance up to that; default 10 */
    uint32_t max_pause_ms;   /* default 1,000 */
    uint32_t budget_percent; /* of calls that may be retries; default 10; at most 100 */

    /* A larger request is not kept while its call is under way, so the call cannot be made again. Nor is any while those that are
     * kept take limits.max_queued_bytes. Default 64 KiB. */
    uint32_t max_request_bytes;
};

/* ---- As whom a worker runs ------------------------------------------------------------------------------------------- */

/*
 * What a worker may ask of the kernel. What is refused is not done and kills it by SIGSYS, and WorkerDied names the system call, by
 * the word of the worker's memory: unless it has blocked SIGSYS, which it can, or handles it itself, which it cannot. clone3() is
 * refused as if there was no such call, so that clone() is taken.
 *
 * In exec mode the program confines itself in yoke_worker_main(). What it does before is not confined, nor is a program that does
 * not call it.
 *
 * What the C library reads when it first needs it (time zones, locales, names of users and hosts) a worker of the second profile
 * must have needed before: in fork mode the master, in exec mode the program before yoke_worker_main(). So it is with what
 * sanitizers and profilers write at a program's end.
 */
enum yoke_seccomp {
    YOKE_SECCOMP_NONE,
    YOKE_SECCOMP_WORKER, /* no new programs, no ptrace, no mounts, no modules, no keys, no other users, no namespaces, …; files
                             and sockets are allowed */
    YOKE_SECCOMP_NO_FILES /* the same, and it opens no file and makes no socket: what it has is what it gets */
};

struct yoke_rlimit {
    int resource; /* RLIMIT_NOFILE, … */
    struct rlimit limit;
};

/* Set in the worker, in this order, before its entry or program runs. What cannot be set is an error of the spawn. */
struct yoke_identity_options {
    const struct yoke_rlimit *rlimits; /* `rlimit_count` of them */
    size_t rlimit_count;
    int nice;              /* added to the master's */
    bool spread;           /* each worker on one CPU of those usable, by its place */
    const char *root;      /* chroot; NULL: none. `directory` is then within it, and "/" when it is NULL */
    const char *directory; /* NULL: the master's. In exec mode a relative `path` is relative to it */
    bool set_umask;
    mode_t umask;

    /*
     * A name, or a number; NULL: the master's. Its own group, and no other, unless the next two say so. In fork mode, Linux lets a
     * process that has changed its user dump no core and read little of its own /proc/self, unless it calls
     * prctl(PR_SET_DUMPABLE, 1), which opens it, and what it has copied from the master, to other processes of that user.
     */
    const char *user;
    const char *group;         /* a name, or a number */
    const char *const *groups; /* supplementary, NULL-terminated; NULL: none */
    bool no_new_privs;
    enum yoke_seccomp seccomp; /* implies no_new_privs */
    bool own_process_group;    /* so a terminal's Ctrl-C reaches the master alone */

    /* "NAME=value" replaces or adds, "NAME" removes; NULL-terminated; NULL: the master's. */
    const char *const *environment;

    /*
     * What ps shows, "NAME: pool POOL worker 3", and the short name (comm), of which the kernel keeps 15 bytes. Exec mode, and
     * kernels without CONFIG_CHECKPOINT_RESTORE: only the short name; in exec mode from yoke_worker_main() on. NULL: as it is.
     */
    const char *title;
};

/* ---- What a worker prints ---------------------------------------------------------------------------------------------- */

enum yoke_output {
    YOKE_OUTPUT_INHERIT, /* the master's stdout and stderr are the worker's */
    YOKE_OUTPUT_EVENTS,  /* each line is an event, yoke.v1.WorkerOutput */
    YOKE_OUTPUT_PREFIX   /* each line goes to the master's own, behind "POOL/PLACE[PID]: " */
};

/*
 * Captured are stdout and stderr, line by line; of the worker's own stdio, stdout is then buffered by the line. Neither is ever
 * waited for: what comes too fast is dropped, and counted; so is what the master's own stdout or stderr cannot take at the moment.
 * So that this can be known, a line has at most 4,096 bytes with its prefix and its end; if max_line_bytes is more, it may have more,
 * and the master may wait for room for it. What a dead worker has left in its pipes is told before its death; what others who have
 * inherited them print later is lost.
 */
struct yoke_output_options {
    enum yoke_output mode;
    uint32_t max_line_bytes;       /* a longer line is cut, which is said; default 4,096; at most 1 MiB */
    uint32_t max_lines_per_second; /* of one worker; default 10,000 */
    uint32_t last_lines; /* of stderr, that WorkerDied repeats; as text: other bytes are "?"; default 10; at most 100 */
};

/* ---- Pools ------------------------------------------------------------------------------------------------------------- */

/*
 * A pool of workers of one kind. Exactly one of `entry` (fork mode) and `path` (exec mode) is set.
 *
 * Fork mode: the worker is a copy of the master that runs entry(worker, user_data) and exits with what it returns.
 * Exec mode: the worker is a new program, spawned in constant time however big the master is; its main() calls
 * yoke_worker_main(). In both, a worker has stdin, stdout, stderr, its channel (fd 3) and the listening sockets of its pool (from
 * fd 4), and no other descriptor; signal handlers are reset and no signal is blocked. Workers are in the master's process group,
 * so a terminal's Ctrl-C reaches them, too, unless identity.own_process_group is set.
 *
 * Everything that options point to is copied, but for what `user_data` points to.
 */
struct yoke_pool_options {
    size_t size;          /* set by YOKE_POOL_OPTIONS_INIT */
    const char *name;     /* in events and messages; NULL: "pool" */
    unsigned workers;     /* how many; with max_workers: at least so many; 0: yoke_usable_cpus() */
    unsigned max_workers; /* on demand up to so many; 0: as many as `workers`, always */

    yoke_worker_entry *entry; /* fork mode */
    void *user_data;          /* for entry */

    const char *path;  /* exec mode: the program, an absolute or relative path, not searched in PATH */
    char *const *argv; /* exec mode: NULL-terminated; NULL: { path, NULL } */

    struct yoke_listener *const *listeners; /* NULL-terminated; NULL: none. At most YOKE_LISTENERS_MAX */

    uint32_t
        start_ms; /* from the spawn until the worker is ready, or it is killed; default 30,000; YOKE_NEVER: no bound */

    struct yoke_restart_options restart;
    struct yoke_liveness_options liveness;
    struct yoke_stop_options stop;
    struct yoke_replace_options replace;
    struct yoke_recycle_options recycle;
    struct yoke_demand_options demand;
    struct yoke_routing_options routing;
    struct yoke_retry_options retry;
    struct yoke_identity_options identity;
    struct yoke_output_options output;
};
#define YOKE_POOL_OPTIONS_INIT .size = sizeof(struct yoke_pool_options)

/* Listening sockets that one pool's workers can have. */
#define YOKE_LISTENERS_MAX 64

/* Workers that one pool can have. */
#define YOKE_WORKERS_MAX 65536

/*
 * Make a pool and spawn its workers. The pool belongs to the master.
 * -EINVAL: options not initialised, contradictory or out of range; -ENOENT: no such user or group; -E2BIG: options of a newer Yoke
 * are set; -ENOMEM, -EMFILE, -EAGAIN: the kernel's; what setting the worker's identity gives (-EPERM, …); in exec mode also what
 * execve() says (-ENOENT, -EACCES, …); -ESHUTDOWN: the master is being destroyed or stopped. On failure no worker is left.
 */
int yoke_pool_create(struct yoke_master *master, const struct yoke_pool_options *options, struct yoke_pool **ret_pool);

/* A channel that gives each call to a worker that is ready, as `routing` says (to a starting one when none is ready). */
struct yoke_channel *yoke_pool_channel(struct yoke_pool *pool);

/*
 * Ask every worker to stop: it gets the calls sent so far, answers them, and exits; see yoke_stop_options. Nothing is restarted
 * any more and new calls give -ENOTCONN; those that wait for a worker end as UNAVAILABLE. A worker can go on calling the master
 * while it has calls to answer; one that it makes when all is done, and it is told so, ends as UNAVAILABLE, safe to retry. One
 * WorkerDied for each, then one PoolStopped. Calling it again is harmless.
 */
void yoke_pool_stop(struct yoke_pool *pool);

/*
 * Replace every worker by a new one of the next generation, `replace.surge` at a time, without a call that fails for it. In exec
 * mode the program is the file that is there now. Ends with yoke.v1.PoolReloaded, or PoolReloadFailed, or when the pool stops. Told
 * again meanwhile, it begins anew when it is through or has failed.
 * -ESHUTDOWN: the pool is stopping or has failed; -ECHILD.
 */
int yoke_pool_reload(struct yoke_pool *pool);

/*
 * Have so many workers from now on, at least 1; for a pool on demand it is the least number. More are spawned at once; those that
 * are too many drain, from the last place on. yoke.v1.PoolScaled.
 * -EINVAL: 0, over YOKE_WORKERS_MAX, or over max_workers of a pool on demand; -ESHUTDOWN; -ECHILD; what spawning a worker gives, as
 * yoke_pool_create(): then the pool is as large as it was.
 */
int yoke_pool_scale(struct yoke_pool *pool, unsigned workers);

/* How many places the pool has now. */
unsigned yoke_pool_size(const struct yoke_pool *pool);

/* How many of them have a worker that is ready. */
unsigned yoke_pool_ready(const struct yoke_pool *pool);

/* Calls that wait for a worker. */
size_t yoke_pool_queued(const struct yoke_pool *pool);

/* Which generation of workers is the latest: 1, and one more for each reload that was begun. */
uint64_t yoke_pool_generation(const struct yoke_pool *pool);

/* ---- Children ------------------------------------------------------------------------------------------------- *
 * A child is one place in a pool and the worker that fills it now. It lives as long as the pool; when its worker is
 * replaced, id and pid change and the channel leads to the new one. A worker that is replaced while it lives leaves its place
 * when the new one is ready; it drains without one.
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
unsigned yoke_child_index(const struct yoke_child *child);
uint64_t yoke_child_id(const struct yoke_child *child); /* the worker's id, unique in the master's life */
pid_t yoke_child_pid(const struct yoke_child *child);   /* 0 when dead */
uint64_t yoke_child_generation(const struct yoke_child *child);

/* True when the worker has announced that it offers the service of this full name, "demo.Greeter". */
bool yoke_child_serves(const struct yoke_child *child, const char *service);

/* Calls to this worker that are unanswered. */
size_t yoke_child_calls_in_flight(const struct yoke_child *child);

/* Send a signal, race-free. -ESRCH: dead already; -EINVAL: no such signal. */
int yoke_child_kill(struct yoke_child *child, int signal);

/* Replace this one worker by the graceful path, as if it was due to be recycled. -ESRCH: it is dead or stopping; -ESHUTDOWN; -ECHILD. */
int yoke_child_recycle(struct yoke_child *child);

#ifdef __cplusplus
}
#endif

#endif
