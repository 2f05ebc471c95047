/* life: a worker that is ready when it has its configuration, and one that never is. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>

/* ---- The workers ---------------------------------------------------------------------------------------------- */

static void on_setting(struct yoke_call *call, const struct yoke_status *status, const Guide__Setting *setting,
                       void *user_data) {
    (void)call;
    struct yoke_worker *worker = user_data;
    if (status->code == YOKE_OK) {
        printf("the worker has its color: %s\n", setting->value);
        yoke_worker_ready(worker);
    } else {
        yoke_worker_stop(worker, 1);
    }
}

static int web_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    Guide__Key key = GUIDE__KEY__INIT;
    key.name = "color";
    if (yoke_worker_postpone_ready(worker) < 0 ||
        guide_settings_get(yoke_worker_master(worker), &key, NULL, on_setting, worker) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

static int stuck_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_postpone_ready(worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void get(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    (void)key;
    (void)user_data;
    Guide__Setting setting = GUIDE__SETTING__INIT;
    setting.value = "green";
    guide_settings_get_reply(call, &setting);
}

/* The first pool is ready: make the other one. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)event;
    struct yoke_pool *pool;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "stuck", .workers = 1, .entry = stuck_main,
                                        .start_ms = 100};
    yoke_pool_create(user_data, &options, &pool);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_START_TIMEOUT) {
        yoke_master_stop(user_data);
    }
}

static int start(struct yoke_master *master) {
    static const struct guide_settings_handlers handlers = {.get = get};
    struct yoke_events *events = yoke_master_events(master);
    int error = guide_trace(master);
    if (error == 0) {
        error = guide_settings_serve(yoke_master_server(master), &handlers, NULL);
    }
    if (error == 0) {
        error = yoke_v1_worker_ready_on(events, on_ready, master);
    }
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_died, master);
    }
    struct yoke_pool *pool;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "web", .workers = 1, .entry = web_main};
    return error == 0 ? yoke_pool_create(master, &options, &pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
