/*
 * sync_test.c: calls that block, between two machines. What the loop does meanwhile is tested in io_test.c and end to
 * end; here it is what the functions return, and what the call keeps for its user and for how long.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/stream.h"
#include "wire.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct machine master, worker;
static struct yoke_sync held;
static const Unit__Bytes *reply;

/* ---- The streams that are served: as many messages as the request has bytes, modulo 1,000; and what was sent ----- */

static unsigned down_sent, up_received, cancelled;
static struct yoke_call *open_call;
static bool answer_early; /* with what there is at the first message */
static enum yoke_code end_code;

#define MESSAGE_SIZE 100000
#define GIANT_SIZE (YOKE__CREDIT_INITIAL + 1000000)
static uint8_t large_data[GIANT_SIZE];
static const size_t *down_sizes; /* of the messages; NULL: MESSAGE_SIZE */

static void end_stream(struct yoke_call *call) {
    if (end_code == YOKE_OK) {
        CHECK_INT(yoke_call_finish(call), 0);
    } else {
        CHECK_INT(yoke_call_fail(call, end_code, "as asked"), 0);
    }
}

static void send_down(struct yoke_call *call, void *user_data) {
    const size_t wanted = (size_t)(uintptr_t)user_data;
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data.data = large_data;
    int error = 0;
    while (down_sent < wanted && error == 0) {
        message.data.len = down_sizes != NULL ? down_sizes[down_sent] : MESSAGE_SIZE;
        memcpy(large_data, &down_sent, sizeof(down_sent));
        error = unit_streams_down_reply(call, &message);
        down_sent += error == 0;
    }
    if (error == 0) {
        end_stream(call);
    }
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    cancelled++;
    open_call = NULL;
    (void)yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)user_data;
    void *wanted = (void *)(uintptr_t)(request->data.len % 1000);
    down_sent = 0;
    (void)yoke_call_on_cancel(call, on_cancelled, NULL);
    yoke_call_on_writable(call, send_down, wanted);
    send_down(call, wanted);
}

static void on_open(struct yoke_call *call, void *user_data) {
    (void)user_data;
    up_received = 0;
    open_call = call;
    (void)yoke_call_on_cancel(call, on_cancelled, NULL);
}

static void answer_up(struct yoke_call *call) {
    Unit__Bytes count = UNIT__BYTES__INIT;
    count.data = (ProtobufCBinaryData){.len = up_received, .data = large_data};
    open_call = NULL;
    if (end_code == YOKE_OK) {
        CHECK_INT(unit_streams_up_reply(call, &count), 0);
    } else {
        CHECK_INT(yoke_call_fail(call, end_code, "as asked"), 0);
    }
}

static void on_up_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)message;
    (void)user_data;
    up_received++;
    if (answer_early) {
        answer_up(call);
    }
}

static void on_up_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    answer_up(call);
}

static void on_both_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)user_data;
    CHECK_INT(unit_streams_both_reply(call, message), 0);
    if (answer_early) {
        end_stream(call);
    }
}

static void on_both_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    open_call = NULL;
    end_stream(call);
}

static const struct unit_streams_handlers streams = {
    .down = on_down,
    .up = on_open,
    .up_message = on_up_message,
    .up_end = on_up_end,
    .both = on_open,
    .both_message = on_both_message,
    .both_end = on_both_end,
};

static void start(void) {
    held = (struct yoke_sync){YOKE_SYNC_INIT};
    reply = NULL;
    answer_early = false;
    down_sizes = NULL;
    end_code = YOKE_OK;
    open_call = NULL;
    cancelled = 0;
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, NULL), 0);
    machine_let_block(&master, &worker);
}

static void finish(void) {
    yoke_sync_release(&held);
    CHECK(yoke_sync_call(&held) == NULL);
    machine_exchange(&master, &worker);
    CHECK_INT(master.connection.outgoing_count, 0);
    CHECK_INT(master.connection.buffered_bytes, 0);
    CHECK_INT(worker.connection.incoming_count, 0);
    machine_release(&master);
    machine_release(&worker);
    CHECK_INT(memory_live_blocks(), 0);
}

static Unit__Bytes bytes_of(const char *text) {
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    bytes.data = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
    return bytes;
}

static int call_now(const char *text) {
    const Unit__Bytes request = bytes_of(text);
    return unit_echo_now_sync(machine_channel(&master), &request, NULL, &held, &reply);
}

