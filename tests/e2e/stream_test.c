/* stream_test.c: streams of every kind, between a master and a worker, with either of them as the caller. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

static char count_name[] = "Count", sum_name[] = "Sum", chat_name[] = "Chat", unserved_name[] = "Unserved";

/* How a call went for its caller, master or worker. */
struct outcome {
    struct lab *lab;
    bool finished;
    unsigned order;
    Probe__StreamResult result;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    struct stream_caller caller; /* when the master is it */
};

static void finish(struct outcome *outcome, const Probe__StreamResult *result) {
    outcome->finished = true;
    outcome->order = ++outcome->lab->order;
    outcome->result = *result;
    strncpy(outcome->message, result->message, sizeof(outcome->message) - 1);
    outcome->result.message = outcome->message;
}

static void on_end(struct stream_caller *caller, void *user_data) {
    finish(user_data, &caller->result);
}

static void on_driven(struct yoke_call *call, const struct yoke_status *status, const Probe__StreamResult *reply,
                      void *user_data) {
    (void)call;
    CHECK_STR(yoke_code_name(status->code), "OK");
    REQUIRE(reply != NULL);
    finish(user_data, reply);
}

static void start(struct lab *lab, bool by_worker, const Probe__StreamPlan *plan, struct outcome *outcome) {
    *outcome = (struct outcome){.lab = lab, .caller = {.on_end = on_end, .user_data = outcome}};
    if (by_worker) {
        REQUIRE_INT(probe_stream_driver_drive(lab_channel(lab), plan, NULL, on_driven, outcome), 0);
    } else {
        stream_caller_start(&outcome->caller, lab_channel(lab), plan);
    }
}

static void run(struct lab *lab, bool by_worker, const Probe__StreamPlan *plan, struct outcome *outcome) {
    start(lab, by_worker, plan, outcome);
    LAB_WAIT(lab, outcome->finished);
    CHECK_INT(outcome->result.error, 0);
    CHECK_INT(outcome->result.done, 1);
    CHECK_INT(outcome->result.late, 0);
    CHECK_INT(outcome->result.out_of_order, 0);
}

static void check_run(struct lab *lab, bool by_worker, const Probe__StreamPlan *plan, enum yoke_code code,
                      unsigned messages) {
    struct outcome outcome;
    run(lab, by_worker, plan, &outcome);
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), yoke_code_name(code));
    CHECK_INT(outcome.result.messages, messages);
    if (strcmp(plan->method, sum_name) == 0 && code == YOKE_OK) {
        CHECK_INT(outcome.result.value, (int64_t)plan->send * plan->send_bytes);
    }
}

static void check_nothing_lives(struct lab *lab) {
    CHECK_INT(lab_streams_state(lab).live, 0);
    CHECK_INT(lab->streams.live, 0);
}

/* ---- Each kind */

static const struct {
    unsigned count, bytes;
} amounts[] = {{0, 8}, {1, 0}, {1, 8}, {2, 8}, {1000, 8}, {3000, 5000}, {1, 262140}, {9, 300000}, {3, 4000000}};
#define AMOUNT_COUNT (sizeof(amounts) / sizeof(amounts[0]))

static void check_kind(char *method) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        for (size_t i = 0; i < AMOUNT_COUNT; i++) {
            Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
            plan.method = method;
            plan.reply = plan.send = amounts[i].count;
            plan.reply_bytes = plan.send_bytes = amounts[i].bytes;
            check_run(&lab, by_worker, &plan, YOKE_OK, method == sum_name ? 0 : amounts[i].count);
        }
    }
    check_nothing_lives(&lab);
    lab_close(&lab);
}

static void replies_arrive_whole_and_in_order(void) {
    check_kind(count_name);
}

static void requests_arrive_whole_and_in_order(void) {
    check_kind(sum_name);
}

static void both_ways_at_once(void) {
    check_kind(chat_name);
}

