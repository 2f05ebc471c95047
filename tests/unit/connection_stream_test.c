/*
 * connection_stream_test.c: what a peer can do wrong on a stream with more than one frame, and what a stream leaves
 * behind in the sums of its connection. Streams that behave are tested end to end.
 */
#include "harness.h"
#include "machine.h"
#include "rpc/call.h"
#include "rpc/stream.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

#define STREAM 2 /* the first call of a worker */

static struct machine worker;
static struct outcome outcome;
static struct wire wire;
static struct yoke_method method; /* Later, with a stream of replies, or of requests */
static struct yoke_call *call;

static void start(enum yoke_method_kind kind) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    method = unit_echo_later_method;
    method.kind = kind;
    outcome = (struct outcome){0};
    machine_init(&worker, false, NULL);
    REQUIRE_INT(yoke_channel_open(machine_channel(&worker), &method, kind == YOKE_SERVER_STREAMING ? &request : NULL,
                                  NULL, NULL, (yoke_function *)outcome_take, &outcome, &call),
                0);
    wire.length = 0;
    wire_hello(&wire);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
}

static void feed(const struct yoke__frame *header, const void *payload) {
    struct yoke__frame frame = *header;
    frame.stream = STREAM;
    frame.method = method.id;
    wire.length = 0;
    wire_frame(&wire, &frame, payload);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
}

/* A fragment of `length` bytes behind the total, if there is one. */
static void feed_fragment(const uint32_t *total, size_t length, bool is_last) {
    uint8_t payload[16384] = {0};
    size_t prefix = total != NULL ? sizeof(*total) : 0;
    if (total != NULL) {
        memcpy(payload, total, sizeof(*total));
    }
    feed(&(struct yoke__frame){.type = YOKE__FRAME_MESSAGE,
                               .flags = is_last ? 0 : YOKE__FLAG_MORE,
                               .length = (uint32_t)(prefix + length)},
         payload);
}

static void finish(void) {
    machine_close(&worker, "over");
    machine_settle(&worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(worker.connection.buffered_bytes, 0);
    CHECK_INT(worker.connection.outbox_bytes, 0);
    machine_release(&worker);
}

static void more_than_the_credit_is_a_violation(void) {
    const size_t length = 16384 - YOKE__FRAME_HEADER_SIZE;
    start(YOKE_SERVER_STREAMING);
    REQUIRE_INT(yoke_call_hold(call), 0);
    for (size_t i = 0; i < YOKE__CREDIT_INITIAL / 16384; i++) {
        feed_fragment(NULL, length, true);
        CHECK_STR(worker.connection.failure, "");
    }
    CHECK(worker.connection.buffered_bytes >= YOKE__CREDIT_INITIAL / 16384 * length);
    feed_fragment(NULL, 0, true);
    CHECK_STR(worker.connection.failure, "MESSAGE on stream 2 is more than its credit");
    finish();
}

/* Large messages on hold use up the credit, too. */
static void fragments_on_hold_are_bounded_by_credit(void) {
    const uint32_t total = 4u << 20;
    start(YOKE_SERVER_STREAMING);
    REQUIRE_INT(yoke_call_hold(call), 0);
    size_t fed = 0;
    while (worker.connection.failure[0] == '\0' && fed < total) {
        feed_fragment(fed == 0 ? &total : NULL, 16000, false);
        fed += 16000;
    }
    CHECK_STR(worker.connection.failure, "MESSAGE on stream 2 is more than its credit");
    CHECK(fed <= YOKE__CREDIT_INITIAL + 16000);
    finish();
}

static void fragments_must_be_what_they_said(void) {
    const uint32_t total = 100;
    start(YOKE_SERVER_STREAMING);
    feed_fragment(&total, 60, false);
    CHECK_INT(worker.connection.buffered_bytes, 100);
    feed_fragment(NULL, 39, true);
    CHECK_STR(worker.connection.failure, "the fragments of a message on stream 2 are not its 100 bytes");
    finish();
    start(YOKE_SERVER_STREAMING);
    feed_fragment(&total, 60, false);
    feed_fragment(NULL, 41, false);
    CHECK_STR(worker.connection.failure, "the fragments of a message on stream 2 are not its 100 bytes");
    finish();
}

static void an_OK_within_a_message_is_a_violation(void) {
    const uint32_t total = 100;
    start(YOKE_SERVER_STREAMING);
    feed_fragment(&total, 60, false);
    feed(&(struct yoke__frame){.type = YOKE__FRAME_END, .flags = YOKE__FLAG_NO_MESSAGE}, NULL);
    CHECK_STR(worker.connection.failure, "END says OK within a message on stream 2");
    finish();
}

/* An error may come at any time, and what was begun is dropped. */
static void an_error_within_a_message_ends_the_call(void) {
    const uint32_t total = 100;
    start(YOKE_SERVER_STREAMING);
    feed_fragment(&total, 60, false);
    feed(&(struct yoke__frame){.type = YOKE__FRAME_END, .aux = YOKE_ABORTED}, NULL);
    CHECK_STR(worker.connection.failure, "");
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_ABORTED);
    CHECK_INT(worker.connection.buffered_bytes, 0);
    finish();
}

