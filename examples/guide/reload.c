/* reload: two workers are replaced one after the other; then a generation comes that does not start. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <stdio.h>

/* ---- The worker: the third generation is broken. ---------------------------------------------------------------- */

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_generation(worker) == 3 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
};

/* Both of the first generation are ready, in whatever order. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->generation == 1 && yoke_pool_ready(demo->pool) == 2) {
        guide_trace(demo->master);
        yoke_pool_reload(demo->pool);
    }
}

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    (void)peer;
    (void)event;
    struct demo *demo = user_data;
    printf("\n");
    yoke_pool_reload(demo->pool);
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    (void)event;
    struct demo *demo = user_data;
    printf("%u workers serve on\n", yoke_pool_ready(demo->pool));
    guide_trace_end(demo->master);
    yoke_master_stop(demo->master);
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    struct yoke_events *events = yoke_master_events(master);
    int error = yoke_v1_worker_ready_on(events, on_ready, &demo);
    if (error == 0) {
        error = yoke_v1_pool_reloaded_on(events, on_reloaded, &demo);
    }
    if (error == 0) {
        error = yoke_v1_pool_reload_failed_on(events, on_failed, &demo);
    }
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "web", .workers = 2, .entry = worker_main};
    return error == 0 ? yoke_pool_create(master, &options, &demo.pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
