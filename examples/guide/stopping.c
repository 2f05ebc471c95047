/* stopping: a worker that retires after two jobs. The third, which crosses its GOAWAY, is made again, and none is lost. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>

#define JOBS 3u
#define JOBS_OF_A_LIFE 2u

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    static unsigned jobs;
    struct yoke_worker *worker = user_data;
    (void)job;
    if (++jobs == JOBS_OF_A_LIFE) {
        yoke_worker_stop(worker, 0); /* this job is still answered */
    }
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = "done";
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_pool *pool;
    unsigned done;
};

static int run_job(struct demo *demo);

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)result;
    struct demo *demo = user_data;
    bool is_safe = yoke_call_is_safe_to_retry(call);
    printf("%s from worker %u%s\n", yoke_code_name(status->code), (unsigned)yoke_call_peer(call)->worker_id,
           is_safe ? ", safe to retry" : "");
    if (is_safe && run_job(demo) == 0) {
        return;
    }
    if (++demo->done == JOBS) {
        yoke_pool_stop(demo->pool);
    }
}

static int run_job(struct demo *demo) {
    const struct yoke_call_options wait = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    Guide__Job job = GUIDE__JOB__INIT;
    return guide_jobs_run(yoke_pool_channel(demo->pool), &job, &wait, on_result, demo);
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("the pool \"%s\" has stopped\n", event->pool);
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT,
                                        .name = "jobs",
                                        .workers = 1,
                                        .entry = worker_main,
                                        .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 10},
                                        .retry = {.max_attempts = 1}};
    int error = yoke_v1_pool_stopped_on(yoke_master_events(master), on_stopped, NULL);
    if (error == 0) {
        error = yoke_pool_create(master, &options, &demo.pool);
    }
    for (unsigned i = 0; i < JOBS && error == 0; i++) {
        error = run_job(&demo);
    }
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
