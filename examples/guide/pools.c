/* pools: two kinds of workers under one master; one pool is told to grow and to shrink, the other does so by itself. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- The workers ---------------------------------------------------------------------------------------------- */

/* A function: forked. */
static int web_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_run(worker);
}

/* A job is done when the news come that it may be; or have come. */
static struct yoke_call *job_at_work;
static bool may_be_done;

static void finish(struct yoke_call *call) {
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = "done";
    guide_jobs_run_reply(call, &result);
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)job;
    (void)user_data;
    if (may_be_done) {
        finish(call);
    } else {
        job_at_work = call;
    }
}

static void on_news(const struct yoke_peer *peer, const Guide__News *news, void *user_data) {
    (void)peer;
    (void)news;
    (void)user_data;
    may_be_done = true;
    if (job_at_work != NULL) {
        finish(job_at_work);
        job_at_work = NULL;
    }
}

/* A program of its own: the main() of another executable, or, as here, of this one. */
static int jobs_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    if (guide_jobs_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ||
        guide_news_on(yoke_worker_events(worker), on_news, NULL) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *web, *jobs;
};

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)result;
    (void)user_data;
    printf("a job: %s\n", yoke_code_name(status->code));
}

/* From one worker for one call at a time up to two. */
static int add_jobs(struct demo *demo) {
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "jobs",
        .path = "/proc/self/exe",
        .argv = (char *[]){"pools", "worker", NULL},
        .workers = 1,
        .max_workers = 2,
        .routing = {.max_calls_per_worker = 1},
        .demand = {.grow_after_ms = 20, .shrink_after_ms = 200},
    };
    return yoke_pool_create(demo->master, &options, &demo->jobs);
}

static void run_two_jobs(struct demo *demo) {
    printf("\ntwo jobs for the pool on demand\n");
    for (unsigned i = 0; i < 2; i++) {
        Guide__Job job = GUIDE__JOB__INIT;
        guide_jobs_run(yoke_pool_channel(demo->jobs), &job, NULL, on_result, NULL);
    }
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (strcmp(event->pool, "web") == 0) {
        if (event->index == 0) {
            yoke_pool_scale(demo->web, 2);
        } else {
            yoke_pool_scale(demo->web, 1);
        }
    } else if (event->index == 0) {
        run_two_jobs(demo);
    } else {
        Guide__News news = GUIDE__NEWS__INIT;
        guide_news_emit(yoke_pool_channel(demo->jobs), &news);
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->reason != YOKE__V1__DEATH_REASON__DEATH_REASON_SCALED_DOWN) {
        return;
    }
    if (strcmp(event->pool, "web") == 0) {
        printf("\n");
        add_jobs(demo);
    } else {
        printf("\n");
        yoke_master_stop(demo->master);
    }
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    struct yoke_events *events = yoke_master_events(master);
    if (guide_trace(master) < 0 || yoke_v1_worker_ready_on(events, on_ready, &demo) < 0 ||
        yoke_v1_worker_died_on(events, on_died, &demo) < 0) {
        return -ENOMEM;
    }
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = "web", .workers = 1, .entry = web_main};
    return yoke_pool_create(master, &options, &demo.web);
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "worker") == 0) {
        return yoke_worker_main(jobs_main, NULL, NULL);
    }
    return guide_run(NULL, start);
}
