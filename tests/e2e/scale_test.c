/* scale_test.c: pools that are told to have more workers, or fewer. */
#include "kinds.h"
#include "load.h"

#include <string.h>

static struct trace trace;
static struct load load;

#define POOL(...) (&(struct yoke_pool_options){.retry = {.max_attempts = 1}, __VA_ARGS__})

static void open_pool(struct lab *lab, unsigned workers, const struct yoke_pool_options *pool) {
    kinds_open_pool(lab, &trace, &(struct lab_options){.workers = workers, .pool = pool});
}

/* So many workers, all ready, and no other is left. */
static void settle(struct lab *lab, unsigned size) {
    LAB_WAIT(lab, trace.started - trace.died == size && yoke_pool_ready(lab->pool) == size);
    CHECK_INT(yoke_pool_size(lab->pool), size);
    CHECK(yoke_pool_child(lab->pool, size - 1) != NULL);
    CHECK(yoke_pool_child(lab->pool, size) == NULL);
}

static void growing_and_shrinking_are_told(void) {
    struct lab lab;
    open_pool(&lab, 2, NULL);
    CHECK_INT(yoke_pool_scale(lab.pool, 2), 0);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 4), 0);
    CHECK_INT(yoke_pool_size(lab.pool), 4);
    CHECK_INT(yoke_pool_ready(lab.pool), 2);
    settle(&lab, 4);
    TRACE_CHECK(&trace, "scaled from 2 to 4 told");
    TRACE_CHECK(&trace, "started 3 scale in 2, generation 1", "ready 3");
    TRACE_CHECK(&trace, "started 4 scale in 3, generation 1", "ready 4");
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    CHECK_INT(yoke_pool_size(lab.pool), 1);
    settle(&lab, 1);
    TRACE_CHECK(&trace, "scaled from 2 to 4 told", "scaled from 4 to 1 told");
    TRACE_CHECK(&trace, "draining 4 scale", "died 4 scaled down");
    TRACE_CHECK(&trace, "draining 3 scale", "died 3 scaled down");
    TRACE_CHECK(&trace, "draining 2 scale", "died 2 scaled down");
    CHECK_INT(trace.scaled, 2);
    kinds_close_pool(&lab);
}

static void scaling_under_load_loses_nothing(void) {
    static const unsigned sizes[] = {5, 1, 3, 8, 2, 1, 6, 4};
    struct lab lab;
    open_pool(&lab, 2, POOL(.name = NULL));
    load_begin(&load, &lab, 48);
    for (unsigned i = 0; i < 16; i++) {
        const unsigned ok = load.ok;
        REQUIRE_INT(yoke_pool_scale(lab.pool, sizes[i % 8]), 0);
        LAB_WAIT(&lab, load.ok > ok + 100);
    }
    settle(&lab, 4);
    load_end(&load);
    for (unsigned i = 0; i < lab.death_count; i++) {
        CHECK_INT(lab.deaths[i].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_SCALED_DOWN);
        CHECK_INT(lab.deaths[i].calls_in_flight, 0);
    }
    kinds_close_pool(&lab);
}

/* All at once, in one turn of the loop: what counts is the last word. */
static void the_last_word_counts(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.name = NULL));
    load_begin(&load, &lab, 16);
    for (unsigned i = 0; i < 20; i++) {
        REQUIRE_INT(yoke_pool_scale(lab.pool, i % 5 + 1), 0);
    }
    REQUIRE_INT(yoke_pool_scale(lab.pool, 2), 0);
    settle(&lab, 2);
    load_end(&load);
    CHECK_INT(trace.workers, 2);
    CHECK_INT(trace.before, 3);
    CHECK_INT(trace.scaled, 1);
    kinds_close_pool(&lab);
}

