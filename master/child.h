/* child.h: one place in a pool and the worker that fills it: its life from spawn to death, again and again. */
#ifndef YOKE_MASTER_CHILD_H
#define YOKE_MASTER_CHILD_H

#include "master/master.h"
#include "rpc/socket.h"

struct yoke_child {
    struct yoke_pool *pool;
    unsigned index;
    enum yoke_child_state state;
    struct yoke__single_channel channel;

    /* The worker; void while the state is DEAD. */
    uint64_t id;
    struct yoke__process process;
    struct yoke__socket socket;
    ev_io death;                     /* the pidfd becomes readable */
    ev_timer timer;                  /* announces the start; ends the patience with a stop; ends the restart pause */
    uint64_t started_us;             /* CLOCK_MONOTONIC */
    bool announced;                  /* WorkerStarted has been emitted */
    bool stop_requested;             /* by yoke_pool_stop() */
    bool is_leaving;                 /* it stops of its own accord, at its own pace */
    bool output_ended;               /* it has been told that nothing follows */
    Yoke__V1__DeathReason condemned; /* why we killed it; UNSPECIFIED when we did not */
};

/* A child without a worker. NULL when out of memory. */
struct yoke_child *yoke__child_create(struct yoke_pool *pool, unsigned index);

/*
 * The end of all children, in three steps, each for all of them before the next, so that completions of one child's
 * calls never meet another that is half gone: kill the worker if there is one; reap it and complete its calls, without events; free the child.
 */
void yoke__child_kill_now(struct yoke_child *child);
void yoke__child_reap_now(struct yoke_child *child);
void yoke__child_destroy(struct yoke_child *child);

/* Spawn a worker; errors as yoke_pool_create(). */
int yoke__child_spawn(struct yoke_child *child);

/* Has it a worker that takes calls, now or as soon as it is ready? */
bool yoke__child_is_serving(const struct yoke_child *child);

/* Tell the worker to stop once nothing is in flight; give up a restart that is pending. */
void yoke__child_stop(struct yoke_child *child);

#endif
