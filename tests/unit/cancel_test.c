/* cancel_test.c: calls that end before they are answered: by cancellation, by their deadline, or with their parent. */
#include "rpc/cancel.h"

#include "harness.h"
#include "machine.h"
#include "rpc/call.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;
static struct wire wire;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    wire.length = 0;
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    machine_release(&master);
    machine_release(&worker);
}

/* Nothing of any call is left at either end. */
static void check_idle(void) {
    const struct machine *sides[2] = {&master, &worker};
    for (unsigned i = 0; i < 2; i++) {
        CHECK(yoke__connection_is_idle(&sides[i]->connection));
        CHECK_INT(sides[i]->connection.calls.count, 0);
        CHECK_INT(sides[i]->engine.deadlines.count, 0);
        CHECK_INT(yoke__calls_due_ns(&sides[i]->engine), UINT64_MAX);
    }
}

static void check_ended(const struct outcome *outcome, enum yoke_code code, const char *message) {
    CHECK_INT(outcome->count, 1);
    CHECK_INT(outcome->code, code);
    CHECK_STR(outcome->message, message);
    CHECK(!outcome->has_reply);
}

/* Call Later with a timeout of so many ms, 0 for none. Gives the call. */
static struct yoke_call *call_later(struct machine *machine, uint64_t timeout_ms, struct outcome *outcome) {
    struct yoke_call *call = NULL;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_ms * 1000,
                                              .ret_call = &call};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    CHECK_INT(unit_echo_later(machine_channel(machine), &request, &options, outcome_take, outcome), 0);
    REQUIRE(call != NULL);
    return call;
}

static void pass_ms(uint64_t milliseconds) {
    machine_now_ns += milliseconds * MS_NS;
}

/* ---- Cancellation ------------------------------------------------------------------------------------------------ */

static void a_cancelled_call_ends_from_the_loop(void) {
    start();
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK(!yoke_call_is_cancelled(call));
    CHECK(!yoke_call_is_cancelled(worker.held[0]));
    CHECK_INT(yoke_call_cancel(call), 0);
    CHECK_INT(outcome.count, 0);
    CHECK(yoke_call_is_cancelled(call));
    CHECK_INT(yoke_call_cancel(call), -EALREADY);
    CHECK_INT(yoke__calls_due_ns(&master.engine), 0);
    machine_settle(&master);
    check_ended(&outcome, YOKE_CANCELLED, "the call was cancelled");
    machine_exchange(&master, &worker);
    CHECK(yoke_call_is_cancelled(worker.held[0]));
    CHECK_INT(worker.connection.calls.count, 0);
    CHECK_INT(worker.connection.incoming_count, 1);
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ECANCELED);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    check_idle();
    finish();
}

/* A handler may ask about, and answer, what it has kept for longer than there is a master or worker. */
static void a_call_outlives_its_engine(void) {
    start();
    struct outcome outcome = {0};
    (void)call_later(&master, 1000, &outcome);
    machine_exchange(&master, &worker);
    struct yoke_call *held = worker.held[0];
    CHECK_INT(yoke_call_remaining_us(held), 1000000);
    finish();
    CHECK_INT(yoke_call_remaining_us(held), 0);
    CHECK(yoke_call_is_cancelled(held));
    CHECK_INT(yoke_call_fail(held, YOKE_ABORTED, NULL), -ENOTCONN);
}

static void only_ones_own_calls_can_be_cancelled(void) {
    start();
    struct outcome outcome = {0};
    (void)call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_cancel(worker.held[0]), -EINVAL);
    CHECK_INT(machine_answer_held(&worker, "in time", 7), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_OK);
    check_idle();
    finish();
}

/* The answer crosses the cancellation: it is not heard, and the id may be used for another call. */
static void an_answer_that_crosses_is_ignored(void) {
    start();
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_cancel(call), 0);
    CHECK_INT(machine_answer_held(&worker, "crossing", 8), 0);
    machine_exchange(&master, &worker);
    check_ended(&outcome, YOKE_CANCELLED, "the call was cancelled");
    check_idle();
    finish();
}

