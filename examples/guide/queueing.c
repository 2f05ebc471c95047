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

static struct yoke_pool *pool;

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)result;
    const char *name = user_data;
    printf("%s: %s%s\n", name, yoke_code_name(status->code), yoke_call_is_safe_to_retry(call) ? ", safe to retry" : "");
    if (status->code == YOKE_DEADLINE_EXCEEDED) {
        Guide__News news = GUIDE__NEWS__INIT;
        guide_news_emit(yoke_pool_channel(pool), &news);
    }
}

static int run_job(char *name, uint64_t timeout_us) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_us};
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    return guide_jobs_run(yoke_pool_channel(pool), &job, &options, on_result, name);
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .workers = 1,
        .entry = worker_main,
        .routing = {.max_calls_per_worker = 1, .max_queued_calls = 2},
    };
    int error = yoke_pool_create(master, &options, &pool);
    if (error < 0 || (error = run_job("first", 0)) < 0 || (error = run_job("second", 50000)) < 0 ||
        (error = run_job("third", 0)) < 0 || (error = run_job("fourth", 0)) < 0) {
        return error;
    }
    printf("%zu calls wait\n", yoke_pool_queued(pool));
    return 0;
}

int main(void) {
    return guide_run(NULL, start);
}
