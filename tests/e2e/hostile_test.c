/*
 * hostile_test.c: what a worker may do to its master: messages that would blow up a decoder cost the call, bytes that
 * are no protocol cost the worker, and nobody else.
 */
#include "lab.h"
#include "raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

/* ---- Messages that are well framed and hard to decode */

static void check_reply(struct lab *lab, bool is_tree, const uint8_t *bytes, size_t size, enum yoke_code expected) {
    struct lab_result result = {.lab = lab};
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    request.data.data = (uint8_t *)(uintptr_t)bytes;
    request.data.len = size;
    if (is_tree) {
        REQUIRE_INT(probe_raw_reply_tree(lab_channel(lab), &request, NULL, lab_on_tree, &result), 0);
    } else {
        REQUIRE_INT(probe_raw_reply_payload(lab_channel(lab), &request, NULL, lab_on_payload, &result), 0);
    }
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, expected);
    lab_release(&result);
}

static void check_request(struct lab *lab, bool is_tree, const uint8_t *bytes, size_t size, enum yoke_code expected) {
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    request.method = is_tree ? (char[]){"EchoTree"} : (char[]){"Echo"};
    request.raw = true;
    request.data.data = (uint8_t *)(uintptr_t)bytes;
    request.data.len = size;
    REQUIRE_INT(lab_call_master(lab, lab_channel(lab), &request, &call), 0);
    LAB_WAIT(lab, call.result.count > 0);
    LAB_CHECK_ENDED(&call.result, YOKE_OK);
    CHECK_INT(call.error, 0);
    CHECK_STR(yoke_code_name(call.code), yoke_code_name(expected));
    lab_master_call_release(&call);
}

