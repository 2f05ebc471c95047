/*
 * connection_leave_test.c: a side that goes away: what it still takes, what its peer may make again elsewhere, and how
 * it gives up what does not end by itself.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/cancel.h"
#include "wire.h"

#include <errno.h>

static struct machine master, worker;
static struct wire wire;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    wire.length = 0;
}

static void finish(void) {
    machine_release(&master);
    machine_release(&worker);
}

/* How a call ended, and whether it may be made again. */
struct retry {
    unsigned count;
    enum yoke_code code;
    bool is_safe;
};

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                    void *user_data) {
    (void)reply;
    struct retry *retry = user_data;
    retry->count++;
    retry->code = status->code;
    retry->is_safe = yoke_call_is_safe_to_retry(call);
}

static int call_later(struct machine *machine, struct retry *retry) {
    const Unit__Bytes request = UNIT__BYTES__INIT;
    *retry = (struct retry){0};
    return unit_echo_later(machine_channel(machine), &request, NULL, on_done, retry);
}

static void check_ended(const struct retry *retry, enum yoke_code code, bool is_safe) {
    CHECK_INT(retry->count, 1);
    CHECK_INT(retry->code, code);
    CHECK_INT(retry->is_safe, is_safe);
}

/* The first call is accepted before the peer goes away, the second crosses the message that says so. */
static void calls_that_cross_are_safe_to_retry(void) {
    start();
    struct retry accepted, late, refused;
    CHECK_INT(call_later(&master, &accepted), 0);
    machine_exchange(&master, &worker);
    yoke__connection_go_away(&worker.connection);
    yoke__connection_go_away(&worker.connection);
    CHECK_INT(call_later(&master, &late), 0);
    machine_exchange(&master, &worker);
    check_ended(&late, YOKE_UNAVAILABLE, true);
    CHECK_INT(call_later(&master, &refused), -ENOTCONN);
    CHECK(!yoke__connection_takes_calls(&master.connection));
    CHECK_INT(worker.handled, 1);
    CHECK_INT(accepted.count, 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    check_ended(&accepted, YOKE_OK, false);
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
    finish();
}

/* Who goes away may still call, and be told events. */
static void the_leaving_side_can_still_call(void) {
    start();
    struct retry own;
    yoke__connection_go_away(&worker.connection);
    CHECK_INT(call_later(&worker, &own), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(machine_answer_held(&master, "x", 1), 0);
    machine_exchange(&master, &worker);
    check_ended(&own, YOKE_OK, false);
    finish();
}

static void ids_that_have_wrapped_are_told_apart(void) {
    start();
    master.connection.next_stream = UINT32_MAX - 2;
    struct retry first, second, third;
    CHECK_INT(call_later(&master, &first), 0);
    CHECK_INT(call_later(&master, &second), 0);
    machine_exchange(&master, &worker);
    yoke__connection_go_away(&worker.connection);
    CHECK_INT(call_later(&master, &third), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(first.count + second.count, 0);
    check_ended(&third, YOKE_UNAVAILABLE, true);
    finish();
    check_ended(&first, YOKE_UNAVAILABLE, false);
    check_ended(&second, YOKE_UNAVAILABLE, false);
}

/* A call that was taken long ago: half of all ids have been given since. */
static void a_call_that_lives_long_is_not_taken_back(void) {
    start();
    struct retry old, last;
    CHECK_INT(call_later(&master, &old), 0);
    machine_exchange(&master, &worker);
    master.connection.next_stream = UINT32_MAX / 2 + 4;
    CHECK_INT(call_later(&master, &last), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_fail(worker.held[1], YOKE_ABORTED, NULL), 0);
    yoke__connection_go_away(&worker.connection);
    machine_exchange(&master, &worker);
    check_ended(&last, YOKE_ABORTED, false);
    CHECK_INT(old.count, 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    check_ended(&old, YOKE_OK, false);
    finish();
}

static void a_call_whose_status_waits_is_not_taken_back(void) {
    start();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    struct yoke_method method = unit_echo_now_method;
    method.kind = YOKE_SERVER_STREAMING;
    struct outcome outcome = {0};
    struct yoke_call *call;
    REQUIRE_INT(yoke_channel_open(machine_channel(&worker), &method, &request, NULL, NULL,
                                  (yoke_function *)outcome_take, &outcome, &call),
                0);
    REQUIRE_INT(yoke_call_hold(call), 0);
    wire_end(&wire, 2, &method, 5);
    const uint32_t none = 0;
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_GOAWAY, .length = sizeof(none)}, &none);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    CHECK_STR(worker.connection.failure, "");
    machine_settle(&worker);
    CHECK_INT(outcome.count, 0);
    yoke_call_resume(call);
    machine_settle(&worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

/* ---- A worker that drains ---------------------------------------------------------------------------------------- */

/* Nothing is sent then, so nothing else would tell whoever waits for the connection to be idle. */
static void an_answer_that_is_not_wanted_is_told_all_the_same(void) {
    start();
    struct retry cancelled = {0};
    struct yoke_call *call;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, on_done, &cancelled), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    CHECK(!yoke__connection_is_idle(&worker.connection));
    unsigned attentions = worker.attentions;
    CHECK_INT(machine_answer_held(&worker, "", 0), -ECANCELED);
    CHECK(yoke__connection_is_idle(&worker.connection));
    CHECK_INT(worker.attentions, attentions + 1);
    finish();
}

static void start_draining(void) {
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    worker.connection.drains = true;
    REQUIRE_INT(yoke__connection_greet(&master.connection), 0);
    REQUIRE_INT(yoke__connection_greet(&worker.connection), 0);
    machine_exchange(&master, &worker);
    wire.length = 0;
}

/* Told twice, it hears it once, and calls go on both ways. */
static void a_worker_that_drains_is_told_and_goes_on(void) {
    start_draining();
    CHECK(master.connection.peer_services.drains);
    CHECK(!worker.connection.peer_services.drains);
    yoke__connection_drain(&master.connection);
    yoke__connection_drain(&master.connection);
    machine_exchange(&master, &worker);
    CHECK_INT(worker.drainings, 1);
    CHECK_INT(worker.leavings, 0);
    struct retry own, masters;
    CHECK_INT(call_later(&worker, &own), 0);
    CHECK_INT(call_later(&master, &masters), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(machine_answer_held(&master, "x", 1), 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    check_ended(&own, YOKE_OK, false);
    check_ended(&masters, YOKE_OK, false);
    CHECK_STR(worker.connection.failure, "");
    finish();
}

/* Twice, or not as it should be. To others it is a violation in any form: see connection_violation_test.c. */
static void drain_is_checked(void) {
    static const struct yoke__frame wrong[] = {
        {.type = YOKE__FRAME_DRAIN, .stream = 1}, {.type = YOKE__FRAME_DRAIN, .method = 1},
        {.type = YOKE__FRAME_DRAIN, .flags = 1},  {.type = YOKE__FRAME_DRAIN, .aux = 1},
        {.type = YOKE__FRAME_DRAIN, .length = 1},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        start_draining();
        wire_frame(&wire, &wrong[i], "x");
        (void)machine_feed(&worker, wire.bytes, wire.length, 0);
        CHECK_CONTAINS(worker.connection.failure, "DRAIN has a stream, a method, flags or a payload");
        CHECK_INT(worker.drainings, 0);
        finish();
    }
    start_draining();
    yoke__connection_drain(&master.connection);
    machine_exchange(&master, &worker);
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_DRAIN}, NULL);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    CHECK_CONTAINS(worker.connection.failure, "DRAIN is for a side that does not drain, or came twice");
    CHECK_INT(worker.drainings, 1);
    finish();
}

static void want_of_memory_for_drain_fails_the_connection(void) {
    machine_init(&master, true, NULL);
    memory_fail_once(0);
    yoke__connection_drain(&master.connection);
    CHECK(memory_fail_never());
    CHECK_STR(master.connection.failure, "out of memory for DRAIN");
    machine_release(&master);
}

static void want_of_memory_for_goaway_fails_the_connection(void) {
    machine_init(&worker, false, NULL);
    memory_fail_once(0);
    yoke__connection_go_away(&worker.connection);
    CHECK(memory_fail_never());
    CHECK_STR(worker.connection.failure, "out of memory for GOAWAY");
    machine_release(&worker);
}

/* ---- Giving up --------------------------------------------------------------------------------------------------- */

static void answer(struct yoke_call *call, void *user_data) {
    (*(unsigned *)user_data)++;
    CHECK_INT(yoke_call_fail(call, YOKE_CANCELLED, NULL), -ECANCELED);
}

/* Calls of both directions; of the peer's, one handler lets go at once and two do not. */
static void giving_up_ends_the_calls_of_both_sides(void) {
    start();
    struct retry calls[3], own, cancelled;
    unsigned told = 0;
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(call_later(&master, &calls[i]), 0);
    }
    CHECK_INT(call_later(&worker, &own), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_on_cancel(worker.held[1], answer, &told), 0);
    yoke__connection_give_up(&worker.connection, "given up");
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 3; i++) {
        check_ended(&calls[i], YOKE_UNAVAILABLE, false);
    }
    check_ended(&own, YOKE_CANCELLED, false);
    CHECK_INT(told, 1);
    CHECK_INT(worker.connection.incoming_count, 2);
    CHECK(yoke_call_is_cancelled(worker.held[0]));
    CHECK_INT(yoke_call_fail(worker.held[0], YOKE_ABORTED, NULL), -ECANCELED);
    yoke__connection_give_up(&worker.connection, "again");
    CHECK_INT(yoke_call_fail(worker.held[2], YOKE_ABORTED, NULL), -ECANCELED);
    CHECK(yoke__connection_is_idle(&worker.connection));
    CHECK_INT(yoke_call_fail(master.held[0], YOKE_ABORTED, NULL), -ECANCELED);
    CHECK_INT(call_later(&master, &cancelled), 0);
    finish();
}

static const struct test_case cases[] = {
    {.name = "calls that cross are safe to retry", .run = calls_that_cross_are_safe_to_retry},
    {.name = "the leaving side can still call", .run = the_leaving_side_can_still_call},
    {.name = "ids that have wrapped are told apart", .run = ids_that_have_wrapped_are_told_apart},
    {.name = "a call that lives long is not taken back", .run = a_call_that_lives_long_is_not_taken_back},
    {.name = "a call whose status waits is not taken back", .run = a_call_whose_status_waits_is_not_taken_back},
    {.name = "an answer that is not wanted is told all the same",
     .run = an_answer_that_is_not_wanted_is_told_all_the_same},
    {.name = "a worker that drains is told and goes on", .run = a_worker_that_drains_is_told_and_goes_on},
    {.name = "DRAIN is checked", .run = drain_is_checked},
    {.name = "want of memory for DRAIN fails the connection", .run = want_of_memory_for_drain_fails_the_connection},
    {.name = "want of memory for GOAWAY fails the connection", .run = want_of_memory_for_goaway_fails_the_connection},
    {.name = "giving up ends the calls of both sides",
     .run = giving_up_ends_the_calls_of_both_sides,
     .timeout_ms = 5000},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"connection: leaving", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
