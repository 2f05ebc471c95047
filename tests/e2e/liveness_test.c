/* liveness_test.c: workers that hang are noticed and killed; those that are merely busy, or whose master was, are not. */
#include "lab.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

/* For options.pool: this is a shorter way to say it. */
#define LIVENESS(...) (&(struct yoke_pool_options){.liveness = {__VA_ARGS__}})

static const Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

/* SIGABRT would leave cores lying about. */
static void open_lab(struct lab *lab, const struct lab_options *options) {
    const struct rlimit none = {0};
    REQUIRE_INT(setrlimit(RLIMIT_CORE, &none), 0);
    lab_open(lab, options);
}

static const struct lab_death *wait_for_hang(struct lab *lab, int signal) {
    LAB_WAIT(lab, lab->death_count == 1);
    const struct lab_death *death = &lab->deaths[0];
    CHECK_INT(death->reason, REASON(HUNG));
    CHECK_INT(death->signal, signal);
    REQUIRE_INT(lab->hangs.count, 1);
    CHECK_INT(lab->hangs.told[0].worker_id, death->worker_id);
    CHECK(lab->hangs.told[0].order < death->order);
    CHECK_CONTAINS(lab->hangs.told[0].detail, "has given no sign of life for");
    return death;
}

/* Spends some time, with the master's loop turning, by a worker that does nothing meanwhile. */
static void pass(struct lab *lab, struct yoke_child *child, int64_t milliseconds) {
    struct lab_result result = {0};
    REQUIRE_INT(lab_slow(lab, yoke_child_channel(child), milliseconds, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
}

/* ---- Heartbeats -------------------------------------------------------------------------------------------------- */

static void a_stopped_worker_is_noticed_and_killed(void) {
    struct lab lab;
    struct lab_result never = {0};
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.heartbeat_ms = 5, .patience_ms = 100)});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGSTOP), 0);
    LAB_WAIT(&lab, lab.hangs.count == 1);
    CHECK(lab.hangs.told[0].silent_us >= 100000);
    CHECK_STR(lab.hangs.told[0].method, "");
    /* From now on it gets no calls; what it has not answered ends with it. */
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 0)), YOKE_CHILD_STOPPING);
    CHECK_INT(never.count, 0);
    struct lab_result refused = {0};
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &refused), -ENOTCONN);
    /* A process that is stopped does not even abort, unless it is made to go on. */
    const struct lab_death *death = wait_for_hang(&lab, SIGABRT);
    CHECK_CONTAINS(death->detail, "gave no sign of life and was killed by SIGABRT");
    CHECK_INT(death->calls_in_flight, 1);
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
    CHECK(never.order < death->order);
    lab_close(&lab);
}

static void a_handler_that_does_not_return_is_noticed_by_the_heartbeat(void) {
    struct lab lab;
    struct lab_result result = {0};
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.heartbeat_ms = 5, .patience_ms = 100)});
    REQUIRE_INT(lab_call_empty(&lab, probe_worker_block, lab_channel(&lab), &result), 0);
    (void)wait_for_hang(&lab, SIGABRT);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    lab_close(&lab);
}

static void who_survives_SIGABRT_is_killed(void) {
    struct lab lab;
    open_lab(&lab, &(struct lab_options){.scenario = PROBE_STUBBORN,
                                         .pool = LIVENESS(.heartbeat_ms = 5, .patience_ms = 100, .abort_ms = 20)});
    struct lab_result result = {0};
    REQUIRE_INT(lab_call_empty(&lab, probe_worker_block, lab_channel(&lab), &result), 0);
    (void)wait_for_hang(&lab, SIGKILL);
    lab_close(&lab);
}

