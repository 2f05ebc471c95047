/* demand_test.c: pools that grow when calls wait, and shrink when workers have nothing to do. */
#include "kinds.h"

#include <string.h>

#define CALLS 64

static struct trace trace;
static struct lab_result results[CALLS];

/* One to four workers, with a call each at a time. A worker is idle after so many milliseconds: */
#define IDLE(ms) .demand = {.grow_after_ms = 1, .shrink_after_ms = (ms)}
#define POOL(...) (&(struct yoke_pool_options){.max_workers = 4, .routing = {.max_calls_per_worker = 1}, __VA_ARGS__})

static void open_pool(struct lab *lab, unsigned workers, const struct yoke_pool_options *pool) {
    kinds_open_pool(lab, &trace, &(struct lab_options){.workers = workers, .pool = pool});
}

/* Calls that are answered when their handler has held them for so long. */
static void call(struct lab *lab, unsigned count, int64_t milliseconds) {
    for (unsigned i = 0; i < count; i++) {
        results[i] = (struct lab_result){0};
        REQUIRE_INT(lab_slow(lab, yoke_pool_channel(lab->pool), milliseconds, &results[i]), 0);
    }
}

static void await_calls(struct lab *lab, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        LAB_WAIT(lab, results[i].count > 0);
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
    }
}

/* A worker answers the calls that it holds. */
static int release(struct lab *lab, unsigned index, struct lab_result *result) {
    const Probe__ReleaseRequest request = PROBE__RELEASE_REQUEST__INIT;
    *result = (struct lab_result){.lab = lab};
    return probe_common_release(yoke_child_channel(yoke_pool_child(lab->pool, index)), &request, NULL, lab_on_empty,
                                result);
}

/* A call for each of four workers, and one that waits, until it has grown to that. */
static void grow_to_four(struct lab *lab) {
    for (unsigned i = 0; i < 5; i++) {
        REQUIRE_INT(lab_hold(lab, yoke_pool_channel(lab->pool), "x", 1, &results[i]), 0);
    }
    LAB_WAIT(lab, yoke_pool_ready(lab->pool) == 4 && yoke_pool_queued(lab->pool) == 1);
}

/* And then all five are answered. */
static void answer_all(struct lab *lab) {
    unsigned answered = 0;
    while (answered < 5) {
        for (unsigned i = 0; i < yoke_pool_size(lab->pool); i++) {
            struct lab_result released;
            if (release(lab, i, &released) == 0) {
                LAB_WAIT(lab, released.count == 1);
            }
        }
        answered = 0;
        for (unsigned i = 0; i < 5; i++) {
            answered += results[i].count;
        }
    }
    for (unsigned i = 0; i < 5; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        lab_release(&results[i]);
    }
}

static void a_pool_grows_while_calls_wait_and_shrinks_when_none_come(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(IDLE(30)));
    CHECK_INT(yoke_pool_size(lab.pool), 1);
    grow_to_four(&lab);
    answer_all(&lab);
    LAB_WAIT(&lab, trace.died == 3);
    CHECK_INT(yoke_pool_size(lab.pool), 1);
    TRACE_CHECK(&trace, "scaled from 1 to 2 demand", "scaled from 2 to 3 demand", "scaled from 3 to 4 demand",
                "scaled from 4 to 3 idle", "scaled from 3 to 2 idle", "scaled from 2 to 1 idle");
    /* By one, and not again before that one is ready. */
    TRACE_CHECK(&trace, "started 2 scale in 1", "ready 2", "started 3 scale in 2", "ready 3", "started 4 scale in 3",
                "ready 4", "draining 4 scale", "draining 3 scale", "draining 2 scale");
    CHECK_INT(trace_count(&trace, "died 4 scaled down") + trace_count(&trace, "died 3 scaled down"), 2);
    CHECK_INT(trace.scaled, 6);
    /* And once more. */
    grow_to_four(&lab);
    answer_all(&lab);
    kinds_close_pool(&lab);
}

static void a_worker_that_is_never_ready_is_not_followed_by_another(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(IDLE(30), .start_ms = YOKE_NEVER, .stop = {.drain_ms = 1, .term_ms = 1}));
    spawn_as(SILENT);
    call(&lab, CALLS, 2);
    await_calls(&lab, CALLS);
    CHECK_INT(yoke_pool_size(lab.pool), 2);
    CHECK_INT(trace.started, 2);
    kinds_close_pool(&lab);
}

/* It is started again after a pause, as any worker; more of the kind would not help. */
static void a_worker_that_fails_is_not_followed_by_another(void) {
    struct lab lab;
    open_pool(
        &lab, 1,
        POOL(IDLE(30),
             .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1, .max_pause_ms = 1, .max_restarts = UINT32_MAX}));
    spawn_as(EXITS);
    call(&lab, CALLS, 2);
    await_calls(&lab, CALLS);
    LAB_WAIT(&lab, trace.died > 0);
    CHECK_INT(yoke_pool_size(lab.pool), 2);
    spawn_as(GOOD);
    grow_to_four(&lab);
    answer_all(&lab);
    kinds_close_pool(&lab);
}

