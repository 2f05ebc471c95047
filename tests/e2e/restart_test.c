/* restart_test.c: which workers are replaced, after which pause, and what becomes of a pool whose workers die too often. */
#include "lab.h"

#include <string.h>

#define LONGEST_US 4000

/* A pool that restarts like this, after pauses of 1 to 4 ms. */
#define POLICY(...) \
    (&(struct yoke_pool_options){.restart = {.pause_ms = 1, .max_pause_ms = 4, .jitter_percent = 1, __VA_ARGS__}})

static void finish(struct lab *lab, Probe__End how, int code) {
    static struct lab_result results[32];
    static unsigned count;
    REQUIRE_INT(lab_finish(lab, lab_channel(lab), how, code, &results[count++]), 0);
}

/* The pool's only worker exits with this code. */
static void exit_with(struct lab *lab, int code) {
    finish(lab, PROBE__END__END_EXIT, code);
}

static void an_exit_with_code_0_is_no_failure(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ON_FAILURE)});
    exit_with(&lab, 3);
    LAB_WAIT(&lab, lab.ready_count == 2);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 3);
    exit_with(&lab, 0);
    LAB_WAIT(&lab, lab.death_count == 3);
    while (ev_run(lab.loop, EVRUN_ONCE) != 0) {
    }
    CHECK_INT(lab.birth_count, 3);
    CHECK_INT(lab.restarts.count, 2);
    lab_close(&lab);
}

static void the_final_exit_code_ends_a_place(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ALWAYS, .final_exit_code = 44)});
    exit_with(&lab, 43);
    LAB_WAIT(&lab, lab.ready_count == 2);
    finish(&lab, PROBE__END__END_STOP, 44);
    LAB_WAIT(&lab, lab.death_count == 2);
    while (ev_run(lab.loop, EVRUN_ONCE) != 0) {
    }
    CHECK_INT(lab.birth_count, 2);
    CHECK_INT(lab.deaths[1].exit_code, 44);
    lab_close(&lab);
}

/* Calls that begin to wait when a death is told, before it is decided what follows. */
struct waiters {
    struct lab *lab;
    struct lab_result to_pool, to_child;
};

static void wait_on_death(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    static const struct yoke_call_options waiting = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    struct waiters *waiters = user_data;
    struct lab *lab = waiters->lab;
    (void)peer;
    (void)event;
    lab_release(&waiters->to_pool);
    lab_release(&waiters->to_child);
    waiters->to_pool = waiters->to_child = (struct lab_result){.lab = lab};
    REQUIRE_INT(probe_common_echo(yoke_pool_channel(lab->pool), &request, &waiting, lab_on_payload, &waiters->to_pool),
                0);
    REQUIRE_INT(probe_common_echo(lab_channel(lab), &request, &waiting, lab_on_payload, &waiters->to_child), 0);
}

static void calls_wait_exactly_as_long_as_a_worker_may_come(void) {
    struct lab lab;
    struct waiters waiters = {.lab = &lab};
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ON_FAILURE)});
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab.master), wait_on_death, &waiters), 0);
    exit_with(&lab, 3);
    LAB_WAIT(&lab, waiters.to_pool.count > 0 && waiters.to_child.count > 0);
    LAB_CHECK_ENDED(&waiters.to_pool, YOKE_OK);
    LAB_CHECK_ENDED(&waiters.to_child, YOKE_OK);
    exit_with(&lab, 0);
    LAB_WAIT(&lab, lab.death_count == 2 && waiters.to_pool.count > 0 && waiters.to_child.count > 0);
    LAB_CHECK_ENDED(&waiters.to_pool, YOKE_UNAVAILABLE);
    LAB_CHECK_ENDED(&waiters.to_child, YOKE_UNAVAILABLE);
    lab_release(&waiters.to_pool);
    lab_release(&waiters.to_child);
    lab_close(&lab);
}

