/* trace.c: see trace.h. */
#include "trace.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void add(struct trace *trace, const char *format, ...) {
    REQUIRE(trace->count < TRACE_LINES_MAX);
    char *line = trace->lines[trace->count++];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, TRACE_LINE_MAX, format, arguments);
    va_end(arguments);
    printf("trace: %s\n", line);
}

/* The last part of the name of an enum's value: "reload" of START_REASON_RELOAD, when the enum's name has `prefix` characters. */
static const char *name_of(const ProtobufCEnumDescriptor *type, int value, size_t prefix, char text[32]) {
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
    snprintf(text, 32, "%s", found != NULL ? found->name + prefix : "?");
    for (char *at = text; *at != '\0'; at++) {
        *at = *at == '_' ? ' ' : (char)tolower((unsigned char)*at);
    }
    return text;
}

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    struct trace *trace = user_data;
    char reason[32];
    (void)peer;
    trace->started++;
    if (trace->started - trace->died > trace->most_alive) {
        trace->most_alive = trace->started - trace->died;
    }
    add(trace, "started %u %s in %u, generation %u", (unsigned)event->worker_id,
        name_of(&yoke__v1__start_reason__descriptor, (int)event->reason, strlen("START_REASON_"), reason), event->index,
        (unsigned)event->generation);
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    struct trace *trace = user_data;
    (void)peer;
    trace->ready++;
    add(trace, "ready %u", (unsigned)event->worker_id);
}

static void on_draining(const struct yoke_peer *peer, const Yoke__V1__WorkerDraining *event, void *user_data) {
    struct trace *trace = user_data;
    char reason[32];
    (void)peer;
    trace->draining++;
    snprintf(trace->drain, sizeof(trace->drain), "%s", event->detail);
    add(trace, "draining %u %s: %s", (unsigned)event->worker_id,
        name_of(&yoke__v1__drain_reason__descriptor, (int)event->reason, strlen("DRAIN_REASON_"), reason),
        event->detail);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    struct trace *trace = user_data;
    char reason[32];
    (void)peer;
    trace->died++;
    add(trace, "died %u %s", (unsigned)event->worker_id,
        name_of(&yoke__v1__death_reason__descriptor, (int)event->reason, strlen("DEATH_REASON_"), reason));
}

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    struct trace *trace = user_data;
    CHECK_INT(peer->worker_id, 0);
    trace->reloaded++;
    trace->generation = event->generation;
    trace->replaced = event->replaced;
    trace->duration_us = event->duration_us;
    add(trace, "reloaded, generation %u, replaced %u", (unsigned)event->generation, event->replaced);
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    struct trace *trace = user_data;
    CHECK_INT(peer->worker_id, 0);
    trace->reload_failed++;
    trace->generation = event->generation;
    trace->replaced = event->replaced;
    snprintf(trace->failure, sizeof(trace->failure), "%s", event->detail);
    add(trace, "reload failed, generation %u, replaced %u: %s", (unsigned)event->generation, event->replaced,
        event->detail);
}

static void on_scaled(const struct yoke_peer *peer, const Yoke__V1__PoolScaled *event, void *user_data) {
    struct trace *trace = user_data;
    char reason[32];
    CHECK_INT(peer->worker_id, 0);
    trace->scaled++;
    trace->workers = event->workers;
    trace->before = event->before;
    add(trace, "scaled from %u to %u %s", event->before, event->workers,
        name_of(&yoke__v1__scale_reason__descriptor, (int)event->reason, strlen("SCALE_REASON_"), reason));
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)event;
    add(user_data, "stopped");
}

void trace_open(struct trace *trace, struct yoke_master *master) {
    struct yoke_events *events = yoke_master_events(master);
    *trace = (struct trace){0};
    REQUIRE_INT(yoke_v1_worker_started_on(events, on_started, trace), 0);
    REQUIRE_INT(yoke_v1_worker_ready_on(events, on_ready, trace), 0);
    REQUIRE_INT(yoke_v1_worker_draining_on(events, on_draining, trace), 0);
    REQUIRE_INT(yoke_v1_worker_died_on(events, on_died, trace), 0);
    REQUIRE_INT(yoke_v1_pool_reloaded_on(events, on_reloaded, trace), 0);
    REQUIRE_INT(yoke_v1_pool_reload_failed_on(events, on_reload_failed, trace), 0);
    REQUIRE_INT(yoke_v1_pool_scaled_on(events, on_scaled, trace), 0);
    REQUIRE_INT(yoke_v1_pool_stopped_on(events, on_stopped, trace), 0);
}

static bool begins_with(const char *text, const char *start) {
    return strncmp(text, start, strlen(start)) == 0;
}

unsigned trace_count(const struct trace *trace, const char *line) {
    unsigned count = 0;
    for (unsigned i = 0; i < trace->count; i++) {
        count += begins_with(trace->lines[i], line);
    }
    return count;
}

void trace_check(const struct trace *trace, const char *const *lines, const char *file, unsigned line) {
    for (unsigned i = 0; i < trace->count && *lines != NULL; i++) {
        lines += begins_with(trace->lines[i], *lines);
    }
    test_check_str(*lines, NULL, "the trace has all these, in this order; the first that is missing", file, line);
}
