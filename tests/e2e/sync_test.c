/* sync_test.c: calls that block, by a worker before it serves and by a master between runs of its loop. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

static const Google__Protobuf__Empty nothing = GOOGLE__PROTOBUF__EMPTY__INIT;

#define CHECK_CODE(code, expected) CHECK_STR(yoke_code_name((enum yoke_code)(code)), yoke_code_name(expected))

/* ---- A worker, before it serves */

static void a_worker_calls_its_master_before_it_serves(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_SYNC});
    LAB_WAIT(&lab, lab.common.held_count == 1);
    /* It is blocked, and serves all the same. */
    lab_check_echo(&lab, lab_channel(&lab));
    common_release(&lab.common, false);
    LAB_WAIT(&lab, lab.noticed_count == 1);
    CHECK_STR(lab.noticed_what, "sync");
    CHECK_INT(lab.noticed_value, 0);
    LAB_WAIT(&lab, lab.streams.live == 0);
    lab_check_echo(&lab, lab_channel(&lab));
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(lab.deaths[0].exit_code, 0);
    CHECK_INT(lab.log_count, 0);
    lab_close(&lab);
}

static void a_worker_needs_no_run_to_call(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_SYNC_AND_RETURN});
    LAB_WAIT(&lab, lab.common.held_count == 1);
    common_release(&lab.common, false);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(lab.noticed_value, 0);
    CHECK_INT(lab.noticed_count, 1);
    CHECK_INT(lab.deaths[0].exit_code, 5);
    CHECK_INT(lab.deaths[0].signal, 0);
    CHECK_INT(lab.streams.live, 0);
    lab_close(&lab);
}

/* What it waits for is answered; it then finds that it need not serve. */
static void a_worker_is_told_to_stop_while_it_blocks(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_SYNC});
    LAB_WAIT(&lab, lab.common.held_count == 1);
    yoke_pool_stop(lab.pool);
    common_release(&lab.common, false);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    /* Its next call was refused. */
    CHECK(lab.noticed_value != 0 || lab.noticed_count == 0);
    CHECK_INT(lab.deaths[0].exit_code, 0);
    CHECK_INT(lab.deaths[0].signal, 0);
    lab_close(&lab);
}

/* ---- A master */

static void check_blocking_echo(struct yoke_channel *channel, size_t size) {
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    const Probe__Payload *reply = NULL;
    request.data.data = stream_data(7, size);
    request.data.len = size;
    REQUIRE_INT(probe_common_echo_sync(channel, &request, NULL, &sync, &reply), 0);
    CHECK_INT(reply->data.len, size);
    CHECK(memcmp(reply->data.data, request.data.data, size) == 0);
    CHECK(yoke_call_peer(yoke_sync_call(&sync))->worker_id != 0);
    free(request.data.data);
    yoke_sync_release(&sync);
}

static void a_master_calls_its_workers(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 3});
    for (unsigned i = 0; i < 30; i++) {
        check_blocking_echo(yoke_pool_channel(lab.pool), 100);
    }
    check_blocking_echo(lab_channel(&lab), 3000000);
    lab_close(&lab);
}

/* Workers that are not up yet get it when they are. */
static void a_master_calls_a_worker_that_is_starting(void) {
    struct lab lab;
    const struct lab_options options = {0};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    check_blocking_echo(lab_channel(&lab), 10);
    CHECK_INT(lab.ready_count, 1);
    lab_close(&lab);
}

