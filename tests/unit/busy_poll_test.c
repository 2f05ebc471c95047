/* busy_poll_test.c: when it pays to look out for bytes, as learnt from how soon they came. */
#include "rpc/busy_poll.h"

#include "harness.h"

#define US UINT64_C(1000)
#define PATIENCE_US 20
#define PATIENCE_NS (PATIENCE_US * US)

/* Longer than a wait that would have been worth looking out for. */
#define LONG_NS (PATIENCE_NS + YOKE__BUSY_POLL_WAKING_NS + 1)
#define SHORT_NS (PATIENCE_NS + YOKE__BUSY_POLL_WAKING_NS)

static struct yoke__busy_poll poll;
static uint64_t now_ns;

static void start(void) {
    now_ns = 1000 * US;
    yoke__busy_poll_init(&poll, PATIENCE_US);
}

static bool wants(void) {
    return yoke__busy_poll_wants(&poll, now_ns);
}

static void receive_after(uint64_t ns) {
    now_ns += ns;
    yoke__busy_poll_received(&poll, now_ns);
}

/* Waits as long as a loop that looks out, and no longer. Returns whether it did. */
static bool wait_in_vain(void) {
    bool has_looked_out = wants();
    now_ns += PATIENCE_NS;
    CHECK(!wants());
    return has_looked_out;
}

static void lose_trust(void) {
    for (unsigned i = 0; i < YOKE__BUSY_POLL_TRUST; i++) {
        receive_after(LONG_NS);
        CHECK(wait_in_vain());
    }
    receive_after(LONG_NS);
    CHECK(!wants());
}

static void without_patience_it_never_looks_out(void) {
    yoke__busy_poll_init(&poll, 0);
    yoke__busy_poll_sent(&poll);
    CHECK(!wants());
    CHECK(!wants());
}

static void without_traffic_there_is_nothing_to_look_out_for(void) {
    start();
    CHECK(!wants());
    receive_after(0);
    CHECK(wants());
    start();
    yoke__busy_poll_sent(&poll);
    CHECK(wants());
}

static void a_wait_is_looked_out_for_until_patience_ends(void) {
    start();
    receive_after(0);
    CHECK(wants());
    now_ns += PATIENCE_NS - 1;
    CHECK(wants());
    now_ns += 1;
    CHECK(!wants());
    /* Whatever else wakes the loop. */
    now_ns += LONG_NS;
    CHECK(!wants());
}

static void each_arrival_begins_another_wait(void) {
    start();
    receive_after(0);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(wants());
        receive_after(PATIENCE_NS - 1);
    }
    CHECK(wants());
}

static void several_waits_in_vain_end_it(void) {
    start();
    lose_trust();
    for (unsigned i = 0; i < 1000; i++) {
        receive_after(LONG_NS);
        CHECK(!wants());
    }
}

static void one_that_was_not_in_vain_makes_up_for_the_others(void) {
    start();
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned i = 0; i + 1 < YOKE__BUSY_POLL_TRUST; i++) {
            receive_after(LONG_NS);
            CHECK(wait_in_vain());
        }
        receive_after(LONG_NS);
        CHECK(wants());
        receive_after(1);
    }
}

static void sending_alone_is_no_reason_for_ever(void) {
    start();
    for (unsigned i = 0; i < YOKE__BUSY_POLL_TRUST; i++) {
        yoke__busy_poll_sent(&poll);
        CHECK(wants());
        now_ns += 1;
    }
    yoke__busy_poll_sent(&poll);
    CHECK(!wants());
}

/* How many short waits it takes, since trust was lost, until one is looked out for. */
static unsigned count_short_waits(void) {
    unsigned count = 0;
    while (!wants() && count < 10000) {
        receive_after(SHORT_NS);
        count++;
    }
    return count;
}

static void short_waits_begin_it_again(void) {
    start();
    lose_trust();
    CHECK_INT(count_short_waits(), 2);
}

static void after_each_failure_it_takes_longer_to_try_again(void) {
    start();
    lose_trust();
    for (unsigned expected = 2; expected < 2 * YOKE__BUSY_POLL_CAUTION_MAX; expected *= 2) {
        CHECK_INT(count_short_waits(), expected);
        CHECK(wait_in_vain());
        receive_after(LONG_NS);
    }
    CHECK_INT(count_short_waits(), YOKE__BUSY_POLL_CAUTION_MAX);
    /* And not when it has not failed. */
    receive_after(1);
    lose_trust();
    CHECK_INT(count_short_waits(), 2);
}

static void long_waits_do_not_begin_it_again(void) {
    start();
    lose_trust();
    for (unsigned i = 0; i < 1000; i++) {
        receive_after(LONG_NS);
        CHECK(!wants());
    }
    CHECK_INT(count_short_waits(), 2);
}

#define CASE(function) \
    { .name = #function, .run = (function) }
static const struct test_case cases[] = {
    CASE(without_patience_it_never_looks_out),
    CASE(without_traffic_there_is_nothing_to_look_out_for),
    CASE(a_wait_is_looked_out_for_until_patience_ends),
    CASE(each_arrival_begins_another_wait),
    CASE(several_waits_in_vain_end_it),
    CASE(one_that_was_not_in_vain_makes_up_for_the_others),
    CASE(sending_alone_is_no_reason_for_ever),
    CASE(short_waits_begin_it_again),
    CASE(after_each_failure_it_takes_longer_to_try_again),
    CASE(long_waits_do_not_begin_it_again),
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "busy_poll", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
