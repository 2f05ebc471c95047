/*
 * liveness.h: notices workers that hang. A worker is asked for a sign of life, by a ping, at intervals and when a handler of it has had
 * its time; one that gives none within the patience is hung. One timer for each pool, which runs only while there is something
 * to wait for. Only workers that are ready are asked: those that start or stop have deadlines of their own.
 */
#ifndef YOKE_MASTER_LIVENESS_H
#define YOKE_MASTER_LIVENESS_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct yoke__life;
struct yoke_pool;

/* Of a worker. */
struct yoke__pulse {
    uint64_t asked_ns; /* since when it owes a sign of life; 0: it owes none */
    bool is_sent;      /* the ping is; else there was no room for it, which may be the worker's fault */
    uint64_t heard;    /* bytes that had come from it then */
    bool is_doubted;   /* its time is over, and what it had sent by then is being looked through */
};

/* Of a pool. */
struct yoke__liveness {
    ev_timer timer;
    uint64_t due_ns;  /* when the timer ends; UINT64_MAX: it does not run */
    uint64_t beat_ns; /* when the next heartbeat is due; UINT64_MAX: none is */
};

void yoke__liveness_init(struct yoke_pool *pool);

/* Nobody is left to be asked. */
void yoke__liveness_rest(struct yoke_pool *pool);

/* A worker has become ready; or a handler of it is given a time that ends before all others'. */
void yoke__liveness_attend(struct yoke__life *life);

#endif