/* Of either kind, with nobody there when they begin. */
static void a_call_can_wait_for_a_worker(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 50});
    for (unsigned i = 0; i < 2; i++) {
        struct yoke_sync sync = {YOKE_SYNC_INIT};
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
        Probe__Payload request = PROBE__PAYLOAD__INIT;
        const Probe__Payload *reply = NULL;
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
        LAB_WAIT(&lab, lab.death_count == i + 1);
        request.data.data = (uint8_t[]){1, 2, 3};
        request.data.len = 3;
        if (i == 0) {
            CHECK_INT(probe_common_echo_sync(yoke_pool_channel(lab.pool), &request, &options, &sync, &reply), 0);
        } else {
            REQUIRE_INT(probe_streams_chat_sync(yoke_pool_channel(lab.pool), &options, &sync), 0);
            CHECK_INT(probe_streams_chat_write(&sync, &request), 0);
            CHECK_INT(probe_streams_chat_next(&sync, &reply), 0);
        }
        REQUIRE(reply != NULL);
        CHECK_INT(reply->data.len, 3);
        CHECK_INT(lab.ready_count, i + 2);
        yoke_sync_release(&sync);
    }
    lab_close(&lab);
}

static void a_deadline_ends_the_waiting(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 30000};
    const Probe__Number request = PROBE__NUMBER__INIT;
    const Probe__Number *reply = NULL;
    CHECK_CODE(probe_streams_wait_sync(lab_channel(&lab), &request, &options, &sync, &reply), YOKE_DEADLINE_EXCEEDED);
    CHECK_STR(sync.status.message, "the deadline has passed");
    CHECK(reply == NULL);
    yoke_sync_release(&sync);
    while (lab_streams_state(&lab).cancelled == 0) {
    }
    lab_close(&lab);
}

struct killing {
    ev_prepare prepare;
    struct lab *lab;
    bool destroy;
    int error;
};

/* Once the call has been sent, which is before the loop sleeps for the second time. */
static void kill_worker(struct ev_loop *loop, ev_prepare *prepare, int events) {
    (void)events;
    struct killing *killing = (struct killing *)prepare;
    if (killing->destroy) {
        killing->error = yoke_master_destroy(killing->lab->master);
    }
    if (yoke_child_calls_in_flight(yoke_pool_child(killing->lab->pool, 0)) == 1) {
        CHECK_INT(yoke_child_kill(yoke_pool_child(killing->lab->pool, 0), SIGKILL), 0);
        ev_prepare_stop(loop, prepare);
    }
}

static void watch(struct killing *killing, struct lab *lab) {
    *killing = (struct killing){.lab = lab};
    ev_prepare_init(&killing->prepare, kill_worker);
    ev_prepare_start(lab->loop, &killing->prepare);
}

static void the_death_of_the_worker_ends_the_waiting(void) {
    struct lab lab;
    struct killing killing;
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const Google__Protobuf__Empty *reply = NULL;
    Probe__EndRequest end = PROBE__END_REQUEST__INIT;
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 1});
    end.how = PROBE__END__END_RAISE;
    end.code = SIGSEGV;
    CHECK_CODE(probe_worker_finish_sync(lab_channel(&lab), &end, NULL, &sync, &reply), YOKE_UNAVAILABLE);
    CHECK_CONTAINS(sync.status.message, "SEGV");
    LAB_WAIT(&lab, lab.ready_count == 2);
    watch(&killing, &lab);
    CHECK_CODE(probe_common_never_sync(lab_channel(&lab), &nothing, NULL, &sync, &reply), YOKE_UNAVAILABLE);
    CHECK_CONTAINS(sync.status.message, "KILL");
    LAB_WAIT(&lab, lab.ready_count == 3);
    check_blocking_echo(lab_channel(&lab), 10);
    yoke_sync_release(&sync);
    lab_close(&lab);
}

static void a_master_is_not_destroyed_while_it_blocks(void) {
    struct lab lab;
    struct killing killing;
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const Google__Protobuf__Empty *reply = NULL;
    lab_open(&lab, NULL);
    watch(&killing, &lab);
    killing.destroy = true;
    CHECK_CODE(probe_common_never_sync(lab_channel(&lab), &nothing, NULL, &sync, &reply), YOKE_UNAVAILABLE);
    CHECK_INT(killing.error, -EBUSY);
    CHECK_INT(probe_common_never_sync(lab_channel(&lab), &nothing, NULL, &sync, &reply), -ENOTCONN);
    lab_close(&lab);
    yoke_sync_release(&sync);
}