static void check_event(struct lab *lab, const uint8_t *bytes, size_t size, unsigned expected) {
    struct lab_result result = {.lab = lab};
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    const unsigned before = lab->grown_count;
    request.data.data = (uint8_t *)(uintptr_t)bytes;
    request.data.len = size;
    REQUIRE_INT(probe_worker_emit_raw_grown(lab_channel(lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(lab->grown_count - before, expected);
}

/* The same bytes every way that a worker can send them; afterwards all still works. */
static void check_all_ways(bool is_tree, const uint8_t *bytes, size_t size, enum yoke_code expected) {
    struct lab lab;
    lab_open(&lab, NULL);
    check_reply(&lab, is_tree, bytes, size, expected);
    lab_check_echo(&lab, lab_channel(&lab));
    check_request(&lab, is_tree, bytes, size, expected);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

/* A Grown that holds this Tree. To be freed. */
static uint8_t *wrap_tree(const uint8_t *tree, size_t size, size_t *ret_size) {
    uint8_t *event = malloc(size + 8);
    size_t at = 1;
    REQUIRE(event != NULL);
    event[0] = 1 << 3 | 2; /* Grown.tree */
    for (size_t rest = size; rest > 0 || at == 1; rest >>= 7) {
        event[at++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    }
    memcpy(event + at, tree, size);
    *ret_size = at + size;
    return event;
}

static void nesting_ten_thousand_deep_is_an_error(void) {
    size_t size = 0;
    uint8_t *tree = raw_deep_tree(10000, &size);
    check_all_ways(true, tree, size, YOKE_INTERNAL);
    free(tree);
}

static void nesting_a_million_deep_is_an_error(void) {
    size_t size = 0;
    uint8_t *tree = raw_deep_tree(900000, &size);
    REQUIRE(size > 3000000 && size < 4000000);
    check_all_ways(true, tree, size, YOKE_INTERNAL);
    free(tree);
}

static void nesting_up_to_the_limit_is_fine(void) {
    size_t size = 0;
    uint8_t *tree = raw_deep_tree(64, &size);
    check_all_ways(true, tree, size, YOKE_OK);
    free(tree);
    tree = raw_deep_tree(65, &size);
    check_all_ways(true, tree, size, YOKE_INTERNAL);
    free(tree);
}

static void nesting_in_an_event_costs_the_event(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    static const struct { unsigned depth, delivered; } rows[] = {{1, 1}, {63, 1}, {64, 0}, {10000, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t tree_size = 0;
        size_t size = 0;
        uint8_t *tree = raw_deep_tree(rows[i].depth, &tree_size);
        uint8_t *event = wrap_tree(tree, tree_size, &size);
        check_event(&lab, event, size, rows[i].delivered);
        free(event);
        free(tree);
    }
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

static void a_mebibyte_of_unknown_fields_is_an_error(void) {
    uint8_t *fields = raw_unknown_fields(1u << 20);
    check_all_ways(false, fields, 1u << 20, YOKE_RESOURCE_EXHAUSTED);
    check_all_ways(true, fields, 1u << 20, YOKE_RESOURCE_EXHAUSTED);
    struct lab lab;
    lab_open(&lab, NULL);
    check_event(&lab, fields, 1u << 20, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
    free(fields);
}

static void some_unknown_fields_are_fine(void) {
    uint8_t *fields = raw_unknown_fields(200);
    check_all_ways(false, fields, 200, YOKE_OK);
    check_all_ways(true, fields, 200, YOKE_OK);
    free(fields);
}

static void malformed_messages_are_an_error(void) {
    static const struct {
        size_t size;
        uint8_t bytes[16];
    } rows[] = {
        {1, {0xff}},                                                              /* a key that does not end */
        {2, {0x0a, 0xff}},                                                        /* a length that does not end */
        {3, {0x0a, 0x05, 0x00}},                                                  /* a length beyond the end */
        {11, {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}}, /* a length of 2^64 - 1 */
        {1, {0x0b}},                                                              /* a group */
        {2, {0x0f, 0x01}},                                                        /* a wire type that is none */
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check_all_ways(false, rows[i].bytes, rows[i].size, YOKE_INTERNAL);
        check_all_ways(true, rows[i].bytes, rows[i].size, YOKE_INTERNAL);
    }
}

static void a_worker_survives_what_its_master_sends(void) {
    struct lab lab;
    size_t size = 0;
    uint8_t *tree = raw_deep_tree(10000, &size);
    struct lab_result result = {.lab = &lab};
    const struct raw_bytes bytes = {tree, size};
    struct yoke_method method = probe_common_echo_tree_method;
    method.request = &raw_type;
    lab_open(&lab, NULL);
    REQUIRE_INT(yoke_channel_call(lab_channel(&lab), &method, &bytes, NULL, (yoke_function *)lab_on_tree, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_INTERNAL);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.death_count, 0);
    free(tree);
    lab_close(&lab);
}

/* ---- Bytes that are no protocol */

/* Worker 0 writes them past Yoke; it dies of it, with its calls, and worker 1 does not notice. */
static void check_violation(const void *bytes, size_t size, const char *what) {
    struct lab lab;
    struct lab_result sent = {0};
    struct lab_result never = {0};
    struct lab_result held = {0};
    struct lab_result released = {.lab = &lab};
    printf("violation: %s\n", what);
    lab_open(&lab, &(struct lab_options){.workers = 2});
    struct yoke_channel *other = yoke_child_channel(yoke_pool_child(lab.pool, 1));
    REQUIRE_INT(lab_hold(&lab, other, "safe", 4, &held), 0);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    REQUIRE_INT(lab_send_raw(&lab, lab_channel(&lab), bytes, size, PROBE__END__END_NOT, 0, &sent), 0);
    LAB_WAIT(&lab, lab.death_count > 0);
    CHECK_INT(lab.death_count, 1);
    const struct lab_death *death = &lab.deaths[0];
    CHECK_INT(death->index, 0);
    CHECK_INT(death->reason, REASON(PROTOCOL_VIOLATION));
    CHECK_CONTAINS(death->detail, "violated the protocol: ");
    CHECK(strlen(death->detail) > 40);
    CHECK_INT(death->calls_in_flight, 2);
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
    CHECK_CONTAINS(never.message, "violated the protocol");
    LAB_CHECK_ENDED(&sent, YOKE_UNAVAILABLE);
    CHECK(never.order < death->order && sent.order < death->order);

    CHECK_INT(held.count, 0);
    lab_check_echo(&lab, other);
    const Probe__ReleaseRequest request = PROBE__RELEASE_REQUEST__INIT;
    REQUIRE_INT(probe_common_release(other, &request, NULL, lab_on_empty, &released), 0);
    LAB_WAIT(&lab, released.count > 0);
    LAB_CHECK_ENDED(&held, YOKE_OK);
    CHECK(held.size == 4 && memcmp(held.data, "safe", 4) == 0);
    lab_release(&held);
    lab_close(&lab);
}

static void garbage_kills_only_who_sent_it(void) {
    uint8_t garbage[256];
    memset(garbage, 0xff, sizeof(garbage));
    check_violation(garbage, sizeof(garbage), "ones");
    memset(garbage, 0, sizeof(garbage));
    check_violation(garbage, sizeof(garbage), "zeros");
    check_violation("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 36, "http");
    srand(7);
    for (size_t i = 0; i < sizeof(garbage); i++) {
        garbage[i] = (uint8_t)(rand() >> 8);
    }
    check_violation(garbage, sizeof(garbage), "noise");
}

static void each_illegal_frame_kills_only_who_sent_it(void) {
    const uint32_t echo = probe_common_echo_method.id;
    const struct {
        const char *what;
        enum raw_frame_type type;
        uint32_t length, stream, method;
        uint8_t flags;
        uint16_t aux;
    } rows[] = {
        {"a second HELLO", RAW_HELLO, 0, 0, 0x454b4f59, 0, 1},
        {"a frame of type 0", (enum raw_frame_type)0, 0, 0, 0, 0, 0},
        {"a frame of type 200", (enum raw_frame_type)200, 0, 0, 0, 0, 0},
        {"OPEN with the master's parity", RAW_OPEN, 0, 9, echo, 1, 0},
        {"OPEN with stream 0", RAW_OPEN, 0, 0, echo, 1, 0},
        {"OPEN with unknown flags", RAW_OPEN, 0, 8, echo, 0x81, 0},
        {"OPEN with aux", RAW_OPEN, 0, 8, echo, 1, 7},
        {"END for no call", RAW_END, 0, 4711, echo, 0, 0},
        {"END for stream 0", RAW_END, 0, 0, echo, 0, 0},
        {"END of the held call with another method", RAW_END, 0, 1, echo, 0, 0},
        {"END with status 17", RAW_END, 0, 1, probe_common_never_method.id, 0, 17},
        {"END with unknown flags", RAW_END, 0, 1, probe_common_never_method.id, 0x40, 0},
        {"END with a huge status", RAW_END, 1u << 20, 1, probe_common_never_method.id, 0, 13},
        {"EVENT with a stream", RAW_EVENT, 0, 2, probe_tick_event.id, 0, 0},
        {"EVENT with flags", RAW_EVENT, 0, 0, probe_tick_event.id, 1, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t frame[RAW_HEADER_SIZE];
        raw_frame(frame, rows[i].type, rows[i].length, rows[i].stream, rows[i].method, rows[i].flags, rows[i].aux);
        check_violation(frame, sizeof(frame), rows[i].what);
    }
}

static void a_stream_id_used_twice_kills_only_who_sent_it(void) {
    uint8_t frames[2 * RAW_HEADER_SIZE];
    const uint32_t never = probe_common_never_method.id;
    raw_frame(frames, RAW_OPEN, 0, 8, never, 1, 0);
    raw_frame(frames + RAW_HEADER_SIZE, RAW_OPEN, 0, 8, never, 1, 0);
    check_violation(frames, sizeof(frames), "OPEN of a live stream");
}

static void a_status_that_is_no_status_kills_only_who_sent_it(void) {
    uint8_t frame[RAW_HEADER_SIZE + 4];
    raw_frame(frame, RAW_END, 4, 1, probe_common_never_method.id, 0, 13);
    memset(frame + RAW_HEADER_SIZE, 0xff, 4);
    check_violation(frame, sizeof(frame), "END with a status that is none");
}

/* Legal frames made by hand, so that the tests above fail for what they say and not for bad hands. */
static void legal_frames_made_by_hand_are_taken(void) {
    struct lab lab;
    struct lab_result never = {0};
    struct lab_result sent = {0};
    uint8_t frames[3 * RAW_HEADER_SIZE];
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    raw_frame(frames, RAW_END, 0, 1, probe_common_never_method.id, 0, 0);
    raw_frame(frames + RAW_HEADER_SIZE, RAW_OPEN, 0, 8, probe_common_never_method.id, 1, 0);
    raw_frame(frames + 2 * RAW_HEADER_SIZE, RAW_EVENT, 0, 0, probe_tick_event.id, 0, 0);
    REQUIRE_INT(lab_send_raw(&lab, lab_channel(&lab), frames, sizeof(frames), PROBE__END__END_NOT, 0, &sent), 0);
    LAB_WAIT(&lab, sent.count > 0);
    LAB_CHECK_ENDED(&sent, YOKE_OK);
    LAB_CHECK_ENDED(&never, YOKE_OK);
    CHECK_INT(lab.common.never_count, 1);
    CHECK_INT(lab.tick_count, 1);
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

static void a_violation_before_death_by_itself_is_one_death(void) {
    struct lab lab;
    struct lab_result sent = {0};
    uint8_t garbage[64];
    memset(garbage, 0xff, sizeof(garbage));
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_send_raw(&lab, lab_channel(&lab), garbage, sizeof(garbage), PROBE__END__END_EXIT, 3, &sent), 0);
    LAB_WAIT(&lab, lab.death_count > 0);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.death_count, 1);
    LAB_CHECK_ENDED(&sent, YOKE_UNAVAILABLE);
    lab_close(&lab);
}

/* ---- Events that only the master may emit */

/* The worker's own death, as it would be told, but told by the worker. */
static void a_worker_cannot_forge_a_death(void) {
    struct lab lab;
    struct lab_result sent = {0};
    uint8_t frame[RAW_HEADER_SIZE + 256];
    Yoke__V1__WorkerDied event = YOKE__V1__WORKER_DIED__INIT;
    lab_open(&lab, NULL);
    event.worker_id = lab.births[0].worker_id;
    event.pid = lab.births[0].pid;
    event.pool = (char[]){"lab"};
    event.detail = (char[]){"forged"};
    size_t length = yoke__v1__worker_died__get_packed_size(&event);
    REQUIRE(length <= 256);
    raw_frame(frame, RAW_EVENT, (uint32_t)length, 0, yoke_v1_worker_died_event.id, 0, 0);
    yoke__v1__worker_died__pack(&event, frame + RAW_HEADER_SIZE);
    REQUIRE_INT(lab_send_raw(&lab, lab_channel(&lab), frame, RAW_HEADER_SIZE + length, PROBE__END__END_NOT, 0, &sent),
                0);
    LAB_WAIT(&lab, sent.count > 0);
    LAB_CHECK_ENDED(&sent, YOKE_OK);
    CHECK_INT(lab.death_count, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void the_masters_own_events_cannot_be_sent(void) {
    struct lab lab;
    const Yoke__V1__PoolStopped event = YOKE__V1__POOL_STOPPED__INIT;
    lab_open(&lab, NULL);
    CHECK_INT(yoke_v1_pool_stopped_emit(lab_channel(&lab), &event), -EPERM);
    CHECK_INT(yoke_v1_pool_stopped_emit(yoke_pool_channel(lab.pool), &event), -EPERM);
    CHECK_INT(lab.stopped_count, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

/* ---- Programs that are no workers at all */

static void open_program(struct lab *lab, const char *script, const struct lab_options *options) {
    char shell[] = "sh";
    char command[] = "-c";
    char *argv[] = {shell, command, (char *)(uintptr_t)script, NULL};
    const struct yoke_pool_options pool_options = {
        YOKE_POOL_OPTIONS_INIT, .path = "/bin/sh", .argv = argv,
        .workers = 1,           .name = "lab",     .stop_timeout_ms = options->stop_timeout_ms,
    };
    lab_open_master(lab, options);
    REQUIRE_INT(yoke_pool_create(lab->master, &pool_options, &lab->pool), 0);
}

static void check_program(const char *script, int reason, int exit_code, const char *detail) {
    struct lab lab;
    struct lab_result result = {0};
    if (!lab_is_exec()) {
        return;
    }
    open_program(&lab, script, &(struct lab_options){.stop_timeout_ms = 50});
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    LAB_WAIT(&lab, lab.death_count > 0);
    CHECK_INT(lab.ready_count, 0);
    CHECK_INT(lab.deaths[0].reason, reason);
    CHECK_INT(lab.deaths[0].exit_code, exit_code);
    CHECK_CONTAINS(lab.deaths[0].detail, detail);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    lab_close(&lab);
}

static void a_program_that_is_no_worker_is_told_by_its_exit(void) {
    check_program("exit 4", REASON(EXITED), 4, "exited with code 4");
}

static void a_program_that_closes_the_channel_is_killed(void) {
    check_program("exec 3>&-; exec sleep 1000", REASON(CHANNEL_CLOSED), -1, "closed its channel");
}

static void a_program_that_talks_otherwise_is_killed(void) {
    check_program("echo 'Hello, master, I am not a worker' >&3; exec sleep 1000", REASON(PROTOCOL_VIOLATION), -1,
                  "HELLO");
}

static void a_worker_of_another_protocol_version_is_killed(void) {
    check_program("printf '\\000\\000\\000\\000\\000\\000\\000\\000YOKE\\001\\000\\002\\000' >&3;"
                  "exec sleep 1000",
                  REASON(PROTOCOL_VIOLATION), -1, "version");
}

static void a_frame_before_hello_is_a_violation(void) {
    check_program("printf '\\000\\000\\000\\000\\000\\000\\000\\000YOKE\\004\\000\\000\\000' >&3;"
                  "exec sleep 1000",
                  REASON(PROTOCOL_VIOLATION), -1, "HELLO");
}

static const struct test_case cases[] = {
    {.name = "nesting ten thousand deep is an error", .run = nesting_ten_thousand_deep_is_an_error},
    {.name = "nesting a million deep is an error", .run = nesting_a_million_deep_is_an_error},
    {.name = "nesting up to the limit is fine", .run = nesting_up_to_the_limit_is_fine},
    {.name = "nesting in an event costs the event", .run = nesting_in_an_event_costs_the_event},
    {.name = "a mebibyte of unknown fields is an error", .run = a_mebibyte_of_unknown_fields_is_an_error},
    {.name = "some unknown fields are fine", .run = some_unknown_fields_are_fine},
    {.name = "malformed messages are an error", .run = malformed_messages_are_an_error},
    {.name = "a worker survives what its master sends", .run = a_worker_survives_what_its_master_sends},
    {.name = "garbage kills only who sent it", .run = garbage_kills_only_who_sent_it},
    {.name = "each illegal frame kills only who sent it", .run = each_illegal_frame_kills_only_who_sent_it},
    {.name = "a stream id used twice kills only who sent it", .run = a_stream_id_used_twice_kills_only_who_sent_it},
    {.name = "a status that is no status kills only who sent it",
     .run = a_status_that_is_no_status_kills_only_who_sent_it},
    {.name = "legal frames made by hand are taken", .run = legal_frames_made_by_hand_are_taken},
    {.name = "a violation before death by itself is one death", .run = a_violation_before_death_by_itself_is_one_death},
    {.name = "a worker cannot forge a death", .run = a_worker_cannot_forge_a_death},
    {.name = "the master's own events cannot be sent", .run = the_masters_own_events_cannot_be_sent},
    {.name = "a program that is no worker is told by its exit", .run = a_program_that_is_no_worker_is_told_by_its_exit},
    {.name = "a program that closes the channel is killed", .run = a_program_that_closes_the_channel_is_killed},
    {.name = "a program that talks otherwise is killed", .run = a_program_that_talks_otherwise_is_killed},
    {.name = "a worker of another protocol version is killed", .run = a_worker_of_another_protocol_version_is_killed},
    {.name = "a frame before HELLO is a violation", .run = a_frame_before_hello_is_a_violation},
    {.name = NULL},
};

LAB_MAIN(cases)
