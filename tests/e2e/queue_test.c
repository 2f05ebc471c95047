/* queue_test.c: pools that bound the calls of a worker: the others wait, first come, first served. */
#include "routed_caller.h"

#define MANY 12

static struct yoke_pool_options limit(uint32_t calls, uint32_t queued) {
    return (struct yoke_pool_options){.routing = {.max_calls_per_worker = calls, .max_queued_calls = queued}};
}

static void keep(struct lab *lab, struct routed *routed) {
    REQUIRE_INT(routed_call(lab, probe_routed_keep, NULL, "", NULL, routed), 0);
}

static void first_come_first_served(void) {
    struct lab lab;
    struct routed calls[MANY];
    const struct yoke_pool_options pool = limit(2, 0);
    routed_open(&lab, 1, false, &pool);
    for (unsigned i = 0; i < MANY; i++) {
        keep(&lab, &calls[i]);
    }
    CHECK_INT(yoke_pool_queued(lab.pool), MANY - 2);
    routed_wait_kept(&lab, 2);
    CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, 0)), 2);
    for (unsigned i = 0; i < MANY; i++) {
        routed_let_go(&lab, 0);
        LAB_WAIT(&lab, calls[i].result.count > 0);
        LAB_CHECK_ENDED(&calls[i].result, YOKE_OK);
        CHECK(i == 0 || calls[i].order == calls[i - 1].order + 1);
        CHECK(i + 1 == MANY || calls[i + 1].result.count == 0);
        /* Who has waited for longest is sent at once. */
        routed_wait_kept(&lab, i + 3 < MANY ? i + 3 : MANY);
    }
    CHECK_INT(yoke_pool_queued(lab.pool), 0);
    lab_close(&lab);
}

/* One call at a time each: none gets a second one while another has none, and each gets its share of those that wait. */
static void all_workers_share_the_queue(void) {
    struct lab lab;
    struct routed calls[MANY];
    unsigned served[3] = {0};
    const struct yoke_pool_options pool = limit(1, 0);
    routed_open(&lab, 3, false, &pool);
    for (unsigned i = 0; i < MANY; i++) {
        keep(&lab, &calls[i]);
    }
    routed_wait_kept(&lab, 3);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, i)), 1);
    }
    for (unsigned i = 0; i < MANY; i++) {
        routed_let_go(&lab, i % 3);
        routed_wait_kept(&lab, i + 4 < MANY ? i + 4 : MANY);
    }
    for (unsigned i = 0; i < MANY; i++) {
        LAB_CHECK_ENDED(&calls[i].result, YOKE_OK);
        served[calls[i].result.number]++;
    }
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(served[i], MANY / 3);
    }
    lab_close(&lab);
}

static void a_full_queue_refuses(void) {
    struct lab lab;
    struct routed calls[4];
    const struct yoke_pool_options pool = limit(1, 2);
    routed_open(&lab, 1, false, &pool);
    for (unsigned i = 0; i < 4; i++) {
        keep(&lab, &calls[i]);
    }
    CHECK_INT(calls[3].result.count, 0); /* by its callback, from the loop */
    LAB_WAIT(&lab, calls[3].result.count > 0);
    LAB_CHECK_ENDED(&calls[3].result, YOKE_RESOURCE_EXHAUSTED);
    CHECK_CONTAINS(calls[3].result.message, "max_queued_calls");
    CHECK(calls[3].is_safe);
    CHECK_INT(calls[3].result.peer.worker_id, 0);
    for (unsigned i = 0; i < 3; i++) {
        routed_wait_kept(&lab, i + 1);
        routed_let_go(&lab, 0);
        LAB_WAIT(&lab, calls[i].result.count > 0);
        LAB_CHECK_ENDED(&calls[i].result, YOKE_OK);
    }
    lab_close(&lab);
}

/* Whoever makes the next call when one has ended finds the place that it has left. */
static struct lab *lab_of_next;
static struct routed next_call;