/* ---- Who may not */

static int try_to_block(struct lab *lab) {
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const Google__Protobuf__Empty *reply;
    int error = probe_common_never_sync(lab_channel(lab), &nothing, NULL, &sync, &reply);
    yoke_sync_release(&sync);
    return error;
}

static int found;

static void block_in_callback(struct lab_result *result) {
    found = try_to_block(result->lab);
}

static void block_in_event(const struct yoke_peer *peer, const Probe__Tick *event, void *user_data) {
    (void)peer;
    (void)event;
    found = try_to_block(user_data);
}

static void block_in_post(void *user_data) {
    found = try_to_block(user_data);
}

static void nobody_blocks_inside_a_callback(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    result.also = block_in_callback;
    LAB_WAIT(&lab, result.count > 0);
    CHECK_INT(found, -EDEADLK);
    lab_release(&result);
    found = 0;
    REQUIRE_INT(probe_tick_on(yoke_master_events(lab.master), block_in_event, &lab), 0);
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 1, 0, PROBE__END__END_NOT, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    CHECK_INT(found, -EDEADLK);
    lab_release(&result);
    found = 0;
    REQUIRE_INT(yoke_master_post(lab.master, block_in_post, &lab), 0);
    LAB_WAIT(&lab, found != 0);
    CHECK_INT(found, -EDEADLK);
    /* And in a worker's handler. */
    REQUIRE_INT(lab_call_number(&lab, probe_threads_block, lab_channel(&lab), &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    CHECK_INT(result.number, -EDEADLK);
    CHECK_INT(lab.common.never_count, 0);
    lab_close(&lab);
}

/* ---- Streams */

static void a_stream_that_is_read_slowly_waits(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    plan.reply = 200;
    plan.reply_bytes = 100000;
    REQUIRE_INT(probe_streams_count_sync(lab_channel(&lab), &plan, NULL, &sync), 0);
    /* The worker gets no further without being read. */
    Probe__StreamState state = lab_streams_state(&lab);
    while (state.refused == 0) {
        state = lab_streams_state(&lab);
    }
    CHECK(state.sent < 60);
    for (uint32_t i = 0; i < plan.reply; i++) {
        const Probe__Payload *message = NULL;
        uint32_t number = 0;
        char command;
        REQUIRE_INT(probe_streams_count_next(&sync, &message), 0);
        REQUIRE(message != NULL && stream_read(message->data.data, message->data.len, &number, &command));
        REQUIRE_INT(number, i);
    }
    const Probe__Payload *message = NULL;
    CHECK_INT(probe_streams_count_next(&sync, &message), 0);
    CHECK(message == NULL);
    yoke_sync_release(&sync);
    lab_close(&lab);
}

static void a_stream_of_large_messages_arrives(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    const Probe__Payload *message = NULL;
    plan.reply = 5;
    plan.reply_bytes = 3500000;
    REQUIRE_INT(probe_streams_count_sync(lab_channel(&lab), &plan, NULL, &sync), 0);
    for (uint32_t i = 0; i < plan.reply; i++) {
        REQUIRE_INT(probe_streams_count_next(&sync, &message), 0);
        REQUIRE(message != NULL);
        CHECK_INT(message->data.len, plan.reply_bytes);
    }
    CHECK_INT(probe_streams_count_next(&sync, &message), 0);
    CHECK(message == NULL);
    yoke_sync_release(&sync);
    lab_close(&lab);
}

static int write_chat(struct yoke_sync *sync, uint32_t number, char command, size_t size) {
    Probe__Payload message = PROBE__PAYLOAD__INIT;
    message.data.data = stream_data(number, size);
    message.data.len = size;
    message.data.data[4] = (uint8_t)command;
    int result = probe_streams_chat_write(sync, &message);
    free(message.data.data);
    return result;
}

/* The worker stops reading at the first message, so writing ends by the deadline, after what credit there is. */
static void writing_waits_for_a_reader_that_does_not_read(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 300000};
    REQUIRE_INT(probe_streams_chat_sync(lab_channel(&lab), &options, &sync), 0);
    int result = write_chat(&sync, 0, 'H', 100000);
    unsigned written = 0;
    while (result == 0) {
        written++;
        result = write_chat(&sync, written, 0, 100000);
    }
    CHECK_CODE(result, YOKE_DEADLINE_EXCEEDED);
    CHECK(written < 60);
    yoke_sync_release(&sync);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void a_sum_is_written_as_fast_as_it_is_read(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    REQUIRE_INT(probe_streams_sum_sync(lab_channel(&lab), NULL, &sync), 0);
    Probe__Payload message = PROBE__PAYLOAD__INIT;
    for (uint32_t i = 0; i < 1000; i++) {
        size_t size = i % 100 == 0 ? 1500000 : 10000;
        message.data.data = stream_data(i, size);
        message.data.len = size;
        REQUIRE_INT(probe_streams_sum_write(&sync, &message), 0);
        free(message.data.data);
    }
    const Probe__Number *sum = NULL;
    REQUIRE_INT(probe_streams_sum_close(&sync, &sum), 0);
    CHECK_INT(sum->value, 10 * 1500000 + 990 * 10000);
    yoke_sync_release(&sync);
    lab_close(&lab);
}

static void releasing_an_unfinished_call_cancels_it(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    REQUIRE_INT(probe_streams_chat_sync(lab_channel(&lab), NULL, &sync), 0);
    REQUIRE_INT(write_chat(&sync, 0, 0, 100), 0);
    const Probe__Payload *message = NULL;
    REQUIRE_INT(probe_streams_chat_next(&sync, &message), 0);
    yoke_sync_release(&sync);
    while (lab_streams_state(&lab).cancelled == 0) {
    }
    CHECK_INT(lab_streams_state(&lab).live, 0);
    lab_close(&lab);
}

/* What it sent before is still to be had, and then why there is no more. */
static void the_death_of_the_worker_ends_a_stream(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    plan.reply = 10;
    plan.reply_bytes = 100;
    plan.die = true;
    REQUIRE_INT(probe_streams_count_sync(lab_channel(&lab), &plan, NULL, &sync), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    const Probe__Payload *message = NULL;
    int result = probe_streams_count_next(&sync, &message);
    unsigned count = 0;
    while (result == 0 && message != NULL) {
        count++;
        result = probe_streams_count_next(&sync, &message);
    }
    CHECK_CODE(result, YOKE_UNAVAILABLE);
    CHECK_CONTAINS(sync.status.message, "KILL");
    CHECK(count <= 10);
    yoke_sync_release(&sync);
    lab_close(&lab);
}

#define CASE(function) \
    { .name = #function, .run = (function) }
static const struct test_case cases[] = {
    CASE(a_worker_calls_its_master_before_it_serves),
    CASE(a_worker_needs_no_run_to_call),
    CASE(a_worker_is_told_to_stop_while_it_blocks),
    CASE(a_master_calls_its_workers),
    CASE(a_master_calls_a_worker_that_is_starting),
    CASE(a_call_can_wait_for_a_worker),
    CASE(a_deadline_ends_the_waiting),
    CASE(the_death_of_the_worker_ends_the_waiting),
    CASE(a_master_is_not_destroyed_while_it_blocks),
    CASE(nobody_blocks_inside_a_callback),
    CASE(a_stream_that_is_read_slowly_waits),
    CASE(a_stream_of_large_messages_arrives),
    CASE(writing_waits_for_a_reader_that_does_not_read),
    CASE(a_sum_is_written_as_fast_as_it_is_read),
    CASE(releasing_an_unfinished_call_cancels_it),
    CASE(the_death_of_the_worker_ends_a_stream),
    {.name = NULL},
};

LAB_MAIN(cases)
