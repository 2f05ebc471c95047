/* limits_test.c: sizes from nothing to the limit, one byte more, and the limits on how much may be under way. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

/* The data that makes a Payload of exactly `encoded` bytes: tag, length as a varint, data. */
static size_t data_size(size_t encoded) {
    for (size_t header = 2; header <= 6; header++) {
        size_t size = encoded - header;
        size_t varint = size < 1u << 7 ? 1 : size < 1u << 14 ? 2 : size < 1u << 21 ? 3 : size < 1u << 28 ? 4 : 5;
        if (1 + varint == header) {
            return size;
        }
    }
    abort();
}

static uint8_t *make_data(size_t size) {
    uint8_t *data = malloc(size + 1);
    REQUIRE(data != NULL);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    return data;
}

static void check_round_trip(struct lab *lab, size_t size) {
    struct lab_result result = {0};
    uint8_t *data = make_data(size);
    REQUIRE_INT(lab_echo(lab, lab_channel(lab), data, size, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.size, size);
    CHECK(result.size == size && memcmp(result.data, data, size) == 0);
    lab_release(&result);
    free(data);
}

static void call_master(struct lab *lab, const char *method, size_t size, struct lab_master_call *call) {
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    request.method = (char *)(uintptr_t)method;
    request.number = (int64_t)size;
    REQUIRE_INT(lab_call_master(lab, lab_channel(lab), &request, call), 0);
    LAB_WAIT(lab, call->result.count > 0);
    LAB_CHECK_ENDED(&call->result, YOKE_OK);
}

static void messages_of_every_size_travel_whole(void) {
    static const size_t sizes[] = {0,     1,     2,     127,   128,   4079,  4080,   4096,    16383,
                                   16384, 65519, 65520, 65535, 65536, 65537, 131072, 1000000, 2097151};
    struct lab lab;
    lab_open(&lab, NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        check_round_trip(&lab, sizes[i]);
    }
    lab_close(&lab);
}

static void a_message_may_be_4_MiB_by_default_and_no_byte_more(void) {
    struct lab lab;
    struct lab_result result = {0};
    const size_t limit = data_size(4u << 20);
    lab_open(&lab, NULL);
    check_round_trip(&lab, limit);
    uint8_t *data = make_data(limit + 1);
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), data, limit + 1, &result), -EMSGSIZE);
    free(data);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(result.count, 0);
    lab_close(&lab);
}

#define SMALL 1000

static const struct lab_options small_messages = {.limits = {.max_message_bytes = SMALL}};

static void the_limit_is_exact_for_requests(void) {
    struct lab lab;
    struct lab_result result = {0};
    const size_t limit = data_size(SMALL);
    uint8_t *data = make_data(limit + 1);
    lab_open(&lab, &small_messages);
    check_round_trip(&lab, limit);
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), data, limit + 1, &result), -EMSGSIZE);
    check_round_trip(&lab, limit);
    CHECK_INT(result.count, 0); /* an error at once means that it never completes */
    free(data);
    lab_close(&lab);
}

static void the_limit_is_exact_for_replies(void) {
    struct lab lab;
    struct lab_result result = {0};
    const size_t limit = data_size(SMALL);
    lab_open(&lab, &small_messages);
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), limit, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.size, limit);
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), limit + 1, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);
    check_round_trip(&lab, limit);
    lab_release(&result);
    lab_close(&lab);
}

static void the_limit_is_exact_for_a_workers_requests(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    const size_t limit = data_size(SMALL);
    lab_open(&lab, &small_messages);
    call_master(&lab, "EchoZeros", limit + 1, &call);
    CHECK_INT(call.error, -EMSGSIZE);
    CHECK_INT(call.completed, 0);
    lab_master_call_release(&call);
    lab_close(&lab);

    /* What the worker tells of a call that worked is larger than the call, so the limit must be a wider one. */
    const size_t wide = 4u << 20;
    lab_open(&lab, NULL);
    call_master(&lab, "EchoZeros", data_size(wide) - 100, &call);
    CHECK_INT(call.error, 0);
    CHECK_STR(yoke_code_name(call.code), "OK");
    CHECK_INT(call.size, data_size(wide) - 100);
    call_master(&lab, "EchoZeros", data_size(wide) + 1, &call);
    CHECK_INT(call.error, -EMSGSIZE);
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void a_master_that_replies_too_much_is_told_and_the_worker_too(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    lab_open(&lab, &small_messages);
    call_master(&lab, "Make", data_size(SMALL) + 1, &call);
    CHECK_STR(yoke_code_name(call.code), "RESOURCE_EXHAUSTED");
    CHECK_INT(lab.common.last_error, -EMSGSIZE);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void a_reply_over_the_calls_own_limit_is_refused_by_the_receiver(void) {
    struct lab lab;
    struct lab_result result = {0};
    const size_t limit = data_size(SMALL);
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), limit, SMALL, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), limit + 1, SMALL, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), 3000000, SMALL, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);
    check_round_trip(&lab, 3000000);
    lab_release(&result);
    lab_close(&lab);
}

