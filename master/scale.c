/* scale.c: see scale.h. */
#include "master/scale.h"

#include "master/child.h"
#include "master/listener.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Places ---------------------------------------------------------------------------------------------------------- */

/* Have memory for so many places. -ENOMEM. */
static int reserve(struct yoke_pool *pool, unsigned workers) {
    if (workers <= pool->place_count) {
        return 0;
    }
    struct yoke_child **children = reallocarray(pool->children, workers, sizeof(struct yoke_child *));
    if (children == NULL) {
        return -ENOMEM;
    }
    pool->children = children;
    while (pool->place_count < workers) {
        struct yoke_child *child = yoke__child_create(pool, pool->place_count);
        if (child == NULL) {
            return -ENOMEM;
        }
        pool->children[pool->place_count++] = child;
    }
    return 0;
}

/* Give up places at the end. */
static void cut(struct yoke_pool *pool, unsigned workers) {
    const unsigned before = pool->child_count;
    pool->child_count = workers;
    for (unsigned i = before; i-- > workers;) {
        yoke__child_vacate(pool->children[i], YOKE__V1__DRAIN_REASON__DRAIN_REASON_SCALE);
    }
    yoke__listeners_vacate(pool, workers);
}

int yoke__scale_up(struct yoke_pool *pool, unsigned workers, Yoke__V1__StartReason start_reason) {
    int error = reserve(pool, workers);
    while (error == 0 && pool->child_count < workers) {
        struct yoke_child *child = pool->children[pool->child_count++];
        error = yoke__child_spawn(child, start_reason);
    }
    return error;
}

/* ---- Telling ----------------------------------------------------------------------------------------------------------- */

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_pool *pool = YOKE__CONTAINER(watcher, struct yoke_pool, scaling.timer);
    (void)loop;
    (void)events;
    if (pool->scaling.told_size != pool->child_count) {
        Yoke__V1__PoolScaled event = YOKE__V1__POOL_SCALED__INIT;
        event.pool = (char *)pool->options.name;
        event.workers = pool->child_count;
        event.before = pool->scaling.told_size;
        event.reason = pool->scaling.reason;
        pool->scaling.told_size = pool->child_count;
        yoke__master_emit(pool->master, &yoke_v1_pool_scaled_event, &event);
    }
    /* Who was told may have made a call that has ended at once. */
    yoke__io_remain(&pool->master->io);
}

int yoke__scale_to(struct yoke_pool *pool, unsigned workers, Yoke__V1__ScaleReason reason) {
    struct ev_loop *loop = pool->master->io.loop;
    if (workers == pool->child_count) {
        return 0;
    }
    /* Before the workers' timers are started, so that it is told before their starts are. */
    yoke__timer_start(loop, &pool->scaling.timer, 0.);
    pool->scaling.reason = reason;
    const unsigned before = pool->child_count;
    int error = 0;
    if (workers > before) {
        error = yoke__scale_up(pool, workers, YOKE__V1__START_REASON__START_REASON_SCALE);
    }
    if (workers < before || error != 0) {
        cut(pool, error != 0 ? before : workers);
    }
    yoke__pool_attend(pool);
    return error;
}

void yoke__scaling_init(struct yoke_pool *pool) {
    ev_timer_init(&pool->scaling.timer, on_timer, 0., 0.);
}

void yoke__scaling_begin(struct yoke_pool *pool) {
    pool->scaling.told_size = pool->child_count;
}

void yoke__scaling_end(struct yoke_pool *pool) {
    ev_timer_stop(pool->master->io.loop, &pool->scaling.timer);
}

/* ---- For users --------------------------------------------------------------------------------------------------------- */

int yoke_pool_scale(struct yoke_pool *pool, unsigned workers) {
    if (yoke__engine_is_foreign(&pool->master->engine)) {
        return -ECHILD;
    }
    if (pool->stopping) {
        return -ESHUTDOWN;
    }
    if (workers == 0 || workers > YOKE_WORKERS_MAX || (pool->demand.is_on && workers > pool->options.max_workers)) {
        return -EINVAL;
    }
    /* How many a pool on demand has beyond the least is for the demand to say. */
    const bool keeps_size = pool->demand.is_on && pool->child_count > workers;
    const unsigned size = keeps_size ? pool->child_count : workers;
    int error = yoke__scale_to(pool, size, YOKE__V1__SCALE_REASON__SCALE_REASON_TOLD);
    if (error == 0) {
        pool->options.workers = workers;
        yoke__demand_on_scaled(pool);
    }
    return error;
}

unsigned yoke_pool_size(const struct yoke_pool *pool) {
    return pool->child_count;
}

unsigned yoke_pool_ready(const struct yoke_pool *pool) {
    unsigned count = 0;
    for (unsigned i = 0; i < pool->child_count; i++) {
        count += pool->children[i]->state == YOKE_CHILD_READY;
    }
    return count;
}
