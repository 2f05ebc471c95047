/* demand.c: see demand.h. */
#include "master/demand.h"

#include "master/child.h"
#include "master/route.h"

#include <string.h>

#define NS_PER_MS UINT64_C(1000000)

uint64_t yoke__activity_look(struct yoke__activity *activity, uint64_t worker_id, uint64_t calls, bool is_busy,
                             uint64_t now_ns) {
    if (is_busy || activity->worker_id != worker_id || activity->calls != calls) {
        *activity = (struct yoke__activity){worker_id, calls, now_ns};
    }
    return now_ns - activity->since_ns;
}

static uint64_t now_ns(const struct yoke_pool *pool) {
    return pool->master->engine.clock_ns();
}

static void start_timer(const struct yoke_pool *pool, ev_timer *timer, uint64_t nanoseconds) {
    yoke__timer_start(pool->master->io.loop, timer, (double)nanoseconds / 1e9);
}

/* ---- Growing ----------------------------------------------------------------------------------------------------------- */

static bool can_grow(const struct yoke_pool *pool) {
    return pool->demand.is_on && !pool->stopping && pool->child_count < pool->options.max_workers;
}

/* Is a worker about to be ready, or the one that was added last about to be tried again? */
static bool is_growing(const struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        if (pool->children[i]->state == YOKE_CHILD_STARTING) {
            return true;
        }
    }
    const struct yoke_child *last = pool->children[pool->child_count - 1];
    return last->state != YOKE_CHILD_READY && yoke__child_is_expected(last);
}

static void grow(struct yoke_pool *pool) {
    int error = yoke__scale_to(pool, pool->child_count + 1, YOKE__V1__SCALE_REASON__SCALE_REASON_DEMAND);
    if (error != 0) {
        yoke__engine_log(&pool->master->engine, YOKE_LOG_ERROR, "pool %s: cannot start one more worker: %s",
                         pool->options.name, strerror(-error));
    }
    yoke__demand_on_scaled(pool);
}

/* Calls have waited: for long enough? */
static void on_grow(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_pool *pool = YOKE__CONTAINER(watcher, struct yoke_pool, demand.grow);
    const uint64_t patience_ns = pool->options.demand.grow_after_ms * NS_PER_MS;
    const uint64_t oldest_ns = yoke__route_oldest_ns(pool);
    (void)loop;
    (void)events;
    if (oldest_ns == 0 || !can_grow(pool)) {
        return;
    }
    uint64_t waited_ns = now_ns(pool) - oldest_ns;
    if (waited_ns < patience_ns) {
        start_timer(pool, &pool->demand.grow, patience_ns - waited_ns);
        return;
    }
    if (!is_growing(pool)) {
        grow(pool);
    }
    if (can_grow(pool)) {
        start_timer(pool, &pool->demand.grow, patience_ns);
    }
}

static void on_crowded(struct yoke_pool *pool, bool is_crowded) {
    if (!is_crowded) {
        ev_timer_stop(pool->master->io.loop, &pool->demand.grow);
    } else if (can_grow(pool) && !ev_is_active(&pool->demand.grow)) {
        start_timer(pool, &pool->demand.grow, pool->options.demand.grow_after_ms * NS_PER_MS);
    }
}

/* ---- Shrinking --------------------------------------------------------------------------------------------------------- */

static bool can_shrink(const struct yoke_pool *pool) {
    return pool->demand.is_on && !pool->stopping && pool->child_count > pool->options.workers;
}

/* How long nothing has happened in a place. One that has nobody who could work is no sign that there are too many. */
static uint64_t look_at(struct yoke_child *child, uint64_t now) {
    const struct yoke__life *life = child->life;
    const bool is_ready = child->state == YOKE_CHILD_READY;
    const uint64_t calls = is_ready ? yoke__life_calls_served(life) : 0;
    const bool is_busy = !is_ready || yoke__life_calls_in_flight(life) > 0;
    return yoke__activity_look(&child->activity, child->id, calls, is_busy, now);
}

/* It is the last place that goes; a call that it has may take longer than the patience with who drains. */
static bool is_last_free(const struct yoke_pool *pool) {
    const struct yoke__life *life = pool->children[pool->child_count - 1]->life;
    return life == NULL || yoke__life_calls_in_flight(life) == 0;
}

/* After one has gone, the others' work is another, so that their leisure is counted anew. */
static void forget(struct yoke_pool *pool, uint64_t now) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        pool->children[i]->activity.since_ns = now;
    }
}

static void stop_looking(struct yoke_pool *pool) {
    struct ev_loop *loop = pool->master->io.loop;
    if (ev_is_active(&pool->demand.shrink)) {
        ev_ref(loop);
        ev_timer_stop(loop, &pool->demand.shrink);
    }
}

static void on_shrink(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_pool *pool = YOKE__CONTAINER(watcher, struct yoke_pool, demand.shrink);
    const uint64_t now = now_ns(pool);
    bool is_idle = false;
    (void)loop;
    (void)events;
    for (unsigned i = 0; i < pool->child_count; i++) {
        is_idle |= look_at(pool->children[i], now) >= pool->options.demand.shrink_after_ms * NS_PER_MS;
    }
    if (is_idle && can_shrink(pool) && is_last_free(pool)) {
        (void)yoke__scale_to(pool, pool->child_count - 1, YOKE__V1__SCALE_REASON__SCALE_REASON_IDLE);
        forget(pool, now);
    }
    if (!can_shrink(pool)) {
        stop_looking(pool);
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------------- */

void yoke__demand_on_scaled(struct yoke_pool *pool) {
    struct ev_loop *loop = pool->master->io.loop;
    if (!can_shrink(pool) || ev_is_active(&pool->demand.shrink)) {
        return;
    }
    forget(pool, now_ns(pool));
    ev_now_update(loop);
    const double interval = pool->options.demand.shrink_after_ms / 1e3 / YOKE__DEMAND_LOOKS;
    ev_timer_set(&pool->demand.shrink, interval, interval);
    ev_timer_start(loop, &pool->demand.shrink);
    /* Workers keep the loop running, not what looks at them. */
    ev_unref(loop);
}

void yoke__demand_init(struct yoke_pool *pool) {
    ev_timer_init(&pool->demand.grow, on_grow, 0., 0.);
    ev_timer_init(&pool->demand.shrink, on_shrink, 0., 0.);
}

void yoke__demand_begin(struct yoke_pool *pool) {
    pool->demand.is_on = pool->options.max_workers > pool->options.workers;
    if (pool->demand.is_on) {
        pool->crowded = on_crowded;
    }
}

void yoke__demand_end(struct yoke_pool *pool) {
    ev_timer_stop(pool->master->io.loop, &pool->demand.grow);
    stop_looking(pool);
}
