/*
 * connection_both_test.c: a call on which both sides stream at once: answers that overtake what is still coming in or going
 * out, and wakeups that are due for more than one reason.
 */
#include "harness.h"
#include "machine.h"
#include "rpc/call.h"
#include "rpc/stream.h"

#include <errno.h>

#define LARGE (3u << 20)    /* more than the credit, so it goes in fragments and cannot go whole at once */
#define MIDDLING (3u << 19) /* goes in fragments, too, and no credit keeps it */

static struct machine master, worker;
static struct outcome outcome;
static struct yoke_call *made, *handled;
static unsigned requests, ends, writables;
static uint8_t large_data[LARGE];

static void on_both(struct yoke_call *call, void *user_data) {
    (void)user_data;
    handled = call;
}

static void on_request(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)call;
    (void)message;
    (void)user_data;
    requests++;
}

static void on_end(struct yoke_call *call, void *user_data) {
    (void)call;
    (void)user_data;
    ends++;
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    (void)user_data;
    writables++;
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    (void)user_data;
    outcome.count++;
    outcome.code = status->code;
}

static void start(void) {
    static const struct unit_streams_handlers handlers = {
        .both = on_both, .both_message = on_request, .both_end = on_end};
    outcome = (struct outcome){0};
    requests = ends = writables = 0;
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    REQUIRE_INT(unit_streams_serve(&worker.server, &handlers, NULL), 0);
    REQUIRE_INT(unit_streams_both(machine_channel(&master), NULL, NULL, on_done, NULL, &made), 0);
    machine_exchange(&master, &worker);
    REQUIRE(handled != NULL);
}

static void finish(void) {
    machine_exchange(&master, &worker);
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    CHECK_INT(outcome.count, 1);
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
    CHECK_INT(worker.connection.buffered_bytes, 0);
    machine_release(&master);
    machine_release(&worker);
}

static Unit__Bytes bytes(size_t size) {
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = size, .data = large_data};
    return message;
}

/* The answer waits for its messages, and what the caller has still to say is not wanted: that is no violation. */
static void a_half_close_behind_a_message_that_is_not_wanted_is_right(void) {
    static uint8_t some[100000];
    const Unit__Bytes middling = bytes(MIDDLING);
    const Unit__Bytes large = bytes(LARGE);
    start();
    REQUIRE_INT(yoke_call_hold(made), 0);
    REQUIRE_INT(unit_streams_both_send(made, &middling), 0);
    (void)machine_feed(&worker, some, machine_take(&master, some, sizeof(some)), 0);
    REQUIRE(handled->streaming->inbox_part != NULL);
    REQUIRE_INT(unit_streams_both_reply(handled, &large), 0);
    CHECK_INT(yoke_call_finish(handled), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(worker.connection.incoming_count, 1);
    REQUIRE(made->streaming->outbox == NULL);
    CHECK_INT(yoke_call_half_close(made), 0);
    machine_exchange(&master, &worker);
    CHECK_STR(worker.connection.failure, "");
    CHECK_INT(requests, 0);
    CHECK_INT(outcome.count, 0);
    yoke_call_resume(made);
    finish();
    CHECK_INT(outcome.code, YOKE_OK);
}

/* Requests on hold, their end, and leave to go on writing, all due at once. */
static void the_end_of_the_requests_does_not_keep_a_writer_waiting(void) {
    const Unit__Bytes small = bytes(10);
    const Unit__Bytes large = bytes(LARGE);
    start();
    yoke_call_on_writable(handled, on_writable, NULL);
    REQUIRE_INT(yoke_call_hold(handled), 0);
    REQUIRE_INT(unit_streams_both_send(made, &small), 0);
    REQUIRE_INT(yoke_call_half_close(made), 0);
    (void)machine_carry(&master, &worker, 0);
    /* It goes in fragments, and while it does, nothing more is taken. */
    REQUIRE_INT(unit_streams_both_reply(handled, &large), 0);
    REQUIRE_INT(unit_streams_both_reply(handled, &small), -EAGAIN);
    while (handled->streaming->outbox != NULL) {
        REQUIRE(machine_carry(&worker, &master, 0) + machine_carry(&master, &worker, 0) > 0);
        (void)yoke__streams_pump(&worker.connection);
    }
    yoke_call_resume(handled);
    CHECK_INT(requests, 0);
    CHECK_INT(writables, 0);
    machine_settle(&worker);
    CHECK_INT(requests, 1);
    CHECK_INT(ends, 1);
    machine_settle(&worker);
    CHECK_INT(writables, 1);
    CHECK_INT(unit_streams_both_reply(handled, &small), 0);
    CHECK_INT(yoke_call_finish(handled), 0);
    finish();
}

static const struct test_case cases[] = {
    {.name = "a half-close behind a message that is not wanted is right",
     .run = a_half_close_behind_a_message_that_is_not_wanted_is_right},
    {.name = "the end of the requests does not keep a writer waiting",
     .run = the_end_of_the_requests_does_not_keep_a_writer_waiting},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: both ways", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