static void a_call_can_be_cancelled_before_it_left(void) {
    start();
    struct outcome outcome = {0};
    CHECK_INT(yoke_call_cancel(call_later(&master, 0, &outcome)), 0);
    machine_exchange(&master, &worker);
    check_ended(&outcome, YOKE_CANCELLED, "the call was cancelled");
    CHECK_INT(worker.handled, 1);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    check_idle();
    finish();
}

static void close_and_cancellation_complete_once(void) {
    start();
    struct outcome cancelled = {0};
    struct outcome live = {0};
    struct yoke_call *call = call_later(&master, 0, &cancelled);
    (void)call_later(&master, 0, &live);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_close(&master, "gone");
    CHECK_INT(live.count, 1);
    CHECK_INT(cancelled.count, 0);
    machine_settle(&master);
    check_ended(&cancelled, YOKE_CANCELLED, "the call was cancelled");
    CHECK_INT(live.count, 1);
    finish();
}

static struct yoke_call *to_cancel;

static void cancel_another(struct outcome *outcome) {
    (void)outcome;
    CHECK_INT(yoke_call_cancel(to_cancel), 0);
}

static void a_callback_may_cancel_another(void) {
    start();
    struct outcome first = {.then = cancel_another};
    struct outcome second = {0};
    (void)call_later(&master, 0, &first);
    to_cancel = call_later(&master, 0, &second);
    machine_exchange(&master, &worker);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(first.code, YOKE_OK);
    check_ended(&second, YOKE_CANCELLED, "the call was cancelled");
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    check_idle();
    finish();
}

/* A callback that calls and cancels again each time must not keep the loop from turning. */
static void call_and_cancel(struct outcome *outcome) {
    if (outcome->count < 5) {
        CHECK_INT(yoke_call_cancel(call_later(&master, 0, outcome)), 0);
    }
}

static void the_loop_turns_between_callbacks(void) {
    start();
    struct outcome outcome = {.then = call_and_cancel};
    CHECK_INT(yoke_call_cancel(call_later(&master, 0, &outcome)), 0);
    for (unsigned turn = 1; turn <= 5; turn++) {
        machine_settle(&master);
        CHECK_INT(outcome.count, turn);
    }
    machine_exchange(&master, &worker);
    while (worker.held_count > 0) {
        CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    }
    check_idle();
    finish();
}

/* A callback may run the loop, as helpers that wait for an answer do. */
static void settle_within(struct outcome *outcome) {
    outcome->then = NULL;
    machine_settle(&master);
}

static void callbacks_may_run_the_loop(void) {
    start();
    struct outcome outcomes[5] = {{0}, {.then = settle_within}, {0}, {.then = settle_within}, {0}};
    for (unsigned i = 0; i < 5; i++) {
        CHECK_INT(yoke_call_cancel(call_later(&master, 0, &outcomes[i])), 0);
    }
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 5; i++) {
        check_ended(&outcomes[i], YOKE_CANCELLED, "the call was cancelled");
        CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    }
    check_idle();
    finish();
}

/* ---- The handler's side ------------------------------------------------------------------------------------------ */

static unsigned told;

static void be_told(struct yoke_call *call, void *user_data) {
    CHECK(yoke_call_is_cancelled(call));
    CHECK(worker.engine.callback_depth > 0);
    told++;
    if (user_data != NULL) {
        CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "as you wish"), *(int *)user_data);
        worker.held_count--;
    }
}

static void a_handler_is_told(void) {
    start();
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_on_cancel(call, be_told, NULL), -EINVAL);
    CHECK_INT(yoke_call_on_cancel(worker.held[0], be_told, NULL), 0);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(told, 1);
    CHECK_INT(worker.connection.incoming_count, 1);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    CHECK_INT(told, 1);
    check_idle();
    finish();
}

static void a_handler_may_answer_when_told(void) {
    start();
    static int expected = -ECANCELED;
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_on_cancel(worker.held[0], be_told, &expected), 0);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(told, 1);
    CHECK_INT(worker.held_count, 0);
    check_idle();
    finish();
}

static void a_handler_may_stop_listening(void) {
    start();
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_on_cancel(worker.held[0], be_told, NULL), 0);
    CHECK_INT(yoke_call_on_cancel(worker.held[0], NULL, NULL), 0);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(told, 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    finish();
}

