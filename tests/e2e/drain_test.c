/* drain_test.c: workers that want to be told to stop, because they have things of their own to bring to an end. */
#include "drain_worker.h"
#include "lab.h"

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

static void check_drained(struct lab *lab) {
    REQUIRE_INT(lab->death_count, 1);
    CHECK_INT(lab->deaths[0].reason, REASON(STOPPED));
    CHECK_INT(lab->deaths[0].exit_code, DRAIN_EXIT_CODE);
    CHECK_INT(lab->noticed_count, 1);
    CHECK_STR(lab->noticed_what, "drained");
    CHECK_INT(lab->noticed_value, DRAIN_CALLS);
    CHECK_INT(lab->stopped_count, 1);
}

static void a_worker_that_drains_calls_and_emits_until_it_says_stop(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_DRAIN});
    yoke_pool_stop(lab.pool);
    struct lab_result late = {0};
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &late), -ENOTCONN);
    ev_run(lab.loop, 0);
    check_drained(&lab);
    lab_close(&lab);
}

static void one_that_has_calls_to_answer_answers_them(void) {
    struct lab lab;
    struct lab_result slow = {0};
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_DRAIN});
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 300, &slow), 0);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.noticed_count == 1);
    CHECK_INT(lab.death_count, 0);
    ev_run(lab.loop, 0);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    check_drained(&lab);
    lab_close(&lab);
}

static void one_that_is_not_ready_yet_is_told_when_it_is(void) {
    struct lab lab;
    const struct lab_options options = {.scenario = PROBE_DRAIN};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    yoke_pool_stop(lab.pool);
    ev_run(lab.loop, 0);
    check_drained(&lab);
    lab_close(&lab);
}

static void one_that_stops_by_itself_is_not_told(void) {
    struct lab lab;
    struct lab_result finished = {0};
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_DRAIN});
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_STOP, 9, &finished), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    yoke_pool_stop(lab.pool);
    ev_run(lab.loop, 0);
    LAB_CHECK_ENDED(&finished, YOKE_OK);
    CHECK_INT(lab.noticed_count, 0);
    CHECK_INT(lab.deaths[0].reason, REASON(EXITED));
    CHECK_INT(lab.deaths[0].exit_code, 9);
    lab_close(&lab);
}

/* The two cross, whichever of them comes first: it dies once, with its own exit code. */
static void one_that_stops_by_itself_while_it_is_told_dies_once(void) {
    struct lab lab;
    struct lab_result finished = {0};
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_DRAIN});
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_STOP, 9, &finished), 0);
    yoke_pool_stop(lab.pool);
    ev_run(lab.loop, 0);
    LAB_CHECK_ENDED(&finished, YOKE_OK);
    CHECK_INT(lab.noticed_count, 0);
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    CHECK_INT(lab.deaths[0].exit_code, 9);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void one_that_never_says_stop_is_ended_after_the_stop_timeout(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_DRAIN_ENDLESSLY, .stop_timeout_ms = 50});
    yoke_pool_stop(lab.pool);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.noticed_count, 1);
    CHECK_STR(lab.noticed_what, "told");
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOP_TIMEOUT));
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a worker that drains calls and emits until it says stop",
     .run = a_worker_that_drains_calls_and_emits_until_it_says_stop},
    {.name = "one that has calls to answer answers them", .run = one_that_has_calls_to_answer_answers_them},
    {.name = "one that is not ready yet is told when it is", .run = one_that_is_not_ready_yet_is_told_when_it_is},
    {.name = "one that stops by itself is not told", .run = one_that_stops_by_itself_is_not_told},
    {.name = "one that stops by itself while it is told dies once",
     .run = one_that_stops_by_itself_while_it_is_told_dies_once},
    {.name = "one that never says stop is ended after the stop timeout",
     .run = one_that_never_says_stop_is_ended_after_the_stop_timeout},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
