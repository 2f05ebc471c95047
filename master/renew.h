/*
 * renew.h: workers that live are replaced: all of them by a reload, some because they have done enough. Each goes when its
 * replacement is ready, and no more than replace.surge replacements are on their way at a time.
 */
#ifndef YOKE_MASTER_RENEW_H
#define YOKE_MASTER_RENEW_H

#include <yoke/pool.h>

#include <ev.h>

struct yoke__life;
struct yoke__loss;

#define YOKE__RENEW_DETAIL_MAX 400

/* What a pool has under way. */
struct yoke__renewal {
    ev_timer timer;         /* does what is to be done, from the loop */
    ev_timer pause;         /* active: a recycling has failed, and is not tried again yet */
    bool is_needed;         /* something is under way, so the timer is started when a worker has come or gone */
    bool is_reloading;      /* the workers of earlier generations than the pool's are to go */
    bool is_told_again;     /* a reload begins when this one is through */
    uint64_t told_us;       /* when the reload was told, */
    uint64_t told_again_us; /* and the next one */
    uint32_t replaced;      /* by this reload */
    char failure[YOKE__RENEW_DETAIL_MAX]; /* why the reload has failed; empty: it has not */
};

void yoke__renewal_init(struct yoke_pool *pool);

/* Nothing is replaced any more. Harmless when done before. */
void yoke__renewal_end(struct yoke_pool *pool);

/* This worker is to be replaced as soon as there is room for that. Why, to follow "because ". Only the first reason
 * counts. */
void yoke__renew(struct yoke__life *life, const char *why);

/* A worker has become ready, and is in its place; or it has been lost. */
void yoke__renew_on_ready(const struct yoke__life *life);
void yoke__renew_on_died(struct yoke_child *child, const struct yoke__loss *loss);

#endif