static void an_END_must_be_what_its_flags_say(void) {
    static const struct {
        unsigned flags, code;
        const char *payload;
        size_t length;
        const char *failure;
    } table[] = {
        {YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_METADATA, YOKE_OK, "\x9\0\0\0\1\0\0\0\1k\0v\0x", 14,
         "END on stream 2 says that it has no message, and has one"},
        {YOKE__FLAG_METADATA, YOKE_OK, "\xff\0\0\0\1\0\0\0\1k\0v", 13, "the trailers of END on stream 2 are malformed"},
        /* The metadata takes all, and leaves no room for the details. */
        {YOKE__FLAG_METADATA | YOKE__FLAG_DETAILS, YOKE_ABORTED, "\x9\0\0\0\1\0\0\0\1k\0v", 13,
         "the trailers of END on stream 2 are malformed"},
        /* The name of a type has no bar. */
        {YOKE__FLAG_DETAILS, YOKE_ABORTED, "\x9\0\0\0\1\0\0\0\1-\0v", 13,
         "the trailers of END on stream 2 are malformed"},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        start(YOKE_CLIENT_STREAMING);
        feed(&(struct yoke__frame){.type = YOKE__FRAME_END,
                                   .flags = (uint8_t)table[i].flags,
                                   .aux = (uint16_t)table[i].code,
                                   .length = (uint32_t)table[i].length},
             table[i].payload);
        CHECK_STR(worker.connection.failure, table[i].failure);
        finish();
    }
}

static void an_error_behind_the_only_reply_ends_the_call(void) {
    start(YOKE_CLIENT_STREAMING);
    feed_fragment(NULL, 0, true);
    feed(&(struct yoke__frame){.type = YOKE__FRAME_END, .aux = YOKE_ABORTED}, NULL);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_ABORTED);
    finish();
}

static void a_message_over_the_limit_ends_its_call(void) {
    const uint32_t total = (4u << 20) + 1;
    start(YOKE_SERVER_STREAMING);
    feed_fragment(&total, 60, false);
    CHECK_STR(worker.connection.failure, "");
    machine_settle(&worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_RESOURCE_EXHAUSTED);
    /* What still comes of it crossed our CANCEL. */
    feed_fragment(NULL, 60, false);
    CHECK_STR(worker.connection.failure, "");
    finish();
}

static void credit_is_given_back_once(void) {
    const uint8_t data[1000] = {0};
    const uint32_t most = (uint32_t)(1000 + 3 + YOKE__FRAME_HEADER_SIZE);
    const uint32_t too_much = most + 1;
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = sizeof(data), .data = (uint8_t *)(uintptr_t)data};
    for (unsigned lies = 0; lies < 2; lies++) {
        start(YOKE_CLIENT_STREAMING);
        REQUIRE_INT(yoke_call_send(call, &method, &message), 0);
        feed(&(struct yoke__frame){.type = YOKE__FRAME_CREDIT, .length = 4}, lies ? &too_much : &most);
        CHECK_STR(worker.connection.failure,
                  lies ? "CREDIT gives 1020 bytes back on stream 2, where 1019 are due" : "");
        finish();
    }
}

/* Without credit the last bytes go out as a fragment; then there is no more, and nothing is sent until there is. */
static void nothing_is_sent_without_credit(void) {
    static uint8_t data[100000];
    static uint8_t drained[1 << 16];
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = sizeof(data), .data = data};
    start(YOKE_CLIENT_STREAMING);
    size_t sent = 0;
    unsigned accepted = 0;
    for (unsigned i = 0; i < 100; i++) {
        accepted += yoke_call_send(call, &method, &message) == 0;
        for (size_t size; (size = machine_take(&worker, drained, sizeof(drained))) > 0;) {
            sent += size;
        }
    }
    CHECK_INT(accepted, YOKE__CREDIT_INITIAL / sizeof(data) + 1);
    CHECK(sent <= YOKE__CREDIT_INITIAL + 200);
    CHECK_INT(yoke_call_send(call, &method, &message), -EAGAIN);
    CHECK(worker.connection.outbox_bytes > 0);
    CHECK_INT(yoke_call_cancel(call), 0);
    CHECK_INT(worker.connection.outbox_bytes, 0);
    machine_settle(&worker);
    finish();
}

