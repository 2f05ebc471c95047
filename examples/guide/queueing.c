/* queueing: a worker that does one thing at a time, and four calls for it at once. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

/* ---- The worker: a job is done when the news come that it may be. ----------------------------------------------- */

static struct yoke_call *job_at_work;
static bool may_be_done;

static void finish(struct yoke_call *call) {
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = "done";
    guide_jobs_run_reply(call, &result);
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)job;
    (void)user_data;
    if (may_be_done) {
        finish(call);
    } else {
        job_at_work = call;
    }
}

static void on_news(const struct yoke_peer *peer, const Guide__News *news, void *user_data) {
    (void)peer;
    (void)news;
    (void)user_data;
    may_be_done = true;
    finish(job_at_work);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    if (guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ||
        guide_news_on(yoke_worker_events(worker), on_news, NULL) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
};

static struct demo demo;

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)result;
    const char *name = user_data;
    printf("%s: %s%s\n", name, yoke_code_name(status->code), yoke_call_is_safe_to_retry(call) ? ", safe to retry" : "");
    if (strcmp(name, "second") == 0) {
        Guide__News news = GUIDE__NEWS__INIT;
        guide_news_emit(yoke_pool_channel(demo.pool), &news);
    } else if (strcmp(name, "third") == 0) {
        yoke_master_stop(demo.master);
    }
}

static void run_job(char *name, uint64_t timeout_us) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_us};
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    guide_jobs_run(yoke_pool_channel(demo.pool), &job, &options, on_result, name);
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    run_job("first", 0);
    run_job("second", 50000); /* it gives up after 50 ms */
    run_job("third", 0);
    run_job("fourth", 0);
    printf("%zu calls wait\n", yoke_pool_queued(demo.pool));
}

static int start(struct yoke_master *master) {
    demo.master = master;
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .workers = 1,
        .entry = worker_main,
        .routing = {.max_calls_per_worker = 1, .max_queued_calls = 2},
    };
    int error = yoke_v1_worker_ready_on(yoke_master_events(master), on_ready, NULL);
    return error == 0 ? yoke_pool_create(master, &options, &demo.pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
