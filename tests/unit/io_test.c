/*
 * io_test.c: how the loop runs while a call blocks: until it is over and no longer, without a sleep too many, and with
 * every ev_break() of its user's heard.
 */
#include "harness.h"
#include "rpc/call.h"
#include "rpc/io.h"

#include <errno.h>

static struct ev_loop *loop;
static struct yoke__engine engine;
static struct yoke__io io;
static struct yoke_call calls[2]; /* over when retired; nothing else of them is looked at */
static int result;                /* of waiting for the first, within a callback */
static bool goes_on;              /* the loop around that one ends only a while later, unless it has been told to end */
static ev_timer keeper;           /* keeps the loop running for ever */
static ev_timer timer;
static unsigned turns; /* of the loop */
static ev_prepare counter;

static void ignore(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
}

static void count_turn(struct ev_loop *of, ev_prepare *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
    turns++;
}

static void start(void) {
    static const struct yoke_limits limits = {0};
    loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    REQUIRE_INT(yoke__engine_init(&engine, &limits, NULL, NULL), 0);
    REQUIRE_INT(yoke__io_init(&io, loop, &engine), 0);
    ev_timer_init(&keeper, ignore, 3600., 3600.);
    ev_timer_start(loop, &keeper);
    ev_prepare_init(&counter, count_turn);
    ev_prepare_start(loop, &counter);
    ev_unref(loop);
    turns = 0;
    calls[0] = calls[1] = (struct yoke_call){0};
    result = -1000;
    goes_on = false;
}

static void finish(void) {
    ev_timer_stop(loop, &keeper);
    ev_timer_stop(loop, &timer);
    ev_ref(loop);
    ev_prepare_stop(loop, &counter);
    yoke__io_release(&io);
    yoke__engine_release(&engine);
    CHECK_INT(ev_run(loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(loop);
}

static bool is_over(const struct yoke_call *call) {
    return call->retired;
}

static int wait_for(unsigned which) {
    return engine.wait(&engine, &calls[which], is_over);
}

/* After a moment, in the loop. */
static void soon(void (*act)(struct ev_loop *of, ev_timer *watcher, int events)) {
    ev_timer_stop(loop, &timer);
    ev_timer_init(&timer, act, 0.001, 0.);
    ev_timer_start(loop, &timer);
}

static void end_first(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
    calls[0].retired = true;
}

static void it_ends_with_the_call(void) {
    start();
    soon(end_first);
    CHECK_INT(wait_for(0), 0);
    /* It sleeps until the timer, and turns a few times more. */
    CHECK(turns <= 5);
    turns = 0;
    CHECK_INT(wait_for(0), 0);
    CHECK_INT(turns, 0);
    finish();
}

/* libev calls it before the first turn. */
static void what_was_pending_before_counts(void) {
    start();
    ev_timer_init(&timer, end_first, 3600., 0.);
    ev_feed_event(loop, &timer, EV_CUSTOM);
    CHECK_INT(wait_for(0), 0);
    finish();
}

/* Right before the loop would sleep, as a callback that is due does. */
static void end_in_prepare(struct ev_loop *of, ev_prepare *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
    calls[0].retired = true;
    engine.is_turn_due = true;
}

static void what_happens_before_sleeping_counts(void) {
    ev_prepare prepare;
    start();
    ev_prepare_init(&prepare, end_in_prepare);
    ev_prepare_start(loop, &prepare);
    CHECK_INT(wait_for(0), 0);
    ev_prepare_stop(loop, &prepare);
    finish();
}

static void without_a_watcher_it_does_not_wait(void) {
    start();
    ev_timer_stop(loop, &keeper);
    CHECK_INT(wait_for(0), -ENOTCONN);
    CHECK(turns <= 2);
    finish();
}

static void break_one(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)watcher;
    (void)events;
    ev_break(of, EVBREAK_ONE);
}

static void break_all(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)watcher;
    (void)events;
    ev_break(of, EVBREAK_ALL);
}

static void a_break_ends_the_waiting(void) {
    start();
    soon(break_one);
    CHECK_INT(wait_for(0), -EINTR);
    soon(break_all);
    CHECK_INT(wait_for(0), -EINTR);
    soon(end_first);
    CHECK_INT(wait_for(0), 0);
    finish();
}

/* ---- A loop around it -------------------------------------------------------------------------------------------- */

static void (*act_within)(struct ev_loop *of, ev_timer *watcher, int events);

static void wait_within(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
    soon(act_within);
    result = wait_for(0);
    if (result == 0 || act_within == break_one) {
        soon(break_one);
        goes_on = true;
    }
}

/* A timer waits, and meanwhile another acts. Returns whether the loop around both was ended by that. */
static bool run_around(void (*act)(struct ev_loop *of, ev_timer *watcher, int events)) {
    start();
    act_within = act;
    soon(wait_within);
    ev_run(loop, 0);
    bool is_broken = !goes_on || ev_is_active(&timer);
    finish();
    return is_broken;
}

