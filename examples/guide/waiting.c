/* waiting: while a dead worker is being replaced, one call fails fast and another waits for the new one. */
#include "guide.yoke.h"
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)user_data;
    if (strcmp(job->name, "fatal") == 0) {
        raise(SIGKILL);
    }
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = "done";
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
};

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)result;
    struct demo *demo = user_data;
    unsigned worker = (unsigned)yoke_call_peer(call)->worker_id;
    printf("%s from worker %u\n", yoke_code_name(status->code), worker);
    if (status->code == YOKE_OK) {
        yoke_master_stop(demo->master);
    }
}

static int run_job(struct demo *demo, char *name, const struct yoke_call_options *options) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    return guide_jobs_run(yoke_pool_channel(demo->pool), &job, options, on_result, demo);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED) {
        return;
    }
    printf("worker %u is dead\n", (unsigned)event->worker_id);

    int error = run_job(demo, "first", NULL);
    printf("failing fast: %s\n", error < 0 ? strerror(-error) : "sent");

    const struct yoke_call_options wait = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true, .timeout_us = 60000000};
    error = run_job(demo, "second", &wait);
    printf("waiting: %s\n", error < 0 ? strerror(-error) : "kept");
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main,
                                        .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 10}};
    int error = yoke_v1_worker_died_on(yoke_master_events(master), on_died, &demo);
    if (error == 0) {
        error = yoke_pool_create(master, &options, &demo.pool);
    }
    return error == 0 ? run_job(&demo, "fatal", NULL) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