static void a_sender_is_told_to_wait_and_when_to_go_on(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.method = sum_name;
        plan.send = 4000;
        plan.send_bytes = 10000;
        struct outcome outcome;
        run(&lab, by_worker, &plan, &outcome);
        CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "OK");
        CHECK_INT(outcome.result.value, 40000000);
        CHECK(outcome.result.refused > 0);
    }
    lab_close(&lab);
}

static void the_status_comes_behind_the_messages(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.method = count_name;
        plan.code = YOKE_NOT_FOUND;
        plan.reply_bytes = 100;
        check_run(&lab, by_worker, &plan, YOKE_NOT_FOUND, 0);
        plan.reply = 50;
        check_run(&lab, by_worker, &plan, YOKE_NOT_FOUND, 50);
        plan.reply = 3;
        plan.reply_bytes = 3000000;
        check_run(&lab, by_worker, &plan, YOKE_NOT_FOUND, 3);
    }
    check_nothing_lives(&lab);
    lab_close(&lab);
}

static void a_handler_may_answer_before_the_requests_end(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.send = 2000;
        plan.send_bytes = 20000;
        plan.command = 'F';
        plan.command_at = 7;
        plan.method = sum_name;
        check_run(&lab, by_worker, &plan, YOKE_ABORTED, 0);
        plan.method = chat_name;
        check_run(&lab, by_worker, &plan, YOKE_ABORTED, 7);
        /* And while a large one is on its way. */
        plan.send_bytes = 4000000;
        plan.command_at = 0;
        check_run(&lab, by_worker, &plan, YOKE_ABORTED, 0);
    }
    check_nothing_lives(&lab);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void a_method_without_handlers_is_unimplemented(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.method = unserved_name;
        check_run(&lab, by_worker, &plan, YOKE_UNIMPLEMENTED, 0);
    }
    lab_close(&lab);
}

/* ---- Other numbers of messages than the method has */

static void check_cardinality(const struct yoke_method *real, enum yoke_method_kind kind, unsigned requests,
                              unsigned replies, enum yoke_code expected) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    struct yoke_call *call;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    const Probe__Payload payload = PROBE__PAYLOAD__INIT;
    /* As another schema could have it: with the reply's end of Echo, which has one. */
    struct yoke_method method = probe_common_echo_method;
    method.name = real->name;
    method.id = real->id;
    method.kind = kind;
    method.request = real->request;
    plan.reply = replies;
    lab_open(&lab, NULL);
    bool streams = kind == YOKE_CLIENT_STREAMING;
    REQUIRE_INT(yoke_channel_open(lab_channel(&lab), &method, streams ? NULL : &plan, NULL, NULL,
                                  (yoke_function *)lab_on_payload, &result, &call),
                0);
    for (unsigned i = 0; i < requests; i++) {
        CHECK_INT(yoke_call_send(call, &method, &payload), 0);
    }
    if (streams) {
        CHECK_INT(yoke_call_half_close(call), 0);
    }
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, expected);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_release(&result);
    lab_close(&lab);
}

static void one_message_means_one(void) {
    check_cardinality(&probe_common_echo_method, YOKE_CLIENT_STREAMING, 0, 0, YOKE_UNIMPLEMENTED);
    check_cardinality(&probe_common_echo_method, YOKE_CLIENT_STREAMING, 1, 0, YOKE_OK);
    check_cardinality(&probe_common_echo_method, YOKE_CLIENT_STREAMING, 2, 0, YOKE_UNIMPLEMENTED);
    check_cardinality(&probe_streams_count_method, YOKE_UNARY, 0, 0, YOKE_UNIMPLEMENTED);
    check_cardinality(&probe_streams_count_method, YOKE_UNARY, 0, 1, YOKE_OK);
    check_cardinality(&probe_streams_count_method, YOKE_UNARY, 0, 2, YOKE_UNIMPLEMENTED);
}