static void call_next(struct lab_result *result) {
    (void)result;
    REQUIRE_INT(routed_call(lab_of_next, probe_routed_where, NULL, "", NULL, &next_call), 0);
}

static void a_place_in_the_queue_is_free_as_soon_as_a_call_ends(void) {
    struct lab lab;
    struct routed calls[2];
    const struct yoke_pool_options pool = limit(1, 1);
    routed_open(&lab, 1, false, &pool);
    lab_of_next = &lab;
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, "", NULL, &calls[i]), 0);
    }
    calls[0].result.also = call_next;
    LAB_WAIT(&lab, calls[1].result.count > 0 && next_call.result.count > 0);
    LAB_CHECK_ENDED(&calls[1].result, YOKE_OK);
    LAB_CHECK_ENDED(&next_call.result, YOKE_OK);
    CHECK(calls[1].order < next_call.order);
    lab_close(&lab);
}

static void deadlines_hold_in_the_queue_and_calls_can_be_cancelled(void) {
    struct lab lab;
    struct routed kept, timed, cancelled, last;
    const struct yoke_pool_options pool = limit(1, 0);
    routed_open(&lab, 1, false, &pool);
    const struct yoke_call_options brief = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 1000};
    keep(&lab, &kept);
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", &brief, &timed), 0);
    keep(&lab, &cancelled);
    keep(&lab, &last);
    CHECK_INT(yoke_pool_queued(lab.pool), 3);
    CHECK_INT(yoke_call_cancel(cancelled.call), 0);
    LAB_WAIT(&lab, timed.result.count > 0 && cancelled.result.count > 0);
    LAB_CHECK_ENDED(&timed.result, YOKE_DEADLINE_EXCEEDED);
    LAB_CHECK_ENDED(&cancelled.result, YOKE_CANCELLED);
    CHECK(timed.is_safe && cancelled.is_safe);
    CHECK_INT(yoke_pool_queued(lab.pool), 1);
    for (unsigned i = 0; i < 2; i++) {
        routed_wait_kept(&lab, i + 1);
        routed_let_go(&lab, 0);
    }
    LAB_WAIT(&lab, last.result.count > 0);
    LAB_CHECK_ENDED(&last.result, YOKE_OK);
    lab_close(&lab);
}

static void on_pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    (void)answer_us;
    CHECK_INT(status->code, YOKE_OK);
    ++*(unsigned *)user_data;
}

/* Neither do they take a call's place, nor do they wait. */
static void pings_do_not_count(void) {
    struct lab lab;
    struct routed calls[2];
    unsigned pongs = 0;
    const struct yoke_pool_options pool = limit(1, 0);
    routed_open(&lab, 1, false, &pool);
    REQUIRE_INT(yoke_channel_ping(lab_channel(&lab), 0, on_pong, &pongs), 0);
    keep(&lab, &calls[0]);
    CHECK_INT(yoke_pool_queued(lab.pool), 0);
    keep(&lab, &calls[1]);
    CHECK_INT(yoke_pool_queued(lab.pool), 1);
    REQUIRE_INT(yoke_channel_ping(yoke_pool_channel(lab.pool), 0, on_pong, &pongs), 0);
    LAB_WAIT(&lab, pongs == 2);
    CHECK_INT(yoke_pool_queued(lab.pool), 1);
    lab_close(&lab);
    CHECK_INT(calls[0].result.count + calls[1].result.count, 2);
}

