/* events_test.c: events either way, to many, to nobody, and subscriptions that change while events come. */
#include "lab.h"

#include <string.h>

static void events_reach_the_master_in_order(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 1000, 10, PROBE__END__END_NOT, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(lab.tick_count, 1000); /* all before the reply that was sent after them */
    CHECK_INT(lab.ticks_out_of_order, 0);
    CHECK_INT(lab.tick_bytes, 10000);
    CHECK_INT(lab.tick_worker_id, yoke_child_id(yoke_pool_child(lab.pool, 0)));
    lab_close(&lab);
}

static void emit_ticks(struct yoke_channel *channel, unsigned count) {
    Probe__Tick tick = PROBE__TICK__INIT;
    tick.data.data = (uint8_t[100]){0};
    tick.data.len = 100;
    for (unsigned i = 0; i < count; i++) {
        tick.number = i;
        REQUIRE_INT(probe_tick_emit(channel, &tick), 0);
    }
}

static void check_ticks(struct lab *lab, unsigned index, int64_t expected) {
    struct lab_result result = {0};
    struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab->pool, index));
    REQUIRE_INT(lab_call_number(lab, probe_worker_count_ticks, channel, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.number, expected);
}

static void events_reach_a_worker_in_order(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    emit_ticks(lab_channel(&lab), 1000);
    check_ticks(&lab, 0, 1000);
    lab_close(&lab);
}

static void an_event_to_a_pool_reaches_every_worker(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 5});
    emit_ticks(yoke_pool_channel(lab.pool), 100);
    for (unsigned i = 0; i < 5; i++) {
        check_ticks(&lab, i, 100);
    }
    lab_close(&lab);
}

static void an_event_to_a_pool_passes_the_dead_by(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 3});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    emit_ticks(yoke_pool_channel(lab.pool), 10);
    check_ticks(&lab, 0, 10);
    check_ticks(&lab, 2, 10);
    lab_close(&lab);
}

static void an_event_reaches_workers_that_are_starting(void) {
    struct lab lab;
    const struct lab_options options = {.workers = 3};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    emit_ticks(yoke_pool_channel(lab.pool), 10);
    for (unsigned i = 0; i < 3; i++) {
        check_ticks(&lab, i, 10);
    }
    lab_close(&lab);
}

static void an_event_without_a_subscription_is_dropped(void) {
    struct lab lab;
    Probe__Unheard event = PROBE__UNHEARD__INIT;
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_unheard_emit(lab_channel(&lab), &event), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

/* ---- Subscriptions */

struct listener {
    struct lab *lab;
    struct listener *other;
    unsigned heard;
    bool leaves;        /* ends its own subscription */
    bool removes_other; /* ends the other's */
    bool subscribes_other;
    unsigned order;
};

static void on_tick(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    (void)peer;
    (void)event;
    struct listener *listener = user_data;
    struct yoke_events *events = yoke_master_events(listener->lab->master);
    listener->heard++;
    listener->order = ++listener->lab->order;
    if (listener->leaves) {
        CHECK_INT(probe_tick_off(events, on_tick, listener), 0);
        CHECK_INT(probe_tick_off(events, on_tick, listener), -ENOENT);
    }
    if (listener->removes_other) {
        CHECK_INT(probe_tick_off(events, on_tick, listener->other), 0);
        listener->removes_other = false;
    }
    if (listener->subscribes_other) {
        CHECK_INT(probe_tick_on(events, on_tick, listener->other), 0);
        listener->subscribes_other = false;
    }
}

static void burst(struct lab *lab, unsigned events) {
    struct lab_result result = {0};
    lab->tick_count = 0;
    REQUIRE_INT(lab_burst(lab, lab_channel(lab), events, 0, PROBE__END__END_NOT, 0, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    CHECK_INT(lab->tick_count, events);
}

static void handlers_run_in_the_order_of_subscription(void) {
    struct lab lab;
    struct listener first = {.lab = &lab};
    struct listener second = {.lab = &lab};
    lab_open(&lab, NULL);
    struct yoke_events *events = yoke_master_events(lab.master);
    REQUIRE_INT(probe_tick_on(events, on_tick, &first), 0);
    REQUIRE_INT(probe_tick_on(events, on_tick, &second), 0);
    CHECK_INT(probe_tick_on(events, on_tick, &first), -EEXIST);
    burst(&lab, 1);
    CHECK_INT(first.order, second.order - 1);
    CHECK_INT(lab.last_tick_order, first.order - 1);
    lab_close(&lab);
}

static void a_handler_may_end_subscriptions_while_it_runs(void) {
    struct lab lab;
    struct listener leaving = {.lab = &lab, .leaves = true};
    struct listener victim = {.lab = &lab};
    struct listener killer = {.lab = &lab, .other = &victim, .removes_other = true};
    lab_open(&lab, NULL);
    struct yoke_events *events = yoke_master_events(lab.master);
    REQUIRE_INT(probe_tick_on(events, on_tick, &leaving), 0);
    REQUIRE_INT(probe_tick_on(events, on_tick, &killer), 0);
    REQUIRE_INT(probe_tick_on(events, on_tick, &victim), 0);
    burst(&lab, 5);
    CHECK_INT(leaving.heard, 1);
    CHECK_INT(killer.heard, 5);
    CHECK_INT(victim.heard, 0);
    CHECK_INT(probe_tick_off(events, on_tick, &victim), -ENOENT);
    lab_close(&lab);
}

static void a_handler_may_subscribe_others_while_it_runs(void) {
    struct lab lab;
    struct listener late = {.lab = &lab};
    struct listener first = {.lab = &lab, .other = &late, .subscribes_other = true};
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_tick_on(yoke_master_events(lab.master), on_tick, &first), 0);
    burst(&lab, 5);
    CHECK_INT(first.heard, 5);
    CHECK_INT(late.heard, 4); /* from the next event on */
    lab_close(&lab);
}

static void a_subscription_that_never_was_cannot_end(void) {
    struct lab lab;
    struct listener listener = {.lab = &lab};
    lab_open(&lab, NULL);
    CHECK_INT(probe_tick_off(yoke_master_events(lab.master), on_tick, &listener), -ENOENT);
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

static const struct test_case cases[] = {
    {.name = "events reach the master in order", .run = events_reach_the_master_in_order},
    {.name = "events reach a worker in order", .run = events_reach_a_worker_in_order},
    {.name = "an event to a pool reaches every worker", .run = an_event_to_a_pool_reaches_every_worker},
    {.name = "an event to a pool passes the dead by", .run = an_event_to_a_pool_passes_the_dead_by},
    {.name = "an event reaches workers that are starting", .run = an_event_reaches_workers_that_are_starting},
    {.name = "an event without a subscription is dropped", .run = an_event_without_a_subscription_is_dropped},
    {.name = "handlers run in the order of subscription", .run = handlers_run_in_the_order_of_subscription},
    {.name = "a handler may end subscriptions while it runs", .run = a_handler_may_end_subscriptions_while_it_runs},
    {.name = "a handler may subscribe others while it runs", .run = a_handler_may_subscribe_others_while_it_runs},
    {.name = "a subscription that never was cannot end", .run = a_subscription_that_never_was_cannot_end},
    {.name = "the master's own events cannot be sent", .run = the_masters_own_events_cannot_be_sent},
    {.name = NULL},
};

LAB_MAIN(cases)
