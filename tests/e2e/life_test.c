/* life_test.c: the life of a worker, step by step: starting, ready, draining, dead; and what happens when a step takes too long. */
#include "lab.h"
#include "start_worker.h"

#include <string.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name
#define DRAIN(name) YOKE__V1__DRAIN_REASON__DRAIN_REASON_##name

static void open_not_ready(struct lab *lab, const struct lab_options *options) {
    lab_open_master(lab, options);
    REQUIRE_INT(lab_create_pool(lab, options, &lab->pool), 0);
}

static const struct lab_death *wait_for_death(struct lab *lab, int reason, int signal) {
    LAB_WAIT(lab, lab->death_count == 1);
    const struct lab_death *death = &lab->deaths[0];
    CHECK_INT(death->reason, reason);
    CHECK_INT(death->signal, signal);
    return death;
}

/* ---- Starting ---------------------------------------------------------------------------------------------------- */

static void a_worker_that_is_never_ready_is_killed_in_time(void) {
    struct lab lab;
    struct lab_result result = {0};
    open_not_ready(
        &lab, &(struct lab_options){.scenario = PROBE_SILENT, .pool = &(struct yoke_pool_options){.start_ms = 30}});
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    const struct lab_death *death = wait_for_death(&lab, REASON(START_TIMEOUT), SIGKILL);
    CHECK(death->uptime_us >= 30000);
    CHECK_CONTAINS(death->detail, "was not ready within 30 ms and was killed");
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(death->calls_in_flight, 1);
    CHECK_INT(lab.ready_count, 0);
    CHECK(lab.births[0].started_order < death->order);
    lab_close(&lab);
}

static void a_worker_that_crashes_at_its_start_is_no_timeout(void) {
    struct lab lab;
    open_not_ready(&lab, &(struct lab_options){.scenario = PROBE_RETURN});
    const struct lab_death *death = wait_for_death(&lab, REASON(EXITED), 0);
    CHECK_INT(death->exit_code, 5);
    CHECK_INT(lab.ready_count, 0);
    CHECK(lab.births[0].started_order > 0 && lab.births[0].started_order < death->order);
    lab_close(&lab);
}

static void tell_to_be_ready(struct lab *lab) {
    Probe__Tick tick = PROBE__TICK__INIT;
    tick.number = START_WORKER_READY;
    lab->noticed_count = 0;
    REQUIRE_INT(probe_tick_emit(lab_channel(lab), &tick), 0);
    LAB_WAIT(lab, lab->noticed_count == 1);
    CHECK_STR(lab->noticed_what, "ready");
}

static void a_worker_can_say_later_that_it_is_ready(void) {
    static const struct yoke_call_options waiting = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    open_not_ready(&lab, &(struct lab_options){.scenario = PROBE_POSTPONE});
    LAB_WAIT(&lab, lab.noticed_count == 1);
    CHECK_STR(lab.noticed_what, "postponed");
    CHECK_INT(lab.noticed_value, 0);
    CHECK_INT(lab.ready_count, 0);
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 0)), YOKE_CHILD_STARTING);
    /* It can be called, but a call that waits for one that is ready waits on. */
    REQUIRE_INT(probe_common_echo(yoke_pool_channel(lab.pool), &request, &waiting, lab_on_payload, &result), 0);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    CHECK_INT(result.count, 0);
    CHECK_INT(lab.ready_count, 0);
    tell_to_be_ready(&lab);
    CHECK_INT(lab.noticed_value, 0);
    CHECK_INT(lab.ready_count, 1);
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 0)), YOKE_CHILD_READY);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    tell_to_be_ready(&lab);
    CHECK_INT(lab.noticed_value, -EALREADY);
    CHECK_INT(lab.ready_count, 1);
    lab_release(&result);
    lab_close(&lab);
}

static void a_worker_that_postpones_for_too_long_is_killed(void) {
    struct lab lab;
    open_not_ready(
        &lab, &(struct lab_options){.scenario = PROBE_POSTPONE, .pool = &(struct yoke_pool_options){.start_ms = 100}});
    (void)wait_for_death(&lab, REASON(START_TIMEOUT), SIGKILL);
    CHECK_INT(lab.ready_count, 0);
    lab_close(&lab);
}

static void a_worker_that_has_not_said_it_is_ready_can_be_stopped(void) {
    struct lab lab;
    open_not_ready(&lab, &(struct lab_options){.scenario = PROBE_POSTPONE});
    LAB_WAIT(&lab, lab.noticed_count == 1);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    (void)wait_for_death(&lab, REASON(STOPPED), 0);
    CHECK_INT(lab.ready_count, 0);
    lab_close(&lab);
}

/* ---- Draining ---------------------------------------------------------------------------------------------------- */

static void who_is_told_to_stop_is_said_to_drain(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 5, &result), 0);
    yoke_pool_stop(lab.pool);
    CHECK_INT(lab.drains.count, 0); /* it is told from the loop */
    LAB_WAIT(&lab, lab.stopped_count == 1);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(lab.drains.count, 2);
    for (unsigned i = 0; i < 2; i++) {
        const struct lab_told *told = &lab.drains.told[i];
        CHECK_INT(told->reason, DRAIN(STOP));
        CHECK_INT(told->calls_in_flight, told->index == 0);
        CHECK_CONTAINS(told->detail, "is to stop because its pool stops");
        for (unsigned j = 0; j < 2; j++) {
            CHECK(lab.deaths[j].worker_id != told->worker_id || told->order < lab.deaths[j].order);
        }
    }
    lab_close(&lab);
}

