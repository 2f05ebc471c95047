/* waiting_test.c: calls that wait for a worker: one that is not up yet, one that follows a dead one, or none. */
#include "lab.h"

#include <stdlib.h>

/* A call that waits, and how it ended. */
struct waiter {
    struct lab_result result;
    struct yoke_call *call;
    bool is_safe;
};

static void on_payload(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                       void *user_data) {
    struct waiter *waiter = user_data;
    waiter->is_safe = yoke_call_is_safe_to_retry(call);
    lab_on_payload(call, status, reply, &waiter->result);
}

static int wait_echo(struct lab *lab, struct yoke_channel *channel, uint64_t timeout_us, struct waiter *waiter) {
    *waiter = (struct waiter){.result = {.lab = lab}};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true, .timeout_us = timeout_us,
                                              .ret_call = &waiter->call};
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    request.data.data = (uint8_t[]){1, 2, 3};
    request.data.len = 3;
    return probe_common_echo(channel, &request, &options, on_payload, waiter);
}

static void check_ended(struct waiter *waiter, enum yoke_code code, bool is_safe) {
    LAB_CHECK_ENDED(&waiter->result, code);
    CHECK_INT(waiter->is_safe, is_safe);
    CHECK_INT(waiter->result.size, code == YOKE_OK ? 3 : 0);
    lab_release(&waiter->result);
}

/* A pool of one worker, not waited for. */
static void open_lab(struct lab *lab, const struct lab_options *options) {
    lab_open_master(lab, options);
    REQUIRE_INT(lab_create_pool(lab, options, &lab->pool), 0);
}

static void a_call_waits_until_its_worker_is_up(void) {
    struct lab lab;
    struct waiter pool, child;
    open_lab(&lab, &(struct lab_options){0});
    REQUIRE_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 0, &pool), 0);
    REQUIRE_INT(wait_echo(&lab, lab_channel(&lab), 60000000, &child), 0);
    CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, 0)), 0);
    LAB_WAIT(&lab, pool.result.count > 0 && child.result.count > 0);
    CHECK_INT(lab.ready_count, 1);
    check_ended(&pool, YOKE_OK, false);
    check_ended(&child, YOKE_OK, false);
    lab_close(&lab);
}

static void a_call_waits_for_the_worker_of_a_place_that_is_back(void) {
    struct lab lab;
    struct waiter waiter;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    struct yoke_child *child = yoke_pool_child(lab.pool, 1);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    CHECK_INT(wait_echo(&lab, yoke_child_channel(child), 0, &waiter), -ENOTCONN);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 2), 0);
    REQUIRE_INT(wait_echo(&lab, yoke_child_channel(child), 0, &waiter), 0);
    CHECK_INT(yoke_child_calls_in_flight(child), 0);
    LAB_WAIT(&lab, waiter.result.count > 0);
    CHECK_INT(lab.ready_count, 3);
    check_ended(&waiter, YOKE_OK, false);
    lab_close(&lab);
}

static void a_call_waits_for_the_worker_that_follows_a_dead_one(void) {
    struct lab lab;
    struct waiter pool, child;
    struct lab_result refused = {0};
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 10});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &refused), -ENOTCONN);
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &refused), -ENOTCONN);
    REQUIRE_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 0, &pool), 0);
    REQUIRE_INT(wait_echo(&lab, lab_channel(&lab), 0, &child), 0);
    LAB_WAIT(&lab, pool.result.count > 0 && child.result.count > 0);
    CHECK(pool.result.peer.pid != lab.deaths[0].pid);
    check_ended(&pool, YOKE_OK, false);
    check_ended(&child, YOKE_OK, false);
    CHECK_INT(refused.count, 0);
    lab_close(&lab);
}