static void check_reply(const char *text) {
    REQUIRE(reply != NULL);
    CHECK_INT(reply->data.len, strlen(text));
    CHECK(memcmp(reply->data.data, text, strlen(text)) == 0);
}

/* ---- Unary ------------------------------------------------------------------------------------------------------- */

static void a_reply_lives_until_the_sync_is_used_again(void) {
    start();
    const Unit__Bytes other = bytes_of("other");
    struct outcome outcome = {0};
    REQUIRE_INT(call_now("hello"), 0);
    check_reply("hello");
    CHECK_INT(held.status.code, YOKE_OK);
    CHECK_STR(held.status.message, "");
    CHECK_STR(yoke_call_method(yoke_sync_call(&held)), "unit.Echo/Now");
    CHECK_INT(yoke_call_peer(yoke_sync_call(&held))->pid, MACHINE_WORKER_PID);
    /* Others use arenas and calls of their own. */
    REQUIRE_INT(unit_echo_now(machine_channel(&master), &other, NULL, outcome_take, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    check_reply("hello");
    REQUIRE_INT(call_now("again"), 0);
    check_reply("again");
    finish();
}

static void on_fail(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    (void)yoke_call_fail(call, YOKE_NOT_FOUND, "no such thing");
}

static int call_as(const struct yoke_call_options *options) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    return unit_echo_as_sync(machine_channel(&master), &request, options, &held, &reply);
}

static void an_error_is_the_code_and_tells_more(void) {
    start();
    worker.act = on_fail;
    CHECK_INT(call_as(NULL), YOKE_NOT_FOUND);
    CHECK(reply == NULL);
    CHECK_INT(held.status.code, YOKE_NOT_FOUND);
    CHECK_STR(held.status.message, "no such thing");
    REQUIRE_INT(call_now("x"), 0);
    CHECK_INT(held.status.code, YOKE_OK);
    CHECK_STR(held.status.message, "");
    finish();
}

static void answer_with_trailer(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    CHECK_INT(yoke_metadata_add(yoke_call_trailers(call), "cause", "for the test"), 0);
    (void)yoke_call_fail(call, YOKE_NOT_FOUND, "no such thing");
}

static void change_status(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)call_data;
    (void)user_data;
    status->code = YOKE_ABORTED;
    status->message = "changed";
}

static void what_goes_with_the_status_is_there(void) {
    static const struct yoke_interceptor interceptor = {.finish = change_status};
    struct yoke_metadata_entry entry = {0};
    start();
    worker.act = answer_with_trailer;
    CHECK_INT(call_as(NULL), YOKE_NOT_FOUND);
    REQUIRE(yoke_metadata_find(yoke_call_trailers(yoke_sync_call(&held)), "cause", &entry));
    CHECK_STR(entry.value, "for the test");
    /* An interceptor's word counts, also when there was a reply. */
    REQUIRE_INT(yoke_channel_intercept(machine_channel(&master), &interceptor, NULL), 0);
    CHECK_INT(call_now("x"), YOKE_ABORTED);
    CHECK_STR(held.status.message, "changed");
    CHECK(reply == NULL);
    finish();
}

static int call_later(const struct yoke_call_options *options) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    return unit_echo_later_sync(machine_channel(&master), &request, options, &held, &reply);
}

static void answer_in_third_turn(struct machine *machine) {
    if (machine->turns == 3) {
        REQUIRE_INT(machine_answer_held(&worker, "late", 4), 0);
    }
}

static void it_waits_as_long_as_it_takes(void) {
    start();
    master.each_turn = answer_in_third_turn;
    REQUIRE_INT(call_later(NULL), 0);
    check_reply("late");
    CHECK_INT(master.turns, 3);
    finish();
}

static void let_time_pass(struct machine *machine) {
    (void)machine;
    machine_now_ns += MS_NS;
}

static void the_deadline_ends_the_waiting(void) {
    start();
    master.each_turn = let_time_pass;
    CHECK_INT(call_later(&(struct yoke_call_options){YOKE_CALL_OPTIONS_INIT, .timeout_us = 2500}),
              YOKE_DEADLINE_EXCEEDED);
    CHECK_STR(held.status.message, "the deadline has passed");
    (void)yoke_call_fail(worker.held[0], YOKE_ABORTED, NULL);
    finish();
}

