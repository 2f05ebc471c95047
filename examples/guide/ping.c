/* ping: a worker that is frozen does not answer, so it is killed. */
#include "guide.yoke.h"
#include "run.h"

#include <signal.h>
#include <stdio.h>

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_run(worker);
}

struct demo {
    struct yoke_pool *pool;
};

static void on_silence(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    (void)answer_us;
    struct yoke_child *child = user_data;
    printf("frozen: %s\n", yoke_code_name(status->code));
    if (status->code == YOKE_DEADLINE_EXCEEDED) {
        yoke_child_kill(child, SIGKILL);
    }
}

static void on_answer(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    struct yoke_child *child = user_data;
    printf("at work: %s, %s\n", yoke_code_name(status->code),
           answer_us < 60000000 ? "in less than a minute" : "too late");
    yoke_child_kill(child, SIGSTOP);
    if (yoke_channel_ping(yoke_child_channel(child), 50000, on_silence, child) < 0) {
        yoke_child_kill(child, SIGKILL);
    }
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct demo *demo = user_data;
    struct yoke_child *child = yoke_pool_child(demo->pool, event->index);
    if (yoke_channel_ping(yoke_child_channel(child), 60000000, on_answer, child) < 0) {
        yoke_child_kill(child, SIGKILL);
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("worker %u died of signal %d\n", (unsigned)event->worker_id, event->signal);
}

static int start(struct yoke_master *master) {
    static struct demo demo;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_events *events = yoke_master_events(master);
    int error = yoke_v1_worker_ready_on(events, on_ready, &demo);
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_died, NULL);
    }
    return error == 0 ? yoke_pool_create(master, &options, &demo.pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
