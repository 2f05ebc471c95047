/* order: two pools of which one needs the other to its end, and a worker that does not stop when it is told to. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <stdio.h>
#include <unistd.h>

/* ---- The workers ---------------------------------------------------------------------------------------------- */

static int store_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_run(worker);
}

/* Its loop does not turn, so it cannot know that it is to stop. */
static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)call;
    (void)job;
    (void)user_data;
    for (;;) {
        pause();
    }
}

static int web_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)result;
    (void)user_data;
    printf("the job: %s\n", yoke_code_name(status->code));
}

static int add_web(struct yoke_master *master, struct yoke_pool **ret_pool) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "web", .workers = 1, .entry = web_main,
                                        .stop = {.drain_ms = 200, .term_ms = 60000}};
    return yoke_pool_create(master, &options, ret_pool);
}

/* First the store, then what needs it; and when that is ready, a job for it, and stop. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    static struct yoke_pool *web;
    struct yoke_master *master = user_data;
    if (event->worker_id == 1) {
        add_web(master, &web);
    } else {
        Guide__Job job = GUIDE__JOB__INIT;
        guide_jobs_run(yoke_pool_channel(web), &job, NULL, on_result, NULL);
        yoke_master_stop(master);
    }
}

static int start(struct yoke_master *master) {
    struct yoke_pool *store;
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_v1_worker_ready_on(yoke_master_events(master), on_ready, master);
    }
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "store", .workers = 1, .entry = store_main};
    return error == 0 ? yoke_pool_create(master, &options, &store) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
