/* unary_test.c: calls from master to worker and back: replies, errors, late and many answers, what nobody serves. */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const enum yoke_code errors[] = {
    YOKE_CANCELLED,       YOKE_UNKNOWN,           YOKE_INVALID_ARGUMENT,   YOKE_DEADLINE_EXCEEDED,   YOKE_NOT_FOUND,
    YOKE_ALREADY_EXISTS,  YOKE_PERMISSION_DENIED, YOKE_RESOURCE_EXHAUSTED, YOKE_FAILED_PRECONDITION, YOKE_ABORTED,
    YOKE_OUT_OF_RANGE,    YOKE_UNIMPLEMENTED,     YOKE_INTERNAL,           YOKE_UNAVAILABLE,         YOKE_DATA_LOSS,
    YOKE_UNAUTHENTICATED,
};

static void call_master(struct lab *lab, Probe__CallMasterRequest *request, const char *method,
                        struct lab_master_call *call) {
    request->method = (char *)(uintptr_t)method;
    REQUIRE_INT(lab_call_master(lab, lab_channel(lab), request, call), 0);
    LAB_WAIT(lab, call->result.count > 0);
    LAB_CHECK_ENDED(&call->result, YOKE_OK);
}

static void a_reply_comes_from_the_worker_that_was_asked(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "hello", 5, &result), 0);
    CHECK_INT(result.count, 0); /* never from inside the call */
    CHECK_INT(yoke_child_calls_in_flight(child), 1);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_STR(result.message, "");
    REQUIRE_INT(result.size, 5);
    CHECK(memcmp(result.data, "hello", 5) == 0);
    CHECK_INT(result.peer.pid, yoke_child_pid(child));
    CHECK_INT(result.peer.worker_id, yoke_child_id(child));
    CHECK_INT(yoke_child_calls_in_flight(child), 0);
    lab_release(&result);
    lab_close(&lab);
}

static void a_worker_calls_its_master(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.data.data = (uint8_t[]){1, 0, 255};
    request.data.len = 3;
    call_master(&lab, &request, "Echo", &call);
    CHECK_INT(call.code, YOKE_OK);
    CHECK_INT(call.completed, 1);
    CHECK_INT(call.size, 3);
    CHECK(call.size == 3 && memcmp(call.data, request.data.data, 3) == 0);
    CHECK(call.from_master);
    CHECK_INT(lab.common.last_peer.worker_id, yoke_child_id(yoke_pool_child(lab.pool, 0)));
    CHECK_INT(lab.common.last_peer.pid, yoke_child_pid(yoke_pool_child(lab.pool, 0)));
    CHECK_INT(lab.common.last_error, 0);
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void every_status_code_and_message_travels_from_the_worker(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        char message[40];
        snprintf(message, sizeof(message), "the message of code %d", (int)errors[i]);
        REQUIRE_INT(lab_fail(&lab, lab_channel(&lab), (int)errors[i], message, &result), 0);
        LAB_WAIT(&lab, result.count > 0);
        LAB_CHECK_ENDED(&result, errors[i]);
        CHECK_STR(result.message, message);
    }
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void every_status_code_and_message_travels_from_the_master(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__FailRequest fail = PROBE__FAIL_REQUEST__INIT;
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    request.fail = &fail;
    lab_open(&lab, NULL);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        char message[40];
        snprintf(message, sizeof(message), "the message of code %d", (int)errors[i]);
        fail.code = (int)errors[i];
        fail.message = message;
        call_master(&lab, &request, "Fail", &call);
        CHECK_STR(yoke_code_name(call.code), yoke_code_name(errors[i]));
        CHECK_STR(call.message, message);
    }
    lab_master_call_release(&call);
    lab_close(&lab);
}

