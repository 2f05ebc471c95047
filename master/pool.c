/* pool.c: pools: workers of one kind. */
#include "master/child.h"
#include "master/listener.h"
#include "master/pool_options.h"
#include "master/route.h"
#include "rpc/queue.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- Life --------------------------------------------------------------------------------------------------------- */

void yoke__pool_attend(struct yoke_pool *pool) {
    bool is_coming = false;
    for (unsigned i = 0; i < pool->child_count && !is_coming; i++) {
        is_coming = yoke__child_is_expected(pool->children[i]);
    }
    pool->channel.expects_peer = is_coming;
    pool->least_load = 0;
    yoke__channel_attend(&pool->channel);
    yoke__master_stir(pool->master);
}

static void for_each_life(struct yoke_pool *pool, void (*act)(struct yoke__life *life)) {
    struct yoke__link *next;
    for (struct yoke__link *at = pool->lives.next; at != &pool->lives; at = next) {
        next = at->next;
        act(YOKE__CONTAINER(at, struct yoke__life, link));
    }
}

void yoke__pool_kill_now(struct yoke_pool *pool) {
    pool->stopping = true;
    /* Completions may run the loop, from which nothing is to be told any more. */
    yoke__renewal_end(pool);
    yoke__scaling_end(pool);
    yoke__pool_attend(pool);
    for (unsigned i = 0; i < pool->child_count; i++) {
        yoke__child_abandon(pool->children[i]);
    }
    for_each_life(pool, yoke__life_kill_now);
}

void yoke__pool_reap_now(struct yoke_pool *pool) {
    for_each_life(pool, yoke__life_reap_now);
}

void yoke__pool_destroy(struct yoke_pool *pool) {
    yoke__listeners_vacate(pool, 0);
    yoke__renewal_end(pool);
    yoke__recycling_end(pool);
    yoke__scaling_end(pool);
    yoke__demand_end(pool);
    for (unsigned i = 0; i < pool->place_count; i++) {
        yoke__child_destroy(pool->children[i]);
    }
    yoke__route_release(pool);
    yoke__link_remove(&pool->link);
    yoke__liveness_rest(pool);
    yoke__restart_record_release(&pool->restarts);
    free(pool->children);
    yoke__kept_release(pool->kept);
    free(pool);
}

int yoke_pool_create(struct yoke_master *master, const struct yoke_pool_options *options, struct yoke_pool **ret_pool) {
    if (yoke__engine_is_foreign(&master->engine)) {
        return -ECHILD;
    }
    if (master->engine.is_ending || master->stopping) {
        return -ESHUTDOWN;
    }
    struct yoke_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return -ENOMEM;
    }
    pool->master = master;
    yoke__route_init(pool);
    pool->generation = 1;
    yoke__link_init(&pool->link);
    yoke__link_init(&pool->lives);
    yoke__liveness_init(pool);
    yoke__renewal_init(pool);
    yoke__recycling_init(pool);
    yoke__scaling_init(pool);
    yoke__demand_init(pool);
    int error = yoke__pool_options_read(options, &pool->options, &pool->kept);
    error = error != 0 ? error : yoke__listeners_check(pool);
    if (error == 0) {
        yoke__route_configure(pool);
        error = yoke__restart_record_init(&pool->restarts, &pool->options.restart);
    }
    if (error == 0) {
        error = yoke__identity_resolve(&pool->options.identity, pool->options.name, &pool->kept, &pool->identity);
    }
    if (error == 0) {
        error = yoke__scale_up(pool, pool->options.workers, YOKE__V1__START_REASON__START_REASON_INITIAL);
    }
    if (error != 0) {
        yoke__pool_kill_now(pool);
        yoke__pool_reap_now(pool);
        yoke__pool_destroy(pool);
        return error;
    }
    yoke__recycling_begin(pool);
    yoke__scaling_begin(pool);
    yoke__demand_begin(pool);
    yoke__link_append(&master->pools, &pool->link);
    *ret_pool = pool;
    return 0;
}

struct yoke_channel *yoke_pool_channel(struct yoke_pool *pool) {
    return &pool->channel;
}

