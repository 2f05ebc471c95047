/* waiting_test.c: calls that wait for a peer: sent when there is one, ended when there will be none, bounded
 * meanwhile. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/queue.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;
static uint8_t large_data[3 << 20];

/* The master's channel has no peer yet. */
static void start(const struct yoke_limits *limits) {
    machine_init_pair(&master, &worker, limits);
    master.channel.connection = NULL;
}

static void finish(void) {
    CHECK_INT(master.channel.channel.waiting_bytes, 0);
    CHECK_INT(master.engine.deadlines.count, 0);
    machine_release(&master);
    machine_release(&worker);
}

static void connect_peer(void) {
    master.channel.connection = &master.connection;
    yoke__channel_attend(machine_channel(&master));
    machine_exchange(&master, &worker);
}

/* How a call ended, and whether it may be made again. */
struct waited {
    struct outcome outcome;
    bool is_safe;
    struct yoke_call *call;
};

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                    void *user_data) {
    struct waited *waited = user_data;
    waited->is_safe = yoke_call_is_safe_to_retry(call);
    outcome_take(call, status, reply, &waited->outcome);
}

static int call_now(size_t size, uint64_t timeout_us, struct waited *waited) {
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = size, .data = large_data};
    *waited = (struct waited){0};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true, .timeout_us = timeout_us,
                                              .ret_call = &waited->call};
    return unit_echo_now(machine_channel(&master), &request, &options, on_done, waited);
}

static void check_ended(const struct waited *waited, enum yoke_code code, bool is_safe) {
    CHECK_INT(waited->outcome.count, 1);
    CHECK_STR(yoke_code_name(waited->outcome.code), yoke_code_name(code));
    CHECK_INT(waited->is_safe, is_safe);
}

static void a_call_waits_for_its_peer(void) {
    start(NULL);
    struct waited waited, empty, large;
    CHECK_INT(call_now(10, 0, &waited), 0);
    CHECK_INT(call_now(0, 0, &empty), 0);
    CHECK_INT(call_now(sizeof(large_data), 1000000, &large), 0);
    CHECK(machine_channel(&master)->waiting_bytes > sizeof(large_data));
    CHECK_INT(yoke_call_remaining_us(large.call), 1000000);
    machine_exchange(&master, &worker);
    CHECK_INT(waited.outcome.count, 0);
    connect_peer();
    check_ended(&waited, YOKE_OK, false);
    CHECK_INT(waited.outcome.length, 10);
    check_ended(&empty, YOKE_OK, false);
    check_ended(&large, YOKE_OK, false);
    CHECK_INT(large.outcome.length, sizeof(large_data));
    finish();
}

/* A peer that has not greeted us, or that goes away, is none to send to. */
static void a_peer_must_be_ready(void) {
    start(NULL);
    struct waited waited;
    master.channel.connection = &master.connection;
    master.connection.hello_received = false;
    CHECK_INT(call_now(10, 0, &waited), 0);
    connect_peer();
    CHECK_INT(waited.outcome.count, 0);
    master.connection.hello_received = true;
    master.connection.peer_going_away = true;
    connect_peer();
    CHECK_INT(waited.outcome.count, 0);
    master.connection.peer_going_away = false;
    master.connection.can_call = false;
    connect_peer();
    CHECK_INT(waited.outcome.count, 0);
    master.connection.can_call = true;
    connect_peer();
    check_ended(&waited, YOKE_OK, false);
    finish();
}