static void a_caller_that_is_gone_cancels(void) {
    for (unsigned answers = 0; answers <= 1; answers++) {
        static int expected = -ENOTCONN;
        start();
        told = 0;
        struct outcome outcomes[3] = {0};
        for (unsigned i = 0; i < 3; i++) {
            (void)call_later(&master, 0, &outcomes[i]);
        }
        machine_exchange(&master, &worker);
        for (unsigned i = 0; i < 3; i++) {
            CHECK_INT(yoke_call_on_cancel(worker.held[i], be_told, answers ? &expected : NULL), 0);
        }
        machine_close(&worker, "the master is gone");
        CHECK_INT(told, 3);
        if (!answers) {
            CHECK(yoke_call_is_cancelled(worker.held[0]));
        }
        while (worker.held_count > 0) {
            CHECK_INT(machine_answer_held(&worker, "x", 1), -ENOTCONN);
        }
        finish();
    }
}

/* ---- Deadlines --------------------------------------------------------------------------------------------------- */

static void a_deadline_ends_a_call_at_both_ends(void) {
    start();
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 100, &outcome);
    CHECK_INT(yoke_call_remaining_us(call), 100000);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_remaining_us(worker.held[0]), 100000);
    CHECK_INT(yoke__calls_due_ns(&master.engine), machine_now_ns + 100 * MS_NS);
    CHECK_INT(yoke__calls_due_ns(&worker.engine), machine_now_ns + 100 * MS_NS);
    pass_ms(99);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 0);
    CHECK_INT(yoke_call_remaining_us(worker.held[0]), 1000);
    pass_ms(1);
    CHECK_INT(yoke_call_remaining_us(worker.held[0]), 0);
    machine_exchange(&master, &worker);
    check_ended(&outcome, YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
    CHECK(yoke_call_is_cancelled(worker.held[0]));
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ECANCELED);
    check_idle();
    finish();
}

/* Each end alone is enough, and it is the deadline, whatever the other says. */
static void either_end_notices(void) {
    start();
    struct outcome outcome = {0};
    (void)call_later(&master, 100, &outcome);
    machine_exchange(&master, &worker);
    pass_ms(100);
    machine_settle(&worker);
    CHECK(yoke_call_is_cancelled(worker.held[0]));
    (void)machine_carry(&worker, &master, 0);
    check_ended(&outcome, YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ECANCELED);

    (void)call_later(&master, 100, &outcome);
    machine_exchange(&master, &worker);
    pass_ms(100);
    machine_settle(&master);
    CHECK_INT(outcome.count, 2);
    CHECK_INT(outcome.code, YOKE_DEADLINE_EXCEEDED);
    (void)machine_carry(&master, &worker, 0);
    CHECK(yoke_call_is_cancelled(worker.held[0]));
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ECANCELED);
    machine_exchange(&master, &worker);
    check_idle();
    finish();
}

static void cancelled_after_the_deadline_is_the_deadline(void) {
    start();
    struct outcome outcome = {0};
    (void)call_later(&master, 100, &outcome);
    machine_exchange(&master, &worker);
    pass_ms(100);
    wire_end_error(&wire, 1, &unit_echo_later_method, YOKE_CANCELLED, "gave up");
    CHECK_INT(machine_feed(&master, wire.bytes, wire.length, 0), wire.length);
    check_ended(&outcome, YOKE_DEADLINE_EXCEEDED, "the deadline has passed");
    machine_close(&worker, "closed");
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ENOTCONN);
    finish();
}

static void an_answer_in_time_counts(void) {
    start();
    struct outcome outcome = {0};
    (void)call_later(&master, 100, &outcome);
    machine_exchange(&master, &worker);
    pass_ms(99);
    CHECK_INT(machine_answer_held(&worker, "in time", 7), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_OK);
    pass_ms(100);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    check_idle();
    finish();
}

