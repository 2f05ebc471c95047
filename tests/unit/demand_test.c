/* demand_test.c: since when nothing has happened in a place. */
#include "master/demand.h"

#include "harness.h"

#define S UINT64_C(1000000000)

static struct yoke__activity activity;

static uint64_t look(uint64_t worker_id, uint64_t calls, bool is_busy, uint64_t now_s) {
    return yoke__activity_look(&activity, worker_id, calls, is_busy, now_s * S) / S;
}

static void leisure_lasts_while_nothing_happens(void) {
    activity = (struct yoke__activity){0};
    CHECK_INT(look(7, 3, false, 100), 0);
    CHECK_INT(look(7, 3, false, 110), 10);
    CHECK_INT(look(7, 3, false, 130), 30);
}

static void a_call_ends_it(void) {
    activity = (struct yoke__activity){.worker_id = 7, .calls = 3, .since_ns = 100 * S};
    CHECK_INT(look(7, 4, false, 130), 0);
    CHECK_INT(look(7, 4, false, 135), 5);
}

static void a_call_that_is_not_answered_ends_it(void) {
    activity = (struct yoke__activity){.worker_id = 7, .calls = 3, .since_ns = 100 * S};
    CHECK_INT(look(7, 3, true, 130), 0);
    CHECK_INT(look(7, 3, true, 160), 0);
    CHECK_INT(look(7, 3, false, 165), 5);
}

static void another_worker_begins_with_none(void) {
    activity = (struct yoke__activity){.worker_id = 7, .calls = 3, .since_ns = 100 * S};
    CHECK_INT(look(8, 3, false, 130), 0);
    CHECK_INT(look(8, 3, false, 131), 1);
}

static const struct test_case cases[] = {
    {.name = "leisure lasts while nothing happens", .run = leisure_lasts_while_nothing_happens},
    {.name = "a call ends it", .run = a_call_ends_it},
    {.name = "a call that is not answered ends it", .run = a_call_that_is_not_answered_ends_it},
    {.name = "another worker begins with none", .run = another_worker_begins_with_none},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{.name = "demand", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