static void a_break_of_one_ends_the_waiting_alone(void) {
    CHECK(!run_around(break_one));
    CHECK_INT(result, -EINTR);
}

static void a_break_of_all_ends_the_loop_around_it(void) {
    CHECK(run_around(break_all));
    CHECK_INT(result, -EINTR);
}

static void end_and_break_all(struct ev_loop *of, ev_timer *watcher, int events) {
    calls[0].retired = true;
    break_all(of, watcher, events);
}

static void a_break_in_the_turn_that_ends_the_call_is_kept(void) {
    CHECK(run_around(end_and_break_all));
    CHECK_INT(result, 0);
}

static void wait_with_break_pending(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)watcher;
    (void)events;
    ev_timer_init(&timer, end_and_break_all, 3600., 0.);
    ev_feed_event(of, &timer, EV_CUSTOM);
    result = wait_for(0);
}

static void a_break_that_was_pending_is_kept(void) {
    start();
    soon(wait_with_break_pending);
    /* It would not return. */
    ev_run(loop, 0);
    CHECK_INT(result, 0);
    finish();
}

static void the_end_of_the_call_does_not_end_the_loop_around_it(void) {
    CHECK(!run_around(end_first));
    CHECK_INT(result, 0);
}

static void break_when_over(struct ev_loop *of, ev_prepare *watcher, int events) {
    (void)watcher;
    (void)events;
    if (calls[0].retired && ev_depth(of) == 2) {
        ev_break(of, EVBREAK_ALL);
    }
}

static void a_break_before_the_last_sleep_is_kept(void) {
    ev_prepare prepare;
    start();
    ev_prepare_init(&prepare, break_when_over);
    ev_prepare_start(loop, &prepare);
    ev_unref(loop);
    act_within = end_first;
    soon(wait_within);
    ev_run(loop, 0);
    CHECK_INT(result, 0);
    CHECK(ev_is_active(&timer));
    ev_ref(loop);
    ev_prepare_stop(loop, &prepare);
    finish();
}

/* ---- Several at once --------------------------------------------------------------------------------------------- */

static void end_second(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
    calls[1].retired = true;
}

static void end_first_then_second(struct ev_loop *of, ev_timer *watcher, int events) {
    end_first(of, watcher, events);
    soon(end_second);
}

static void wait_for_second(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)of;
    (void)watcher;
    (void)events;
    soon(end_first_then_second);
    result = wait_for(1);
    CHECK(calls[1].retired);
}

static void the_outer_one_is_over_first(void) {
    start();
    soon(wait_for_second);
    CHECK_INT(wait_for(0), 0);
    CHECK_INT(result, 0);
    finish();
}

static void run_loop_within(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)watcher;
    (void)events;
    soon(end_first_then_second);
    while (!calls[1].retired) {
        /* Only the timers end this; nothing breaks it. */
        ev_run(of, EVRUN_ONCE);
    }
    calls[0].retired = true;
}

static void break_when_second_is_over(struct ev_loop *of, ev_timer *watcher, int events) {
    end_second(of, watcher, events);
    ev_break(of, EVBREAK_ONE);
}

static void end_first_and_go_on(struct ev_loop *of, ev_timer *watcher, int events) {
    end_first(of, watcher, events);
    soon(break_when_second_is_over);
}

static void run_loop_until_broken(struct ev_loop *of, ev_timer *watcher, int events) {
    (void)watcher;
    (void)events;
    soon(end_first_and_go_on);
    ev_run(of, 0);
    /* Ended by its own break, not by the call that others wait for. */
    CHECK(calls[1].retired);
}

static void a_loop_of_a_callbacks_own_is_left_alone(void) {
    start();
    soon(run_loop_until_broken);
    CHECK_INT(wait_for(0), 0);
    finish();
    start();
    soon(run_loop_within);
    CHECK_INT(wait_for(0), 0);
    finish();
}

/* libev never sleeps longer than a minute, so a sleep too many ends by itself: but later than a hang may. */
#define HANG_MS 20000
#define CASE(function) \
    { .name = #function, .run = (function), .timeout_ms = HANG_MS }
static const struct test_case cases[] = {
    CASE(it_ends_with_the_call),
    CASE(what_was_pending_before_counts),
    CASE(what_happens_before_sleeping_counts),
    CASE(without_a_watcher_it_does_not_wait),
    CASE(a_break_ends_the_waiting),
    CASE(a_break_of_one_ends_the_waiting_alone),
    CASE(a_break_of_all_ends_the_loop_around_it),
    CASE(a_break_in_the_turn_that_ends_the_call_is_kept),
    CASE(a_break_that_was_pending_is_kept),
    CASE(the_end_of_the_call_does_not_end_the_loop_around_it),
    CASE(a_break_before_the_last_sleep_is_kept),
    CASE(the_outer_one_is_over_first),
    CASE(a_loop_of_a_callbacks_own_is_left_alone),
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "io", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
