/* recycle_test.c: when a worker has done enough, and how that is said. */
#include "master/recycle.h"

#include "harness.h"

#include <string.h>

#define MB UINT64_C(1000000)

static char why[YOKE__RECYCLE_WHY_MAX];

static bool is_due(const struct yoke_recycle_options *options, const struct yoke__recycle_facts *facts) {
    const uint64_t chances[2] = {0, 0};
    const struct yoke__recycle_bounds bounds = yoke__recycle_bounds_of(options, chances);
    why[0] = '\0';
    return yoke__recycle_is_due(options, &bounds, facts, why);
}

static void without_bounds_nobody_goes(void) {
    const struct yoke_recycle_options none = {.jitter_percent = 10};
    CHECK(!is_due(&none, &(struct yoke__recycle_facts){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}));
    CHECK_STR(why, "");
}

static void calls_are_enough_when_the_bound_is_reached(void) {
    const struct yoke_recycle_options options = {.after_calls = 10000};
    CHECK(!is_due(&options, &(struct yoke__recycle_facts){.calls = 9999, .age_us = UINT64_MAX}));
    CHECK(is_due(&options, &(struct yoke__recycle_facts){.calls = 10000}));
    CHECK_STR(why, "it has answered 10,000 calls");
    CHECK(is_due(&options, &(struct yoke__recycle_facts){.calls = UINT64_MAX}));
    CHECK_STR(why, "it has answered 18,446,744,073,709,551,615 calls");
}

static void age_is_enough_when_the_bound_is_reached(void) {
    CHECK(!is_due(&(struct yoke_recycle_options){.after_ms = 3600000},
                  &(struct yoke__recycle_facts){.age_us = 3600000 * UINT64_C(1000) - 1}));
    CHECK(is_due(&(struct yoke_recycle_options){.after_ms = 3600000},
                 &(struct yoke__recycle_facts){.age_us = 3605 * MB}));
    CHECK_STR(why, "it is 3,605 s old");
    CHECK(is_due(&(struct yoke_recycle_options){.after_ms = 50}, &(struct yoke__recycle_facts){.age_us = 51999}));
    CHECK_STR(why, "it is 51 ms old");
}

static void memory_is_too_much_above_the_bound(void) {
    const struct yoke_recycle_options rss = {.above_rss_bytes = 300 * MB};
    const struct yoke_recycle_options pss = {.above_pss_bytes = 9 * MB};
    CHECK(!is_due(&rss, &(struct yoke__recycle_facts){.rss_bytes = 300 * MB, .pss_bytes = 900 * MB}));
    CHECK(is_due(&rss, &(struct yoke__recycle_facts){.rss_bytes = 301 * MB}));
    CHECK_STR(why, "it uses 301 MB of resident memory, over 300 MB");
    CHECK(!is_due(&pss, &(struct yoke__recycle_facts){.rss_bytes = 900 * MB, .pss_bytes = 9 * MB}));
    CHECK(is_due(&pss, &(struct yoke__recycle_facts){.pss_bytes = 9 * MB + 1000}));
    CHECK_STR(why, "it uses 9,001 kB of proportional memory, over 9,000 kB");
    CHECK(is_due(&pss, &(struct yoke__recycle_facts){.pss_bytes = UINT64_MAX}));
    CHECK(strlen(why) < sizeof(why) - 1);
}

static void jitter_makes_bounds_longer_by_up_to_its_part(void) {
    const struct yoke_recycle_options options = {.after_calls = 1000, .after_ms = 100, .jitter_percent = 10};
    uint64_t least = UINT64_MAX, most = 0, oldest = 0;
    for (uint64_t chance = 0; chance < 5000; chance++) {
        const uint64_t chances[2] = {chance, chance * 97};
        const struct yoke__recycle_bounds bounds = yoke__recycle_bounds_of(&options, chances);
        least = bounds.calls < least ? bounds.calls : least;
        most = bounds.calls > most ? bounds.calls : most;
        oldest = bounds.age_us > oldest ? bounds.age_us : oldest;
        CHECK(bounds.age_us >= 100000 && bounds.age_us <= 110000);
    }
    CHECK_INT(least, 1000);
    CHECK_INT(most, 1100);
    CHECK(oldest > 109000);
}

static void bounds_that_are_huge_stay_so(void) {
    const uint64_t chances[2] = {UINT64_MAX, UINT64_MAX};
    const struct yoke_recycle_options options = {.after_calls = UINT64_MAX, .jitter_percent = 100};
    const struct yoke__recycle_bounds bounds = yoke__recycle_bounds_of(&options, chances);
    CHECK(bounds.calls == UINT64_MAX);
    CHECK_INT(bounds.age_us, 0);
}

static const struct test_case cases[] = {
    {.name = "without bounds nobody goes", .run = without_bounds_nobody_goes},
    {.name = "calls are enough when the bound is reached", .run = calls_are_enough_when_the_bound_is_reached},
    {.name = "age is enough when the bound is reached", .run = age_is_enough_when_the_bound_is_reached},
    {.name = "memory is too much above the bound", .run = memory_is_too_much_above_the_bound},
    {.name = "jitter makes bounds longer by up to its part", .run = jitter_makes_bounds_longer_by_up_to_its_part},
    {.name = "bounds that are huge stay so", .run = bounds_that_are_huge_stay_so},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{.name = "recycle", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
