/*
 * connection_starved_test.c: a connection that cannot queue another byte: neither its pool nor the heap has memory.
 * Every call says so or ends, once, and whoever would otherwise wait for ever has the connection closed.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/envelope.h"
#include "rpc/stream.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;
static struct outcome outcome;
static struct wire wire;
static uint8_t large_data[2 << 20];

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    outcome = (struct outcome){0};
    wire.length = 0;
}

/* From now on it has no memory at all, not even what its engine has kept to use again. No call of these has a
 * deadline. */
static void starve(struct machine *machine) {
    yoke__engine_release(&machine->engine);
    memory_fail_from(0);
}

static void feed_again(void) {
    CHECK(memory_fail_never());
}

static void finish(void) {
    machine_release(&master);
    machine_release(&worker);
    while (worker.held_count > 0) {
        (void)machine_answer_held(&worker, NULL, 0);
    }
}

static struct yoke_method method_of(enum yoke_method_kind kind) {
    struct yoke_method method = unit_echo_later_method;
    method.kind = kind;
    return method;
}

/* A call of the master's, of this kind; nothing has been sent yet but OPEN. */
static struct yoke_call *open_call(const struct yoke_method *method) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    bool has_request = method->kind == YOKE_UNARY || method->kind == YOKE_SERVER_STREAMING;
    struct yoke_call *call;
    REQUIRE_INT(yoke_channel_open(machine_channel(&master), method, has_request ? &request : NULL, NULL, NULL,
                                  (yoke_function *)outcome_take, &outcome, &call),
                0);
    return call;
}

/* Let the master have frames of the worker's, made by hand. */
static void feed(const struct yoke_method *method, const struct yoke__frame *header, const void *payload) {
    struct yoke__frame frame = *header;
    frame.stream = 1;
    frame.method = method->id;
    wire.length = 0;
    wire_frame(&wire, &frame, payload);
    (void)machine_feed(&master, wire.bytes, wire.length, 0);
}

/* Take what is queued, so that the next frame needs memory. */
static void drain(struct machine *machine) {
    static uint8_t scratch[1 << 16];
    while (machine_take(machine, scratch, sizeof(scratch)) > 0) {
    }
}

/* ---- Sending ----------------------------------------------------------------------------------------------------- */

static void requests_and_half_close_can_be_tried_again(void) {
    const struct yoke_method method = method_of(YOKE_CLIENT_STREAMING);
    const Unit__Bytes message = UNIT__BYTES__INIT;
    Unit__Bytes large = UNIT__BYTES__INIT;
    large.data = (ProtobufCBinaryData){.len = sizeof(large_data), .data = large_data};
    start();
    struct yoke_call *call = open_call(&method);
    drain(&master);
    starve(&master);
    CHECK_INT(yoke_call_send(call, &method, &message), -ENOMEM);
    CHECK_INT(yoke_call_half_close(call), -ENOMEM);
    CHECK_INT(yoke_call_hold(call), -ENOMEM);
    feed_again();
    CHECK_INT(yoke_call_hold(call), 0);
    yoke_call_resume(call);
    drain(&master);
    starve(&master);
    CHECK_INT(yoke_call_send(call, &method, &message), -ENOMEM);
    CHECK_INT(yoke_call_send(call, &method, &large), -ENOMEM);
    CHECK_INT(yoke_call_half_close(call), -ENOMEM);
    feed_again();
    CHECK_INT(yoke_call_send(call, &method, &message), 0);
    CHECK_INT(yoke_call_half_close(call), 0);
    CHECK_STR(master.connection.failure, "");
    finish();
    CHECK_INT(outcome.count, 1);
}

static void fragments_that_cannot_be_queued_fail_the_connection(void) {
    const struct yoke_method method = method_of(YOKE_CLIENT_STREAMING);
    Unit__Bytes large = UNIT__BYTES__INIT;
    large.data = (ProtobufCBinaryData){.len = sizeof(large_data), .data = large_data};
    start();
    struct yoke_call *call = open_call(&method);
    CHECK_INT(yoke_call_send(call, &method, &large), 0);
    while (master.connection.output.queued > 0) {
        yoke__output_consume(&master.connection.output, master.connection.output.queued);
    }
    starve(&master);
    CHECK(!yoke__streams_pump(&master.connection));
    feed_again();
    CHECK_STR(master.connection.failure, "out of memory for a fragment");
    CHECK(master.connection.is_own_failure);
    finish();
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_UNAVAILABLE);
}

static void credit_that_cannot_be_given_back_fails_the_connection(void) {
    static uint8_t payload[16384];
    const struct yoke_method method = method_of(YOKE_SERVER_STREAMING);
    const uint32_t total = (1u << 20) + 16384;
    start();
    (void)open_call(&method);
    drain(&master);
    memcpy(payload, &total, sizeof(total));
    const struct yoke__frame frame = {.type = YOKE__FRAME_MESSAGE, .flags = YOKE__FLAG_MORE, .length = sizeof(payload)};
    feed(&method, &frame, payload);
    starve(&master);
    /* Input needs memory of its own, which it has. */
    for (unsigned i = 0; i < 63 && master.connection.failure[0] == '\0'; i++) {
        (void)memory_fail_never();
        size_t room;
        REQUIRE(yoke__connection_input(&master.connection, &room) != NULL);
        memory_fail_from(0);
        feed(&method, &frame, payload);
    }
    (void)memory_fail_never();
    CHECK_STR(master.connection.failure, "out of memory for credit");
    finish();
    CHECK_INT(outcome.count, 1);
}

/* ---- Answering --------------------------------------------------------------------------------------------------- */