static void a_call_that_arrives_late_is_not_handled(void) {
    start();
    struct outcome outcome = {0};
    (void)call_later(&master, 100, &outcome);
    pass_ms(100);
    (void)machine_carry(&master, &worker, 0);
    CHECK_INT(worker.handled, 0);
    (void)machine_carry(&worker, &master, 0);
    check_ended(&outcome, YOKE_DEADLINE_EXCEEDED, "unit.Echo/Later: the deadline had passed on arrival");
    check_idle();
    finish();
}

static void timeouts_at_the_ends_of_their_range(void) {
    start();
    struct outcome outcomes[2] = {0};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    static const uint64_t timeouts[] = {UINT64_MAX, UINT64_MAX / 1000};
    for (unsigned i = 0; i < 2; i++) {
        struct yoke_call *call;
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeouts[i], .ret_call = &call};
        CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, &outcomes[i]), 0);
        CHECK(yoke_call_remaining_us(call) > UINT64_MAX / 2000);
    }
    machine_exchange(&master, &worker);
    CHECK_INT(outcomes[0].count + outcomes[1].count, 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcomes[0].code + outcomes[1].code, 0);
    check_idle();
    finish();
}

static void without_a_deadline_there_is_no_end(void) {
    start();
    struct outcome outcome = {0};
    struct yoke_call *call = call_later(&master, 0, &outcome);
    machine_exchange(&master, &worker);
    CHECK_INT(yoke_call_remaining_us(call), UINT64_MAX);
    CHECK_INT(yoke_call_remaining_us(worker.held[0]), UINT64_MAX);
    pass_ms(1000000000);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

/* ---- Calls within calls ------------------------------------------------------------------------------------------ */

static struct outcome inner;
static struct outcome *inner_outcome = &inner; /* of the next one */
static struct yoke_call *inner_call;
static struct yoke_call_options inner_options;

/* The handler of As at the worker: keeps its call, and calls the master as a part of it. */
static void call_within(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    machine->held[machine->held_count++] = call;
    *inner_outcome = (struct outcome){0};
    struct yoke_call_options options = inner_options;
    options.size = sizeof(options);
    options.ret_call = &inner_call;
    CHECK_INT(unit_echo_later(machine_channel(machine), request, &options, outcome_take, inner_outcome), 0);
}

static struct outcome outer;

static struct yoke_call *begin_within(uint64_t outer_ms, uint64_t inner_ms, bool independent) {
    start();
    struct yoke_call *call = NULL;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = outer_ms * 1000, .ret_call = &call};
    inner_options = (struct yoke_call_options){.timeout_us = inner_ms * 1000, .independent = independent};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    worker.act = call_within;
    outer = (struct outcome){0};
    CHECK_INT(unit_echo_as(machine_channel(&master), &request, &options, outcome_take, &outer), 0);
    machine_exchange(&master, &worker);
    REQUIRE_INT(worker.held_count, 1);
    REQUIRE_INT(master.held_count, 1);
    return call;
}

static void end_within(void) {
    while (worker.held_count > 0) {
        const Unit__Bytes reply = UNIT__BYTES__INIT;
        (void)unit_echo_as_reply(worker.held[--worker.held_count], &reply);
    }
    while (master.held_count > 0) {
        (void)machine_answer_held(&master, "x", 1);
    }
    machine_exchange(&master, &worker);
    CHECK_INT(outer.count, 1);
    CHECK_INT(inner.count, 1);
    check_idle();
    finish();
}

static void a_cancelled_call_takes_its_children_along(void) {
    struct yoke_call *call = begin_within(0, 0, false);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    check_ended(&outer, YOKE_CANCELLED, "the call was cancelled");
    check_ended(&inner, YOKE_CANCELLED, "the call was cancelled");
    CHECK(yoke_call_is_cancelled(master.held[0]));
    end_within();
}

static void an_independent_call_goes_on(void) {
    struct yoke_call *call = begin_within(0, 0, true);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outer.count, 1);
    CHECK_INT(inner.count, 0);
    end_within();
    CHECK_INT(inner.code, YOKE_OK);
}

static void an_answered_call_lets_its_children_go(void) {
    (void)begin_within(0, 0, false);
    CHECK_INT(yoke_call_fail(worker.held[0], YOKE_ABORTED, "enough"), 0);
    worker.held_count = 0;
    machine_exchange(&master, &worker);
    CHECK_INT(outer.code, YOKE_ABORTED);
    CHECK_INT(inner.count, 0);
    end_within();
    CHECK_INT(inner.code, YOKE_OK);
}

