/* renew.c: see renew.h. */
#include "master/renew.h"

#include "master/child.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void start_timer(const struct yoke_pool *pool, ev_timer *timer, uint32_t milliseconds) {
    if (!ev_is_active(timer)) {
        yoke__timer_start(pool->master->io.loop, timer, milliseconds / 1e3);
    }
}

/* Something is to be done, or may be now. It is done from the loop, where events can be told and nobody is in the middle of
 * anything. */
static void wake(struct yoke_pool *pool) {
    if (!pool->stopping) {
        pool->renewal.is_needed = true;
        start_timer(pool, &pool->renewal.timer, 0);
    }
}

/* ---- Reloads ------------------------------------------------------------------------------------------------------ */

static void begin_reload(struct yoke_pool *pool, uint64_t told_us) {
    struct yoke__renewal *renewal = &pool->renewal;
    pool->generation++;
    renewal->is_reloading = true;
    renewal->told_us = told_us;
    renewal->replaced = 0;
    wake(pool);
}

/* Nothing of a reload is left; the next may begin. */
static void close_reload(struct yoke_pool *pool) {
    struct yoke__renewal *renewal = &pool->renewal;
    bool is_told_again = renewal->is_told_again;
    renewal->is_reloading = renewal->is_told_again = false;
    renewal->failure[0] = '\0';
    if (is_told_again) {
        begin_reload(pool, renewal->told_again_us);
    }
}

static void finish_reload(struct yoke_pool *pool) {
    Yoke__V1__PoolReloaded event = YOKE__V1__POOL_RELOADED__INIT;
    event.pool = (char *)pool->options.name;
    event.generation = pool->generation;
    event.replaced = pool->renewal.replaced;
    event.duration_us = yoke__master_now_us(pool->master) - pool->renewal.told_us;
    close_reload(pool);
    yoke__master_emit(pool->master, &yoke_v1_pool_reloaded_event, &event);
}

/* Those on their way for it are not wanted any more. */
static void fail_reload(struct yoke_pool *pool) {
    char detail[YOKE__RENEW_DETAIL_MAX];
    Yoke__V1__PoolReloadFailed event = YOKE__V1__POOL_RELOAD_FAILED__INIT;
    event.pool = (char *)pool->options.name;
    event.generation = pool->generation;
    event.replaced = pool->renewal.replaced;
    event.detail = strcpy(detail, pool->renewal.failure);
    for (unsigned i = 0; i < pool->child_count; i++) {
        struct yoke__life *next = pool->children[i]->next;
        if (next != NULL && next->start_reason == YOKE__V1__START_REASON__START_REASON_RELOAD) {
            yoke__child_drop_next(pool->children[i], YOKE__V1__DRAIN_REASON__DRAIN_REASON_RELOAD,
                                  "the reload has failed");
        }
    }
    close_reload(pool);
    yoke__master_emit(pool->master, &yoke_v1_pool_reload_failed_event, &event);
}

/* Is a worker of an earlier generation in it, or one of this generation that has still to become ready, or to die of not being? */
static bool awaits_reload(const struct yoke_child *child) {
    const struct yoke__life *life = child->life;
    const struct yoke__life *next = child->next;
    if (next != NULL && next->start_reason == YOKE__V1__START_REASON__START_REASON_RELOAD) {
        return true;
    }
    if (life == NULL) {
        return false;
    }
    return life->generation == child->pool->generation ? life->ready_us == 0 : yoke__life_is_serving(life);
}

static bool is_reload_through(const struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        if (awaits_reload(pool->children[i])) {
            return false;
        }
    }
    return true;
}

/* Has it been told of everybody who has been replaced? The timers of this turn of the loop run in no particular order. */
static bool are_drains_told(const struct yoke_pool *pool) {
    for (const struct yoke__link *at = pool->lives.next; at != &pool->lives; at = at->next) {
        const struct yoke__life *life = YOKE__CONTAINER(at, struct yoke__life, link);
        if (yoke__life_was_told(life) && !life->is_drain_told &&
            life->condemned == YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED) {
            return false;
        }
    }
    return true;
}

/* ---- Replacements -------------------------------------------------------------------------------------------------- */

static unsigned count_on_their_way(const struct yoke_pool *pool) {
    unsigned count = 0;
    for (unsigned i = 0; i < pool->child_count; i++) {
        count += pool->children[i]->next != NULL;
    }
    return count;
}

/* Should its worker be replaced now, and why? UNSPECIFIED: no. */
static Yoke__V1__StartReason find_reason(const struct yoke_child *child) {
    const struct yoke__renewal *renewal = &child->pool->renewal;
    const struct yoke__life *life = child->life;
    if (!yoke__life_is_serving(life) || child->next != NULL || renewal->failure[0] != '\0') {
        return YOKE__V1__START_REASON__START_REASON_UNSPECIFIED;
    }
    if (renewal->is_reloading && life->generation != child->pool->generation) {
        return YOKE__V1__START_REASON__START_REASON_RELOAD;
    }
    return life->renew_why[0] != '\0' && !ev_is_active(&renewal->pause)
               ? YOKE__V1__START_REASON__START_REASON_RECYCLE
               : YOKE__V1__START_REASON__START_REASON_UNSPECIFIED;
}

/* Let a recycling that has failed rest; the worker that it was for serves on. */
static void pause_recycling(struct yoke_pool *pool) {
    start_timer(pool, &pool->renewal.pause, pool->options.restart.pause_ms);
}

