/* recycle: workers that are replaced after two calls, because they have grown too large, and because they are told to. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define LEAK_BYTES ((size_t)256 << 20)

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    (void)user_data;
    if (strcmp(job->name, "leak") == 0) {
        (void)mmap(NULL, LEAK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    }
    Guide__Result result = GUIDE__RESULT__INIT;
    result.text = job->name;
    guide_jobs_run_reply(call, &result);
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
    unsigned jobs;
};

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data);

static void run_job(struct demo *demo, char *name) {
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    demo->jobs++;
    guide_jobs_run(yoke_pool_channel(demo->pool), &job, NULL, on_result, demo);
}

/* The first worker gets two jobs. What the second says of its only one may come before or behind the news of its going. */
static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    struct demo *demo = user_data;
    (void)result;
    if (demo->jobs <= 2) {
        printf("job %u: %s\n", demo->jobs, yoke_code_name(status->code));
    }
    if (demo->jobs == 1) {
        run_job(demo, "small");
    }
}

/* A worker has been replaced: see to it that the next will be. */
static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (event->worker_id == 1) {
        run_job(demo, "leak");
    } else if (event->worker_id == 2) {
        yoke_child_recycle(yoke_pool_child(demo->pool, 0));
    } else if (event->worker_id == 3) {
        yoke_master_stop(demo->master);
    }
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_v1_worker_died_on(yoke_master_events(master), on_died, &demo);
    }
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "jobs",
        .workers = 1,
        .entry = worker_main,
        .recycle = {.after_calls = 2, .above_rss_bytes = LEAK_BYTES / 2, .check_ms = 20},
    };
    if (error == 0) {
        error = yoke_pool_create(master, &options, &demo.pool);
    }
    if (error == 0) {
        run_job(&demo, "small");
    }
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
