/* events: progress from a worker, news to the pool, and what the master tells of its workers' lives. */
#include "guide.yoke.h"
#include "run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

/* ---- The worker ----------------------------------------------------------------------------------------------- */

/* The first worker leaves when it hears the news; its replacement stays. */
static void on_news(const struct yoke_peer *peer, const Guide__News *news, void *user_data) {
    (void)peer;
    struct yoke_worker *worker = user_data;
    Guide__Progress progress = GUIDE__PROGRESS__INIT;
    progress.job = news->text;
    progress.done = 100;
    guide_progress_emit(yoke_worker_master(worker), &progress);
    yoke_worker_stop(worker, 3);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return guide_news_on(yoke_worker_events(worker), on_news, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

struct demo {
    struct yoke_master *master;
    struct yoke_pool *pool;
};

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("worker %u has started at place %u\n", (unsigned)event->worker_id, event->index);
}

/* Tell the first worker the news; kill the second. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    printf("worker %u is ready\n", (unsigned)event->worker_id);
    if (event->worker_id == 1) {
        Guide__News news = GUIDE__NEWS__INIT;
        news.text = "the news";
        guide_news_emit(yoke_pool_channel(demo->pool), &news);
    } else {
        yoke_child_kill(yoke_pool_child(demo->pool, event->index), SIGTERM);
    }
}

static void on_progress(const struct yoke_peer *peer, const Guide__Progress *progress, void *user_data) {
    (void)user_data;
    printf("worker %u tells: %s, %u %%\n", (unsigned)peer->worker_id, progress->job, progress->done);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    const ProtobufCEnumValue *reason =
        protobuf_c_enum_descriptor_get_value(&yoke__v1__death_reason__descriptor, (int)event->reason);
    printf("worker %u is dead: %s, exit code %d, signal %d\n", (unsigned)event->worker_id, reason->name,
           event->exit_code, event->signal);
    if (event->signal != 0) {
        yoke_master_stop(demo->master);
    }
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("the pool \"%s\" has stopped\n", event->pool);
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    demo.master = master;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main,
                                        .restart = {.when = YOKE_RESTART_ON_FAILURE, .pause_ms = 10}};
    struct yoke_events *events = yoke_master_events(master);
    if (yoke_v1_worker_started_on(events, on_started, &demo) < 0 ||
        yoke_v1_worker_ready_on(events, on_ready, &demo) < 0 || guide_progress_on(events, on_progress, &demo) < 0 ||
        yoke_v1_worker_died_on(events, on_died, &demo) < 0 || yoke_v1_pool_stopped_on(events, on_stopped, &demo) < 0) {
        return -ENOMEM;
    }
    return yoke_pool_create(master, &options, &demo.pool);
}

int main(void) {
    return guide_run(NULL, start);
}
