/* restart: a worker whose exit code says that it is done, and a pool whose workers crash as soon as they start. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>

enum { EXIT_DONE = 42 };

static int migrate_main(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    return EXIT_DONE;
}

static int fragile_main(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    return 3;
}

static int add_fragile_pool(struct yoke_master *master) {
    struct yoke_pool *pool;
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "fragile",
        .workers = 1,
        .entry = fragile_main,
        .restart = {.when = YOKE_RESTART_ON_FAILURE,
                    .pause_ms = 10,
                    .max_restarts = 3,
                    .on_failure = YOKE_FAILURE_STOP_MASTER,
                    .exit_code = 75},
    };
    return yoke_pool_create(master, &options, &pool);
}

/* When the migration is done, go on. */
static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    if (event->exit_code == EXIT_DONE) {
        add_fragile_pool(user_data);
    }
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    if (strcmp(event->pool, "fragile") == 0) {
        printf("the program is to exit with %d\n", yoke_master_exit_code(user_data));
    }
}

static int start(struct yoke_master *master) {
    struct yoke_events *events = yoke_master_events(master);
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_died, master);
    }
    if (error == 0) {
        error = yoke_v1_pool_stopped_on(events, on_stopped, master);
    }
    struct yoke_pool *pool;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "migrate", .workers = 1, .entry = migrate_main,
                                        .restart = {.when = YOKE_RESTART_ALWAYS, .final_exit_code = EXIT_DONE}};
    return error == 0 ? yoke_pool_create(master, &options, &pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