/* A message of `characters` copies of one UTF-8 character must arrive cut to whole ones. */
static void check_cut(struct lab *lab, const char *character, size_t characters, size_t prefix) {
    struct lab_result result = {0};
    size_t size = strlen(character);
    char *message = calloc(1, prefix + size * characters + 1);
    REQUIRE(message != NULL);
    memset(message, 'x', prefix);
    for (size_t i = 0; i < characters; i++) {
        memcpy(message + prefix + i * size, character, size);
    }
    REQUIRE_INT(lab_fail(lab, lab_channel(lab), YOKE_ABORTED, message, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_ABORTED);
    size_t expected = strlen(message);
    if (expected > YOKE_STATUS_MESSAGE_MAX) {
        expected = prefix + (YOKE_STATUS_MESSAGE_MAX - prefix) / size * size;
    }
    CHECK_INT(strlen(result.message), expected);
    CHECK(strncmp(result.message, message, expected) == 0);
    free(message);
}

static void a_long_message_is_cut_between_two_characters(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    check_cut(&lab, "a", YOKE_STATUS_MESSAGE_MAX, 0);
    check_cut(&lab, "a", YOKE_STATUS_MESSAGE_MAX + 1, 0);
    check_cut(&lab, "a", 100000, 0);
    for (size_t prefix = 0; prefix < 4; prefix++) {
        check_cut(&lab, "\u00e9", 300, prefix);
        check_cut(&lab, "\u20ac", 300, prefix);
        check_cut(&lab, "\U0001f40e", 300, prefix);
    }
    lab_close(&lab);
}

static void an_error_without_a_message_has_an_empty_one(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_fail(&lab, lab_channel(&lab), YOKE_NOT_FOUND, "", &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_NOT_FOUND);
    CHECK_STR(result.message, "");
    lab_close(&lab);
}

static void to_fail_with_no_error_code_gives_unknown(void) {
    static const int codes[] = {0, 17, 255, 65536, -1};
    struct lab lab;
    struct lab_result result = {0};
    struct lab_master_call call = {0};
    Probe__FailRequest fail = PROBE__FAIL_REQUEST__INIT;
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    request.fail = &fail;
    lab_open(&lab, NULL);
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        REQUIRE_INT(lab_fail(&lab, lab_channel(&lab), codes[i], "odd", &result), 0);
        LAB_WAIT(&lab, result.count > 0);
        LAB_CHECK_ENDED(&result, YOKE_UNKNOWN);
        fail.code = codes[i];
        call_master(&lab, &request, "Fail", &call);
        CHECK_STR(yoke_code_name(call.code), "UNKNOWN");
        CHECK_INT(lab.common.last_error, -EINVAL);
    }
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void a_call_can_be_answered_later(void) {
    struct lab lab;
    struct lab_result held = {0};
    struct lab_result released = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), "later", 5, &held), 0);
    lab_check_echo(&lab, lab_channel(&lab)); /* others overtake it */
    CHECK_INT(held.count, 0);
    const Probe__ReleaseRequest request = PROBE__RELEASE_REQUEST__INIT;
    released.lab = &lab;
    REQUIRE_INT(probe_common_release(lab_channel(&lab), &request, NULL, lab_on_empty, &released), 0);
    LAB_WAIT(&lab, released.count > 0);
    LAB_CHECK_ENDED(&held, YOKE_OK);
    CHECK(held.size == 5 && memcmp(held.data, "later", 5) == 0);
    lab_release(&held);
    lab_close(&lab);
}

static void the_master_can_answer_later(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Hold"};
    request.data.data = (uint8_t[]){9, 8, 7};
    request.data.len = 3;
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, lab.common.held_count == 1);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(call.result.count, 0);
    common_release(&lab.common, false);
    CHECK_INT(lab.common.last_error, 0);
    LAB_WAIT(&lab, call.result.count > 0);
    CHECK_INT(call.code, YOKE_OK);
    CHECK(call.size == 3 && memcmp(call.data, request.data.data, 3) == 0);
    lab_master_call_release(&call);
    lab_close(&lab);
}

#define MANY 1000