static void the_end_of_the_peer_ends_the_waiting(void) {
    start();
    yoke__connection_fail(&worker.connection, "for the test");
    CHECK_INT(call_later(NULL), YOKE_UNAVAILABLE);
    CHECK_STR(held.status.message, "the connection has failed; the request was not handled");
    CHECK_INT(call_later(NULL), -ENOTCONN);
    CHECK(yoke_sync_call(&held) == NULL);
    finish();
}

static void cancel_in_second_turn(struct machine *machine) {
    if (machine->turns == 2) {
        CHECK_INT(yoke_call_cancel(yoke_sync_call(&held)), 0);
    }
}

static void cancelling_ends_the_waiting(void) {
    start();
    master.each_turn = cancel_in_second_turn;
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    CHECK_INT(unit_streams_both_next(&held, &reply), YOKE_CANCELLED);
    CHECK_STR(held.status.message, "the call was cancelled");
    CHECK_INT(yoke_call_cancel(yoke_sync_call(&held)), -EALREADY);
    CHECK(yoke_call_is_cancelled(yoke_sync_call(&held)));
    CHECK_INT(cancelled, 1);
    finish();
}

/* Nothing answers, and nothing can. */
static void a_call_that_cannot_be_answered_is_given_up(void) {
    start();
    CHECK_INT(call_later(NULL), -ENOTCONN);
    CHECK(yoke_sync_call(&held) == NULL);
    machine_exchange(&master, &worker);
    CHECK(yoke_call_is_cancelled(worker.held[0]));
    (void)yoke_call_fail(worker.held[0], YOKE_ABORTED, NULL);
    finish();
}

static void a_reply_that_is_malformed_or_too_large_is_an_error(void) {
    start();
    const Unit__Bytes request = bytes_of("0123456789");
    CHECK_INT(unit_echo_now_sync(machine_channel(&master), &request,
                                 &(struct yoke_call_options){YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = 5}, &held,
                                 &reply),
              YOKE_RESOURCE_EXHAUSTED);
    CHECK_CONTAINS(held.status.message, "larger than max_reply_bytes");
    CHECK(reply == NULL);
    finish();
}

/* ---- Who may not block ------------------------------------------------------------------------------------------- */

static struct { int unary, open, next, write, half_close; } errors;

static void try_all(void) {
    struct yoke_sync other = {YOKE_SYNC_INIT};
    const Unit__Bytes *other_reply;
    const Unit__Bytes request = UNIT__BYTES__INIT;
    errors.unary = unit_echo_now_sync(machine_channel(&master), &request, NULL, &other, &other_reply);
    errors.open = unit_streams_both_sync(machine_channel(&master), NULL, &other);
    errors.next = unit_streams_both_next(&held, &other_reply);
    errors.write = unit_streams_both_write(&held, &request);
    errors.half_close = yoke_sync_half_close(&held);
    yoke_sync_release(&other);
}

static void check_all(int error) {
    CHECK_INT(errors.unary, error);
    CHECK_INT(errors.open, error);
    CHECK_INT(errors.next, error);
    CHECK_INT(errors.write, error);
    CHECK_INT(errors.half_close, error);
    memset(&errors, 0, sizeof(errors));
}

static void try_in_callback(struct outcome *outcome) {
    (void)outcome;
    try_all();
}

static void try_in_handler(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    try_all();
    (void)yoke_call_fail(call, YOKE_ABORTED, NULL);
}