static void a_place_that_is_given_up_lives_on(void) {
    struct lab lab;
    struct lab_result result = {0};
    open_pool(&lab, 3, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 2);
    struct yoke_channel *channel = yoke_child_channel(child);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 2), 0);
    CHECK_INT(yoke_child_state(child), YOKE_CHILD_DEAD);
    CHECK_INT(yoke_child_pid(child), 0);
    CHECK_INT(lab_echo(&lab, channel, "x", 1, &result), -ENOTCONN);
    CHECK_INT(yoke_child_recycle(child), -ESRCH);
    CHECK_INT(yoke_child_kill(child, SIGKILL), -ESRCH);
    settle(&lab, 2);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 3), 0);
    CHECK(yoke_pool_child(lab.pool, 2) == child);
    settle(&lab, 3);
    CHECK_INT(yoke_child_id(child), 4);
    lab_check_echo(&lab, channel);
    kinds_close_pool(&lab);
}

/* The old one may still drain when the place gets another. */
static void a_place_is_filled_again_while_its_worker_drains(void) {
    struct lab lab;
    struct lab_result slow = {0};
    open_pool(&lab, 2, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 1);
    REQUIRE_INT(lab_slow(&lab, yoke_child_channel(child), 50, &slow), 0);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 2), 0);
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 2);
    lab_check_echo(&lab, yoke_child_channel(child));
    settle(&lab, 2);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    CHECK_INT(slow.peer.worker_id, 2);
    CHECK_INT(yoke_child_id(child), 3);
    CHECK_INT(trace.scaled, 0);
    kinds_close_pool(&lab);
}

static void a_call_that_waits_for_a_place_that_is_given_up_ends(void) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    open_pool(&lab, 2, POOL(.restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 3600000, .max_pause_ms = 3600000}));
    struct yoke_child *child = yoke_pool_child(lab.pool, 1);
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    LAB_WAIT(&lab, trace.died == 1);
    REQUIRE_INT(probe_common_never(yoke_child_channel(child), &request, &options, lab_on_empty, &result), 0);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    settle(&lab, 1);
    kinds_close_pool(&lab);
}

/* The replacement of its worker goes with it. */
static void a_place_can_be_given_up_while_its_worker_is_replaced(void) {
    struct lab lab;
    open_pool(&lab, 2, POOL(.stop = {.drain_ms = 1, .term_ms = 1}));
    spawn_as(SILENT);
    REQUIRE_INT(yoke_child_recycle(yoke_pool_child(lab.pool, 1)), 0);
    LAB_WAIT(&lab, trace.started == 3);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    settle(&lab, 1);
    TRACE_CHECK(&trace, "started 3 recycle in 1", "draining 3 scale", "died 3 stop timeout");
    CHECK_INT(trace_count(&trace, "draining 2 scale"), 1);
    kinds_close_pool(&lab);
}

/* A place that has failed, or whose worker starts, can be given up like any other. */
static void workers_that_start_can_be_too_many(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(.stop = {.drain_ms = 1, .term_ms = 1}, .restart = {.when = YOKE_RESTART_ALWAYS}));
    spawn_as(SILENT);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 3), 0);
    LAB_WAIT(&lab, trace.started == 3);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    settle(&lab, 1);
    spawn_as(GOOD);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 2), 0);
    settle(&lab, 2);
    CHECK_INT(trace.started, 4);
    kinds_close_pool(&lab);
}

static void sizes_that_cannot_be_are_refused(void) {
    struct lab lab;
    open_pool(&lab, 1, NULL);
    CHECK_INT(yoke_pool_scale(lab.pool, 0), -EINVAL);
    CHECK_INT(yoke_pool_scale(lab.pool, YOKE_WORKERS_MAX + 1), -EINVAL);
    CHECK_INT(yoke_pool_size(lab.pool), 1);
    yoke_pool_stop(lab.pool);
    CHECK_INT(yoke_pool_scale(lab.pool, 2), -ESHUTDOWN);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(trace.scaled, 0);
    kinds_close_pool(&lab);
}