static void who_is_at_work_stays(void) {
    struct lab lab;
    struct lab_result held[2] = {0};
    open_pool(&lab, 1, POOL(IDLE(4)));
    REQUIRE_INT(lab_hold(&lab, yoke_pool_channel(lab.pool), "a", 1, &held[0]), 0);
    REQUIRE_INT(lab_hold(&lab, yoke_pool_channel(lab.pool), "b", 1, &held[1]), 0);
    /* Both are held for many times shrink_after_ms, as a third worker shows, which comes and goes. */
    for (unsigned i = 1; i <= 5; i++) {
        LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 2);
        call(&lab, 1, 5);
        await_calls(&lab, 1);
        LAB_WAIT(&lab, yoke_pool_size(lab.pool) == 2 && trace.died == i);
    }
    CHECK_INT(held[0].count + held[1].count, 0);
    CHECK_INT(trace_count(&trace, "died 1") + trace_count(&trace, "died 2"), 0);
    kinds_close_pool(&lab);
    lab_release(&held[0]);
    lab_release(&held[1]);
}

/* The last place is the one that goes, so its calls are waited for while another worker is idle. */
static void a_call_in_the_last_place_is_waited_for(void) {
    struct lab lab;
    struct lab_result held[2] = {0}, released[2] = {0}, clock = {0};
    struct yoke_pool *other;
    open_pool(&lab, 1, POOL(IDLE(4), .stop = {.drain_ms = 1, .term_ms = 1}));
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 1}, &other), 0);
    REQUIRE_INT(lab_hold(&lab, yoke_pool_channel(lab.pool), "a", 1, &held[0]), 0);
    REQUIRE_INT(lab_hold(&lab, yoke_pool_channel(lab.pool), "b", 1, &held[1]), 0);
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 2 && yoke_pool_queued(lab.pool) == 0);
    REQUIRE_INT(release(&lab, 0, &released[0]), 0);
    LAB_WAIT(&lab, held[0].count == 1);
    /* A call to others that takes many times shrink_after_ms. */
    REQUIRE_INT(lab_slow(&lab, yoke_pool_channel(other), 60, &clock), 0);
    LAB_WAIT(&lab, clock.count == 1);
    CHECK_INT(yoke_pool_size(lab.pool), 2);
    REQUIRE_INT(release(&lab, 1, &released[1]), 0);
    LAB_WAIT(&lab, held[1].count == 1 && trace.died == 1);
    LAB_CHECK_ENDED(&held[1], YOKE_OK);
    CHECK_INT(yoke_pool_size(lab.pool), 1);
    kinds_close_pool(&lab);
    lab_release(&held[0]);
    lab_release(&held[1]);
}

/* When all its workers are dead, and there will be no others, nothing of it keeps the loop running. */
static void a_large_pool_that_is_dead_lets_the_loop_end(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(IDLE(3600000)));
    grow_to_four(&lab);
    answer_all(&lab);
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, i), SIGKILL), 0);
    }
    ev_run(lab.loop, 0);
    CHECK_INT(trace.died, 4);
    kinds_close_pool(&lab);
}

static void the_least_number_can_be_changed(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(IDLE(30)));
    CHECK_INT(yoke_pool_scale(lab.pool, 5), -EINVAL);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 3), 0);
    CHECK_INT(yoke_pool_size(lab.pool), 3);
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 3);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 2), 0);
    CHECK_INT(yoke_pool_size(lab.pool), 3);
    LAB_WAIT(&lab, trace.died == 1);
    CHECK_INT(yoke_pool_size(lab.pool), 2);
    TRACE_CHECK(&trace, "scaled from 1 to 3 told", "scaled from 3 to 2 idle");
    REQUIRE_INT(yoke_pool_scale(lab.pool, 4), 0);
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 4);
    kinds_close_pool(&lab);
}

static void a_pool_that_grows_can_be_stopped_and_destroyed(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(IDLE(30)));
    call(&lab, CALLS, 5);
    LAB_WAIT(&lab, yoke_pool_size(lab.pool) >= 2);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    for (unsigned i = 0; i < CALLS; i++) {
        CHECK_INT(results[i].count, 1);
    }
    ev_run(lab.loop, 0);
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 1, .pool = POOL(IDLE(30))}, &lab.pool), 0);
    call(&lab, CALLS, 5);
    LAB_WAIT(&lab, yoke_pool_size(lab.pool) >= 2);
    kinds_close_pool(&lab);
    for (unsigned i = 0; i < CALLS; i++) {
        CHECK_INT(results[i].count, 1);
    }
}

static const struct test_case cases[] = {
    {.name = "a pool grows while calls wait and shrinks when none come",
     .run = a_pool_grows_while_calls_wait_and_shrinks_when_none_come},
    {.name = "a worker that is never ready is not followed by another",
     .run = a_worker_that_is_never_ready_is_not_followed_by_another},
    {.name = "a worker that fails is not followed by another", .run = a_worker_that_fails_is_not_followed_by_another},
    {.name = "who is at work stays", .run = who_is_at_work_stays},
    {.name = "a call in the last place is waited for", .run = a_call_in_the_last_place_is_waited_for},
    {.name = "a large pool that is dead lets the loop end", .run = a_large_pool_that_is_dead_lets_the_loop_end},
    {.name = "the least number can be changed", .run = the_least_number_can_be_changed},
    {.name = "a pool that grows can be stopped and destroyed", .run = a_pool_that_grows_can_be_stopped_and_destroyed},
    {.name = NULL},
};

LAB_MAIN(cases)