static void nobody_blocks_inside_a_callback(void) {
    struct outcome outcome = {.then = try_in_callback};
    start();
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    REQUIRE_INT(machine_call_now(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    check_all(-EDEADLK);
    outcome = (struct outcome){0};
    master.act = try_in_handler;
    REQUIRE_INT(machine_call_as(&worker, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    check_all(-EDEADLK);
    /* The call has not suffered. */
    CHECK_INT(yoke_sync_half_close(&held), 0);
    CHECK_INT(unit_streams_both_next(&held, &reply), 0);
    CHECK(reply == NULL);
    finish();
}

static void a_forked_copy_is_refused(void) {
    start();
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    pid_t pid = fork();
    if (pid == 0) {
        size_t queued = master.connection.output.queued;
        try_all();
        check_all(-ECHILD);
        yoke_sync_release(&held);
        CHECK_INT(master.connection.output.queued, queued);
        CHECK(yoke_sync_call(&held) == NULL);
        _exit(0);
    }
    int status = 1;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    CHECK_INT(yoke_sync_half_close(&held), 0);
    finish();
}

/* A watcher of the user's, in the loop that runs while a call blocks. */
static void use_it_meanwhile(struct machine *machine) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const Unit__Bytes *other_reply;
    if (machine->turns > 1) {
        return;
    }
    errors.unary = unit_echo_now_sync(machine_channel(&master), &request, NULL, &held, &other_reply);
    errors.open = unit_streams_both_sync(machine_channel(&master), NULL, &held);
    errors.next = unit_streams_both_next(&held, &other_reply);
    errors.write = unit_streams_both_write(&held, &request);
    errors.half_close = yoke_sync_half_close(&held);
    yoke_sync_release(&held);
}

static void releasing_it_while_it_blocks_cancels(void) {
    start();
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    master.each_turn = use_it_meanwhile;
    CHECK_INT(unit_streams_both_next(&held, &reply), YOKE_CANCELLED);
    check_all(-EBUSY);
    CHECK_INT(master.engine.wait_depth, 0);
    finish();
}

static void two_at_once_when_a_watcher_blocks_too(void) {
    start();
    struct yoke_sync other = {YOKE_SYNC_INIT};
    const Unit__Bytes *other_reply = NULL;
    const Unit__Bytes request = bytes_of("inner");
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    REQUIRE_INT(unit_streams_both_write(&held, &request), 0);
    REQUIRE_INT(unit_echo_now_sync(machine_channel(&master), &request, NULL, &other, &other_reply), 0);
    REQUIRE_INT(unit_streams_both_next(&held, &reply), 0);
    check_reply("inner");
    CHECK_INT(other_reply->data.len, 5);
    yoke_sync_release(&other);
    finish();
}

static void misuse_is_refused(void) {
    start();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    const void *any = NULL;
    CHECK_INT(unit_streams_both_next(&held, &reply), -EINVAL);
    CHECK_INT(unit_streams_both_write(&held, &request), -EINVAL);
    CHECK_INT(unit_streams_up_close(&held, &reply), -EINVAL);
    CHECK_INT(yoke_sync_half_close(&held), -EINVAL);
    yoke_sync_release(&held);
    REQUIRE_INT(unit_streams_down_sync(machine_channel(&master), &request, NULL, &held), 0);
    CHECK_INT(unit_streams_both_next(&held, &reply), -EINVAL);
    CHECK_INT(unit_streams_up_close(&held, &reply), -EINVAL);
    CHECK_INT(yoke_sync_write(&held, &unit_streams_down_method, &request), -EINVAL);
    CHECK_INT(yoke_sync_close(&held, &unit_streams_down_method, &any), -EINVAL);
    CHECK_INT(yoke_sync_half_close(&held), -EINVAL);
    REQUIRE_INT(unit_streams_up_sync(machine_channel(&master), NULL, &held), 0);
    CHECK_INT(yoke_sync_next(&held, &unit_streams_up_method, &any), -EINVAL);
    CHECK_INT(yoke_sync_unary(machine_channel(&master), &unit_streams_up_method, &request, NULL, &held, &any), -EINVAL);
    CHECK_INT(yoke_sync_open(machine_channel(&master), &unit_echo_now_method, &request, NULL, &held), -EINVAL);
    CHECK(yoke_sync_call(&held) != NULL);
    CHECK(any == NULL && reply == NULL);
    finish();
}

/* ---- Streams of replies ------------------------------------------------------------------------------------------ */

static uint8_t wanted_data[1000];

static void open_down(size_t count) {
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = count, .data = wanted_data};
    REQUIRE_INT(unit_streams_down_sync(machine_channel(&master), &request, NULL, &held), 0);
}

static void take_down(unsigned number) {
    unsigned found;
    reply = NULL;
    REQUIRE_INT(unit_streams_down_next(&held, &reply), 0);
    REQUIRE(reply != NULL);
    REQUIRE_INT(reply->data.len, MESSAGE_SIZE);
    memcpy(&found, reply->data.data, sizeof(found));
    REQUIRE_INT(found, number);
}

/* The end is told as often as it is asked for. */
static void check_end(enum yoke_code code, const char *message) {
    for (unsigned i = 0; i < 2; i++) {
        reply = (const Unit__Bytes *)(const void *)wanted_data;
        REQUIRE_INT(unit_streams_down_next(&held, &reply), (int)code);
        CHECK(code == YOKE_OK ? reply == NULL : reply == (const Unit__Bytes *)(const void *)wanted_data);
        CHECK_INT(held.status.code, code);
        CHECK_STR(held.status.message, message);
    }
}

/* A hundred times 100 KB are five times the credit. */
static void replies_come_one_by_one_and_make_room_for_more(void) {
    start();
    open_down(100);
    machine_exchange(&master, &worker);
    CHECK_INT(down_sent, YOKE__CREDIT_INITIAL / (MESSAGE_SIZE + 100) + 1);
    CHECK(master.connection.buffered_bytes <= YOKE__CREDIT_INITIAL + MESSAGE_SIZE);
    for (unsigned i = 0; i < 100; i++) {
        take_down(i);
        CHECK(master.connection.buffered_bytes <= YOKE__CREDIT_INITIAL + MESSAGE_SIZE);
    }
    check_end(YOKE_OK, "");
    finish();
}

/* Larger than all credit, as the first and behind others. */
static void replies_can_be_larger_than_the_credit(void) {
    static const size_t sizes[] = {GIANT_SIZE, 10, 10, GIANT_SIZE, 10, GIANT_SIZE, GIANT_SIZE};
    const size_t count = sizeof(sizes) / sizeof(*sizes);
    start();
    down_sizes = sizes;
    open_down(count);
    machine_exchange(&master, &worker);
    /* What is not taken does not go on for ever. */
    CHECK(down_sent < count);
    CHECK(master.connection.buffered_bytes <= 2 * GIANT_SIZE + 1000);
    for (size_t i = 0; i < count; i++) {
        REQUIRE_INT(unit_streams_down_next(&held, &reply), 0);
        REQUIRE(reply != NULL);
        CHECK_INT(reply->data.len, sizes[i]);
    }
    check_end(YOKE_OK, "");
    finish();
}

/* The request goes in fragments, so the call has a stream before it has a user that blocks. */
static void a_large_request_changes_nothing(void) {
    static uint8_t data[1200003];
    start();
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = sizeof(data), .data = data};
    REQUIRE_INT(unit_streams_down_sync(machine_channel(&master), &request, NULL, &held), 0);
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 3; i++) {
        take_down(i);
    }
    check_end(YOKE_OK, "");
    finish();
}