static void a_queue_outlives_a_worker(void) {
    struct lab lab;
    struct routed calls[3];
    const struct yoke_pool_options pool = limit(1, 0);
    routed_open(&lab, 1, true, &pool);
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE_INT(routed_call(&lab, probe_routed_keep_once, NULL, "", NULL, &calls[i]), 0);
    }
    routed_wait_kept(&lab, 1);
    routed_kill(&lab, 0);
    LAB_CHECK_ENDED(&calls[0].result, YOKE_UNAVAILABLE);
    for (unsigned i = 1; i < 3; i++) {
        routed_wait_kept(&lab, i + 1);
        routed_let_go(&lab, 0);
        LAB_WAIT(&lab, calls[i].result.count > 0);
        LAB_CHECK_ENDED(&calls[i].result, YOKE_OK);
    }
    lab_close(&lab);
}

static void a_queue_ends_with_its_pool(void) {
    for (unsigned destroys = 0; destroys <= 1; destroys++) {
        struct lab lab;
        struct routed calls[3];
        const struct yoke_pool_options pool = limit(1, 0);
        routed_open(&lab, 1, false, &pool);
        for (unsigned i = 0; i < 3; i++) {
            keep(&lab, &calls[i]);
        }
        routed_wait_kept(&lab, 1);
        if (!destroys) {
            yoke_pool_stop(lab.pool);
            CHECK_INT(yoke_pool_queued(lab.pool), 0);
            LAB_WAIT(&lab, calls[1].result.count + calls[2].result.count == 2);
            CHECK_INT(calls[0].result.count, 0);
            CHECK_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &next_call), -ENOTCONN);
        }
        lab_close(&lab);
        for (unsigned i = 0; i < 3; i++) {
            LAB_CHECK_ENDED(&calls[i].result, YOKE_UNAVAILABLE);
            CHECK_INT(calls[i].is_safe, i > 0);
        }
    }
}

/* A key has one place; what waits for it does not hold up what another place can do. */
static void a_sticky_call_waits_for_its_place_only(void) {
    enum { OTHERS = 20 };
    struct lab lab;
    struct routed kept, behind, others[OTHERS];
    char keys[OTHERS][2];
    int64_t places[OTHERS];
    struct yoke_pool_options pool = limit(1, 0);
    pool.routing.route = YOKE_ROUTE_STICKY;
    routed_open(&lab, 4, false, &pool);
    const int64_t mine = routed_where(&lab, "mine");
    for (unsigned i = 0; i < OTHERS; i++) {
        keys[i][0] = (char)('a' + i);
        keys[i][1] = '\0';
        places[i] = routed_where(&lab, keys[i]);
    }
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "mine", NULL, &kept), 0);
    REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, "mine", NULL, &behind), 0);
    for (unsigned i = 0; i < OTHERS; i++) {
        REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, keys[i], NULL, &others[i]), 0);
    }
    unsigned waiting = 1;
    for (unsigned i = 0; i < OTHERS; i++) {
        LAB_WAIT(&lab, places[i] == mine || others[i].result.count > 0);
        waiting += places[i] == mine;
    }
    CHECK(waiting > 1 && waiting < OTHERS);
    CHECK_INT(yoke_pool_queued(lab.pool), waiting);
    for (unsigned i = 0; i < OTHERS; i++) {
        CHECK_INT(others[i].result.count, places[i] != mine);
    }
    routed_let_go(&lab, (unsigned)mine);
    LAB_WAIT(&lab, kept.result.count > 0 && behind.result.count > 0);
    CHECK_INT(behind.result.number, mine);
    for (unsigned i = 0; i < OTHERS; i++) {
        LAB_WAIT(&lab, others[i].result.count > 0);
        LAB_CHECK_ENDED(&others[i].result, YOKE_OK);
        CHECK_INT(others[i].result.number, places[i]);
    }
    lab_close(&lab);
}

