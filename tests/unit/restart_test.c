/* restart_test.c: pauses that grow, deaths that are too many, and what makes both be forgotten. */
#include "master/restart.h"

#include "harness.h"

#include <errno.h>

#define MS UINT64_C(1000)

static struct yoke_restart_options options;
static struct yoke__restart_record record;
static uint64_t now_us;

static void start(enum yoke_restart when, uint32_t max_restarts) {
    options = (struct yoke_restart_options){
        .when = when,
        .pause_ms = 100,
        .max_pause_ms = 1000,
        .healthy_ms = 10000,
        .max_restarts = max_restarts,
        .period_ms = 60000,
    };
    now_us = 1000000;
    REQUIRE_INT(yoke__restart_record_init(&record, &options), 0);
}

static void end(void) {
    yoke__restart_record_release(&record);
}

static uint64_t pause_us(uint32_t deaths, uint64_t lot) {
    return yoke__restart_pause_us(&options, &record, deaths, lot);
}

/* So much later there is a death: is it one too many? */
static bool die_after(uint64_t us, uint32_t expected_deaths) {
    uint32_t deaths = 99;
    now_us += us;
    bool is_too_many = yoke__restart_count(&record, &options, now_us, &deaths);
    CHECK_INT(deaths, expected_deaths);
    return is_too_many;
}

static void who_is_replaced_depends_on_how_it_ended(void) {
    start(YOKE_RESTART_NEVER, 3);
    CHECK(!yoke__restart_is_due(&options, -1));
    CHECK(!yoke__restart_is_due(&options, 1));
    options.when = YOKE_RESTART_ALWAYS;
    CHECK(yoke__restart_is_due(&options, -1));
    CHECK(yoke__restart_is_due(&options, 0));
    CHECK(yoke__restart_is_certain(&options));
    options.when = YOKE_RESTART_ON_FAILURE;
    CHECK(yoke__restart_is_due(&options, -1));
    CHECK(yoke__restart_is_due(&options, 1));
    CHECK(!yoke__restart_is_due(&options, 0));
    CHECK(!yoke__restart_is_certain(&options));
    end();
}

static void a_final_exit_code_is_final(void) {
    start(YOKE_RESTART_ALWAYS, 3);
    options.final_exit_code = 7;
    CHECK(!yoke__restart_is_due(&options, 7));
    CHECK(yoke__restart_is_due(&options, 8));
    CHECK(yoke__restart_is_due(&options, -1));
    CHECK(!yoke__restart_is_certain(&options));
    end();
}

static void the_pause_doubles_up_to_the_longest(void) {
    start(YOKE_RESTART_ALWAYS, 3);
    CHECK_INT(pause_us(1, 5), 100 * MS);
    CHECK_INT(pause_us(2, 5), 200 * MS);
    CHECK_INT(pause_us(3, 5), 400 * MS);
    CHECK_INT(pause_us(4, 5), 800 * MS);
    CHECK_INT(pause_us(5, 5), 1000 * MS);
    CHECK_INT(pause_us(UINT32_MAX, 5), 1000 * MS);
    options.pause_ms = options.max_pause_ms = UINT32_MAX;
    CHECK(pause_us(1, 5) == UINT32_MAX * MS);
    CHECK(pause_us(9, 5) == UINT32_MAX * MS);
    end();
}

static void chance_makes_a_pause_longer_by_its_share_at_most(void) {
    start(YOKE_RESTART_ALWAYS, 3);
    options.jitter_percent = 20;
    uint64_t longest = 0;
    for (uint64_t lot = 0; lot < 50000; lot++) {
        uint64_t us = pause_us(1, lot);
        CHECK(us >= 100 * MS && us <= 120 * MS);
        longest = us > longest ? us : longest;
    }
    CHECK_INT(longest, 120 * MS);
    end();
}

static void one_death_too_many_within_the_period_is_a_failure(void) {
    start(YOKE_RESTART_ALWAYS, 3);
    CHECK(!die_after(0, 1));
    CHECK(!die_after(1 * MS, 2));
    CHECK(!die_after(1 * MS, 3));
    CHECK(die_after(1 * MS, 4));
    end();
}

static void deaths_that_are_far_enough_apart_are_no_failure(void) {
    start(YOKE_RESTART_ALWAYS, 2);
    CHECK(!die_after(0, 1));
    CHECK(!die_after(30000 * MS, 2));
    for (int i = 0; i < 10; i++) {
        /* The one before the last is just out of the period. */
        CHECK(!die_after(30000 * MS, 2));
    }
    CHECK(die_after(29999 * MS, 3));
    end();
}

static void a_failure_is_told_once_until_a_later_worker_was_healthy(void) {
    start(YOKE_RESTART_ALWAYS, 1);
    CHECK(!die_after(0, 1));
    CHECK(die_after(1, 2));
    const uint64_t failed_us = now_us;
    CHECK(!die_after(1, 2));
    CHECK_INT(pause_us(1, 0), 1000 * MS);
    yoke__restart_recover(&record, failed_us); /* ready before it failed */
    CHECK(!die_after(1, 2));
    yoke__restart_recover(&record, failed_us + 1);
    CHECK_INT(pause_us(1, 0), 100 * MS);
    CHECK(!die_after(1, 1));
    CHECK(die_after(1, 2));
    end();
}

static void health_is_having_been_ready_for_long_enough(void) {
    start(YOKE_RESTART_ALWAYS, 1);
    CHECK(!yoke__restart_was_healthy(&options, 0, 1000000 * MS));
    CHECK(!yoke__restart_was_healthy(&options, 5 * MS, 10005 * MS - 1));
    CHECK(yoke__restart_was_healthy(&options, 5 * MS, 10005 * MS));
    end();
}

static void without_a_bound_nothing_is_kept(void) {
    start(YOKE_RESTART_ALWAYS, UINT32_MAX);
    CHECK(record.deaths_us == NULL);
    for (int i = 0; i < 1000; i++) {
        CHECK(!die_after(0, 0));
    }
    end();
    start(YOKE_RESTART_NEVER, 1);
    CHECK(record.deaths_us == NULL);
    end();
}

static const struct test_case cases[] = {
    {.name = "who is replaced depends on how it ended", .run = who_is_replaced_depends_on_how_it_ended},
    {.name = "a final exit code is final", .run = a_final_exit_code_is_final},
    {.name = "the pause doubles up to the longest", .run = the_pause_doubles_up_to_the_longest},
    {.name = "chance makes a pause longer by its share at most",
     .run = chance_makes_a_pause_longer_by_its_share_at_most},
    {.name = "one death too many within the period is a failure",
     .run = one_death_too_many_within_the_period_is_a_failure},
    {.name = "deaths that are far enough apart are no failure", .run = deaths_that_are_far_enough_apart_are_no_failure},
    {.name = "a failure is told once until a later worker was healthy",
     .run = a_failure_is_told_once_until_a_later_worker_was_healthy},
    {.name = "health is having been ready for long enough", .run = health_is_having_been_ready_for_long_enough},
    {.name = "without a bound nothing is kept", .run = without_a_bound_nothing_is_kept},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"restart", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
