/* errors: the ways in which a call can fail, at the caller's side and at the handler's. */
#include "guide.yoke.h"
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void refuse(struct yoke_call *call) {
    Guide__Quota quota = GUIDE__QUOTA__INIT;
    quota.what = "jobs a day";
    quota.limit = 100;
    guide_quota_detail_add(call, &quota);
    yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "the quota is used up");
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)user_data;
    if (strcmp(job->name, "unknown") == 0) {
        yoke_call_fail(call, YOKE_NOT_FOUND, "there is no such job");
    } else if (strcmp(job->name, "costly") == 0) {
        refuse(call);
    } else {
        raise(SIGKILL);
    }
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run}; /* and no .run_quickly */
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)result; /* NULL unless the status is OK */
    printf("%s: %s", (const char *)user_data, yoke_code_name(status->code));
    if (status->code != YOKE_UNAVAILABLE) { /* that message names the process */
        printf(", %s", status->message);
    }
    const Guide__Quota *quota;
    if (guide_quota_detail_get(call, 0, &quota) == 0) {
        printf(" (%d %s)", (int)quota->limit, quota->what);
    }
    printf("\n");
}

static int run_job(struct yoke_channel *channel, char *name) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    return guide_jobs_run(channel, &job, NULL, on_result, name);
}

/* Only now, because a process that is killed does not send what it has queued. */
static void on_unserved(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                        void *user_data) {
    on_result(call, status, result, "unserved");
    run_job(user_data, "fatal");
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)event;
    int error = run_job(user_data, "late");
    printf("late: %s\n", error < 0 ? strerror(-error) : "sent");
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    int error = yoke_pool_create(master, &options, &pool);
    if (error < 0) {
        return error;
    }
    struct yoke_channel *channel = yoke_pool_channel(pool);
    Guide__Job job = GUIDE__JOB__INIT;
    error = yoke_v1_worker_died_on(yoke_master_events(master), on_died, channel);
    if (error == 0) {
        error = run_job(channel, "unknown");
    }
    if (error == 0) {
        error = run_job(channel, "costly");
    }
    if (error == 0) {
        const struct yoke_call_options patient = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 60000000};
        error = guide_jobs_run_quickly(channel, &job, &patient, on_unserved, channel);
    }
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