static void a_thousand_calls_in_flight_are_answered_in_any_order(void) {
    static struct lab_result results[MANY];
    struct lab lab;
    struct lab_result released = {0};
    lab_open(&lab, NULL);
    for (unsigned i = 0; i < MANY; i++) {
        REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), &i, sizeof(i), &results[i]), 0);
    }
    CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, 0)), MANY);
    Probe__ReleaseRequest request = PROBE__RELEASE_REQUEST__INIT;
    request.reverse = true;
    released.lab = &lab;
    REQUIRE_INT(probe_common_release(lab_channel(&lab), &request, NULL, lab_on_empty, &released), 0);
    LAB_WAIT(&lab, released.count > 0);
    for (unsigned i = 0; i < MANY; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        CHECK(results[i].size == sizeof(i) && memcmp(results[i].data, &i, sizeof(i)) == 0);
        CHECK(i == 0 || results[i].order < results[i - 1].order);
    }
    for (unsigned i = 0; i < MANY; i++) {
        lab_release(&results[i]);
    }
    lab_close(&lab);
}

static void a_thousand_calls_to_the_master_are_answered(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Hold"};
    request.count = MANY;
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, lab.common.held_count == MANY);
    common_release(&lab.common, true);
    LAB_WAIT(&lab, call.result.count > 0);
    CHECK_INT(call.completed, MANY);
    CHECK_INT(call.ok, MANY);
    lab_master_call_release(&call);
    lab_close(&lab);
}

/* Both directions at once, so that either side's socket fills up while it has to read. */
static void both_directions_can_be_full_at_once(void) {
    static struct lab_result results[100];
    static uint8_t data[100000];
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    memset(data, 0x5a, sizeof(data));
    request.method = (char[]){"Echo"};
    request.count = 100;
    request.data.data = data;
    request.data.len = sizeof(data);
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    for (size_t i = 0; i < 100; i++) {
        REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), data, sizeof(data), &results[i]), 0);
    }
    LAB_WAIT(&lab, call.result.count > 0);
    CHECK_INT(call.ok, 100);
    CHECK(call.size == sizeof(data) && memcmp(call.data, data, sizeof(data)) == 0);
    for (size_t i = 0; i < 100; i++) {
        LAB_WAIT(&lab, results[i].count > 0);
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        CHECK(results[i].size == sizeof(data) && memcmp(results[i].data, data, sizeof(data)) == 0);
        lab_release(&results[i]);
    }
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void call_again(struct lab_result *result) {
    static unsigned left = 500;
    result->also = NULL;
    if (left > 0) {
        left--;
        CHECK_INT(lab_echo(result->lab, lab_channel(result->lab), "x", 1, result), 0);
        result->also = call_again;
    }
}

static void a_completion_may_make_the_next_call(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    result.also = call_again;
    LAB_WAIT(&lab, result.count > 0 && result.also == NULL);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    lab_release(&result);
    lab_close(&lab);
}

