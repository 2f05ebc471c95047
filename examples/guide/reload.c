/*
 * reload: two workers, each with a job under way, are replaced one after the other; then a generation comes that does not start.
 */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <errno.h>
#include <stdio.h>

enum { WORKERS = 2 };

/* ---- The worker: the third generation is broken. ---------------------------------------------------------------- */

/* A job needs a setting, and takes as long as the answer. */
static void on_setting(struct yoke_call *call, const struct yoke_status *status, const Guide__Setting *setting,
                       void *user_data) {
    (void)call;
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = status->code == YOKE_OK ? setting->value : "?";
    guide_jobs_run_reply(user_data, &result);
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    Guide__Key key = GUIDE__KEY__INIT;
    key.name = job->name;
    if (guide_settings_get(yoke_worker_master(user_data), &key, NULL, on_setting, call) < 0) {
        yoke_call_fail(call, YOKE_UNAVAILABLE, NULL);
    }
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    if (yoke_worker_generation(worker) == 3) {
        return 1;
    }
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
    struct yoke_call *asked[WORKERS]; /* for a setting, by the worker in this place */
    unsigned asked_count;
};

static void answer(struct yoke_call *call) {
    Guide__Setting setting = GUIDE__SETTING__INIT;
    setting.value = "green";
    guide_settings_get_reply(call, &setting);
}

/* When both jobs are under way, reload. */
static void get(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    (void)key;
    struct demo *demo = user_data;
    demo->asked[(yoke_call_peer(call)->worker_id - 1) % WORKERS] = call;
    if (++demo->asked_count == WORKERS) {
        guide_trace(demo->master);
        yoke_pool_reload(demo->pool);
    }
}

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)result;
    (void)user_data;
    printf("a job: %s\n", yoke_code_name(status->code));
}

/* Through: let the first of the old workers finish. */
static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    (void)peer;
    (void)event;
    struct demo *demo = user_data;
    answer(demo->asked[0]);
}

/* Then the second; then reload again. */
static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->worker_id == 1) {
        answer(demo->asked[1]);
    } else if (event->worker_id == 2) {
        yoke_pool_reload(demo->pool);
    }
}

static void stop(void *user_data) {
    struct demo *demo = user_data;
    printf("%u workers serve on\n", yoke_pool_ready(demo->pool));
    guide_trace_end(demo->master);
    yoke_master_stop(demo->master);
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    (void)event;
    struct demo *demo = user_data;
    yoke_master_post(demo->master, stop, demo);
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    static const struct guide_settings_handlers handlers = {.get = get};
    struct yoke_events *events = yoke_master_events(master);
    if (guide_settings_serve(yoke_master_server(master), &handlers, &demo) < 0 ||
        yoke_v1_worker_died_on(events, on_died, &demo) < 0 ||
        yoke_v1_pool_reloaded_on(events, on_reloaded, &demo) < 0 ||
        yoke_v1_pool_reload_failed_on(events, on_failed, &demo) < 0) {
        return -ENOMEM;
    }
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "web", .workers = WORKERS,
                                        .entry = worker_main};
    int error = yoke_pool_create(master, &options, &demo.pool);
    Guide__Job job = GUIDE__JOB__INIT;
    for (unsigned i = 0; i < WORKERS && error == 0; i++) {
        error = guide_jobs_run(yoke_child_channel(yoke_pool_child(demo.pool, i)), &job, NULL, on_result, NULL);
    }
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
