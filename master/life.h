/*
 * life.h: one worker's life, from its spawn until it is reaped. It begins in a place of a pool, its child, and may end without
 * one: a worker that has been replaced drains on its own.
 */
#ifndef YOKE_MASTER_LIFE_H
#define YOKE_MASTER_LIFE_H

#include "master/master.h"
#include "rpc/socket.h"

struct yoke__life {
    struct yoke_pool *pool;
    struct yoke_child *child; /* whose place it has or had; whether it still has it: child->life */
    struct yoke__link link;   /* in the pool's lives; among the master's idle ones */
    enum yoke_child_state state;

    uint64_t id;
    uint64_t generation;
    Yoke__V1__StartReason start_reason;
    struct yoke__process process;
    struct yoke__socket socket;
    int last_word_fd;              /* what it writes when seccomp kills it; -1: there is no seccomp */
    struct yoke__capture *capture; /* of what it prints; NULL when that is the master's */
    ev_io death;                   /* the pidfd becomes readable */
    ev_timer timer;                /* tells what has to be told from the loop; ends the patience with it */
    uint64_t started_us;           /* CLOCK_MONOTONIC */
    uint64_t ready_us;             /* when WorkerReady was emitted; 0: it was not */
    bool announced;                /* WorkerStarted has been emitted */
    bool has_left;                 /* it has said that it stops */
    bool is_drain_told;            /* WorkerDraining has been emitted */
    char drain_detail[96];         /* why, more precisely; may be empty */
    bool output_ended;             /* it has been told that nothing follows */
    struct yoke__recycle_bounds recycle_bounds;
    char renew_why[YOKE__RECYCLE_WHY_MAX]; /* it is to be replaced, because …; empty: it is not */
    Yoke__V1__DrainReason drain;           /* why it was told to stop; UNSPECIFIED while it was not */
    Yoke__V1__DeathReason condemned;       /* why we kill it; UNSPECIFIED when we do not */
    int warning;                           /* the signal that it got before SIGKILL; 0: none */
    struct yoke__pulse pulse;
};

/*
 * Spawn a worker for a place; errors as yoke_pool_create(). It is in the pool's list from then on, and told to the place by
 * the functions yoke__child_on_….
 */
int yoke__life_begin(struct yoke_child *child, Yoke__V1__StartReason reason, struct yoke__life **ret_life);

/* Emit WorkerStarted, unless it has been: before anything else is told of the worker. */
void yoke__life_announce(struct yoke__life *life);

/* Say in an event which worker it is about. */
#define YOKE__LIFE_NAME(life, event)                        \
    do {                                                    \
        (event)->worker_id = (life)->id;                    \
        (event)->pid = (life)->process.pid;                 \
        (event)->pool = (char *)(life)->pool->options.name; \
        (event)->index = (life)->child->index;              \
        (event)->generation = (life)->generation;           \
    } while (0)

/* Has the master told it to stop? */
static inline bool yoke__life_was_told(const struct yoke__life *life) {
    return life->drain != YOKE__V1__DRAIN_REASON__DRAIN_REASON_UNSPECIFIED;
}

/* Has it a connection that takes calls, now or as soon as it is ready? */
bool yoke__life_is_serving(const struct yoke__life *life);

/* Tell the worker to stop once nothing is in flight. A second reason changes nothing. `detail`, to follow "because ", may be NULL; it
 * is copied. */
void yoke__life_drain(struct yoke__life *life, Yoke__V1__DrainReason reason, const char *detail);

/* It gives no sign of life, for so long and, unless `method` is NULL, in a handler of this one: tell, and kill it. From the loop; a
 * callback may run the loop, so nothing may be assumed of any life afterwards. */
void yoke__life_hang(struct yoke__life *life, uint64_t silent_us, const char *method);

/* Calls to it that are unanswered, and those that it has answered; pings are neither. */
static inline size_t yoke__life_calls_in_flight(const struct yoke__life *life) {
    return life->socket.connection.outgoing_count - life->socket.connection.ping_count;
}
static inline uint64_t yoke__life_calls_served(const struct yoke__life *life) {
    return life->socket.connection.answered_count;
}

/* Kill it, for this reason. */
void yoke__life_condemn(struct yoke__life *life, Yoke__V1__DeathReason reason);

/* The end of all lives, in two steps, each for all of them before the next, so that completions of one's calls never meet another
 * that is half gone: kill; reap and complete its calls, without events, after which it is gone. */
void yoke__life_kill_now(struct yoke__life *life);
void yoke__life_reap_now(struct yoke__life *life);

/* Free the lives that a master keeps to use again. */
void yoke__lives_release(struct yoke_master *master);

#endif
