/* deaths: four ways for a worker to end, and what the master is told of each. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

/* Sending what is no frame, or closing the channel, is nothing that a program does by Yoke's functions. */
static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)call;
    (void)user_data;
    if (strcmp(job->name, "exit") == 0) {
        _exit(3);
    } else if (strcmp(job->name, "crash") == 0) {
        fprintf(stderr, "a pointer is NULL\nthat is bad\n");
        raise(SIGSEGV);
    } else if (strcmp(job->name, "babble") == 0) {
        static const char nonsense[64] = "nonsense";
        (void)!write(3, nonsense, sizeof nonsense);
    } else {
        close(3);
        for (;;) {
            pause();
        }
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

/* Each worker gets one job. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    static char *const jobs[] = {"exit", "crash", "babble", "close"};
    struct demo *demo = user_data;
    if (event->worker_id <= sizeof jobs / sizeof *jobs) {
        Guide__Job job = GUIDE__JOB__INIT;
        job.name = jobs[event->worker_id - 1];
        printf("\n%s\n", job.name);
        guide_jobs_run(yoke_pool_channel(demo->pool), &job, NULL, on_result, demo);
    } else {
        printf("\nstop\n");
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
        .name = "jobs",
        .workers = 1,
        .entry = worker_main,
        .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1, .max_restarts = 10},
        .stop = {.drain_ms = 100},
        .output = {.mode = YOKE_OUTPUT_EVENTS},
    };
    return error == 0 ? yoke_pool_create(master, &options, &demo.pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