static void the_pause_doubles_with_each_death_in_a_row(void) {
    struct lab lab;
    const uint64_t pauses_us[] = {1000, 2000, 4000, 4000, 4000};
    lab_open(&lab, &(struct lab_options){.workers = 2, .pool = POLICY(.when = YOKE_RESTART_ALWAYS)});
    for (unsigned i = 0; i < 5; i++) {
        exit_with(&lab, 0);
        LAB_WAIT(&lab, lab.ready_count == 3 + i);
        REQUIRE_INT(lab.restarts.count, i + 1);
        const struct lab_told *told = &lab.restarts.told[i];
        CHECK_INT(told->index, 0);
        CHECK_INT(told->deaths_in_a_row, i + 1);
        CHECK_INT(told->in_period, i + 1);
        CHECK(told->pause_us >= pauses_us[i] && told->pause_us <= pauses_us[i] * 101 / 100);
        CHECK(told->order > lab.deaths[i].order && told->order < lab.births[2 + i].started_order);
        CHECK_INT(lab.births[2 + i].reason, YOKE__V1__START_REASON__START_REASON_RESTART);
    }
    /* Each place for itself, but the pool counts all. */
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.restarts.count == 6);
    CHECK_INT(lab.restarts.told[5].index, 1);
    CHECK_INT(lab.restarts.told[5].deaths_in_a_row, 1);
    CHECK_INT(lab.restarts.told[5].in_period, 6);
    lab_close(&lab);
}

static void after_a_healthy_worker_the_pause_is_short_again(void) {
    struct lab lab;
    /* Any worker that was ready for a millisecond is healthy, and Slow takes longer. */
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ALWAYS, .healthy_ms = 1)});
    for (unsigned i = 0; i < 3; i++) {
        struct lab_result result = {0};
        REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 5, &result), 0);
        LAB_WAIT(&lab, result.count > 0);
        exit_with(&lab, 1);
        LAB_WAIT(&lab, lab.ready_count == 2 + i);
        CHECK_INT(lab.restarts.told[i].deaths_in_a_row, 1);
        CHECK_INT(lab.restarts.told[i].in_period, i + 1);
    }
    lab_close(&lab);
}

/* A pool whose workers return 5 as soon as they have begun. */
static void open_crash_loop(struct lab *lab, const struct yoke_pool_options *pool) {
    const struct lab_options options = {.workers = 2, .scenario = PROBE_RETURN, .pool = pool};
    lab_open_master(lab, &options);
    REQUIRE_INT(lab_create_pool(lab, &options, &lab->pool), 0);
}

static void too_many_deaths_stop_the_pool(void) {
    struct lab lab;
    open_crash_loop(&lab, POLICY(.when = YOKE_RESTART_ALWAYS, .max_restarts = 3));
    LAB_WAIT(&lab, lab.stopped_count == 1);
    REQUIRE_INT(lab.failures.count, 1);
    CHECK_INT(lab.failures.told[0].reason, YOKE__V1__FAILURE_ACTION__FAILURE_ACTION_STOP_POOL);
    CHECK_INT(lab.failures.told[0].in_period, 4);
    CHECK_CONTAINS(lab.failures.told[0].detail, "pool lab has failed: 4 of its workers died within 60000 ms");
    CHECK_INT(lab.restarts.count, 3);
    CHECK(lab.deaths[3].order < lab.failures.told[0].order);
    CHECK_INT(yoke_master_exit_code(lab.master), 0);
    while (ev_run(lab.loop, EVRUN_ONCE) != 0) {
    }
    CHECK_INT(lab.birth_count, lab.death_count);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void too_many_deaths_stop_the_master_with_a_code(void) {
    struct lab lab;
    struct yoke_pool *failing = NULL;
    const struct lab_options options = {
        .scenario = PROBE_RETURN,
        .pool = POLICY(.when = YOKE_RESTART_ALWAYS, .max_restarts = 3, .on_failure = YOKE_FAILURE_STOP_MASTER,
                       .exit_code = 42),
    };
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_create_pool(&lab, &options, &failing), 0);
    LAB_WAIT(&lab, lab.stopped_count == 2);
    CHECK_INT(lab.failures.count, 1);
    CHECK_INT(lab.failures.told[0].reason, YOKE__V1__FAILURE_ACTION__FAILURE_ACTION_STOP_MASTER);
    CHECK_INT(yoke_master_exit_code(lab.master), 42);
    lab_close(&lab);
}

