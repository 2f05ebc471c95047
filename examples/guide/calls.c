/* calls: the master calls its worker; to answer one of the calls, the worker has to call the master first. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

/* The master has answered, so the call that was kept can be answered, too. */
static void on_setting(struct yoke_call *call, const struct yoke_status *status, const Guide__Setting *setting,
                       void *user_data) {
    (void)call;
    struct yoke_call *job_call = user_data;
    if (status->code != YOKE_OK) {
        yoke_call_fail(job_call, status->code, status->message);
        return;
    }
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = setting->value;
    guide_jobs_run_reply(job_call, &result);
}

/* Answers one job now and any other later. */
static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    struct yoke_worker *worker = user_data;
    if (strcmp(job->name, "simple") == 0) {
        Guide__Result result = GUIDE__RESULT__INIT;
        result.text = "done at once";
        guide_jobs_run_reply(call, &result);
        return;
    }
    Guide__Key key = GUIDE__KEY__INIT;
    key.name = job->name;
    if (guide_settings_get(yoke_worker_master(worker), &key, NULL, on_setting, call) < 0) {
        yoke_call_fail(call, YOKE_UNAVAILABLE, "the master cannot be asked");
    }
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    if (guide_jobs_serve(yoke_worker_server(worker), &handlers, worker) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

/* A worker asks. */
static void get(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    (void)user_data;
    printf("worker %u asks for \"%s\"\n", (unsigned)yoke_call_peer(call)->worker_id, key->name);
    Guide__Setting setting = GUIDE__SETTING__INIT;
    setting.value = "Good morning";
    guide_settings_get_reply(call, &setting);
}

/* A worker has answered, or never will. */
static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    const char *job = user_data;
    printf("%s: %s\n", job, status->code == YOKE_OK ? result->text : status->message);
}

static int start(struct yoke_master *master) {
    static const struct guide_settings_handlers handlers = {.get = get};
    static char *const jobs[] = {"greeting", "simple"};
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;

    int error = guide_settings_serve(yoke_master_server(master), &handlers, NULL);
    if (error == 0) {
        error = yoke_pool_create(master, &options, &pool);
    }
    for (size_t i = 0; i < 2 && error == 0; i++) {
        Guide__Job job = GUIDE__JOB__INIT;
        job.name = jobs[i];
        error = guide_jobs_run(yoke_pool_channel(pool), &job, NULL, on_result, jobs[i]);
    }
    yoke_master_stop(master); /* when these calls are answered */
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
