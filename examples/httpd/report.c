/* report.c: see report.h. */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

static const char *reason_of(Yoke__V1__StartReason reason) {
    switch (reason) {
    case YOKE__V1__START_REASON__START_REASON_RESTART:
        return "its predecessor died";
    case YOKE__V1__START_REASON__START_REASON_RELOAD:
        return "reload";
    case YOKE__V1__START_REASON__START_REASON_RECYCLE:
        return "recycling";
    default:
        return "start";
    }
}

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: worker %" PRIu64 " (pid %" PRId32 ") started at place %" PRIu32 ", generation %" PRIu64 ": %s\n",
           event->worker_id, event->pid, event->index, event->generation, reason_of(event->reason));
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: worker %" PRIu64 " (pid %" PRId32 ") ready after %.1f ms\n", event->worker_id, event->pid,
           (double)event->startup_us / 1e3);
}

static void on_draining(const struct yoke_peer *peer, const Yoke__V1__WorkerDraining *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: worker %" PRIu64 " (pid %" PRId32 ") draining: %s\n", event->worker_id, event->pid, event->detail);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: %s, after %.1f s\n", event->detail, (double)event->uptime_us / 1e6);
}

static void on_restarting(const struct yoke_peer *peer, const Yoke__V1__WorkerRestarting *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: place %" PRIu32 " is filled again in %.1f ms\n", event->index, (double)event->pause_us / 1e3);
}

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: reloaded: generation %" PRIu64 ", %" PRIu32 " workers replaced in %.1f ms\n", event->generation,
           event->replaced, (double)event->duration_us / 1e3);
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    (void)user_data;
    fprintf(stderr, "httpd: reload failed: %s\n", event->detail);
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__PoolFailed *event, void *user_data) {
    (void)peer;
    (void)user_data;
    fprintf(stderr, "httpd: %s\n", event->detail);
}

static void on_upgraded(const struct yoke_peer *peer, const Yoke__V1__MasterUpgraded *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("httpd: upgraded: master %" PRId32 " has taken over after %.1f ms\n", event->pid,
           (double)event->duration_us / 1e3);
}

static void on_upgrade_failed(const struct yoke_peer *peer, const Yoke__V1__MasterUpgradeFailed *event,
                              void *user_data) {
    (void)peer;
    (void)user_data;
    fprintf(stderr, "httpd: upgrade failed: %s\n", event->detail);
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    printf("httpd: stopped\n");
}

static int report_failures(struct yoke_events *events) {
    int error = yoke_v1_pool_failed_on(events, on_failed, NULL);
    if (error == 0) {
        error = yoke_v1_pool_reload_failed_on(events, on_reload_failed, NULL);
    }
    return error == 0 ? yoke_v1_master_upgrade_failed_on(events, on_upgrade_failed, NULL) : error;
}

static int report_lives(struct yoke_events *events) {
    int error = yoke_v1_worker_started_on(events, on_started, NULL);
    if (error == 0) {
        error = yoke_v1_worker_ready_on(events, on_ready, NULL);
    }
    if (error == 0) {
        error = yoke_v1_worker_draining_on(events, on_draining, NULL);
    }
    if (error == 0) {
        error = yoke_v1_worker_died_on(events, on_died, NULL);
    }
    return error == 0 ? yoke_v1_worker_restarting_on(events, on_restarting, NULL) : error;
}

static int report_changes(struct yoke_events *events) {
    int error = yoke_v1_pool_reloaded_on(events, on_reloaded, NULL);
    if (error == 0) {
        error = yoke_v1_master_upgraded_on(events, on_upgraded, NULL);
    }
    return error == 0 ? yoke_v1_pool_stopped_on(events, on_stopped, NULL) : error;
}

int report_init(struct yoke_master *master, bool verbose) {
    struct yoke_events *events = yoke_master_events(master);
    int error = report_failures(events);
    if (error == 0 && verbose) {
        error = report_lives(events);
    }
    return error == 0 && verbose ? report_changes(events) : error;
}