static void an_error_comes_behind_the_replies(void) {
    start();
    end_code = YOKE_DATA_LOSS;
    open_down(5);
    machine_exchange(&master, &worker);
    CHECK_INT(down_sent, 5);
    for (unsigned i = 0; i < 5; i++) {
        /* It is in flight, and what it holds is counted, until all has been taken. */
        CHECK_INT(master.connection.outgoing_count, 1);
        take_down(i);
    }
    CHECK_INT(master.connection.outgoing_count, 0);
    CHECK(master.engine.is_turn_due);
    check_end(YOKE_DATA_LOSS, "as asked");
    finish();
}

static void what_has_come_outlives_the_connection(void) {
    start();
    open_down(5);
    machine_exchange(&master, &worker);
    take_down(0);
    machine_close(&worker, "over");
    machine_close(&master, "the peer is dead");
    /* They were all, and so was the status. */
    for (unsigned i = 1; i < 5; i++) {
        take_down(i);
    }
    check_end(YOKE_OK, "");
    machine_release(&master);
    check_end(YOKE_OK, "");
    yoke_sync_release(&held);
    machine_release(&worker);
    CHECK_INT(memory_live_blocks(), 0);
}

static void the_end_of_the_peer_comes_behind_what_it_sent(void) {
    start();
    open_down(100);
    machine_exchange(&master, &worker);
    unsigned sent = down_sent;
    machine_close(&worker, "over");
    machine_close(&master, "the peer is dead");
    for (unsigned i = 0; i + 1 < sent; i++) {
        take_down(i);
    }
    check_end(YOKE_UNAVAILABLE, "the peer is dead; the request may have been handled");
    finish();
}