/* Calls that are made before there is a worker, and many more than there is room for. */
static void a_crowd_is_served(void) {
    enum { CROWD = 1000 };
    static struct routed calls[CROWD];
    struct lab lab;
    const struct yoke_pool_options pool = limit(1, 0);
    lab_open_master(&lab, &(struct lab_options){0});
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 2, .pool = &pool}, &lab.pool), 0);
    for (unsigned i = 0; i < CROWD; i++) {
        REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, "", NULL, &calls[i]), 0);
    }
    CHECK_INT(yoke_pool_queued(lab.pool), CROWD);
    for (unsigned i = 0; i < CROWD; i++) {
        LAB_WAIT(&lab, calls[i].result.count > 0);
        LAB_CHECK_ENDED(&calls[i].result, YOKE_OK);
    }
    CHECK_INT(yoke_pool_queued(lab.pool), 0);
    lab_close(&lab);
}

/* Nothing of it is in flight, so no end of a call says that it has room again. */
static void a_worker_that_has_caught_up_with_reading_gets_calls_again(void) {
    struct lab lab;
    struct routed waiting;
    const struct yoke_pool_options pool = limit(1, 0);
    lab_open(&lab, &(struct lab_options){.limits = {.max_queued_bytes = 65536}, .pool = &pool});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGSTOP), 0);
    static uint8_t bytes[10000];
    Probe__Tick tick = PROBE__TICK__INIT;
    tick.data = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};
    int error = 0;
    while (error == 0) {
        error = probe_tick_emit(lab_channel(&lab), &tick);
    }
    CHECK_INT(error, -ENOBUFS);
    REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, "", NULL, &waiting), 0);
    CHECK_INT(yoke_pool_queued(lab.pool), 1);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGCONT), 0);
    LAB_WAIT(&lab, waiting.result.count > 0);
    LAB_CHECK_ENDED(&waiting.result, YOKE_OK);
    lab_close(&lab);
}

/* A bound of the user's own, which Yoke does not know. */
static struct yoke_child *pick_idle(struct yoke_pool *pool, const struct yoke_method *method, uint64_t key,
                                    void *user_data) {
    (void)method;
    (void)key;
    (void)user_data;
    struct yoke_child *child = yoke_pool_child(pool, 0);
    return yoke_child_calls_in_flight(child) == 0 ? child : NULL;
}

static void a_picker_is_asked_again_when_a_call_has_ended(void) {
    struct lab lab;
    struct routed first, second;
    const struct yoke_pool_options pool = {.routing = {.picker = pick_idle}};
    const struct yoke_call_options patient = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    routed_open(&lab, 1, false, &pool);
    REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, "", &patient, &first), 0);
    REQUIRE_INT(routed_call(&lab, probe_routed_where, NULL, "", &patient, &second), 0);
    CHECK_INT(yoke_pool_queued(lab.pool), 1);
    LAB_WAIT(&lab, second.result.count > 0);
    LAB_CHECK_ENDED(&first.result, YOKE_OK);
    LAB_CHECK_ENDED(&second.result, YOKE_OK);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "first come, first served", .run = first_come_first_served},
    {.name = "all workers share the queue", .run = all_workers_share_the_queue},
    {.name = "a full queue refuses", .run = a_full_queue_refuses},
    {.name = "a place in the queue is free as soon as a call ends",
     .run = a_place_in_the_queue_is_free_as_soon_as_a_call_ends},
    {.name = "deadlines hold in the queue, and calls can be cancelled",
     .run = deadlines_hold_in_the_queue_and_calls_can_be_cancelled},
    {.name = "pings do not count", .run = pings_do_not_count},
    {.name = "a queue outlives a worker", .run = a_queue_outlives_a_worker},
    {.name = "a queue ends with its pool", .run = a_queue_ends_with_its_pool},
    {.name = "a sticky call waits for its place only", .run = a_sticky_call_waits_for_its_place_only},
    {.name = "a crowd is served", .run = a_crowd_is_served},
    {.name = "a worker that has caught up with reading gets calls again",
     .run = a_worker_that_has_caught_up_with_reading_gets_calls_again},
    {.name = "a picker is asked again when a call has ended", .run = a_picker_is_asked_again_when_a_call_has_ended},
    {.name = NULL},
};

LAB_MAIN(cases)