/* Exec mode: the two sides have limits of their own. A forked worker has its master's. */
static void a_request_over_the_receivers_limit_is_refused_by_the_receiver(void) {
    struct lab lab;
    struct lab_result result = {0};
    if (!lab_is_exec()) {
        return;
    }
    uint8_t *data = make_data(3000000);
    const size_t limit = data_size(SMALL);
    lab_open(&lab, &(struct lab_options){.worker_limits = {.max_message_bytes = SMALL}});
    check_round_trip(&lab, limit);
    /* Fail answers a request of any size with a status of 511 bytes at most: what is refused here is the request. */
    char message[SMALL];
    memset(message, 'x', sizeof(message));
    message[SMALL - 5] = '\0'; /* a code in 2 bytes, a tag, a length in 2, the message */
    REQUIRE_INT(lab_fail(&lab, lab_channel(&lab), YOKE_ABORTED, message, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_ABORTED);
    message[SMALL - 5] = 'x';
    message[SMALL - 4] = '\0';
    REQUIRE_INT(lab_fail(&lab, lab_channel(&lab), YOKE_ABORTED, message, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), data, 3000000, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);
    check_round_trip(&lab, limit);
    free(data);
    lab_close(&lab);
}

static void what_a_worker_sends_over_the_masters_limit_is_refused(void) {
    struct lab lab;
    struct lab_result result = {0};
    struct lab_master_call call = {0};
    if (!lab_is_exec()) {
        return;
    }
    lab_open(&lab, &(struct lab_options){.limits = {.max_message_bytes = SMALL},
                                         .worker_limits = {.max_message_bytes = 4u << 20}});
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), data_size(SMALL) + 1, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), 3000000, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_RESOURCE_EXHAUSTED);

    /* An event that is too large is dropped, the next one arrives. */
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 3, SMALL, PROBE__END__END_NOT, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    CHECK_INT(lab.tick_count, 0);
    CHECK(lab.log_count > 0);
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 3, SMALL / 2, PROBE__END__END_NOT, 0, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    CHECK_INT(lab.tick_count, 3);

    call_master(&lab, "EchoZeros", data_size(SMALL) + 1, &call);
    CHECK_INT(call.error, 0);
    CHECK_STR(yoke_code_name(call.code), "RESOURCE_EXHAUSTED");
    call_master(&lab, "EchoZeros", 3000000, &call);
    CHECK_INT(call.error, 0);
    CHECK_STR(yoke_code_name(call.code), "RESOURCE_EXHAUSTED");
    CHECK_INT(lab.death_count, 0);
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void an_event_over_the_limit_is_refused(void) {
    struct lab lab;
    lab_open(&lab, &small_messages);
    uint8_t *data = make_data(SMALL);
    Probe__Tick tick = PROBE__TICK__INIT;
    tick.data.data = data;
    tick.data.len = SMALL;
    CHECK_INT(probe_tick_emit(lab_channel(&lab), &tick), -EMSGSIZE);
    tick.data.len = data_size(SMALL);
    CHECK_INT(probe_tick_emit(lab_channel(&lab), &tick), 0);
    free(data);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void one_call_too_many_is_refused_by_the_receiver(void) {
    struct lab lab;
    struct lab_result held[10] = {0};
    struct lab_result extra = {0};
    lab_open(&lab, &(struct lab_options){.limits = {.max_incoming_calls = 10}});
    for (int i = 0; i < 10; i++) {
        REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), "x", 1, &held[i]), 0);
    }
    REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), "x", 1, &extra), 0);
    LAB_WAIT(&lab, extra.count > 0);
    LAB_CHECK_ENDED(&extra, YOKE_RESOURCE_EXHAUSTED);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &extra), 0);
    LAB_WAIT(&lab, extra.count > 0);
    LAB_CHECK_ENDED(&extra, YOKE_RESOURCE_EXHAUSTED);
    for (int i = 0; i < 10; i++) {
        CHECK_INT(held[i].count, 0);
    }
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count > 0);
    for (int i = 0; i < 10; i++) {
        LAB_CHECK_ENDED(&held[i], YOKE_UNAVAILABLE);
    }
    lab_close(&lab);
}