static void a_hung_worker_is_replaced(void) {
    struct lab lab;
    open_lab(&lab, &(struct lab_options){.workers = 2,
                                         .restart = true,
                                         .restart_pause_ms = 1,
                                         .pool = LIVENESS(.heartbeat_ms = 5, .patience_ms = 300)});
    for (unsigned i = 1; i <= 3; i++) {
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGSTOP), 0);
        LAB_WAIT(&lab, lab.ready_count == 2 + i);
        CHECK_INT(lab.hangs.count, i);
        CHECK_INT(lab.deaths[i - 1].reason, REASON(HUNG));
        CHECK_INT(lab.restarts.count, i);
    }
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void heartbeats_are_no_calls(void) {
    struct lab lab;
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.heartbeat_ms = 1, .patience_ms = 60000)});
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    pass(&lab, child, 20);
    CHECK_INT(yoke_child_calls_in_flight(child), 0);
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
    /* Until it is certain that one is unanswered: another pool's worker lets the time pass. */
    struct yoke_pool *other = NULL;
    const unsigned ready_count = lab.ready_count;
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){0}, &other), 0);
    LAB_WAIT(&lab, lab.ready_count > ready_count);
    pass(&lab, yoke_pool_child(other, 0), 10);
    CHECK_INT(yoke_child_calls_in_flight(child), 0);
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(lab.deaths[0].calls_served, 1);
    CHECK_INT(lab.deaths[0].calls_in_flight, 0);
    CHECK_INT(lab.deaths[0].reason, REASON(SIGNALLED));
    lab_close(&lab);
}

static void heartbeats_do_not_keep_a_pool_that_stops(void) {
    struct lab lab;
    struct lab_result result = {0};
    open_lab(&lab, &(struct lab_options){.workers = 3, .pool = LIVENESS(.heartbeat_ms = 1, .patience_ms = 60000)});
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 20, &result), 0);
    pass(&lab, yoke_pool_child(lab.pool, 1), 5);
    yoke_pool_stop(lab.pool);
    while (ev_run(lab.loop, EVRUN_ONCE) != 0) {
    }
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(lab.death_count, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(lab.deaths[i].reason, REASON(STOPPED));
    }
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void a_heartbeat_to_come_does_not_keep_the_loop_running(void) {
    struct lab lab;
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.heartbeat_ms = 600000)});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    while (ev_run(lab.loop, EVRUN_ONCE) != 0) {
    }
    CHECK_INT(lab.death_count, 1);
    lab_close(&lab);
}

static void a_worker_that_is_draining_is_left_to_its_deadline(void) {
    struct lab lab;
    struct lab_result result = {0};
    open_lab(&lab, &(struct lab_options){.stop_timeout_ms = 60, .pool = LIVENESS(.heartbeat_ms = 1, .patience_ms = 5)});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    yoke_pool_stop(lab.pool);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGSTOP), 0);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOP_TIMEOUT));
    CHECK_INT(lab.hangs.count, 0);
    lab_close(&lab);
}

/* ---- Not to be mistaken for it ------------------------------------------------------------------------------------- */

static void a_worker_is_not_blamed_for_a_master_that_did_not_look(void) {
    struct lab lab;
    open_lab(&lab, &(struct lab_options){.workers = 2, .pool = LIVENESS(.heartbeat_ms = 1, .patience_ms = 500)});
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
    pass(&lab, yoke_pool_child(lab.pool, 1), 10); /* it has been asked, and owes an answer */
    usleep(1000000);                              /* which nobody would see */
    REQUIRE_INT(yoke_child_kill(child, SIGCONT), 0);
    pass(&lab, child, 10);
    CHECK_INT(lab.hangs.count, 0);
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

static void a_busy_worker_is_not_hung(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.heartbeat_ms = 1, .patience_ms = 2000)});
    Probe__SpendRequest request = PROBE__SPEND_REQUEST__INIT;
    request.cpu_ms = 50;
    REQUIRE_INT(probe_worker_spend(lab_channel(&lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(lab.hangs.count, 0);
    lab_close(&lab);
}

/* ---- Times for handlers ------------------------------------------------------------------------------------------- */

static void a_handler_that_blocks_beyond_its_time_is_noticed(void) {
    struct lab lab;
    struct lab_result blocked = {.lab = &lab};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .handler_timeout_us = 20000};
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.patience_ms = 20)});
    REQUIRE_INT(probe_worker_block(lab_channel(&lab), &empty, &options, lab_on_empty, &blocked), 0);
    (void)wait_for_hang(&lab, SIGABRT);
    CHECK_STR(lab.hangs.told[0].method, "probe.Worker/Block");
    CHECK_CONTAINS(lab.hangs.told[0].detail, "in probe.Worker/Block");
    CHECK(lab.hangs.told[0].silent_us >= 20000);
    LAB_CHECK_ENDED(&blocked, YOKE_UNAVAILABLE);
    CHECK(lab.deaths[0].uptime_us >= 40000);
    lab_close(&lab);
}

