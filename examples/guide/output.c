/* output: what a worker prints comes as events, line by line. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)call;
    (void)user_data;
    if (strcmp(job->name, "print") == 0) {
        printf("a line\na line of some length\n");
        fflush(stdout);
    } else {
        fprintf(stderr, "out of luck");
        raise(SIGABRT);
    }
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static struct yoke_pool *pool;

static void run_job(char *name) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    guide_jobs_run(yoke_pool_channel(pool), &job, NULL, NULL, NULL);
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    run_job("print");
}

static void on_output(const struct yoke_peer *peer, const Yoke__V1__WorkerOutput *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%s/%" PRIu32 " %s: %.*s%s\n", event->pool, event->index, event->is_stderr ? "stderr" : "stdout",
           (int)event->line.len, (const char *)event->line.data, event->cut ? " …" : "");
    if (event->cut) {
        run_job("abort");
    }
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "jobs",
        .workers = 1,
        .entry = worker_main,
        .output = {.mode = YOKE_OUTPUT_EVENTS, .max_line_bytes = 12, .last_lines = 3},
    };
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_v1_worker_output_on(yoke_master_events(master), on_output, NULL);
    }
    if (error == 0) {
        error = yoke_v1_worker_ready_on(yoke_master_events(master), on_ready, NULL);
    }
    return error == 0 ? yoke_pool_create(master, &options, &pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
