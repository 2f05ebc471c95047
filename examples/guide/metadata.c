/* metadata: what goes with a call besides its messages: with the request, before the reply, with the status. */
#include "guide.yoke.h"
#include "run.h"

#include <stdio.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)job;
    (void)user_data;
    struct yoke_metadata_entry tenant = {0};
    if (!yoke_metadata_find(yoke_call_metadata(call), "tenant", &tenant)) {
        yoke_call_fail(call, YOKE_INVALID_ARGUMENT, "whose job is it?");
        return;
    }
    yoke_metadata_add(yoke_call_headers(call), "queue", "fast");
    yoke_metadata_add(yoke_call_trailers(call), "cpu-ms", "12");
    yoke_metadata_add_binary(yoke_call_trailers(call), "digest-bin", "\x01\x00\x02", 3);

    char text[64];
    snprintf(text, sizeof text, "done for %s", tenant.value);
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = text;
    guide_jobs_run_reply(call, &result);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void print(const char *what, const struct yoke_metadata *metadata) {
    struct yoke_metadata_entry entry = {0};
    while (yoke_metadata_next(metadata, &entry)) {
        printf("%s: %s, %zu bytes\n", what, entry.key, entry.length);
    }
}

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)user_data;
    printf("%s: %s\n", yoke_code_name(status->code), status->code == YOKE_OK ? result->text : status->message);
    print("header", yoke_call_headers(call));
    print("trailer", yoke_call_trailers(call));
}

static int run_job(struct yoke_channel *channel, const char *tenant) {
    struct yoke_metadata *metadata;
    int error = yoke_metadata_create(&metadata);
    if (error < 0) {
        return error;
    }
    if (tenant != NULL) {
        error = yoke_metadata_add(metadata, "tenant", tenant);
    }
    if (error == 0) {
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
        Guide__Job job = GUIDE__JOB__INIT;
        error = guide_jobs_run(channel, &job, &options, on_result, NULL);
    }
    yoke_metadata_destroy(metadata); /* it was copied */
    return error;
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    int error = yoke_pool_create(master, &options, &pool);
    if (error == 0) {
        error = run_job(yoke_pool_channel(pool), NULL);
    }
    if (error == 0) {
        error = run_job(yoke_pool_channel(pool), "blue");
    }
    yoke_master_stop(master);
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