/* A connection that has failed, or whose peer leaves, is still the channel's until its owner has been told. */
static void a_call_waits_for_the_peer_after_one_that_failed(void) {
    start(NULL);
    struct waited failed, leaving;
    master.channel.connection = &master.connection;
    master.connection.can_call = false;
    CHECK_INT(call_now(10, 0, &failed), 0);
    master.connection.can_call = true;
    master.connection.peer_going_away = true;
    CHECK_INT(call_now(10, 0, &leaving), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(failed.outcome.count + leaving.outcome.count, 0);
    master.connection.peer_going_away = false;
    connect_peer();
    check_ended(&failed, YOKE_OK, false);
    check_ended(&leaving, YOKE_OK, false);
    finish();
}

static void without_hope_nothing_waits(void) {
    start(NULL);
    struct waited waited, refused;
    CHECK_INT(call_now(10, 0, &waited), 0);
    master.channel.channel.expects_peer = false;
    yoke__channel_attend(machine_channel(&master));
    CHECK_INT(waited.outcome.count, 0);
    machine_settle(&master);
    check_ended(&waited, YOKE_UNAVAILABLE, true);
    CHECK_INT(call_now(10, 0, &refused), -ENOTCONN);
    finish();
}

static void a_waiting_call_can_end(void) {
    start(NULL);
    struct waited cancelled, late;
    CHECK_INT(call_now(10, 0, &cancelled), 0);
    CHECK_INT(call_now(10, 2000, &late), 0);
    CHECK_INT(yoke_call_cancel(cancelled.call), 0);
    CHECK_INT(yoke_call_cancel(cancelled.call), -EALREADY);
    machine_settle(&master);
    check_ended(&cancelled, YOKE_CANCELLED, true);
    machine_now_ns += 2 * MS_NS;
    machine_settle(&master);
    check_ended(&late, YOKE_DEADLINE_EXCEEDED, true);
    connect_peer();
    CHECK_INT(worker.handled, 0);
    finish();
}

static void what_waits_is_bounded(void) {
    start(&(struct yoke_limits){.max_message_bytes = 5000, .max_queued_bytes = 10000});
    struct waited waited[20];
    unsigned accepted = 0;
    while (accepted < 20 && call_now(100, 0, &waited[accepted]) == 0) {
        accepted++;
    }
    CHECK(accepted > 5 && accepted < 11);
    CHECK_INT(call_now(100, 0, &waited[accepted]), -ENOBUFS);
    CHECK_INT(call_now(5000, 0, &waited[accepted]), -EMSGSIZE);
    connect_peer();
    for (unsigned i = 0; i < accepted; i++) {
        check_ended(&waited[i], YOKE_OK, false);
    }
    finish();
}

/* Metadata counts, too, and by what it was when the call began to wait. */
static void metadata_that_waits_is_bounded(void) {
    static const char value[2000];
    start(&(struct yoke_limits){.max_queued_bytes = 10000});
    struct yoke_metadata *metadata;
    struct waited waited[8];
    unsigned accepted = 0;
    int error = 0;
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    REQUIRE_INT(yoke_metadata_add_binary(metadata, "k-bin", value, sizeof(value)), 0);
    while (accepted < 8 && error == 0) {
        const Unit__Bytes request = UNIT__BYTES__INIT;
        struct waited *next = &waited[accepted];
        *next = (struct waited){0};
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true, .metadata = metadata,
                                                  .ret_call = &next->call};
        error = unit_echo_now(machine_channel(&master), &request, &options, on_done, next);
        accepted += error == 0;
    }
    yoke_metadata_destroy(metadata);
    CHECK_INT(error, -ENOBUFS);
    CHECK_INT(accepted, 3);
    CHECK_INT(yoke_metadata_add(yoke_call_metadata(waited[0].call), "more", "and more"), 0);
    connect_peer();
    for (unsigned i = 0; i < accepted; i++) {
        check_ended(&waited[i], YOKE_OK, false);
    }
    finish();
}

/* The peer that comes has no room for it, or fails as it is sent. */
static void a_call_can_come_to_nothing_when_it_is_sent(void) {
    start(&(struct yoke_limits){.max_queued_bytes = 100});
    struct waited waited;
    CHECK_INT(call_now(10, 0, &waited), 0);
    master.connection.outbox_bytes = 1000;
    connect_peer();
    check_ended(&waited, YOKE_RESOURCE_EXHAUSTED, true);
    master.connection.outbox_bytes = 0;
    finish();
}

/* ---- Streams ----------------------------------------------------------------------------------------------------- */

static unsigned writables;

static void on_writable(struct yoke_call *call, void *user_data) {
    const Unit__Bytes message = UNIT__BYTES__INIT;
    (void)user_data;
    writables++;
    CHECK_INT(yoke_call_send(call, &unit_streams_up_method, &message), 0);
    CHECK_INT(yoke_call_half_close(call), 0);
}

static void on_up(struct yoke_call *call, void *user_data) {
    (void)call;
    (void)user_data;
}

static void on_up_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)call;
    (void)message;
    (*(unsigned *)user_data)++;
}

static void on_up_end(struct yoke_call *call, void *user_data) {
    const Unit__Bytes reply = UNIT__BYTES__INIT;
    (void)user_data;
    CHECK_INT(unit_streams_up_reply(call, &reply), 0);
}

static const struct unit_streams_handlers streams = {.up = on_up, .up_message = on_up_message, .up_end = on_up_end};

static int open_up(struct waited *waited) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    *waited = (struct waited){0};
    return unit_streams_up(machine_channel(&master), &options, on_done, waited, &waited->call);
}