static void who_says_that_it_stops_drains_for_a_reason_of_its_own(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_STOP, 3, &result), 0);
    const struct lab_death *death = wait_for_death(&lab, REASON(EXITED), 0);
    CHECK_INT(death->exit_code, 3);
    REQUIRE_INT(lab.drains.count, 1);
    CHECK_INT(lab.drains.told[0].reason, DRAIN(OWN));
    CHECK(lab.drains.told[0].order < death->order);
    lab_close(&lab);
}

static void who_just_dies_does_not_drain(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    (void)wait_for_death(&lab, REASON(SIGNALLED), SIGKILL);
    CHECK_INT(lab.drains.count, 0);
    lab_close(&lab);
}

static void who_does_not_heed_SIGTERM_is_killed(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_STUBBORN,
                                         .pool = &(struct yoke_pool_options){.stop = {.drain_ms = 20, .term_ms = 20}}});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    const struct lab_death *death = wait_for_death(&lab, REASON(STOP_TIMEOUT), SIGKILL);
    CHECK_CONTAINS(death->detail, "was told to stop, was not through within 20 ms, and was killed by SIGKILL");
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.drains.count, 1);
    lab_close(&lab);
}

static void who_stops_of_its_own_accord_has_no_more_time(void) {
    struct lab lab;
    struct lab_result never = {0}, result = {0};
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = 20});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_STOP, 0, &result), 0);
    const struct lab_death *death = wait_for_death(&lab, REASON(STOP_TIMEOUT), SIGTERM);
    CHECK_CONTAINS(death->detail, "said that it stops, was not through within 20 ms, and was killed by SIGTERM");
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    lab_close(&lab);
}

static void a_drain_without_a_bound_takes_as_long_as_it_takes(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = YOKE_NEVER});
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 50, &result), 0);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    (void)wait_for_death(&lab, REASON(STOPPED), 0);
    lab_close(&lab);
}

static void who_ends_anyway_is_not_told_to_stop(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = 40});
    REQUIRE_INT(lab_call_empty(&lab, probe_worker_close_channel, lab_channel(&lab), &result), 0);
    LAB_WAIT(&lab, yoke_child_state(yoke_pool_child(lab.pool, 0)) == YOKE_CHILD_STOPPING);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    /* It closed its channel before, so that is why it died. */
    (void)wait_for_death(&lab, REASON(CHANNEL_CLOSED), SIGTERM);
    CHECK_INT(lab.drains.count, 0);
    lab_close(&lab);
}

/* ---- What a death tells ------------------------------------------------------------------------------------------ */

static void a_death_tells_the_calls_that_were_served(void) {
    struct lab lab;
    struct lab_result results[10] = {0}, never = {0}, failed = {0};
    lab_open(&lab, NULL);
    for (int i = 0; i < 10; i++) {
        REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &results[i]), 0);
    }
    REQUIRE_INT(lab_fail(&lab, lab_channel(&lab), YOKE_ABORTED, "no", &failed), 0);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    LAB_WAIT(&lab, failed.count > 0);
    CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, 0)), 1);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    const struct lab_death *death = wait_for_death(&lab, REASON(SIGNALLED), SIGKILL);
    CHECK_INT(death->calls_served, 11);
    CHECK_INT(death->calls_in_flight, 1);
    CHECK_INT(death->generation, 1);
    for (int i = 0; i < 10; i++) {
        lab_release(&results[i]);
    }
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a worker that is never ready is killed in time", .run = a_worker_that_is_never_ready_is_killed_in_time},
    {.name = "a worker that crashes at its start is no timeout",
     .run = a_worker_that_crashes_at_its_start_is_no_timeout},
    {.name = "a worker can say later that it is ready", .run = a_worker_can_say_later_that_it_is_ready},
    {.name = "a worker that postpones for too long is killed", .run = a_worker_that_postpones_for_too_long_is_killed},
    {.name = "a worker that has not said it is ready can be stopped",
     .run = a_worker_that_has_not_said_it_is_ready_can_be_stopped},
    {.name = "who is told to stop is said to drain", .run = who_is_told_to_stop_is_said_to_drain},
    {.name = "who says that it stops drains for a reason of its own",
     .run = who_says_that_it_stops_drains_for_a_reason_of_its_own},
    {.name = "who just dies does not drain", .run = who_just_dies_does_not_drain},
    {.name = "who does not heed SIGTERM is killed", .run = who_does_not_heed_SIGTERM_is_killed},
    {.name = "who stops of its own accord has no more time", .run = who_stops_of_its_own_accord_has_no_more_time},
    {.name = "a drain without a bound takes as long as it takes",
     .run = a_drain_without_a_bound_takes_as_long_as_it_takes},
    {.name = "who ends anyway is not told to stop", .run = who_ends_anyway_is_not_told_to_stop},
    {.name = "a death tells the calls that were served", .run = a_death_tells_the_calls_that_were_served},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