/* The kernel refuses a replacement. */
static void on_refused(const struct yoke_child *child, Yoke__V1__StartReason reason, int error) {
    struct yoke_pool *pool = child->pool;
    yoke__engine_log(&pool->master->engine, YOKE_LOG_ERROR, "pool %s: cannot start a worker to replace another: %s",
                     pool->options.name, strerror(-error));
    if (reason == YOKE__V1__START_REASON__START_REASON_RELOAD) {
        (void)snprintf(pool->renewal.failure, sizeof pool->renewal.failure, "no worker can be started for place %u: %s",
                       child->index, strerror(-error));
    } else {
        pause_recycling(pool);
    }
}

/* Start as many replacements as there may be. Afterwards the reload may have failed. */
static void start_replacements(struct yoke_pool *pool) {
    unsigned on_their_way = count_on_their_way(pool);
    for (unsigned i = 0; i < pool->child_count && on_their_way < pool->options.replace.surge; i++) {
        struct yoke_child *child = pool->children[i];
        Yoke__V1__StartReason reason = find_reason(child);
        if (reason == YOKE__V1__START_REASON__START_REASON_UNSPECIFIED) {
            continue;
        }
        int error = yoke__child_replace(child, reason);
        if (error != 0) {
            on_refused(child, reason, error);
        }
        on_their_way += error == 0;
    }
}

/* Is anything left that coming and going of workers can bring on? */
static bool is_needed(const struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        const struct yoke_child *child = pool->children[i];
        if (child->next != NULL || (child->life != NULL && child->life->renew_why[0] != '\0')) {
            return true;
        }
    }
    return pool->renewal.is_reloading;
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_pool *pool = YOKE__CONTAINER(watcher, struct yoke_pool, renewal.timer);
    struct yoke__renewal *renewal = &pool->renewal;
    (void)loop;
    (void)events;
    start_replacements(pool);
    renewal->is_needed = is_needed(pool);
    if (renewal->failure[0] != '\0') {
        fail_reload(pool);
    } else if (renewal->is_reloading && is_reload_through(pool)) {
        if (are_drains_told(pool)) {
            finish_reload(pool);
        } else {
            wake(pool);
        }
    }
    /* Who was told may have made a call that has ended at once. */
    yoke__io_remain(&pool->master->io);
}

static void on_pause(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop;
    (void)events;
    wake(YOKE__CONTAINER(watcher, struct yoke_pool, renewal.pause));
}

/* ---- What happens to workers ---------------------------------------------------------------------------------------- */

void yoke__renew(struct yoke__life *life, const char *why) {
    if (life->renew_why[0] == '\0') {
        (void)snprintf(life->renew_why, sizeof life->renew_why, "%s", why);
        wake(life->pool);
    }
}

void yoke__renew_on_ready(const struct yoke__life *life) {
    struct yoke_pool *pool = life->pool;
    if (life->start_reason == YOKE__V1__START_REASON__START_REASON_RELOAD && pool->renewal.is_reloading &&
        life->generation == pool->generation) {
        pool->renewal.replaced++;
    }
    if (pool->renewal.is_needed) {
        wake(pool);
    }
}

void yoke__renew_on_died(struct yoke_child *child, const struct yoke__loss *loss) {
    struct yoke_pool *pool = child->pool;
    struct yoke__renewal *renewal = &pool->renewal;
    if (pool->stopping || !renewal->is_needed) {
        return;
    }
    /* One that was still the next has failed even if it could say that it is ready. */
    bool has_failed = loss->role == YOKE__ROLE_NEXT || (loss->role == YOKE__ROLE_SEATED && loss->ready_us == 0);
    if (has_failed && renewal->is_reloading && loss->death->generation == pool->generation) {
        (void)snprintf(renewal->failure, sizeof renewal->failure, "in place %u, %s", child->index, loss->death->detail);
    } else if (has_failed && loss->role == YOKE__ROLE_NEXT) {
        pause_recycling(pool);
    }
    wake(pool);
}

/* ---- Life ----------------------------------------------------------------------------------------------------------- */

void yoke__renewal_init(struct yoke_pool *pool) {
    ev_timer_init(&pool->renewal.timer, on_timer, 0., 0.);
    ev_timer_init(&pool->renewal.pause, on_pause, 0., 0.);
}

void yoke__renewal_end(struct yoke_pool *pool) {
    struct ev_loop *loop = pool->master->io.loop;
    pool->renewal.is_needed = pool->renewal.is_reloading = pool->renewal.is_told_again = false;
    ev_timer_stop(loop, &pool->renewal.timer);
    ev_timer_stop(loop, &pool->renewal.pause);
}

/* ---- For users ------------------------------------------------------------------------------------------------------ */

int yoke_pool_reload(struct yoke_pool *pool) {
    if (yoke__engine_is_foreign(&pool->master->engine)) {
        return -ECHILD;
    }
    if (pool->stopping) {
        return -ESHUTDOWN;
    }
    struct yoke__renewal *renewal = &pool->renewal;
    if (!renewal->is_reloading) {
        begin_reload(pool, yoke__master_now_us(pool->master));
    } else if (!renewal->is_told_again) {
        renewal->is_told_again = true;
        renewal->told_again_us = yoke__master_now_us(pool->master);
    }
    return 0;
}

int yoke_child_recycle(struct yoke_child *child) {
    if (yoke__engine_is_foreign(&child->pool->master->engine)) {
        return -ECHILD;
    }
    if (child->pool->stopping) {
        return -ESHUTDOWN;
    }
    if (!yoke__life_is_serving(child->life)) {
        return -ESRCH;
    }
    yoke__renew(child->life, "it was asked for");
    return 0;
}

uint64_t yoke_pool_generation(const struct yoke_pool *pool) {
    return pool->generation;
}