/* ---- What a handler's side may be sent --------------------------------------------------------------------------- */

static struct {
    unsigned opened, messages, ends;
    struct yoke_call *call;
    bool fails_at_message;
} served;

static void on_up(struct yoke_call *opened, void *user_data) {
    (void)user_data;
    served.opened++;
    served.call = opened;
}

static void on_up_message(struct yoke_call *opened, const Unit__Bytes *message, void *user_data) {
    (void)message;
    (void)user_data;
    served.messages++;
    if (served.fails_at_message) {
        CHECK_INT(yoke_call_fail(opened, YOKE_ABORTED, NULL), 0);
    }
}

static void on_up_end(struct yoke_call *opened, void *user_data) {
    const Unit__Bytes reply = UNIT__BYTES__INIT;
    (void)user_data;
    served.ends++;
    CHECK_INT(unit_streams_up_reply(opened, &reply), 0);
}

static const struct unit_streams_handlers handlers = {.up = on_up, .up_message = on_up_message, .up_end = on_up_end};

static void serve_up(void) {
    memset(&served, 0, sizeof(served));
    machine_init(&worker, false, NULL);
    REQUIRE_INT(unit_streams_serve(&worker.server, &handlers, NULL), 0);
    wire.length = 0;
    wire_hello(&wire);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
}

/* An OPEN of Up; with an empty message, unless the flags say otherwise. */
static void feed_open(unsigned flags) {
    const struct yoke__frame frame = {
        .stream = 1, .method = unit_streams_up_method.id, .type = YOKE__FRAME_OPEN, .flags = (uint8_t)flags};
    wire.length = 0;
    wire_frame(&wire, &frame, NULL);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    CHECK_STR(worker.connection.failure, "");
}

static void check_answer(enum yoke_code code) {
    struct yoke__frame frame;
    uint8_t payload[1000];
    do {
        REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    } while (frame.type == YOKE__FRAME_HELLO);
    CHECK_INT(frame.type, YOKE__FRAME_END);
    CHECK_INT(frame.aux, code);
    CHECK_INT(worker.connection.incoming_count, 0);
}

static void OPEN_may_carry_the_first_of_a_stream(void) {
    serve_up();
    feed_open(YOKE__FLAG_END_STREAM);
    CHECK_INT(served.opened, 1);
    CHECK_INT(served.messages, 1);
    CHECK_INT(served.ends, 1);
    check_answer(YOKE_OK);
    machine_release(&worker);

    serve_up();
    feed_open(YOKE__FLAG_END_STREAM | YOKE__FLAG_NO_MESSAGE);
    CHECK_INT(served.messages, 0);
    CHECK_INT(served.ends, 1);
    check_answer(YOKE_OK);
    machine_release(&worker);

    /* Its handler has enough of the first. */
    serve_up();
    served.fails_at_message = true;
    feed_open(YOKE__FLAG_END_STREAM);
    CHECK_INT(served.messages, 1);
    CHECK_INT(served.ends, 0);
    check_answer(YOKE_ABORTED);
    machine_release(&worker);
}

/* ---- Functions for another kind of call -------------------------------------------------------------------------- */

static void on_writable(struct yoke_call *writable, void *user_data) {
    (void)writable;
    (*(unsigned *)user_data)++;
}