/* The memory of an answered call is used for the next one, whose children are others. */
static void children_of_an_earlier_call_are_not_of_the_next(void) {
    (void)begin_within(0, 0, false);
    CHECK_INT(yoke_call_fail(worker.held[0], YOKE_ABORTED, "enough"), 0);
    worker.held_count = 0;
    machine_exchange(&master, &worker);

    /* The first child is still out when the second call makes its own. */
    struct outcome second = {0};
    struct outcome second_child = {0};
    struct yoke_call *call = NULL;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    inner_outcome = &second_child;
    CHECK_INT(unit_echo_as(machine_channel(&master), &request, &options, outcome_take, &second), 0);
    machine_exchange(&master, &worker);
    REQUIRE_INT(worker.held_count, 1);
    REQUIRE_INT(master.held_count, 2);
    CHECK_INT(machine_answer_held(&master, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK(!yoke_call_is_cancelled(master.held[0]));
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    CHECK(yoke_call_is_cancelled(master.held[0]));
    CHECK_INT(second.code, YOKE_CANCELLED);
    CHECK_INT(second_child.count, 1);
    CHECK_INT(second_child.code, YOKE_CANCELLED);
    CHECK_INT(inner.code, YOKE_OK);
    end_within();
}

static void a_child_that_ends_first_is_forgotten(void) {
    struct yoke_call *call = begin_within(0, 0, false);
    CHECK_INT(machine_answer_held(&master, "x", 1), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(inner.count, 1);
    CHECK_INT(inner.code, YOKE_OK);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    end_within();
}

static void a_cancelled_child_leaves_its_parent(void) {
    (void)begin_within(0, 0, false);
    CHECK_INT(yoke_call_cancel(inner_call), 0);
    machine_exchange(&master, &worker);
    check_ended(&inner, YOKE_CANCELLED, "the call was cancelled");
    CHECK_INT(outer.count, 0);
    end_within();
    CHECK_INT(outer.code, YOKE_OK);
}

static void the_earlier_deadline_counts(void) {
    static const struct {
        uint64_t outer_ms, inner_ms, remaining_ms;
        bool independent;
    } table[] = {
        {100, 0, 100, false}, {100, 50, 50, false},  {100, 200, 100, false},
        {0, 50, 50, false},   {100, 200, 200, true}, {100, 50, 50, true},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        (void)begin_within(table[i].outer_ms, table[i].inner_ms, table[i].independent);
        CHECK_INT(yoke_call_remaining_us(inner_call), table[i].remaining_ms * 1000);
        CHECK_INT(yoke_call_remaining_us(master.held[0]), table[i].remaining_ms * 1000);
        end_within();
    }
}

static void a_child_of_a_cancelled_call_is_not_sent(void) {
    struct yoke_call *call = begin_within(0, 0, false);
    CHECK_INT(yoke_call_cancel(call), 0);
    machine_exchange(&master, &worker);
    struct outcome late = {0};
    struct yoke_call *late_call = NULL;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .parent = worker.held[0], .ret_call = &late_call};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    CHECK_INT(unit_echo_later(machine_channel(&worker), &request, &options, outcome_take, &late), 0);
    CHECK_INT(worker.connection.output.queued, 0);
    CHECK_INT(late.count, 0);
    CHECK_INT(yoke_call_cancel(late_call), -EALREADY);
    machine_settle(&worker);
    check_ended(&late, YOKE_CANCELLED, "the call that it is part of was cancelled");
    end_within();
}

static void not_every_call_is_a_parent(void) {
    struct yoke_call *call = begin_within(0, 0, false);
    struct outcome outcome = {0};
    const Unit__Bytes request = UNIT__BYTES__INIT;
    struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .parent = call};
    CHECK_INT(unit_echo_later(machine_channel(&master), &request, &options, outcome_take, &outcome), -EINVAL);
    options = (struct yoke_call_options){YOKE_CALL_OPTIONS_INIT, .parent = worker.held[0], .independent = true};
    CHECK_INT(unit_echo_later(machine_channel(&worker), &request, &options, outcome_take, &outcome), -EINVAL);
    CHECK_INT(outcome.count, 0);
    end_within();
}

static void a_parents_caller_that_is_gone(void) {
    (void)begin_within(0, 0, false);
    machine_close(&worker, "the master is gone");
    CHECK_INT(inner.count, 1);
    CHECK_INT(inner.code, YOKE_UNAVAILABLE);
    machine_close(&master, "the worker is gone");
    CHECK_INT(outer.count, 1);
    const Unit__Bytes reply = UNIT__BYTES__INIT;
    CHECK_INT(unit_echo_as_reply(worker.held[0], &reply), -ENOTCONN);
    CHECK_INT(machine_answer_held(&master, "x", 1), -ENOTCONN);
    finish();
}

static const struct test_case cancel_cases[] = {
    {.name = "a cancelled call ends, from the loop", .run = a_cancelled_call_ends_from_the_loop},
    {.name = "a call outlives its engine", .run = a_call_outlives_its_engine},
    {.name = "only one's own calls can be cancelled", .run = only_ones_own_calls_can_be_cancelled},
    {.name = "an answer that crosses is ignored", .run = an_answer_that_crosses_is_ignored},
    {.name = "a call can be cancelled before it left", .run = a_call_can_be_cancelled_before_it_left},
    {.name = "close and cancellation complete a call once", .run = close_and_cancellation_complete_once},
    {.name = "a callback may cancel another call", .run = a_callback_may_cancel_another},
    {.name = "the loop turns between callbacks", .run = the_loop_turns_between_callbacks},
    {.name = "callbacks may run the loop", .run = callbacks_may_run_the_loop},
    {.name = "a handler is told", .run = a_handler_is_told},
    {.name = "a handler may answer when told", .run = a_handler_may_answer_when_told},
    {.name = "a handler may stop listening", .run = a_handler_may_stop_listening},
    {.name = "a caller that is gone cancels its calls", .run = a_caller_that_is_gone_cancels},
    {.name = NULL},
};

static const struct test_case deadline_cases[] = {
    {.name = "a deadline ends a call at both ends", .run = a_deadline_ends_a_call_at_both_ends},
    {.name = "either end notices", .run = either_end_notices},
    {.name = "CANCELLED after the deadline is the deadline", .run = cancelled_after_the_deadline_is_the_deadline},
    {.name = "an answer in time counts", .run = an_answer_in_time_counts},
    {.name = "a call that arrives late is not handled", .run = a_call_that_arrives_late_is_not_handled},
    {.name = "timeouts at the ends of their range", .run = timeouts_at_the_ends_of_their_range},
    {.name = "without a deadline there is no end", .run = without_a_deadline_there_is_no_end},
    {.name = NULL},
};

static const struct test_case child_cases[] = {
    {.name = "a cancelled call takes its children along", .run = a_cancelled_call_takes_its_children_along},
    {.name = "an independent call goes on", .run = an_independent_call_goes_on},
    {.name = "an answered call lets its children go", .run = an_answered_call_lets_its_children_go},
    {.name = "children of an earlier call are not of the next", .run = children_of_an_earlier_call_are_not_of_the_next},
    {.name = "a child that ends first is forgotten", .run = a_child_that_ends_first_is_forgotten},
    {.name = "a cancelled child leaves its parent", .run = a_cancelled_child_leaves_its_parent},
    {.name = "the earlier deadline counts", .run = the_earlier_deadline_counts},
    {.name = "a child of a cancelled call is not sent", .run = a_child_of_a_cancelled_call_is_not_sent},
    {.name = "not every call can be a parent", .run = not_every_call_is_a_parent},
    {.name = "a parent's caller that is gone", .run = a_parents_caller_that_is_gone},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {
        {.name = "cancel", .cases = cancel_cases},
        {.name = "cancel: deadlines", .cases = deadline_cases},
        {.name = "cancel: calls within calls", .cases = child_cases},
        {.name = NULL},
    };
    return test_main(argc, argv, suites);
}