static void headers_can_be_tried_again(void) {
    start();
    CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    struct yoke_call *call = worker.held[0];
    starve(&worker);
    CHECK_INT(yoke_call_send_headers(call), -ENOMEM);
    CHECK(yoke_call_headers(call) == NULL);
    CHECK(yoke_call_trailers(call) == NULL);
    const Unit__Reason reason = UNIT__REASON__INIT;
    CHECK_INT(unit_reason_detail_add(call, &reason), -ENOMEM);
    feed_again();
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "key", "v"), 0);
    starve(&worker);
    CHECK_INT(yoke_call_send_headers(call), -ENOMEM);
    feed_again();
    CHECK_INT(yoke_call_send_headers(call), 0);
    CHECK_INT(yoke_call_send_headers(call), -EALREADY);
    CHECK_INT(machine_answer_held(&worker, "y", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

/* With a reply, however, there is no other time. */
static void headers_that_cannot_go_before_the_end_fail_the_connection(void) {
    for (unsigned is_error = 0; is_error < 2; is_error++) {
        start();
        CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
        machine_exchange(&master, &worker);
        struct yoke_call *call = worker.held[--worker.held_count];
        CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "key", "v"), 0);
        starve(&worker);
        const Unit__Bytes reply = UNIT__BYTES__INIT;
        CHECK_INT(is_error ? yoke_call_fail(call, YOKE_ABORTED, "no") : unit_echo_later_reply(call, &reply), -ENOMEM);
        feed_again();
        CHECK_STR(worker.connection.failure, "out of memory for headers");
        finish();
    }
}

/* Nor can the caller be told that a reply was too large. */
static void a_refusal_that_cannot_be_queued_fails_the_connection(void) {
    static uint8_t data[(4 << 20) + 1];
    start();
    CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    starve(&worker);
    CHECK_INT(machine_answer_held(&worker, data, sizeof(data)), -ENOMEM);
    feed_again();
    CHECK_STR(worker.connection.failure, "out of memory for an answer");
    finish();
}

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    *(struct yoke_call **)user_data = call;
    (void)request;
}

static const struct unit_streams_handlers streams = {.down = on_down};

/* Headers go with the first of a stream of replies, which can be tried again. */
static void headers_before_a_reply_can_be_tried_again(void) {
    struct yoke_call *call = NULL;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    start();
    worker.server.announced = false;
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, &call), 0);
    REQUIRE_INT(
        yoke_channel_open(machine_channel(&master), &unit_streams_down_method, &request, NULL, NULL, NULL, NULL, NULL),
        0);
    machine_exchange(&master, &worker);
    REQUIRE(call != NULL);
    CHECK_INT(yoke_call_hold(call), 0); /* so that there is a stream */
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "key", "v"), 0);
    starve(&worker);
    CHECK_INT(unit_streams_down_reply(call, &request), -ENOMEM);
    feed_again();
    CHECK_INT(unit_streams_down_reply(call, &request), 0);
    CHECK_INT(yoke_call_finish(call), 0);
    CHECK_STR(worker.connection.failure, "");
    finish();
}

/* ---- Receiving --------------------------------------------------------------------------------------------------- */

static void check_exhausted(void) {
    feed_again();
    machine_settle(&master);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
    CHECK_CONTAINS(outcome.message, "out of memory for");
    finish();
}

/* What an answer may consist of, each with a part that needs memory. */
static void answers_that_cannot_be_kept_end_their_call(void) {
    static const uint8_t list[] = "\1\0\0\0\1k\0v";           /* with the NUL */
    static const uint8_t block[] = "\x9\0\0\0\1\0\0\0\1k\0v"; /* the same behind its length */
    const struct yoke_method methods[] = {method_of(YOKE_UNARY), method_of(YOKE_SERVER_STREAMING)};
    const struct yoke__frame frames[] = {
        {.type = YOKE__FRAME_HEADERS, .length = sizeof(list)},
        {.type = YOKE__FRAME_END, .flags = YOKE__FLAG_METADATA, .length = sizeof(block)},
        {.type = YOKE__FRAME_MESSAGE, .length = 0},
        {.type = YOKE__FRAME_END, .length = 0},
    };
    const void *const payloads[] = {list, block, NULL, NULL};
    for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
        const struct yoke_method *method = &methods[i >= 2];
        start();
        (void)open_call(method);
        machine_exchange(&master, &worker);
        starve(&master);
        (void)memory_fail_never();
        size_t room;
        REQUIRE(yoke__connection_input(&master.connection, &room) != NULL);
        memory_fail_from(0);
        feed(method, &frames[i], payloads[i]);
        check_exhausted();
    }
}

static const struct test_case cases[] = {
    {.name = "requests and half-close can be tried again", .run = requests_and_half_close_can_be_tried_again},
    {.name = "fragments that cannot be queued fail the connection",
     .run = fragments_that_cannot_be_queued_fail_the_connection},
    {.name = "credit that cannot be given back fails the connection",
     .run = credit_that_cannot_be_given_back_fails_the_connection},
    {.name = "headers can be tried again", .run = headers_can_be_tried_again},
    {.name = "headers that cannot go before the end fail the connection",
     .run = headers_that_cannot_go_before_the_end_fail_the_connection},
    {.name = "a refusal that cannot be queued fails the connection",
     .run = a_refusal_that_cannot_be_queued_fails_the_connection},
    {.name = "headers before a reply can be tried again", .run = headers_before_a_reply_can_be_tried_again},
    {.name = "answers that cannot be kept end their call", .run = answers_that_cannot_be_kept_end_their_call},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"connection: starved", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