static void a_call_takes_only_its_own_functions(void) {
    const Unit__Bytes message = UNIT__BYTES__INIT;
    start(YOKE_SERVER_STREAMING);
    CHECK_INT(yoke_call_send(call, &method, &message), -EINVAL);
    CHECK_INT(yoke_call_half_close(call), -EINVAL);
    CHECK_INT(yoke_call_send_reply(call, &method, &message), -EINVAL);
    CHECK_INT(yoke_call_reply(call, &method, &message), -EINVAL);
    CHECK_INT(yoke_call_finish(call), -EINVAL);
    finish();
    start(YOKE_CLIENT_STREAMING);
    CHECK_INT(yoke_call_send(call, &unit_echo_now_method, &message), -EINVAL);
    CHECK_INT(yoke_call_cancel(call), 0);
    CHECK_INT(yoke_call_send(call, &method, &message), -ECANCELED);
    CHECK_INT(yoke_call_half_close(call), -ECANCELED);
    CHECK_INT(yoke_call_hold(call), -ECANCELED);
    yoke_call_resume(call);
    machine_settle(&worker);
    finish();
    serve_up();
    feed_open(YOKE__FLAG_NO_MESSAGE);
    CHECK_INT(yoke_call_send(served.call, &unit_streams_up_method, &message), -EINVAL);
    CHECK_INT(yoke_call_half_close(served.call), -EINVAL);
    CHECK_INT(yoke_call_send_reply(served.call, &unit_streams_up_method, &message), -EINVAL);
    CHECK_INT(yoke_call_send_reply(served.call, &unit_streams_both_method, &message), -EINVAL);
    CHECK_INT(yoke_call_finish(served.call), -EINVAL);
    CHECK_INT(yoke_call_reply(served.call, &unit_echo_now_method, &message), -EINVAL);
    CHECK_INT(unit_streams_up_reply(served.call, &message), 0);
    machine_release(&worker);
}

/* In a callback of it a call is cancelled, and the loop turns: it ends, and is freed when the callback has returned. */
static void end_it(struct yoke_call *ended, const void *message, void *user_data) {
    (void)message;
    (void)user_data;
    CHECK_INT(yoke_call_cancel(ended), 0);
    machine_settle(&worker);
    CHECK_INT(outcome.count, 1);
}

static void receive(yoke_function *on_message, struct yoke_call *received, const void *reply, void *user_data) {
    ((void (*)(struct yoke_call *, const void *, void *))on_message)(received, reply, user_data);
}

static void a_call_may_end_inside_its_callback(void) {
    start(YOKE_SERVER_STREAMING);
    method.receive = receive;
    call->on_message = (yoke_function *)end_it;
    feed_fragment(NULL, 0, true);
    CHECK_INT(outcome.code, YOKE_CANCELLED);
    CHECK_STR(worker.connection.failure, "");
    CHECK_INT(worker.connection.outgoing_count, 0);
    finish();
}

/* Whoever was told to wait and then ends the stream is not told to go on. */
static void nobody_is_told_to_go_on_after_the_end(void) {
    static uint8_t data[100000];
    unsigned told = 0;
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = sizeof(data), .data = data};
    start(YOKE_CLIENT_STREAMING);
    yoke_call_on_writable(call, on_writable, &told);
    while (yoke_call_send(call, &method, &message) == 0) {
    }
    CHECK_INT(yoke_call_half_close(call), 0);
    uint8_t drained[4096];
    while (machine_take(&worker, drained, sizeof(drained)) > 0) {
    }
    const uint32_t credit = 1u << 20;
    feed(&(struct yoke__frame){.type = YOKE__FRAME_CREDIT, .length = 4}, &credit);
    while (machine_take(&worker, drained, sizeof(drained)) > 0) {
    }
    machine_settle(&worker);
    CHECK_INT(told, 0);
    finish();
}

static const struct test_case cases[] = {
    {.name = "more than the credit is a violation", .run = more_than_the_credit_is_a_violation},
    {.name = "fragments on hold are bounded by credit", .run = fragments_on_hold_are_bounded_by_credit},
    {.name = "fragments must be what they said", .run = fragments_must_be_what_they_said},
    {.name = "an OK within a message is a violation", .run = an_OK_within_a_message_is_a_violation},
    {.name = "an error within a message ends the call", .run = an_error_within_a_message_ends_the_call},
    {.name = "an END must be what its flags say", .run = an_END_must_be_what_its_flags_say},
    {.name = "an error behind the only reply ends the call", .run = an_error_behind_the_only_reply_ends_the_call},
    {.name = "a message over the limit ends its call", .run = a_message_over_the_limit_ends_its_call},
    {.name = "credit is given back once", .run = credit_is_given_back_once},
    {.name = "nothing is sent without credit", .run = nothing_is_sent_without_credit},
    {.name = "OPEN may carry the first of a stream", .run = OPEN_may_carry_the_first_of_a_stream},
    {.name = "a call takes only its own functions", .run = a_call_takes_only_its_own_functions},
    {.name = "a call may end inside its callback", .run = a_call_may_end_inside_its_callback},
    {.name = "nobody is told to go on after the end", .run = nobody_is_told_to_go_on_after_the_end},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"connection: streams", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
