/* limits: where a user meets some of them, made small for the purpose. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_BYTES 1000u
#define CALLS 2u

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static char long_text[MESSAGE_BYTES + 1];

static void give_up(struct yoke_call *call, void *user_data) {
    (void)user_data;
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)user_data;
    if (strcmp(job->name, "stay") == 0) {
        yoke_call_on_cancel(call, give_up, NULL);
        return;
    }
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = long_text;
    if (strcmp(job->name, "shorter reply") == 0) {
        result.text += MESSAGE_BYTES / 2;
    }
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static struct yoke_call *staying[CALLS];

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    const char *name = user_data;
    printf("%s: %s", name, yoke_code_name(status->code));
    if (status->code == YOKE_OK) {
        printf(", %zu bytes\n", strlen(result->text));
    } else {
        printf(", %s\n", status->message);
    }
    for (unsigned i = 0; i < CALLS && strcmp(name, "one more") == 0; i++) {
        yoke_call_cancel(staying[i]);
    }
}

/* Makes a call that tells its outcome under its name. */
static int run_job(struct yoke_channel *channel, char *name, const struct yoke_call_options *options) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    return guide_jobs_run(channel, &job, options, on_result, name);
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    const struct yoke_call_options small = {YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = MESSAGE_BYTES / 4};
    struct yoke_pool *pool;
    memset(long_text, 'x', MESSAGE_BYTES);
    int error = yoke_pool_create(master, &options, &pool);
    if (error < 0) {
        return error;
    }
    struct yoke_channel *channel = yoke_pool_channel(pool);

    error = run_job(channel, long_text, NULL);
    printf("long request: %s\n", error < 0 ? strerror(-error) : "sent");
    error = run_job(channel, "long reply", NULL);
    if (error == 0) {
        error = run_job(channel, "shorter reply", NULL);
    }
    if (error == 0) {
        error = run_job(channel, "shorter reply", &small);
    }
    for (unsigned i = 0; i < CALLS && error == 0; i++) {
        const struct yoke_call_options keep = {YOKE_CALL_OPTIONS_INIT, .ret_call = &staying[i]};
        error = run_job(channel, "stay", &keep);
    }
    if (error == 0) {
        error = run_job(channel, "one more", NULL);
    }
    yoke_master_stop(master); /* when these calls have ended */
    return error;
}

int main(void) {
    const struct yoke_master_options options = {
        YOKE_MASTER_OPTIONS_INIT,
        .limits = {.max_message_bytes = MESSAGE_BYTES, .max_incoming_calls = CALLS},
    };
    return guide_run(&options, start);
}