static void a_worker_with_too_many_calls_is_refused_by_the_master(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, &(struct lab_options){.limits = {.max_incoming_calls = 10}});
    request.method = (char[]){"Hold"};
    request.count = 25;
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, lab.common.held_count == 10);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.common.held_count, 10);
    common_release(&lab.common, false);
    LAB_WAIT(&lab, call.result.count > 0);
    CHECK_INT(call.completed, 25);
    CHECK_INT(call.ok, 10);
    lab_master_call_release(&call);
    lab_close(&lab);
}

#define CALLS_MAX 10000

static void a_full_queue_is_told_and_what_was_accepted_is_answered(void) {
    static struct lab_result results[CALLS_MAX];
    struct lab lab;
    char message[1001];
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    lab_open(&lab, &(struct lab_options){.limits = {.max_queued_bytes = 1u << 20}});
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0); /* a worker that reads might keep up with us */
    unsigned accepted = 0;
    int error = 0;
    while (error == 0 && accepted + 1 < CALLS_MAX) {
        /* The answers are half as long, so that the worker's own queue does not fill up. */
        error = lab_fail(&lab, lab_channel(&lab), YOKE_ABORTED, message, &results[accepted]);
        accepted += error == 0;
    }
    CHECK_INT(error, -ENOBUFS);
    CHECK(accepted >= 1000); /* a megabyte of them at least */
    Probe__Tick tick = PROBE__TICK__INIT;
    CHECK_INT(probe_tick_emit(lab_channel(&lab), &tick), -ENOBUFS);
    REQUIRE_INT(yoke_child_kill(child, SIGCONT), 0);
    for (unsigned i = 0; i < accepted; i++) {
        LAB_WAIT(&lab, results[i].count > 0);
        LAB_CHECK_ENDED(&results[i], YOKE_ABORTED);
    }
    CHECK_INT(results[accepted].count, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void limits_out_of_range_are_refused(void) {
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct yoke_master *master = NULL;
    struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT, .limits = {.max_nesting = 65}};
    CHECK_INT(yoke_master_create(loop, &options, &master), -EINVAL);
    CHECK(master == NULL);
    options.limits.max_nesting = 64;
    REQUIRE_INT(yoke_master_create(loop, &options, &master), 0);
    CHECK_INT(yoke_master_destroy(master), 0);
    ev_loop_destroy(loop);
}

static const struct test_case cases[] = {
    {.name = "messages of every size travel whole", .run = messages_of_every_size_travel_whole},
    {.name = "a message may be 4 MiB by default and no byte more",
     .run = a_message_may_be_4_MiB_by_default_and_no_byte_more},
    {.name = "the limit is exact for requests", .run = the_limit_is_exact_for_requests},
    {.name = "the limit is exact for replies", .run = the_limit_is_exact_for_replies},
    {.name = "the limit is exact for a worker's requests", .run = the_limit_is_exact_for_a_workers_requests},
    {.name = "a master that replies too much is told, and the worker too",
     .run = a_master_that_replies_too_much_is_told_and_the_worker_too},
    {.name = "a reply over the call's own limit is refused by the receiver",
     .run = a_reply_over_the_calls_own_limit_is_refused_by_the_receiver},
    {.name = "a request over the receiver's limit is refused by the receiver",
     .run = a_request_over_the_receivers_limit_is_refused_by_the_receiver},
    {.name = "what a worker sends over the master's limit is refused",
     .run = what_a_worker_sends_over_the_masters_limit_is_refused},
    {.name = "an event over the limit is refused", .run = an_event_over_the_limit_is_refused},
    {.name = "one call too many is refused by the receiver", .run = one_call_too_many_is_refused_by_the_receiver},
    {.name = "a worker with too many calls is refused by the master",
     .run = a_worker_with_too_many_calls_is_refused_by_the_master},
    {.name = "a full queue is told, and what was accepted is answered",
     .run = a_full_queue_is_told_and_what_was_accepted_is_answered},
    {.name = "limits out of range are refused", .run = limits_out_of_range_are_refused},
    {.name = NULL},
};

LAB_MAIN(cases)