static void nobody_needs_to_hear_how_a_call_ended(void) {
    struct lab lab;
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_common_echo(lab_channel(&lab), &request, NULL, NULL, NULL), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void a_method_that_nobody_serves_is_unimplemented(void) {
    struct lab lab;
    struct lab_result result = {0};
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_call_empty(&lab, probe_nowhere_call, lab_channel(&lab), &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_UNIMPLEMENTED);
    call_master(&lab, &request, "Nowhere", &call);
    CHECK_STR(yoke_code_name(call.code), "UNIMPLEMENTED");
    lab_check_echo(&lab, lab_channel(&lab));
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void a_method_without_a_handler_is_unimplemented(void) {
    struct lab lab;
    struct lab_result result = {0};
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_call_empty(&lab, probe_common_no_handler, lab_channel(&lab), &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_UNIMPLEMENTED);
    CHECK_CONTAINS(result.message, "probe.Common/NoHandler");
    call_master(&lab, &request, "NoHandler", &call);
    CHECK_STR(yoke_code_name(call.code), "UNIMPLEMENTED");
    CHECK_CONTAINS(call.message, "probe.Common/NoHandler");
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void the_reply_of_another_method_is_refused_and_the_call_stays_open(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_call_number(&lab, probe_common_answer_wrongly, lab_channel(&lab), &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.number, -EINVAL);
    lab_close(&lab);
}

static int reply_error, fail_error;

static void answer_own_call(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                            void *user_data) {
    reply_error = probe_common_echo_reply(call, reply);
    fail_error = yoke_call_fail(call, YOKE_ABORTED, "mine");
    CHECK_STR(yoke_call_method(call), "probe.Common/Echo");
    lab_on_payload(call, status, reply, user_data);
}

static void who_made_a_call_cannot_answer_it(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_common_echo(lab_channel(&lab), &request, NULL, answer_own_call, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(reply_error, -EINVAL);
    CHECK_INT(fail_error, -EINVAL);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_release(&result);
    lab_close(&lab);
}

/* ---- Messages of several shapes */

static unsigned tree_size(const Probe__Tree *tree) {
    unsigned size = 1;
    for (size_t i = 0; i < tree->n_children; i++) {
        size += tree_size(tree->children[i]);
    }
    return size;
}

static void on_same_tree(struct yoke_call *call, const struct yoke_status *status, const Probe__Tree *reply,
                         void *user_data) {
    struct lab_result *result = user_data;
    if (reply != NULL) {
        result->number = tree_size(reply);
        CHECK_INT(reply->children[1]->children[0]->value, 4);
    }
    lab_on_tree(call, status, reply, user_data);
}

static void a_recursive_message_travels(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    Probe__Tree nodes[5];
    for (int i = 0; i < 5; i++) {
        probe__tree__init(&nodes[i]);
        nodes[i].value = i;
    }
    nodes[0].children = (Probe__Tree *[]){&nodes[1], &nodes[2], &nodes[3]};
    nodes[0].n_children = 3;
    nodes[2].children = (Probe__Tree *[]){&nodes[4]};
    nodes[2].n_children = 1;
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_common_echo_tree(lab_channel(&lab), &nodes[0], NULL, on_same_tree, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.number, 5);
    lab_close(&lab);
}

#define LIST 10000

static void on_same_lists(struct yoke_call *call, const struct yoke_status *status, const Probe__Lists *reply,
                          void *user_data) {
    struct lab_result *result = user_data;
    if (reply != NULL && reply->n_numbers == LIST && reply->n_words == 2 && reply->n_payloads == 2) {
        result->number = 1;
        for (size_t i = 0; i < LIST; i++) {
            result->number &= reply->numbers[i] == (int64_t)i * -7;
        }
        CHECK_STR(reply->words[0], "");
        CHECK_STR(reply->words[1], "yoke");
        CHECK_INT(reply->payloads[1]->data.len, 2);
    }
    struct yoke_status as_seen = *status;
    lab_on_tree(call, &as_seen, reply != NULL ? &(Probe__Tree)PROBE__TREE__INIT : NULL, user_data);
}

static void repeated_fields_travel(void) {
    static int64_t numbers[LIST];
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    Probe__Payload payloads[2] = {PROBE__PAYLOAD__INIT, PROBE__PAYLOAD__INIT};
    Probe__Lists request = PROBE__LISTS__INIT;
    for (int i = 0; i < LIST; i++) {
        numbers[i] = i * -7;
    }
    payloads[1].data.data = (uint8_t[]){1, 2};
    payloads[1].data.len = 2;
    request.numbers = numbers;
    request.n_numbers = LIST;
    request.words = (char *[]){(char[]){""}, (char[]){"yoke"}};
    request.n_words = 2;
    request.payloads = (Probe__Payload *[]){&payloads[0], &payloads[1]};
    request.n_payloads = 2;
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_common_echo_lists(lab_channel(&lab), &request, NULL, on_same_lists, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.number, 1);
    lab_close(&lab);
}

/* ---- Before the loops run */

static void calls_made_before_a_worker_is_ready_are_answered(void) {
    static struct lab_result results[MANY];
    struct lab lab;
    const struct lab_options options = {0};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 0)), YOKE_CHILD_STARTING);
    for (unsigned i = 0; i < MANY; i++) {
        REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), &i, sizeof(i), &results[i]), 0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        LAB_WAIT(&lab, results[i].count > 0);
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        CHECK(results[i].size == sizeof(i) && memcmp(results[i].data, &i, sizeof(i)) == 0);
        lab_release(&results[i]);
    }
    CHECK_INT(lab.ready_count, 1);
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 0)), YOKE_CHILD_READY);
    lab_close(&lab);
}