/* Three replies wait, of which the second is none. `close`: when the connection has been closed. */
static void check_malformed(bool close) {
    static const uint8_t payloads[] = {0x0a, 0x00, 0xff};
    struct wire wire = {0};
    start();
    open_down(1);
    wire_hello(&wire);
    for (size_t i = 0; i < 3; i++) {
        const struct yoke__frame frame = {
            .type = YOKE__FRAME_MESSAGE, .stream = 1, .method = unit_streams_down_method.id, .length = i == 1 ? 1 : 2};
        wire_frame(&wire, &frame, &payloads[i == 1 ? 2 : 0]);
    }
    REQUIRE_INT(machine_feed(&master, wire.bytes, wire.length, 0), wire.length);
    CHECK_STR(master.connection.failure, "");
    if (close) {
        machine_close(&master, "over");
    }
    REQUIRE_INT(unit_streams_down_next(&held, &reply), 0);
    check_end(YOKE_INTERNAL, close ? "" : "a message is malformed or nested too deeply");
    yoke_sync_release(&held);
    machine_release(&master);
    machine_release(&worker);
    CHECK_INT(memory_live_blocks(), 0);
}

static void a_malformed_reply_ends_the_stream(void) {
    check_malformed(false);
    check_malformed(true);
}

static void releasing_an_unfinished_stream_cancels_it(void) {
    start();
    open_down(100);
    take_down(0);
    yoke_sync_release(&held);
    machine_exchange(&master, &worker);
    CHECK_INT(cancelled, 1);
    finish();
}

static void using_the_sync_again_cancels_what_it_had(void) {
    start();
    open_down(100);
    take_down(0);
    REQUIRE_INT(call_now("next"), 0);
    check_reply("next");
    CHECK_INT(cancelled, 1);
    finish();
}

static void releasing_after_the_master_is_gone(void) {
    start();
    REQUIRE_INT(call_now("kept"), 0);
    machine_release(&master);
    check_reply("kept");
    yoke_sync_release(&held);
    machine_release(&worker);
    CHECK_INT(memory_live_blocks(), 0);
}

/* ---- Streams of requests ----------------------------------------------------------------------------------------- */

static int write_up(size_t size) {
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = size, .data = large_data};
    return unit_streams_up_write(&held, &message);
}

static void requests_wait_for_room(void) {
    start();
    REQUIRE_INT(unit_streams_up_sync(machine_channel(&master), NULL, &held), 0);
    for (unsigned i = 0; i < 100; i++) {
        REQUIRE_INT(write_up(MESSAGE_SIZE), 0);
    }
    CHECK(master.turns > 0);
    REQUIRE_INT(unit_streams_up_close(&held, &reply), 0);
    CHECK_INT(reply->data.len, 100);
    CHECK_INT(write_up(1), -EPIPE);
    /* Again, the same. */
    reply = NULL;
    REQUIRE_INT(unit_streams_up_close(&held, &reply), 0);
    CHECK_INT(reply->data.len, 100);
    finish();
}

static void requests_end_when_they_are_said_to(void) {
    start();
    REQUIRE_INT(unit_streams_up_sync(machine_channel(&master), NULL, &held), 0);
    REQUIRE_INT(write_up(1), 0);
    CHECK_INT(yoke_sync_half_close(&held), 0);
    CHECK_INT(yoke_sync_half_close(&held), -EPIPE);
    CHECK_INT(write_up(1), -EPIPE);
    REQUIRE_INT(unit_streams_up_close(&held, &reply), 0);
    CHECK_INT(reply->data.len, 1);
    CHECK_INT(yoke_sync_half_close(&held), 0);
    finish();
}

static void an_early_answer_ends_the_writing(void) {
    start();
    answer_early = true;
    REQUIRE_INT(unit_streams_up_sync(machine_channel(&master), NULL, &held), 0);
    int result = 0;
    for (unsigned i = 0; i < 100 && result == 0; i++) {
        result = write_up(MESSAGE_SIZE);
    }
    CHECK_INT(result, -EPIPE);
    REQUIRE_INT(unit_streams_up_close(&held, &reply), 0);
    CHECK_INT(reply->data.len, 1);
    finish();
}

