/* liveness: a worker that is frozen, one that does not return from a handler, and how both are noticed and replaced. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)call;
    (void)job;
    (void)user_data;
    for (;;) {
        pause(); /* the loop does not turn */
    }
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
    (void)call;
    (void)result;
    (void)user_data;
    printf("the job: %s\n", yoke_code_name(status->code));
}

/* Give a job 100 ms of its handler's time, and it takes longer. */
static void run_long_job(struct demo *demo) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .handler_timeout_us = 100000};
    Guide__Job job = GUIDE__JOB__INIT;
    guide_jobs_run(yoke_pool_channel(demo->pool), &job, &options, on_result, demo);
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->worker_id == 1) {
        yoke_child_kill(yoke_pool_child(demo->pool, 0), SIGSTOP);
    } else if (event->worker_id == 2) {
        run_long_job(demo);
    } else {
        yoke_master_stop(demo->master);
    }
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_v1_worker_ready_on(yoke_master_events(master), on_ready, &demo);
    }
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "web",
        .workers = 1,
        .entry = worker_main,
        .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 10},
        .liveness = {.heartbeat_ms = 100, .patience_ms = 500},
    };
    return error == 0 ? yoke_pool_create(master, &options, &demo.pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
