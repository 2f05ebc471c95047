/* master_test.c: what a master does with its pools as a whole: stops them in order, or at once. */
#include "lab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define POOLS 3

/* Three pools, "lab" each, and what was seen when each of them had stopped. */
struct trio {
    struct lab lab;
    struct yoke_pool *pools[POOLS];
    unsigned stopped_count;
    enum yoke_child_state seen[POOLS][POOLS]; /* [which PoolStopped][pool] */
};

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    struct trio *trio = user_data;
    (void)peer;
    (void)event;
    REQUIRE(trio->stopped_count < POOLS);
    for (unsigned i = 0; i < POOLS; i++) {
        trio->seen[trio->stopped_count][i] = yoke_child_state(yoke_pool_child(trio->pools[i], 0));
    }
    trio->stopped_count++;
}

static void open_trio(struct trio *trio, unsigned workers) {
    const struct lab_options options = {.workers = workers};
    *trio = (struct trio){.stopped_count = 0};
    lab_open_master(&trio->lab, &options);
    REQUIRE_INT(yoke_v1_pool_stopped_on(yoke_master_events(trio->lab.master), on_stopped, trio), 0);
    for (unsigned i = 0; i < POOLS; i++) {
        REQUIRE_INT(lab_create_pool(&trio->lab, &options, &trio->pools[i]), 0);
    }
    LAB_WAIT(&trio->lab, trio->lab.ready_count == POOLS * workers);
}

static void pools_stop_one_after_the_other_the_youngest_first(void) {
    struct trio trio;
    open_trio(&trio, 2);
    yoke_master_stop(trio.lab.master);
    ev_run(trio.lab.loop, 0);
    REQUIRE_INT(trio.stopped_count, POOLS);
    const enum yoke_child_state dead = YOKE_CHILD_DEAD;
    const enum yoke_child_state ready = YOKE_CHILD_READY;
    const enum yoke_child_state expected[POOLS][POOLS] = {
        {ready, ready, dead}, {ready, dead, dead}, {dead, dead, dead}};
    for (unsigned i = 0; i < POOLS; i++) {
        for (unsigned j = 0; j < POOLS; j++) {
            CHECK_INT(trio.seen[i][j], expected[i][j]);
        }
    }
    CHECK_INT(yoke_master_exit_code(trio.lab.master), 0);
    lab_close(&trio.lab);
}

static void a_pool_that_has_stopped_before_is_passed_over(void) {
    struct trio trio;
    open_trio(&trio, 1);
    yoke_pool_stop(trio.pools[1]);
    LAB_WAIT(&trio.lab, trio.stopped_count == 1);
    yoke_pool_stop(trio.pools[2]);
    yoke_master_stop(trio.lab.master);
    yoke_master_stop(trio.lab.master);
    ev_run(trio.lab.loop, 0);
    REQUIRE_INT(trio.stopped_count, POOLS);
    CHECK_INT(trio.seen[1][0], YOKE_CHILD_READY);
    CHECK_INT(trio.seen[2][0], YOKE_CHILD_DEAD);
    lab_close(&trio.lab);
}

static void a_pool_can_use_an_older_one_until_its_end(void) {
    struct trio trio;
    struct lab_result slow = {0};
    struct lab_result late = {0};
    open_trio(&trio, 1);
    REQUIRE_INT(lab_slow(&trio.lab, yoke_pool_channel(trio.pools[2]), 20, &slow), 0);
    yoke_master_stop(trio.lab.master);
    CHECK_INT(lab_echo(&trio.lab, yoke_pool_channel(trio.pools[2]), "x", 1, &late), -ENOTCONN);
    LAB_WAIT(&trio.lab, slow.count == 1);
    lab_check_echo(&trio.lab, yoke_pool_channel(trio.pools[0]));
    ev_run(trio.lab.loop, 0);
    CHECK_INT(trio.stopped_count, POOLS);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    lab_release(&slow);
    lab_close(&trio.lab);
}

static void a_master_that_stops_makes_no_pool(void) {
    struct lab lab;
    struct yoke_pool *pool = NULL;
    const struct lab_options options = {.workers = 1};
    lab_open(&lab, &options);
    yoke_master_stop(lab.master);
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -ESHUTDOWN);
    ev_run(lab.loop, 0);
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -ESHUTDOWN);
    CHECK(pool == NULL);
    CHECK_INT(lab.birth_count, 1);
    lab_close(&lab);
}

static void a_master_can_be_destroyed_while_it_stops(void) {
    struct trio trio;
    struct lab_result never = {0};
    open_trio(&trio, 1);
    REQUIRE_INT(lab_never(&trio.lab, yoke_pool_channel(trio.pools[2]), &never), 0);
    yoke_master_stop(trio.lab.master);
    ev_run(trio.lab.loop, EVRUN_NOWAIT);
    CHECK_INT(trio.stopped_count, 0);
    lab_close(&trio.lab);
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
}

static const struct test_case cases[] = {
    {.name = "pools stop one after the other, the youngest first",
     .run = pools_stop_one_after_the_other_the_youngest_first},
    {.name = "a pool that has stopped before is passed over", .run = a_pool_that_has_stopped_before_is_passed_over},
    {.name = "a pool can use an older one until its end", .run = a_pool_can_use_an_older_one_until_its_end},
    {.name = "a master that stops makes no pool", .run = a_master_that_stops_makes_no_pool},
    {.name = "a master can be destroyed while it stops", .run = a_master_can_be_destroyed_while_it_stops},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