static void what_a_worker_sends_before_it_runs_arrives(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.scenario = PROBE_EMIT_BEFORE_RUN});
    LAB_WAIT(&lab, lab.noticed_count > 0);
    CHECK_STR(lab.noticed_what, "early echo");
    CHECK_INT(lab.noticed_value, 3);
    CHECK_INT(lab.tick_count, 1024);
    CHECK_INT(lab.ticks_out_of_order, 0);
    lab_close(&lab);
}

static void a_worker_says_which_services_it_has(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    const struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    CHECK(yoke_child_serves(child, "probe.Common"));
    CHECK(yoke_child_serves(child, "probe.Worker"));
    CHECK(!yoke_child_serves(child, "probe.Nowhere"));
    CHECK(!yoke_child_serves(child, ""));
    lab_close(&lab);
}

static void services_are_fixed_once_announced(void) {
    struct lab lab;
    static const struct probe_nowhere_handlers none = {0};
    lab_open_master(&lab, &(struct lab_options){0});
    CHECK_INT(probe_common_serve(yoke_master_server(lab.master), &common_handlers, &lab.common), -EEXIST);
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){0}, &lab.pool), 0);
    CHECK_INT(probe_nowhere_serve(yoke_master_server(lab.master), &none, NULL), -EBUSY);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a reply comes from the worker that was asked", .run = a_reply_comes_from_the_worker_that_was_asked},
    {.name = "a worker calls its master", .run = a_worker_calls_its_master},
    {.name = "every status code and message travels from the worker",
     .run = every_status_code_and_message_travels_from_the_worker},
    {.name = "every status code and message travels from the master",
     .run = every_status_code_and_message_travels_from_the_master},
    {.name = "a long message is cut between two characters", .run = a_long_message_is_cut_between_two_characters},
    {.name = "an error without a message has an empty one", .run = an_error_without_a_message_has_an_empty_one},
    {.name = "to fail with no error code gives UNKNOWN", .run = to_fail_with_no_error_code_gives_unknown},
    {.name = "a call can be answered later", .run = a_call_can_be_answered_later},
    {.name = "the master can answer later", .run = the_master_can_answer_later},
    {.name = "a thousand calls in flight are answered in any order",
     .run = a_thousand_calls_in_flight_are_answered_in_any_order},
    {.name = "a thousand calls to the master are answered", .run = a_thousand_calls_to_the_master_are_answered},
    {.name = "both directions can be full at once", .run = both_directions_can_be_full_at_once},
    {.name = "a completion may make the next call", .run = a_completion_may_make_the_next_call},
    {.name = "nobody needs to hear how a call ended", .run = nobody_needs_to_hear_how_a_call_ended},
    {.name = "a method that nobody serves is UNIMPLEMENTED", .run = a_method_that_nobody_serves_is_unimplemented},
    {.name = "a method without a handler is UNIMPLEMENTED", .run = a_method_without_a_handler_is_unimplemented},
    {.name = "the reply of another method is refused and the call stays open",
     .run = the_reply_of_another_method_is_refused_and_the_call_stays_open},
    {.name = "who made a call cannot answer it", .run = who_made_a_call_cannot_answer_it},
    {.name = "a recursive message travels", .run = a_recursive_message_travels},
    {.name = "repeated fields travel", .run = repeated_fields_travel},
    {.name = "calls made before a worker is ready are answered",
     .run = calls_made_before_a_worker_is_ready_are_answered},
    {.name = "what a worker sends before it runs arrives", .run = what_a_worker_sends_before_it_runs_arrives},
    {.name = "a worker says which services it has", .run = a_worker_says_which_services_it_has},
    {.name = "services are fixed once announced", .run = services_are_fixed_once_announced},
    {.name = NULL},
};

LAB_MAIN(cases)