static void a_stream_begins_when_there_is_a_peer(void) {
    unsigned messages = 0;
    const Unit__Bytes message = UNIT__BYTES__INIT;
    struct waited waited;
    writables = 0;
    start(NULL);
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, &messages), -EBUSY);
    worker.server.announced = false;
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, &messages), 0);
    REQUIRE_INT(open_up(&waited), 0);
    yoke_call_on_writable(waited.call, on_writable, NULL);
    CHECK_INT(yoke_call_send(waited.call, &unit_streams_up_method, &message), -EAGAIN);
    CHECK_INT(yoke_call_hold(waited.call), 0);
    yoke_call_resume(waited.call);
    connect_peer();
    CHECK_INT(writables, 1);
    CHECK_INT(messages, 1);
    check_ended(&waited, YOKE_OK, false);
    /* Or ends before it began. */
    master.channel.connection = NULL;
    REQUIRE_INT(open_up(&waited), 0);
    CHECK_INT(yoke_call_half_close(waited.call), 0);
    CHECK_INT(yoke_call_half_close(waited.call), -EPIPE);
    CHECK_INT(yoke_call_send(waited.call, &unit_streams_up_method, &message), -EPIPE);
    connect_peer();
    CHECK_INT(messages, 1);
    check_ended(&waited, YOKE_OK, false);
    finish();
}

/* ---- Want of memory ---------------------------------------------------------------------------------------------- */

/* One allocation fails, when the call begins to wait or when it is sent. Whatever was accepted completes once. */
static bool fail_one(size_t nth, bool is_stream) {
    unsigned messages = 0;
    struct waited waited = {0};
    size_t live = memory_live_blocks();
    writables = 0;
    start(NULL);
    worker.server.announced = false;
    REQUIRE_INT(unit_streams_serve(&worker.server, &streams, &messages), 0);
    memory_fail_once(nth);
    int error = is_stream ? open_up(&waited) : call_now(100, 1000000, &waited);
    if (error == 0 && is_stream) {
        yoke_call_on_writable(waited.call, on_writable, NULL);
    }
    bool has_failed_early = memory_fail_never();
    CHECK_INT(error, has_failed_early ? -ENOMEM : 0);
    if (error == 0) {
        memory_fail_once(0);
        master.channel.connection = &master.connection;
        yoke__channel_attend(machine_channel(&master));
        machine_settle(&master);
        (void)memory_fail_never();
        machine_exchange(&master, &worker);
    }
    CHECK_INT(waited.outcome.count, error == 0);
    finish();
    CHECK_INT(memory_live_blocks(), live);
    return has_failed_early;
}

/* A stream whose end was promised while it waited is sent with its end, or ends. */
static void a_promised_end_is_sent_or_the_call_ends(void) {
    bool has_failed = true;
    for (size_t nth = 0; has_failed; nth++) {
        unsigned messages = 0;
        struct waited waited;
        start(NULL);
        worker.server.announced = false;
        REQUIRE_INT(unit_streams_serve(&worker.server, &streams, &messages), 0);
        REQUIRE_INT(open_up(&waited), 0);
        CHECK_INT(yoke_call_half_close(waited.call), 0);
        master.channel.connection = &master.connection;
        memory_fail_once(nth);
        yoke__channel_attend(machine_channel(&master));
        has_failed = memory_fail_never();
        machine_exchange(&master, &worker);
        check_ended(&waited, has_failed ? YOKE_RESOURCE_EXHAUSTED : YOKE_OK, waited.is_safe);
        CHECK(has_failed || nth >= 1);
        while (worker.connection.incoming_count > 0) {
            struct yoke_call *call = YOKE__CONTAINER(worker.connection.incoming.next, struct yoke_call, link);
            CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, NULL), -ECANCELED);
        }
        finish();
    }
}

static void want_of_memory_is_told(void) {
    for (unsigned is_stream = 0; is_stream < 2; is_stream++) {
        size_t nth = 0;
        while (fail_one(nth, is_stream)) {
            nth++;
        }
        CHECK(nth >= 2);
    }
}

static const struct test_case cases[] = {
    {.name = "a call waits for its peer", .run = a_call_waits_for_its_peer},
    {.name = "a peer must be ready", .run = a_peer_must_be_ready},
    {.name = "a call waits for the peer after one that failed", .run = a_call_waits_for_the_peer_after_one_that_failed},
    {.name = "without hope nothing waits", .run = without_hope_nothing_waits},
    {.name = "a waiting call can end", .run = a_waiting_call_can_end},
    {.name = "what waits is bounded", .run = what_waits_is_bounded},
    {.name = "metadata that waits is bounded", .run = metadata_that_waits_is_bounded},
    {.name = "a call can come to nothing when it is sent", .run = a_call_can_come_to_nothing_when_it_is_sent},
    {.name = "a stream begins when there is a peer", .run = a_stream_begins_when_there_is_a_peer},
    {.name = "a promised end is sent, or the call ends", .run = a_promised_end_is_sent_or_the_call_ends},
    {.name = "want of memory is told", .run = want_of_memory_is_told},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"calls that wait", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