static void misuse_is_told(void) {
    struct lab lab;
    struct outcome outcome;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    const Probe__Payload payload = PROBE__PAYLOAD__INIT;
    struct yoke_call *call;
    struct lab_result result = {.lab = &lab};
    lab_open(&lab, NULL);
    CHECK_INT(yoke_channel_open(lab_channel(&lab), &probe_streams_chat_method, &payload, NULL, NULL, NULL, NULL, &call),
              -EINVAL);
    CHECK_INT(yoke_channel_open(lab_channel(&lab), &probe_common_echo_method, NULL, NULL, NULL, NULL, NULL, &call),
              -EINVAL);
    plan.method = chat_name;
    plan.keep_open = true;
    start(&lab, false, &plan, &outcome);
    call = outcome.caller.call;
    CHECK_INT(probe_streams_sum_send(call, &payload), -EINVAL);
    CHECK_INT(probe_streams_chat_reply(call, &payload), -EINVAL);
    CHECK_INT(yoke_call_finish(call), -EINVAL);
    CHECK_INT(yoke_call_half_close(call), 0);
    CHECK_INT(yoke_call_half_close(call), -EPIPE);
    CHECK_INT(probe_streams_chat_send(call, &payload), -EPIPE);
    LAB_WAIT(&lab, outcome.finished);
    CHECK_INT(outcome.result.code, YOKE_OK);
    lab_release(&result);
    lab_close(&lab);
}

/* ---- Ends that come early */

static void a_caller_may_cancel_in_the_midst(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.method = count_name;
        plan.reply = 100000;
        plan.reply_bytes = 1000;
        plan.cancel_at = 10;
        check_run(&lab, by_worker, &plan, YOKE_CANCELLED, 10);
        plan.reply_bytes = 3000000;
        plan.cancel_at = 2;
        check_run(&lab, by_worker, &plan, YOKE_CANCELLED, 2);
        plan.method = chat_name;
        plan.send = 1000;
        plan.send_bytes = 50000;
        check_run(&lab, by_worker, &plan, YOKE_CANCELLED, 2);
        Probe__StreamState state = lab_streams_state(&lab);
        CHECK_INT(by_worker ? lab.streams.cancelled : state.cancelled, 3);
    }
    check_nothing_lives(&lab);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void a_dead_workers_messages_come_before_its_status(void) {
    for (unsigned bytes = 100; bytes <= 100000; bytes *= 1000) {
        struct lab lab;
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        struct outcome outcome;
        lab_open(&lab, NULL);
        plan.method = count_name;
        plan.reply = 20;
        plan.reply_bytes = bytes;
        plan.die = true;
        run(&lab, false, &plan, &outcome);
        CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "UNAVAILABLE");
        /* What had not left the worker is lost with it. */
        CHECK(outcome.result.messages <= 20);
        LAB_WAIT(&lab, lab.death_count == 1);
        lab_close(&lab);
    }
}

static void a_worker_that_dies_while_it_reads(void) {
    struct lab lab;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    lab_open(&lab, NULL);
    plan.method = chat_name;
    plan.send = 1000;
    plan.send_bytes = 30000;
    plan.command = 'K';
    plan.command_at = 30;
    struct outcome outcome;
    run(&lab, false, &plan, &outcome);
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "UNAVAILABLE");
    CHECK_CONTAINS(outcome.message, "signal 9");
    CHECK(outcome.result.messages <= 30);
    lab_close(&lab);
}

static void messages_on_hold_are_delivered_before_the_death(void) {
    struct lab lab;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    struct outcome outcome;
    struct lab_result finished = {0};
    lab_open(&lab, NULL);
    plan.method = count_name;
    plan.reply = 40;
    plan.reply_bytes = 1000;
    plan.hold_at = 5;
    start(&lab, false, &plan, &outcome);
    /* Answered behind all that Count had sent, which is so with us. */
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_NOT, 0, &finished), 0);
    LAB_WAIT(&lab, finished.count > 0);
    CHECK_INT(outcome.caller.result.messages, 5);
    CHECK(!outcome.finished);
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_EXIT, 3, &finished), 0);
    LAB_WAIT(&lab, outcome.finished);
    /* Its OK had come before it died. */
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "OK");
    CHECK_INT(outcome.result.messages, 40);
    CHECK_INT(outcome.result.out_of_order, 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    lab_close(&lab);
}