static void a_handler_that_answers_later_is_no_hang(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    Probe__Number request = PROBE__NUMBER__INIT;
    request.value = 60;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .handler_timeout_us = 2000};
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.patience_ms = 2000)});
    REQUIRE_INT(probe_worker_slow(lab_channel(&lab), &request, &options, lab_on_number, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(lab.hangs.count, 0);
    lab_close(&lab);
}

static void a_handler_that_blocks_is_noticed_when_its_call_is_long_given_up(void) {
    struct lab lab;
    struct yoke_call *call = NULL;
    struct lab_result result = {.lab = &lab};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .handler_timeout_us = 40000, .ret_call = &call};
    /* The handler is stuck once it has sent an event, so large that it leaves at once. */
    Probe__BurstRequest request = PROBE__BURST_REQUEST__INIT;
    Probe__EndRequest end = PROBE__END_REQUEST__INIT;
    request.events = 1;
    request.bytes = 200000;
    request.end = &end;
    end.how = PROBE__END__END_RAISE;
    end.code = SIGSTOP;
    open_lab(&lab, &(struct lab_options){.pool = LIVENESS(.patience_ms = 20)});
    REQUIRE_INT(probe_worker_burst(lab_channel(&lab), &request, &options, lab_on_empty, &result), 0);
    LAB_WAIT(&lab, lab.tick_count == 1);
    yoke_call_cancel(call);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_CANCELLED);
    (void)wait_for_hang(&lab, SIGABRT);
    CHECK_STR(lab.hangs.told[0].method, "probe.Worker/Burst");
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a stopped worker is noticed and killed", .run = a_stopped_worker_is_noticed_and_killed},
    {.name = "a handler that does not return is noticed by the heartbeat",
     .run = a_handler_that_does_not_return_is_noticed_by_the_heartbeat},
    {.name = "who survives SIGABRT is killed", .run = who_survives_SIGABRT_is_killed},
    {.name = "a hung worker is replaced", .run = a_hung_worker_is_replaced},
    {.name = "heartbeats are no calls", .run = heartbeats_are_no_calls},
    {.name = "heartbeats do not keep a pool that stops", .run = heartbeats_do_not_keep_a_pool_that_stops},
    {.name = "a heartbeat to come does not keep the loop running",
     .run = a_heartbeat_to_come_does_not_keep_the_loop_running},
    {.name = "a worker that is draining is left to its deadline",
     .run = a_worker_that_is_draining_is_left_to_its_deadline},
    {.name = "a worker is not blamed for a master that did not look",
     .run = a_worker_is_not_blamed_for_a_master_that_did_not_look},
    {.name = "a busy worker is not hung", .run = a_busy_worker_is_not_hung},
    {.name = "a handler that blocks beyond its time is noticed",
     .run = a_handler_that_blocks_beyond_its_time_is_noticed},
    {.name = "a handler that answers later is no hang", .run = a_handler_that_answers_later_is_no_hang},
    {.name = "a handler that blocks is noticed when its call is long given up",
     .run = a_handler_that_blocks_is_noticed_when_its_call_is_long_given_up},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