void yoke_pool_stop(struct yoke_pool *pool) {
    if (pool->stopping || yoke__engine_is_foreign(&pool->master->engine)) {
        return;
    }
    pool->stopping = true;
    yoke__renewal_end(pool);
    yoke__recycling_end(pool);
    yoke__demand_end(pool);
    yoke__pool_attend(pool);
    for (unsigned i = 0; i < pool->child_count; i++) {
        yoke__child_stop(pool->children[i], YOKE__V1__DRAIN_REASON__DRAIN_REASON_STOP);
    }
}

void yoke__pool_check_stopped(struct yoke_pool *pool) {
    if (pool->stopped || pool->untold_deaths > 0 || !yoke__link_is_alone(&pool->lives)) {
        return;
    }
    pool->stopped = true;
    yoke__listeners_vacate(pool, 0);
    Yoke__V1__PoolStopped event = YOKE__V1__POOL_STOPPED__INIT;
    event.pool = (char *)pool->options.name;
    yoke__master_emit(pool->master, &yoke_v1_pool_stopped_event, &event);
    yoke__master_pool_stopped(pool->master);
}

/* ---- Failing ------------------------------------------------------------------------------------------------------ */

void yoke__pool_recover(struct yoke_pool *pool, uint64_t ready_us) {
    if (yoke__restart_was_healthy(&pool->options.restart, ready_us, yoke__master_now_us(pool->master))) {
        yoke__restart_recover(&pool->restarts, ready_us);
    }
}

static void tell_failure(struct yoke_pool *pool, uint32_t deaths) {
    const struct yoke_restart_options *restart = &pool->options.restart;
    char detail[320];
    Yoke__V1__PoolFailed event = YOKE__V1__POOL_FAILED__INIT;
    event.pool = (char *)pool->options.name;
    event.deaths_in_period = deaths;
    event.period_ms = restart->period_ms;
    event.action = restart->on_failure == YOKE_FAILURE_STOP_POOL ? YOKE__V1__FAILURE_ACTION__FAILURE_ACTION_STOP_POOL
                   : restart->on_failure == YOKE_FAILURE_STOP_MASTER
                       ? YOKE__V1__FAILURE_ACTION__FAILURE_ACTION_STOP_MASTER
                       : YOKE__V1__FAILURE_ACTION__FAILURE_ACTION_KEEP_TRYING;
    (void)snprintf(detail, sizeof detail, "pool %.200s has failed: %u of its workers died within %u ms", event.pool,
                   deaths, restart->period_ms);
    event.detail = detail;
    yoke__engine_log(&pool->master->engine, YOKE_LOG_ERROR, "%s", detail);
    yoke__master_emit(pool->master, &yoke_v1_pool_failed_event, &event);
}

static void recover_by(struct yoke__life *life) {
    if (life->state == YOKE_CHILD_READY) {
        yoke__pool_recover(life->pool, life->ready_us);
    }
}

bool yoke__pool_count_death(struct yoke_pool *pool, uint32_t *ret_deaths) {
    if (pool->restarts.has_failed) {
        for_each_life(pool, recover_by);
    }
    if (!yoke__restart_count(&pool->restarts, &pool->options.restart, yoke__master_now_us(pool->master), ret_deaths)) {
        return false;
    }
    tell_failure(pool, *ret_deaths);
    if (pool->options.restart.on_failure == YOKE_FAILURE_KEEP_TRYING) {
        return false;
    }
    yoke_pool_stop(pool);
    if (pool->options.restart.on_failure == YOKE_FAILURE_STOP_MASTER) {
        yoke__master_fail(pool->master, pool->options.restart.exit_code);
    }
    return true;
}

/* ---- Stopping at once ---------------------------------------------------------------------------------------------- */

static void kill_life(struct yoke__life *life) {
    bool is_condemned = life->condemned != YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED;
    yoke__life_condemn(life, is_condemned ? life->condemned : YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT);
}

void yoke__pool_kill(struct yoke_pool *pool) {
    yoke_pool_stop(pool);
    pool->is_killed = true;
    for_each_life(pool, kill_life);
}

struct yoke_child *yoke_pool_child(struct yoke_pool *pool, unsigned index) {
    return index < pool->child_count ? pool->children[index] : NULL;
}