static void a_stream_has_a_deadline(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (unsigned by_worker = 0; by_worker < 2; by_worker++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.method = chat_name;
        plan.send = 3;
        plan.send_bytes = 10;
        plan.keep_open = true;
        plan.timeout_us = 50000;
        struct outcome outcome;
        run(&lab, by_worker, &plan, &outcome);
        CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "DEADLINE_EXCEEDED");
        CHECK(outcome.result.messages <= 3);
    }
    check_nothing_lives(&lab);
    lab_close(&lab);
}

/* ---- Streams that are not read */

static void wait_for_echoes(struct lab *lab, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        lab_check_echo(lab, lab_channel(lab));
    }
}

static void check_held(unsigned bytes, unsigned count) {
    struct lab lab;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    struct outcome outcome;
    lab_open(&lab, NULL);
    plan.method = count_name;
    plan.reply = count;
    plan.reply_bytes = bytes;
    plan.hold_at = 1;
    start(&lab, false, &plan, &outcome);
    wait_for_echoes(&lab, 200);
    /* Credit, the queue, and one message that is begun. */
    uint64_t sent = (uint64_t)lab_streams_state(&lab).sent * bytes;
    CHECK(sent <= 8u << 20);
    CHECK(!outcome.finished);
    CHECK_INT(outcome.caller.result.messages, 1);
    yoke_call_resume(outcome.caller.call);
    LAB_WAIT(&lab, outcome.finished);
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "OK");
    CHECK_INT(outcome.result.messages, count);
    CHECK_INT(outcome.result.out_of_order, 0);
    check_nothing_lives(&lab);
    lab_close(&lab);
}

static void a_held_stream_stalls_nobody_else(void) {
    check_held(10000, 5000);
    check_held(4000000, 10);
    check_held(300000, 100);
}

static void a_held_stream_can_be_cancelled(void) {
    struct lab lab;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    struct outcome outcome;
    lab_open(&lab, NULL);
    plan.method = count_name;
    plan.reply = 1000;
    plan.reply_bytes = 10000;
    plan.hold_at = 1;
    start(&lab, false, &plan, &outcome);
    wait_for_echoes(&lab, 20);
    CHECK_INT(yoke_call_cancel(outcome.caller.call), 0);
    LAB_WAIT(&lab, outcome.finished);
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "CANCELLED");
    CHECK_INT(outcome.result.messages, 1);
    check_nothing_lives(&lab);
    lab_close(&lab);
}

static void a_handler_may_hold_too(void) {
    struct lab lab;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    struct outcome outcome;
    lab_open(&lab, NULL);
    plan.method = sum_name;
    plan.send = 1000;
    plan.send_bytes = 10000;
    plan.command = 'H';
    plan.command_at = 3;
    start(&lab, true, &plan, &outcome);
    LAB_WAIT(&lab, lab.streams.held != NULL);
    wait_for_echoes(&lab, 50);
    CHECK_INT(lab.streams.received, 4);
    CHECK(!outcome.finished);
    yoke_call_resume(lab.streams.held);
    LAB_WAIT(&lab, outcome.finished);
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "OK");
    CHECK_INT(outcome.result.value, 10000000);
    lab_close(&lab);
}

static void too_much_that_is_unread_ends_its_call(void) {
    struct lab lab;
    const struct lab_options options = {.limits = {.max_buffered_bytes = 1u << 20}};
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    struct outcome outcome;
    lab_open(&lab, &options);
    plan.method = count_name;
    plan.reply = 1000;
    plan.reply_bytes = 10000;
    plan.hold_at = 1;
    run(&lab, false, &plan, &outcome);
    CHECK_STR(yoke_code_name((enum yoke_code)outcome.result.code), "RESOURCE_EXHAUSTED");
    CHECK_CONTAINS(outcome.message, "max_buffered_bytes");
    CHECK_INT(outcome.result.messages, 1);
    check_nothing_lives(&lab);
    lab_close(&lab);
}