/* The worker dies before it has said a word, and nobody replaces it. */
static void a_call_does_not_wait_in_vain(void) {
    struct lab lab;
    struct waiter pool, child, late;
    open_lab(&lab, &(struct lab_options){.scenario = PROBE_SILENT});
    REQUIRE_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 0, &pool), 0);
    REQUIRE_INT(wait_echo(&lab, lab_channel(&lab), 0, &child), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    /* It ends when nothing is left to do; these calls have not been forgotten then. */
    ev_run(lab.loop, 0);
    CHECK_INT(lab.death_count, 1);
    check_ended(&pool, YOKE_UNAVAILABLE, true);
    check_ended(&child, YOKE_UNAVAILABLE, true);
    CHECK_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 0, &late), -ENOTCONN);
    CHECK_INT(wait_echo(&lab, lab_channel(&lab), 0, &late), -ENOTCONN);
    CHECK_INT(late.result.count, 0);
    lab_close(&lab);
}

static void a_pool_that_stops_ends_calls_that_wait(void) {
    struct lab lab;
    struct waiter pool, child, late;
    open_lab(&lab, &(struct lab_options){.scenario = PROBE_SILENT, .restart = true, .stop_timeout_ms = 20});
    REQUIRE_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 0, &pool), 0);
    REQUIRE_INT(wait_echo(&lab, lab_channel(&lab), 0, &child), 0);
    yoke_pool_stop(lab.pool);
    CHECK_INT(pool.result.count + child.result.count, 0);
    CHECK_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 0, &late), -ENOTCONN);
    CHECK_INT(wait_echo(&lab, lab_channel(&lab), 0, &late), -ENOTCONN);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    check_ended(&pool, YOKE_UNAVAILABLE, true);
    check_ended(&child, YOKE_UNAVAILABLE, true);
    lab_close(&lab);
}

static void a_call_that_waits_ends_at_its_deadline_or_when_cancelled(void) {
    struct lab lab;
    struct waiter late, cancelled;
    open_lab(&lab, &(struct lab_options){.scenario = PROBE_SILENT});
    REQUIRE_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 5000, &late), 0);
    REQUIRE_INT(wait_echo(&lab, lab_channel(&lab), 0, &cancelled), 0);
    CHECK_INT(yoke_call_cancel(cancelled.call), 0);
    CHECK_INT(yoke_call_cancel(cancelled.call), -EALREADY);
    LAB_WAIT(&lab, late.result.count > 0 && cancelled.result.count > 0);
    check_ended(&late, YOKE_DEADLINE_EXCEEDED, true);
    check_ended(&cancelled, YOKE_CANCELLED, true);
    lab_close(&lab);
}

/* A worker has died, and the next one is far away. */
static void destroying_the_master_ends_calls_that_wait(void) {
    struct lab lab;
    struct waiter pool, child;
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 60000});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    REQUIRE_INT(wait_echo(&lab, yoke_pool_channel(lab.pool), 60000000, &pool), 0);
    REQUIRE_INT(wait_echo(&lab, lab_channel(&lab), 60000000, &child), 0);
    lab_close(&lab);
    check_ended(&pool, YOKE_UNAVAILABLE, true);
    check_ended(&child, YOKE_UNAVAILABLE, true);
}

/* ---- In the callback of the last call ---------------------------------------------------------------------------- */

static void refuse(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)call_data;
    (void)user_data;
    *status = (struct yoke_status){YOKE_PERMISSION_DENIED, "nothing goes here"};
}

struct retry {
    struct lab *lab;
    struct waiter again;
    unsigned count;
    int error;
};

static void on_end(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                   void *user_data) {
    struct retry *retry = user_data;
    (void)call;
    (void)status;
    (void)reply;
    retry->count++;
    retry->error = wait_echo(retry->lab, lab_channel(retry->lab), 0, &retry->again);
}

/* It makes another, which could not end any more. */
static void no_call_begins_while_the_master_is_destroyed(void) {
    static const struct yoke_interceptor refusing = {.start = refuse};
    struct lab lab;
    struct retry retry = {.lab = &lab};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    open_lab(&lab, &(struct lab_options){.scenario = PROBE_SILENT});
    REQUIRE_INT(probe_common_echo(yoke_pool_channel(lab.pool), &request, &options, on_end, &retry), 0);
    REQUIRE_INT(yoke_channel_intercept(lab_channel(&lab), &refusing, NULL), 0);
    lab_close(&lab);
    CHECK_INT(retry.count, 1);
    CHECK_INT(retry.error, -ENOTCONN);
    CHECK_INT(retry.again.result.count, 0);
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    struct retry *retry = user_data;
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    (void)peer;
    (void)event;
    CHECK_INT(probe_common_echo(lab_channel(retry->lab), &request, NULL, on_end, retry), 0);
}

