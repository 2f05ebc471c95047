/* trace.c: see trace.h. */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "RELOAD" of DRAIN_REASON_RELOAD. */
static const char *enum_name(const ProtobufCEnumDescriptor *descriptor, int value, const char *prefix) {
    const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(descriptor, value);
    return known != NULL ? known->name + strlen(prefix) : "?";
}

static void begin_line(const char *event, const char *pool, uint32_t index, uint64_t generation) {
    printf("%-16s %s/%" PRIu32 " of generation %" PRIu64, event, pool, index, generation);
}

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    (void)user_data;
    begin_line("WorkerStarted", event->pool, event->index, event->generation);
    printf(": %s\n", enum_name(&yoke__v1__start_reason__descriptor, (int)event->reason, "START_REASON_"));
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    (void)user_data;
    begin_line("WorkerReady", event->pool, event->index, event->generation);
    printf("\n");
}

static void on_draining(const struct yoke_peer *peer, const Yoke__V1__WorkerDraining *event, void *user_data) {
    (void)peer;
    (void)user_data;
    begin_line("WorkerDraining", event->pool, event->index, event->generation);
    printf(": %s\n", enum_name(&yoke__v1__drain_reason__descriptor, (int)event->reason, "DRAIN_REASON_"));
}

static void on_hung(const struct yoke_peer *peer, const Yoke__V1__WorkerHung *event, void *user_data) {
    (void)peer;
    (void)user_data;
    begin_line("WorkerHung", event->pool, event->index, event->generation);
    printf(": %s\n", event->method[0] != '\0' ? event->method : "no heartbeat");
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)user_data;
    begin_line("WorkerDied", event->pool, event->index, event->generation);
    printf(": %s", enum_name(&yoke__v1__death_reason__descriptor, (int)event->reason, "DEATH_REASON_"));
    if (event->exit_code >= 0) {
        printf(", exit code %" PRId32, event->exit_code);
    }
    if (event->signal != 0) {
        printf(", SIG%s", sigabbrev_np(event->signal));
    }
    if (event->system_call[0] != '\0') {
        printf(", %s()", event->system_call);
    }
    printf("\n");
    for (size_t i = 0; i < event->n_last_lines; i++) {
        printf("%16s | %s\n", "", event->last_lines[i]);
    }
}

static void on_restarting(const struct yoke_peer *peer, const Yoke__V1__WorkerRestarting *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%-16s %s/%" PRIu32 ": %" PRIu32 " in a row, %" PRIu32 " in the period\n", "WorkerRestarting", event->pool,
           event->index, event->deaths_in_a_row, event->deaths_in_period);
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__PoolFailed *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%-16s %s: %" PRIu32 " deaths, %s\n", "PoolFailed", event->pool, event->deaths_in_period,
           enum_name(&yoke__v1__failure_action__descriptor, (int)event->action, "FAILURE_ACTION_"));
}

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%-16s %s: generation %" PRIu64 ", %" PRIu32 " replaced\n", "PoolReloaded", event->pool, event->generation,
           event->replaced);
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%-16s %s: generation %" PRIu64 ", %" PRIu32 " replaced\n", "PoolReloadFailed", event->pool,
           event->generation, event->replaced);
}

static void on_scaled(const struct yoke_peer *peer, const Yoke__V1__PoolScaled *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%-16s %s: %" PRIu32 " to %" PRIu32 ", %s\n", "PoolScaled", event->pool, event->before, event->workers,
           enum_name(&yoke__v1__scale_reason__descriptor, (int)event->reason, "SCALE_REASON_"));
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)user_data;
    printf("%-16s %s\n", "PoolStopped", event->pool);
}

static void on_upgraded(const struct yoke_peer *peer, const Yoke__V1__MasterUpgraded *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    printf("MasterUpgraded\n");
}

static void on_upgrade_failed(const struct yoke_peer *peer, const Yoke__V1__MasterUpgradeFailed *event,
                              void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    printf("MasterUpgradeFailed\n");
}

/* Everything above, by the name of its event. */
#define EACH_EVENT(DO)                       \
    DO(worker_started, on_started)           \
    DO(worker_ready, on_ready)               \
    DO(worker_draining, on_draining)         \
    DO(worker_hung, on_hung)                 \
    DO(worker_died, on_died)                 \
    DO(worker_restarting, on_restarting)     \
    DO(pool_failed, on_failed)               \
    DO(pool_reloaded, on_reloaded)           \
    DO(pool_reload_failed, on_reload_failed) \
    DO(pool_scaled, on_scaled)               \
    DO(pool_stopped, on_stopped)             \
    DO(master_upgraded, on_upgraded)         \
    DO(master_upgrade_failed, on_upgrade_failed)

int guide_trace(struct yoke_master *master) {
    struct yoke_events *events = yoke_master_events(master);
    int error = 0;
#define SUBSCRIBE(event, handler) error = error == 0 ? yoke_v1_##event##_on(events, handler, NULL) : error;
    EACH_EVENT(SUBSCRIBE)
    return error;
}

void guide_trace_end(struct yoke_master *master) {
    struct yoke_events *events = yoke_master_events(master);
#define UNSUBSCRIBE(event, handler) yoke_v1_##event##_off(events, handler, NULL);
    EACH_EVENT(UNSUBSCRIBE)
}