/* ---- Large and small side by side */

static void a_small_call_overtakes_large_ones(void) {
    struct lab lab;
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    struct outcome outcome;
    lab_open(&lab, NULL);
    plan.method = chat_name;
    plan.send = 8;
    plan.send_bytes = 4000000;
    start(&lab, false, &plan, &outcome);
    struct lab_result echo = {0};
    struct lab_result large = {0};
    REQUIRE_INT(lab_make(&lab, lab_channel(&lab), 4000000, 0, &large), 0);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "small", 5, &echo), 0);
    LAB_WAIT(&lab, outcome.finished && echo.count > 0 && large.count > 0);
    LAB_CHECK_ENDED(&echo, YOKE_OK);
    LAB_CHECK_ENDED(&large, YOKE_OK);
    CHECK_INT(large.size, 4000000);
    CHECK_INT(outcome.result.messages, 8);
    CHECK(echo.order < large.order);
    CHECK(echo.order < outcome.order);
    lab_release(&echo);
    lab_release(&large);
    lab_close(&lab);
}

static void many_streams_share_one_connection(void) {
    enum { STREAMS = 20 };
    struct lab lab;
    static struct outcome outcomes[2 * STREAMS];
    lab_open(&lab, NULL);
    for (unsigned i = 0; i < 2 * STREAMS; i++) {
        Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
        plan.method = i % 3 == 0 ? chat_name : i % 3 == 1 ? count_name : sum_name;
        plan.send = plan.reply = 50;
        plan.send_bytes = plan.reply_bytes = i % 2 == 0 ? 500 : 270000;
        start(&lab, i >= STREAMS, &plan, &outcomes[i]);
    }
    for (unsigned i = 0; i < 2 * STREAMS; i++) {
        LAB_WAIT(&lab, outcomes[i].finished);
        CHECK_STR(yoke_code_name((enum yoke_code)outcomes[i].result.code), "OK");
        CHECK_INT(outcomes[i].result.messages, i % 3 == 2 ? 0 : 50);
        CHECK_INT(outcomes[i].result.out_of_order, 0);
    }
    check_nothing_lives(&lab);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "replies arrive whole and in order", .run = replies_arrive_whole_and_in_order},
    {.name = "requests arrive whole and in order", .run = requests_arrive_whole_and_in_order},
    {.name = "both ways at once", .run = both_ways_at_once},
    {.name = "a sender is told to wait, and when to go on", .run = a_sender_is_told_to_wait_and_when_to_go_on},
    {.name = "the status comes behind the messages", .run = the_status_comes_behind_the_messages},
    {.name = "a handler may answer before the requests end", .run = a_handler_may_answer_before_the_requests_end},
    {.name = "a method without handlers is unimplemented", .run = a_method_without_handlers_is_unimplemented},
    {.name = "one message means one", .run = one_message_means_one},
    {.name = "misuse is told", .run = misuse_is_told},
    {.name = "a caller may cancel in the midst", .run = a_caller_may_cancel_in_the_midst},
    {.name = "a dead worker's messages come before its status", .run = a_dead_workers_messages_come_before_its_status},
    {.name = "a worker that dies while it reads", .run = a_worker_that_dies_while_it_reads},
    {.name = "messages on hold are delivered before the death", .run = messages_on_hold_are_delivered_before_the_death},
    {.name = "a stream has a deadline", .run = a_stream_has_a_deadline},
    {.name = "a held stream stalls nobody else", .run = a_held_stream_stalls_nobody_else},
    {.name = "a held stream can be cancelled", .run = a_held_stream_can_be_cancelled},
    {.name = "a handler may hold, too", .run = a_handler_may_hold_too},
    {.name = "too much that is unread ends its call", .run = too_much_that_is_unread_ends_its_call},
    {.name = "a small call overtakes large ones", .run = a_small_call_overtakes_large_ones},
    {.name = "many streams share one connection", .run = many_streams_share_one_connection},
    {.name = NULL},
};

LAB_MAIN(cases)