static void an_early_error_ends_the_writing(void) {
    start();
    answer_early = true;
    end_code = YOKE_ABORTED;
    REQUIRE_INT(unit_streams_up_sync(machine_channel(&master), NULL, &held), 0);
    int result = 0;
    for (unsigned i = 0; i < 100 && result == 0; i++) {
        result = write_up(MESSAGE_SIZE);
    }
    CHECK_INT(result, YOKE_ABORTED);
    CHECK_STR(held.status.message, "as asked");
    CHECK_INT(write_up(1), YOKE_ABORTED);
    CHECK_INT(yoke_sync_half_close(&held), YOKE_ABORTED);
    CHECK_INT(unit_streams_up_close(&held, &reply), YOKE_ABORTED);
    finish();
}

static void write_both(unsigned number) {
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = sizeof(number), .data = (uint8_t *)&number};
    REQUIRE_INT(unit_streams_both_write(&held, &message), 0);
}

static void both_ways(void) {
    start();
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    for (unsigned i = 0; i < 100; i++) {
        write_both(i);
        REQUIRE_INT(unit_streams_both_next(&held, &reply), 0);
        REQUIRE(reply != NULL);
        CHECK(memcmp(reply->data.data, &i, sizeof(i)) == 0);
    }
    CHECK_INT(yoke_sync_half_close(&held), 0);
    CHECK_INT(unit_streams_both_next(&held, &reply), 0);
    CHECK(reply == NULL);
    finish();
}

/* What has come is still there when writing says that the call has ended. */
static void replies_outlive_the_writing(void) {
    start();
    answer_early = true;
    end_code = YOKE_ABORTED;
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    write_both(1);
    machine_exchange(&master, &worker);
    const Unit__Bytes message = UNIT__BYTES__INIT;
    CHECK_INT(unit_streams_both_write(&held, &message), YOKE_ABORTED);
    CHECK_STR(held.status.message, "as asked");
    CHECK_INT(unit_streams_both_next(&held, &reply), 0);
    REQUIRE(reply != NULL);
    CHECK_INT(reply->data.len, sizeof(unsigned));
    CHECK_INT(unit_streams_both_next(&held, &reply), YOKE_ABORTED);
    CHECK_STR(held.status.message, "as asked");
    finish();
}

static void holding_and_resuming_it_is_without_effect(void) {
    start();
    REQUIRE_INT(unit_streams_both_sync(machine_channel(&master), NULL, &held), 0);
    for (unsigned i = 0; i < 3; i++) {
        write_both(i);
        yoke_call_resume(yoke_sync_call(&held));
        machine_exchange(&master, &worker);
        REQUIRE_INT(unit_streams_both_next(&held, &reply), 0);
        REQUIRE(reply != NULL);
        CHECK(memcmp(reply->data.data, &i, sizeof(i)) == 0);
    }
    finish();
}

#define CASE(function) \
    { .name = #function, .run = (function) }
static const struct test_case cases[] = {
    CASE(a_reply_lives_until_the_sync_is_used_again),
    CASE(an_error_is_the_code_and_tells_more),
    CASE(what_goes_with_the_status_is_there),
    CASE(it_waits_as_long_as_it_takes),
    CASE(the_deadline_ends_the_waiting),
    CASE(the_end_of_the_peer_ends_the_waiting),
    CASE(cancelling_ends_the_waiting),
    CASE(a_call_that_cannot_be_answered_is_given_up),
    CASE(a_reply_that_is_malformed_or_too_large_is_an_error),
    CASE(nobody_blocks_inside_a_callback),
    CASE(a_forked_copy_is_refused),
    CASE(releasing_it_while_it_blocks_cancels),
    CASE(two_at_once_when_a_watcher_blocks_too),
    CASE(misuse_is_refused),
    CASE(replies_come_one_by_one_and_make_room_for_more),
    CASE(replies_can_be_larger_than_the_credit),
    CASE(a_large_request_changes_nothing),
    CASE(an_error_comes_behind_the_replies),
    CASE(what_has_come_outlives_the_connection),
    CASE(the_end_of_the_peer_comes_behind_what_it_sent),
    CASE(a_malformed_reply_ends_the_stream),
    CASE(releasing_an_unfinished_stream_cancels_it),
    CASE(using_the_sync_again_cancels_what_it_had),
    CASE(releasing_after_the_master_is_gone),
    CASE(requests_wait_for_room),
    CASE(requests_end_when_they_are_said_to),
    CASE(an_early_answer_ends_the_writing),
    CASE(an_early_error_ends_the_writing),
    CASE(both_ways),
    CASE(replies_outlive_the_writing),
    CASE(holding_and_resuming_it_is_without_effect),
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "sync", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
