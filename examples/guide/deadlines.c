/* deadlines: of a call, of a method, and the one that a handler's own calls get from the call that it handles. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

#define MS 1000u /* microseconds */

/* ---- The worker ----------------------------------------------------------------------------------------------- */

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

/* The caller has its status already; this frees the call. */
static void give_up(struct yoke_call *call, void *user_data) {
    (void)user_data;
    yoke_call_fail(call, YOKE_DEADLINE_EXCEEDED, NULL);
}

/* Never done. */
static void run_quickly(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)job;
    yoke_call_on_cancel(call, give_up, user_data);
}

/* Asks the master, on the time that the job has. */
static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    struct yoke_worker *worker = user_data;
    if (strcmp(job->name, "endless") == 0) {
        run_quickly(call, job, user_data);
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
    static const struct guide_jobs_handlers handlers = {.run = run, .run_quickly = run_quickly};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_channel *channel;
};

static void get(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    (void)key;
    (void)user_data;
    uint64_t remaining_us = yoke_call_remaining_us(call);
    Guide__Setting setting = GUIDE__SETTING__INIT;
    setting.value = remaining_us <= 60000 * MS ? "the master was given at most 60 s" : "no deadline was passed on";
    guide_settings_get_reply(call, &setting);
}

static void on_passed_on(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                         void *user_data) {
    (void)call;
    struct demo *demo = user_data;
    printf("passed on: %s\n", status->code == YOKE_OK ? result->text : status->message);
    yoke_master_stop(demo->master);
}

static void on_method_late(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                           void *user_data) {
    (void)call;
    (void)result;
    struct demo *demo = user_data;
    printf("the method's 20 ms: %s\n", yoke_code_name(status->code));

    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 60000 * MS};
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = "question";
    if (guide_jobs_run(demo->channel, &job, &options, on_passed_on, demo) < 0) {
        yoke_master_stop(demo->master);
    }
}

static void on_call_late(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                         void *user_data) {
    (void)call;
    (void)result;
    struct demo *demo = user_data;
    printf("the call's 10 ms: %s\n", yoke_code_name(status->code));

    Guide__Job job = GUIDE__JOB__INIT;
    if (guide_jobs_run_quickly(demo->channel, &job, NULL, on_method_late, demo) < 0) {
        yoke_master_stop(demo->master);
    }
}

static int start(struct yoke_master *master) {
    static const struct guide_settings_handlers handlers = {.get = get};
    static struct demo demo;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    int error = guide_settings_serve(yoke_master_server(master), &handlers, NULL);
    if (error == 0) {
        error = yoke_pool_create(master, &options, &pool);
    }
    if (error != 0) {
        return error;
    }
    demo = (struct demo){master, yoke_pool_channel(pool)};

    const struct yoke_call_options in_10_ms = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 10 * MS};
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = "endless";
    return guide_jobs_run(demo.channel, &job, &in_10_ms, on_call_late, &demo);
}

int main(void) {
    return guide_run(NULL, start);
}