/*
 * Calls that are refused where the loop has nothing left to do but to tell it; the second is made when the first ends.
 */
static void calls_made_as_the_last_worker_dies_end(void) {
    static const struct yoke_interceptor refusing = {.start = refuse};
    struct lab lab;
    struct retry retry = {.lab = &lab};
    open_lab(&lab, &(struct lab_options){.scenario = PROBE_SILENT});
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab.master), on_died, &retry), 0);
    REQUIRE_INT(yoke_channel_intercept(lab_channel(&lab), &refusing, NULL), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.death_count, 1);
    CHECK_INT(retry.count, 1);
    CHECK_INT(retry.error, 0);
    check_ended(&retry.again, YOKE_PERMISSION_DENIED, true);
    lab_close(&lab);
}

/* ---- Streams ----------------------------------------------------------------------------------------------------- */

static void send_three(struct yoke_call *call, void *user_data) {
    unsigned *sent = user_data;
    int error = 0;
    while (*sent < 3 && error == 0) {
        Probe__Payload message = PROBE__PAYLOAD__INIT;
        message.data.data = stream_data(*sent, 5);
        message.data.len = 5;
        error = yoke_call_send(call, &probe_streams_sum_method, &message);
        *sent += error == 0;
        free(message.data.data);
    }
    if (*sent == 3) {
        CHECK_INT(yoke_call_half_close(call), 0);
    }
}

static void a_stream_waits_and_is_told_when_it_can_send(void) {
    struct lab lab;
    unsigned sent = 0;
    struct lab_result sum = {.lab = &lab};
    struct lab_result nothing = {.lab = &lab};
    struct yoke_call *call, *empty;
    const Probe__Payload message = PROBE__PAYLOAD__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    open_lab(&lab, &(struct lab_options){0});
    REQUIRE_INT(probe_streams_sum(yoke_pool_channel(lab.pool), &options, lab_on_number, &sum, &call), 0);
    REQUIRE_INT(probe_streams_sum(yoke_pool_channel(lab.pool), &options, lab_on_number, &nothing, &empty), 0);
    yoke_call_on_writable(call, send_three, &sent);
    CHECK_INT(yoke_call_send(call, &probe_streams_sum_method, &message), -EAGAIN);
    /* The other one has nothing to say, and says so before anybody can hear it. */
    CHECK_INT(yoke_call_half_close(empty), 0);
    CHECK_INT(yoke_call_send(empty, &probe_streams_sum_method, &message), -EPIPE);
    LAB_WAIT(&lab, sum.count > 0 && nothing.count > 0);
    LAB_CHECK_ENDED(&sum, YOKE_OK);
    CHECK_INT(sum.number, 15);
    LAB_CHECK_ENDED(&nothing, YOKE_OK);
    CHECK_INT(nothing.number, 0);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a call waits until its worker is up", .run = a_call_waits_until_its_worker_is_up},
    {.name = "a call waits for the worker of a place that is back",
     .run = a_call_waits_for_the_worker_of_a_place_that_is_back},
    {.name = "a call waits for the worker that follows a dead one",
     .run = a_call_waits_for_the_worker_that_follows_a_dead_one},
    {.name = "a call does not wait in vain", .run = a_call_does_not_wait_in_vain},
    {.name = "a pool that stops ends calls that wait", .run = a_pool_that_stops_ends_calls_that_wait},
    {.name = "a call that waits ends at its deadline, or when cancelled",
     .run = a_call_that_waits_ends_at_its_deadline_or_when_cancelled},
    {.name = "destroying the master ends calls that wait", .run = destroying_the_master_ends_calls_that_wait},
    {.name = "no call begins while the master is destroyed", .run = no_call_begins_while_the_master_is_destroyed},
    {.name = "calls made as the last worker dies end", .run = calls_made_as_the_last_worker_dies_end},
    {.name = "a stream waits, and is told when it can send", .run = a_stream_waits_and_is_told_when_it_can_send},
    {.name = NULL},
};

LAB_MAIN(cases)