static void a_pool_can_keep_trying_and_recover(void) {
    struct lab lab;
    struct lab_result result = {0};
    const struct lab_options options = {
        .scenario = PROBE_RETURN_AT_FIRST,
        .pool = POLICY(.when = YOKE_RESTART_ALWAYS, .max_restarts = 2, .healthy_ms = 1,
                       .on_failure = YOKE_FAILURE_KEEP_TRYING),
    };
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    LAB_WAIT(&lab, lab.ready_count == 1);
    CHECK_INT(lab.death_count, 4);
    REQUIRE_INT(lab.failures.count, 1);
    CHECK_INT(lab.failures.told[0].reason, YOKE__V1__FAILURE_ACTION__FAILURE_ACTION_KEEP_TRYING);
    CHECK_INT(lab.failures.told[0].in_period, 3);
    CHECK(lab.restarts.told[1].pause_us < LONGEST_US);
    CHECK(lab.failures.told[0].order < lab.restarts.told[2].order);
    CHECK(lab.restarts.told[2].pause_us >= LONGEST_US);
    CHECK(lab.restarts.told[3].pause_us >= LONGEST_US);
    /* Slow takes longer than being healthy does, and then all that is forgotten. */
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 5, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    exit_with(&lab, 1);
    LAB_WAIT(&lab, lab.ready_count == 2);
    CHECK_INT(lab.restarts.told[4].in_period, 1);
    CHECK_INT(lab.restarts.told[4].deaths_in_a_row, 1);
    CHECK(lab.restarts.told[4].pause_us < LONGEST_US);
    CHECK_INT(lab.failures.count, 1);
    lab_close(&lab);
}

static void who_stops_of_its_own_accord_is_no_crash(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ALWAYS, .max_restarts = 1)});
    for (unsigned i = 0; i < 5; i++) {
        finish(&lab, PROBE__END__END_STOP, 1);
        LAB_WAIT(&lab, lab.ready_count == 2 + i && lab.death_count == 1 + i);
        CHECK_INT(lab.births[1 + i].reason, YOKE__V1__START_REASON__START_REASON_RECYCLE);
        CHECK_INT(lab.deaths[i].exit_code, 1);
    }
    CHECK_INT(lab.restarts.count, 0);
    CHECK_INT(lab.failures.count, 0);
    lab_close(&lab);
}

static void who_stops_of_its_own_accord_leaves_its_place_at_once(void) {
    struct lab lab;
    struct lab_result held = {0};
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ALWAYS)});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &held), 0);
    finish(&lab, PROBE__END__END_STOP, 1);
    LAB_WAIT(&lab, lab.ready_count == 2);
    /* It still has a call, and so lives, while another serves in its place. */
    CHECK_INT(lab.death_count, 0);
    CHECK_INT(held.count, 0);
    CHECK_INT(yoke_child_id(yoke_pool_child(lab.pool, 0)), lab.births[1].worker_id);
    lab_check_echo(&lab, lab_channel(&lab));
    /* Its death is none of the place's business any more. */
    REQUIRE_INT(kill(lab.births[0].pid, SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&held, YOKE_UNAVAILABLE);
    CHECK_INT(lab.deaths[0].worker_id, lab.births[0].worker_id);
    CHECK_INT(lab.restarts.count, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.birth_count, 2);
    lab_close(&lab);
}

static void who_may_not_be_replaced_keeps_its_place_until_it_is_dead(void) {
    struct lab lab;
    struct lab_result held = {0};
    lab_open(&lab, &(struct lab_options){.pool = POLICY(.when = YOKE_RESTART_ON_FAILURE)});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &held), 0);
    finish(&lab, PROBE__END__END_STOP, 1);
    LAB_WAIT(&lab, yoke_child_state(yoke_pool_child(lab.pool, 0)) == YOKE_CHILD_STOPPING);
    CHECK_INT(yoke_child_pid(yoke_pool_child(lab.pool, 0)), lab.births[0].pid);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 2);
    CHECK_INT(lab.births[1].reason, YOKE__V1__START_REASON__START_REASON_RECYCLE);
    CHECK_INT(lab.restarts.count, 0);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "an exit with code 0 is no failure", .run = an_exit_with_code_0_is_no_failure},
    {.name = "the final exit code ends a place", .run = the_final_exit_code_ends_a_place},
    {.name = "calls wait exactly as long as a worker may come", .run = calls_wait_exactly_as_long_as_a_worker_may_come},
    {.name = "the pause doubles with each death in a row", .run = the_pause_doubles_with_each_death_in_a_row},
    {.name = "after a healthy worker the pause is short again", .run = after_a_healthy_worker_the_pause_is_short_again},
    {.name = "too many deaths stop the pool", .run = too_many_deaths_stop_the_pool},
    {.name = "too many deaths stop the master with a code", .run = too_many_deaths_stop_the_master_with_a_code},
    {.name = "a pool can keep trying, and recover", .run = a_pool_can_keep_trying_and_recover},
    {.name = "who stops of its own accord is no crash", .run = who_stops_of_its_own_accord_is_no_crash},
    {.name = "who stops of its own accord leaves its place at once",
     .run = who_stops_of_its_own_accord_leaves_its_place_at_once},
    {.name = "who may not be replaced keeps its place until it is dead",
     .run = who_may_not_be_replaced_keeps_its_place_until_it_is_dead},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
