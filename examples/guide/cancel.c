/* cancel: how a handler learns that it works in vain. It asks; it is told; and what it has asked of others ends, too. */
#include "guide.yoke.h"
#include "run.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

/* A job in slices, of a millisecond, that asks before each. One at a time. */
struct slices {
    ev_timer timer;
    struct yoke_worker *worker;
    struct yoke_call *call;
};

static void tell(const struct slices *slices, uint32_t done) {
    Guide__Progress progress = GUIDE__PROGRESS__INIT;
    progress.job = "slices";
    progress.done = done;
    guide_progress_emit(yoke_worker_master(slices->worker), &progress);
}

static void on_slice(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    struct slices *slices = timer->data;
    if (yoke_call_is_cancelled(slices->call)) {
        ev_timer_stop(loop, timer);
        yoke_call_fail(slices->call, YOKE_CANCELLED, NULL);
        tell(slices, 1);
    }
}

static void run_slices(struct yoke_worker *worker, struct yoke_call *call) {
    static struct slices slices;
    slices.worker = worker;
    slices.call = call;
    ev_timer_init(&slices.timer, on_slice, 0.001, 0.001);
    slices.timer.data = &slices;
    ev_timer_start(yoke_worker_loop(worker), &slices.timer);
    tell(&slices, 0);
}

/* When the job is cancelled, so is this question, which is part of it. */
static void on_setting(struct yoke_call *call, const struct yoke_status *status, const Guide__Setting *setting,
                       void *user_data) {
    (void)call;
    (void)setting;
    yoke_call_fail(user_data, status->code != YOKE_OK ? status->code : YOKE_INTERNAL, status->message);
}

static void run(struct yoke_call *call, const Guide__Job *job, void *user_data) {
    struct yoke_worker *worker = user_data;
    Guide__Key key = GUIDE__KEY__INIT;
    if (strcmp(job->name, "slices") == 0) {
        run_slices(worker, call);
    } else if (guide_settings_get(yoke_worker_master(worker), &key, NULL, on_setting, call) < 0) {
        yoke_call_fail(call, YOKE_UNAVAILABLE, "the master cannot be asked");
    }
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_jobs_handlers handlers = {.run = run};
    return guide_jobs_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
    struct yoke_call *call; /* the one to cancel */
};

static void on_result(struct yoke_call *call, const struct yoke_status *status, const Guide__Result *result,
                      void *user_data) {
    (void)call;
    (void)result;
    (void)user_data;
    printf("%s: %s\n", yoke_code_name(status->code), status->message);
}

static int run_job(struct demo *demo, char *name) {
    const struct yoke_call_options keep = {YOKE_CALL_OPTIONS_INIT, .ret_call = &demo->call};
    Guide__Job job = GUIDE__JOB__INIT;
    job.name = name;
    return guide_jobs_run(yoke_pool_channel(demo->pool), &job, &keep, on_result, demo);
}

static void on_progress(const struct yoke_peer *peer, const Guide__Progress *progress, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    if (progress->done == 0) {
        yoke_call_cancel(demo->call);
        return;
    }
    printf("the worker has asked and stopped\n");
    if (run_job(demo, "question") < 0) {
        yoke_master_stop(demo->master);
    }
}

/* The worker asks because of a job. Cancel that; this will be cancelled with it. */
static void on_unwanted(struct yoke_call *call, void *user_data) {
    struct demo *demo = user_data;
    printf("the master, whom the worker had asked, was told\n");
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
    yoke_master_stop(demo->master);
}

static void get(struct yoke_call *call, const Guide__Key *key, void *user_data) {
    (void)key;
    struct demo *demo = user_data;
    yoke_call_on_cancel(call, on_unwanted, demo);
    yoke_call_cancel(demo->call);
}

static int start(struct yoke_master *master) {
    static const struct guide_settings_handlers handlers = {.get = get};
    static struct demo demo;
    demo.master = master;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    int error = guide_settings_serve(yoke_master_server(master), &handlers, &demo);
    if (error == 0) {
        error = guide_progress_on(yoke_master_events(master), on_progress, &demo);
    }
    if (error == 0) {
        error = yoke_pool_create(master, &options, &demo.pool);
    }
    return error == 0 ? run_job(&demo, "slices") : error;
}

int main(void) {
    return guide_run(NULL, start);
}
