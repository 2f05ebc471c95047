/* host: what SIGHUP and SIGTERM do to a master that follows its host. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <signal.h>
#include <stdio.h>

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_run(worker);
}

/* `kill -HUP`, then `kill`, as an administrator, or systemd, would. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)user_data;
    if (event->generation == 1) {
        printf("SIGHUP\n");
        raise(SIGHUP);
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)user_data;
    if (event->generation == 1) {
        printf("SIGTERM\n");
        raise(SIGTERM);
    }
}

static int start(struct yoke_master *master) {
    struct yoke_pool *pool;
    struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT,
        .name = "web",
        .workers = 1,
        .entry = worker_main,
        .identity = {.own_process_group = true},
    };
    int error = guide_trace(master);
    if (error == 0) {
        error = yoke_v1_worker_ready_on(yoke_master_events(master), on_ready, NULL);
    }
    if (error == 0) {
        error = yoke_v1_worker_died_on(yoke_master_events(master), on_died, NULL);
    }
    if (error == 0) {
        error = yoke_master_follow_host(master, NULL);
    }
    return error == 0 ? yoke_pool_create(master, &options, &pool) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
