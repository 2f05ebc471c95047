/* upgrade: a master starts its successor, hands it what it has counted, and stops when that is ready. */
#include "guide.yoke.h"
#include "run.h"
#include "trace.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    return yoke_worker_run(worker);
}

static pid_t successor;

/* The first master's worker is ready. */
static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)event;
    static const unsigned counted = 41;
    const struct yoke_upgrade_options options = {YOKE_UPGRADE_OPTIONS_INIT, .state = &counted,
                                                 .state_size = sizeof counted};
    yoke_master_upgrade(user_data, &options);
}

static void on_upgraded(const struct yoke_peer *peer, const Yoke__V1__MasterUpgraded *event, void *user_data) {
    (void)peer;
    (void)user_data;
    successor = event->pid;
}

static int start(struct yoke_master *master) {
    size_t size;
    const unsigned *counted = yoke_master_inherited_state(master, &size);
    struct yoke_events *events = yoke_master_events(master);
    int error = guide_trace(master);
    if (counted != NULL) {
        printf("the new master goes on from %u\n", *counted);
    } else if (error == 0 && (error = yoke_v1_worker_ready_on(events, on_ready, master)) == 0) {
        error = yoke_v1_master_upgraded_on(events, on_upgraded, NULL);
    }
    if (error == 0) {
        error = yoke_master_follow_host(master, NULL);
    }
    struct yoke_pool *pool;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = counted != NULL ? "new" : "old", .workers = 1,
                                        .entry = worker_main};
    return error == 0 ? yoke_pool_create(master, &options, &pool) : error;
}

/* The first process sees its successor to the end, so that this program ends when all is printed. */
int main(void) {
    int code = guide_run(NULL, start);
    if (successor != 0) {
        kill(successor, SIGTERM);
        (void)waitpid(successor, NULL, 0);
    }
    return code;
}
