/* interceptors: the caller's side logs and signs each call, the worker lets nobody in who has not signed. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

/* No handler sees a call that this refuses. */
static void check_token(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call_data;
    struct yoke_metadata_entry token = {0};
    if (!yoke_metadata_find(yoke_call_metadata(call), "token", &token) || strcmp(token.value, user_data) != 0) {
        *status = (struct yoke_status){YOKE_UNAUTHENTICATED, "no token, or a wrong one"};
    }
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)job;
    (void)user_data;
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = "done";
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    static const struct guide_jobs_handlers handlers = {.run = run};
    static const struct yoke_interceptor checks = {.start = check_token};
    struct yoke_server *server = yoke_worker_server(worker);
    if (yoke_server_intercept(server, &checks, user_data) < 0 || guide_jobs_serve(server, &handlers, NULL) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

/* The outer one. What it keeps for a call goes with the call. */
static void log_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)status;
    unsigned *calls = user_data;
    *calls += 1;
    *call_data = (void *)(uintptr_t)*calls;
    printf("call %u begins: %s\n", *calls, yoke_call_method(call));
}

static void log_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)user_data;
    printf("call %u ends: %s\n", (unsigned)(uintptr_t)*call_data, yoke_code_name(status->code));
}

/* The inner one. */
static void sign(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call_data;
    if (yoke_metadata_add(yoke_call_metadata(call), "token", user_data) < 0) {
        *status = (struct yoke_status){YOKE_RESOURCE_EXHAUSTED, "there is no room for the token"};
    }
}

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)user_data;
    printf("%s\n", status->code == YOKE_OK ? result->text : status->message);
}

static int start(struct yoke_master *master) {
    static char token[] = "sesame";
    static unsigned calls;
    static const struct yoke_interceptor logs = {.start = log_start, .finish = log_finish};
    static const struct yoke_interceptor signs = {.start = sign};
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main, .user_data = token};
    struct yoke_pool *pool;
    int error = yoke_pool_create(master, &options, &pool);
    if (error < 0) {
        return error;
    }
    struct yoke_channel *channel = yoke_pool_channel(pool);
    Guide__Job job = GUIDE__JOB__INIT;
    error = yoke_channel_intercept(channel, &logs, &calls);
    if (error == 0) {
        error = guide_jobs_run(channel, &job, NULL, on_result, NULL);
    }
    if (error == 0) {
        error = yoke_channel_intercept(channel, &signs, token);
    }
    if (error == 0) {
        error = guide_jobs_run(channel, &job, NULL, on_result, NULL);
    }
    yoke_master_stop(master); /* when both are answered */
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
