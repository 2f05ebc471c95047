/* pools.c: see pools.h. */
#include "pools.h"

#include "worker.h"

#include <stdio.h>

#define MIB (UINT64_C(1) << 20)

/* Deaths are frequent here, and nobody shall wait long. */
#define PAUSE_MS 10
#define MAX_PAUSE_MS 200

const struct pools_kind pools_kinds[CHAOS_POOLS] = {
    {.name = "fork", .workers = 4, .has_heartbeat = true, .has_output = true, .depth = 48},
    {.name = "exec",
     .is_exec = true,
     .workers = 3,
     .route = YOKE_ROUTE_LEAST_OUTSTANDING,
     .has_heartbeat = true,
     .has_output = true,
     .depth = 48},
    {.name = "sticky", .workers = 4, .route = YOKE_ROUTE_STICKY, .has_heartbeat = true, .depth = 48},
    {.name = "blocking", .workers = 3, .max_calls_per_worker = 1, .depth = 24},
    {.name = "demand",
     .workers = 1,
     .max_workers = 4,
     .route = YOKE_ROUTE_POWER_OF_TWO,
     .max_calls_per_worker = 2,
     .has_heartbeat = true,
     .depth = 24},
    {.name = "recycled", .workers = 2, .has_picker = true, .has_heartbeat = true, .recycles = true, .depth = 32},
    {.name = "failing",
     .workers = 2,
     .route = YOKE_ROUTE_POWER_OF_TWO,
     .has_heartbeat = true,
     .may_fail = true,
     .depth = 16},
    {.name = "ending", .workers = 6, .has_heartbeat = true, .ends = true, .depth = 16},
};

bool pools_suit(unsigned pool, enum chaos_act act) {
    const struct pools_kind *kind = &pools_kinds[pool];
    switch (act) {
    case ACT_FREEZE:
        return kind->has_heartbeat;
    case ACT_LEAVE_0:
    case ACT_LEAVE_3:
        return !kind->ends;
    case ACT_EXIT_FINAL:
        return kind->ends;
    case ACT_LEAK:
        return kind->recycles;
    case ACT_PRINT:
        return kind->has_output;
    case ACT_SCALE:
    case ACT_RELOAD:
    case ACT_RECYCLE:
        return !kind->ends;
    default:
        return true;
    }
}

unsigned pools_least(unsigned pool) {
    return pools_kinds[pool].max_workers != 0 ? 1 : 2;
}

unsigned pools_most(unsigned pool) {
    return pools_kinds[pool].max_workers != 0 ? pools_kinds[pool].max_workers - 1 : pools_kinds[pool].workers + 2;
}

/* As least outstanding. */
static struct yoke_child *pick(struct yoke_pool *pool, const struct yoke_method *method, uint64_t key,
                               void *user_data) {
    (void)method;
    (void)key;
    (void)user_data;
    struct yoke_child *best = NULL;
    for (unsigned i = 0; i < yoke_pool_size(pool); i++) {
        struct yoke_child *child = yoke_pool_child(pool, i);
        if (yoke_child_state(child) == YOKE_CHILD_READY &&
            (best == NULL || yoke_child_calls_in_flight(child) < yoke_child_calls_in_flight(best))) {
            best = child;
        }
    }
    return best;
}

static void set_policies(const struct pools_kind *kind, struct yoke_pool_options *options) {
    if (kind->has_heartbeat) {
        options->liveness.heartbeat_ms = 200;
        options->liveness.patience_ms = POOLS_PATIENCE_MS;
    }
    if (kind->recycles) {
        options->recycle = (struct yoke_recycle_options){
            .after_calls = 3000, .after_ms = 20000, .above_rss_bytes = chaos->leak_bytes, .check_ms = 100};
    }
    if (kind->may_fail) {
        options->restart.max_restarts = 4;
        options->restart.period_ms = 2000;
    }
    if (kind->ends) {
        options->restart.when = YOKE_RESTART_ON_FAILURE;
        options->restart.final_exit_code = EXIT_FINAL;
    }
    options->routing.picker = kind->has_picker ? pick : NULL;
    options->output.mode = kind->has_output ? YOKE_OUTPUT_EVENTS : YOKE_OUTPUT_INHERIT;
}

int pools_create(struct yoke_master *master, unsigned pool, const char *program, const char *book,
                 struct yoke_pool **ret_pool) {
    static const unsigned numbers[CHAOS_POOLS] = {0, 1, 2, 3,
                                                  4, 5, 6, 7}; /* for entries; replacements read them, too */
    const struct pools_kind *kind = &pools_kinds[pool];
    char number[16];
    (void)snprintf(number, sizeof number, "%u", pool);
    char *argv[] = {(char *)program, number, (char *)book, NULL};
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = kind->name,
        .workers = kind->workers,
        .max_workers = kind->max_workers,
        .start_ms = POOLS_START_MS,
        .restart = {.when = YOKE_RESTART_ALWAYS,
                    .pause_ms = PAUSE_MS,
                    .max_pause_ms = MAX_PAUSE_MS,
                    .healthy_ms = 500,
                    .max_restarts = UINT32_MAX,
                    .on_failure = YOKE_FAILURE_KEEP_TRYING},
        .liveness = {.abort_ms = 500},
        .stop = {.drain_ms = 5000, .term_ms = 500},
        .demand = {.grow_after_ms = 5, .shrink_after_ms = 500},
        .routing = {.route = kind->route, .max_calls_per_worker = kind->max_calls_per_worker},
        /* Calls of idempotent methods have to succeed, however large they are and however many workers die. */
        .retry = {.max_attempts = 50, .max_pause_ms = 100, .budget_percent = 100, .max_request_bytes = 1 << 20},
    };
    set_policies(kind, &options);
    if (kind->is_exec) {
        options.path = program;
        options.argv = argv;
    } else {
        options.entry = worker_entry;
        options.user_data = (void *)&numbers[pool];
    }
    return yoke_pool_create(master, &options, ret_pool);
}