/* Where nobody can be spawned, all is as it was. */
static void a_pool_that_cannot_grow_stays_as_it_is(void) {
    struct lab lab;
    if (!lab_is_exec()) {
        return;
    }
    open_pool(&lab, 2, POOL(.name = NULL));
    load_begin(&load, &lab, 8);
    kinds_remove_program();
    CHECK_INT(yoke_pool_scale(lab.pool, 4), -ENOENT);
    settle(&lab, 2);
    spawn_as(GOOD);
    CHECK_INT(yoke_pool_scale(lab.pool, 4), 0);
    settle(&lab, 4);
    load_end(&load);
    CHECK_INT(trace.scaled, 1);
    kinds_close_pool(&lab);
}

/* Scaled and reloaded at once, again and again. */
static void scaling_and_reloads_go_together(void) {
    struct lab lab;
    open_pool(&lab, 4, POOL(.replace = {.surge = 2}));
    load_begin(&load, &lab, 24);
    for (unsigned i = 1; i <= 8; i++) {
        const unsigned started = trace.started;
        REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
        LAB_WAIT(&lab, trace.started > started);
        REQUIRE_INT(yoke_pool_scale(lab.pool, i * 3 % 5 + 1), 0);
        LAB_WAIT(&lab, trace.reloaded == i);
    }
    settle(&lab, 5);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_INT(yoke_child_generation(yoke_pool_child(lab.pool, i)), 9);
    }
    load_end(&load);
    kinds_close_pool(&lab);
}

static void a_pool_that_stops_waits_for_those_that_were_too_many(void) {
    struct lab lab;
    struct lab_result slow = {0};
    open_pool(&lab, 2, NULL);
    REQUIRE_INT(lab_slow(&lab, yoke_child_channel(yoke_pool_child(lab.pool, 1)), 50, &slow), 0);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    CHECK_INT(trace.died, 2);
    TRACE_CHECK(&trace, "died 1 stopped", "stopped");
    TRACE_CHECK(&trace, "died 2 scaled down", "stopped");
    ev_run(lab.loop, 0);
    kinds_close_pool(&lab);
}

static void a_master_can_be_destroyed_in_the_middle_of_it(void) {
    struct lab lab;
    open_pool(&lab, 3, NULL);
    load_begin(&load, &lab, 8);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 6), 0);
    LAB_WAIT(&lab, trace.ready >= 4);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    load.is_over = true;
    kinds_close_pool(&lab);
    CHECK_INT(load.live, 0);
}

static const struct test_case cases[] = {
    {.name = "growing and shrinking are told", .run = growing_and_shrinking_are_told},
    {.name = "scaling under load loses nothing", .run = scaling_under_load_loses_nothing},
    {.name = "the last word counts", .run = the_last_word_counts},
    {.name = "a place that is given up lives on", .run = a_place_that_is_given_up_lives_on},
    {.name = "a place is filled again while its worker drains", .run = a_place_is_filled_again_while_its_worker_drains},
    {.name = "a call that waits for a place that is given up ends",
     .run = a_call_that_waits_for_a_place_that_is_given_up_ends},
    {.name = "a place can be given up while its worker is replaced",
     .run = a_place_can_be_given_up_while_its_worker_is_replaced},
    {.name = "workers that start can be too many", .run = workers_that_start_can_be_too_many},
    {.name = "sizes that cannot be are refused", .run = sizes_that_cannot_be_are_refused},
    {.name = "a pool that cannot grow stays as it is", .run = a_pool_that_cannot_grow_stays_as_it_is},
    {.name = "scaling and reloads go together", .run = scaling_and_reloads_go_together},
    {.name = "a pool that stops waits for those that were too many",
     .run = a_pool_that_stops_waits_for_those_that_were_too_many},
    {.name = "a master can be destroyed in the middle of it", .run = a_master_can_be_destroyed_in_the_middle_of_it},
    {.name = NULL},
};

LAB_MAIN(cases)
