/* deadline_test.c: calls that end before they are answered: by their deadline, by their caller, with their parent. */
#include "lab.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const Google__Protobuf__Empty nothing = GOOGLE__PROTOBUF__EMPTY__INIT;

/* A call of Wait; `value` 1: the handler never answers. */
static void start_wait(struct lab *lab, int64_t value, uint64_t timeout_us, struct yoke_call **ret_call,
                       struct lab_result *result) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_us, .ret_call = ret_call};
    Probe__Number request = PROBE__NUMBER__INIT;
    request.value = value;
    *result = (struct lab_result){.lab = lab};
    REQUIRE_INT(probe_streams_wait(lab_channel(lab), &request, &options, lab_on_number, result), 0);
}

/* Until the worker has seen so many cancellations. */
static void await_cancelled(struct lab *lab, unsigned count) {
    while (lab_streams_state(lab).cancelled < count) {
    }
    CHECK_INT(lab_streams_state(lab).cancelled, count);
}

static void the_deadline_ends_the_call_at_both_ends(void) {
    struct lab lab;
    struct lab_result result;
    struct yoke_call *call;
    lab_open(&lab, NULL);
    start_wait(&lab, 0, 30000, &call, &result);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_DEADLINE_EXCEEDED);
    await_cancelled(&lab, 1);
    CHECK_INT(lab_streams_state(&lab).live, 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void a_method_can_have_a_deadline_of_its_own(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    const Probe__Number request = PROBE__NUMBER__INIT;
    lab_open(&lab, NULL);
    CHECK_INT(probe_streams_brief_method.timeout_us, 20000);
    REQUIRE_INT(probe_streams_brief(lab_channel(&lab), &request, NULL, lab_on_number, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_DEADLINE_EXCEEDED);
    lab_close(&lab);
}

static void an_answer_in_time_is_an_answer(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 60000000};
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_streams_remaining(lab_channel(&lab), &nothing, &options, lab_on_number, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK(result.number > 0 && result.number <= 60000000);
    result = (struct lab_result){.lab = &lab};
    REQUIRE_INT(probe_streams_remaining(lab_channel(&lab), &nothing, NULL, lab_on_number, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    CHECK_INT(result.number, -1);
    lab_close(&lab);
}

/* What time a call has that a handler makes, within one that has `outer` itself. */
static int64_t nested_remaining(struct lab *lab, uint64_t outer, uint64_t inner, bool independent) {
    struct lab_result result = {.lab = lab};
    Probe__NestedRequest request = PROBE__NESTED_REQUEST__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = outer};
    request.timeout_us = inner;
    request.independent = independent;
    REQUIRE_INT(probe_stream_driver_nested(lab_channel(lab), &request, &options, lab_on_number, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    return result.number;
}

static void calls_of_a_handler_inherit_its_deadline(void) {
    const int64_t minute = 60000000;
    struct lab lab;
    lab_open(&lab, NULL);
    CHECK_INT(nested_remaining(&lab, 0, 0, false), -1);
    int64_t left = nested_remaining(&lab, (uint64_t)minute, 0, false);
    CHECK(left > 0 && left <= minute);
    left = nested_remaining(&lab, (uint64_t)minute, (uint64_t)(100 * minute), false);
    CHECK(left > 0 && left <= minute);
    left = nested_remaining(&lab, (uint64_t)(100 * minute), (uint64_t)minute, false);
    CHECK(left > 0 && left <= minute);
    CHECK_INT(nested_remaining(&lab, (uint64_t)minute, 0, true), -1);
    left = nested_remaining(&lab, (uint64_t)minute, (uint64_t)(100 * minute), true);
    CHECK(left > minute && left <= 100 * minute);
    lab_close(&lab);
}

static void start_nested_wait(struct lab *lab, bool independent, uint64_t timeout_us, struct yoke_call **ret_call,
                              struct lab_result *result) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = timeout_us, .ret_call = ret_call};
    Probe__NestedRequest request = PROBE__NESTED_REQUEST__INIT;
    request.wait = true;
    request.independent = independent;
    *result = (struct lab_result){.lab = lab};
    REQUIRE_INT(probe_stream_driver_nested(lab_channel(lab), &request, &options, lab_on_number, result), 0);
}

/* The master calls the worker, whose handler calls the master; cancelling the first ends the second. */
static void calls_of_a_handler_are_cancelled_with_it(void) {
    struct lab lab;
    struct lab_result result;
    struct yoke_call *call;
    lab_open(&lab, NULL);
    start_nested_wait(&lab, false, 0, &call, &result);
    LAB_WAIT(&lab, lab.streams.live == 1);
    CHECK_INT(yoke_call_cancel(call), 0);
    CHECK_INT(yoke_call_cancel(call), -EALREADY);
    CHECK_INT(result.count, 0);
    LAB_WAIT(&lab, result.count > 0 && lab.streams.live == 0);
    LAB_CHECK_ENDED(&result, YOKE_CANCELLED);
    CHECK_INT(lab.streams.cancelled, 1);
    lab_close(&lab);
}

static void the_deadline_of_a_handler_ends_its_calls(void) {
    struct lab lab;
    struct lab_result result;
    struct yoke_call *call;
    lab_open(&lab, NULL);
    /* On a busy machine the time can pass before the handler has made its call; then it gets more. */
    for (uint64_t timeout_us = 50000; lab.streams.opened == 0; timeout_us *= 2) {
        start_nested_wait(&lab, false, timeout_us, &call, &result);
        LAB_WAIT(&lab, result.count > 0);
        LAB_CHECK_ENDED(&result, YOKE_DEADLINE_EXCEEDED);
        /* What the worker has called before comes before this answer. */
        lab_check_echo(&lab, lab_channel(&lab));
    }
    LAB_WAIT(&lab, lab.streams.live == 0);
    CHECK_INT(lab.streams.opened, 1);
    CHECK_INT(lab.streams.cancelled, 1);
    lab_close(&lab);
}

static void independent_calls_outlive_the_handler(void) {
    struct lab lab;
    struct lab_result result;
    struct yoke_call *call;
    lab_open(&lab, NULL);
    start_nested_wait(&lab, true, 0, &call, &result);
    LAB_WAIT(&lab, lab.streams.live == 1);
    CHECK_INT(yoke_call_cancel(call), 0);
    LAB_WAIT(&lab, result.count > 0);
    for (unsigned i = 0; i < 20; i++) {
        lab_check_echo(&lab, lab_channel(&lab));
    }
    CHECK_INT(lab.streams.live, 1);
    CHECK_INT(lab.streams.cancelled, 0);
    lab_close(&lab);
}

static void a_cancelled_call_counts_until_its_handler_lets_go(void) {
    enum { CALLS = 8 };
    struct lab lab;
    const struct lab_options options = {.limits = {.max_incoming_calls = CALLS}};
    struct lab_result results[CALLS];
    struct lab_result last = {.lab = &lab};
    struct yoke_call *calls[CALLS];
    lab_open(&lab, &options);
    for (unsigned i = 0; i < CALLS; i++) {
        start_wait(&lab, 1, 0, &calls[i], &results[i]);
    }
    /* The last of them is refused while State is asked, so the worker's hooks are not asked about. */
    for (unsigned i = 0; i < CALLS; i++) {
        CHECK_INT(yoke_call_cancel(calls[i]), 0);
        LAB_WAIT(&lab, results[i].count > 0);
        LAB_CHECK_ENDED(&results[i], YOKE_CANCELLED);
    }
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "more", 4, &last), 0);
    LAB_WAIT(&lab, last.count > 0);
    LAB_CHECK_ENDED(&last, YOKE_RESOURCE_EXHAUSTED);
    CHECK_CONTAINS(last.message, "max_incoming_calls");
    lab_release(&last);
    lab_close(&lab);
}

/* Resident memory of a process, in bytes. */
static long resident(pid_t pid) {
    char path[64];
    long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "r");
    REQUIRE(file != NULL);
    REQUIRE(fscanf(file, "%*d %ld", &pages) == 1);
    fclose(file);
    return pages * 4096;
}

static void flood(struct lab *lab, unsigned count, struct lab_result *result) {
    for (unsigned i = 0; i < count; i++) {
        struct yoke_call *call;
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
        const Probe__Number request = PROBE__NUMBER__INIT;
        REQUIRE_INT(probe_streams_wait(lab_channel(lab), &request, &options, lab_on_number, result), 0);
        CHECK_INT(yoke_call_cancel(call), 0);
        if (i % 256 == 255) {
            ev_run(lab->loop, EVRUN_NOWAIT);
        }
    }
    lab_check_echo(lab, lab_channel(lab));
}

static void a_flood_of_cancelled_calls_costs_nothing(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    lab_open(&lab, NULL);
    pid_t worker = lab.births[0].pid;
    flood(&lab, 20000, &result);
    long before[] = {resident(getpid()), resident(worker)};
    flood(&lab, 100000, &result);
    LAB_WAIT(&lab, result.count == 120000);
    CHECK_INT(result.code, YOKE_CANCELLED);
    if (!test_has_asan()) {
        /* With it, freed memory is kept for a while. */
        CHECK(resident(getpid()) - before[0] < 2 << 20);
        CHECK(resident(worker) - before[1] < 2 << 20);
    }
    CHECK_INT(lab_streams_state(&lab).live, 0);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "the deadline ends the call at both ends", .run = the_deadline_ends_the_call_at_both_ends},
    {.name = "a method can have a deadline of its own", .run = a_method_can_have_a_deadline_of_its_own},
    {.name = "an answer in time is an answer", .run = an_answer_in_time_is_an_answer},
    {.name = "calls of a handler inherit its deadline", .run = calls_of_a_handler_inherit_its_deadline},
    {.name = "calls of a handler are cancelled with it", .run = calls_of_a_handler_are_cancelled_with_it},
    {.name = "the deadline of a handler ends its calls", .run = the_deadline_of_a_handler_ends_its_calls},
    {.name = "independent calls outlive the handler", .run = independent_calls_outlive_the_handler},
    {.name = "a cancelled call counts until its handler lets go",
     .run = a_cancelled_call_counts_until_its_handler_lets_go},
    {.name = "a flood of cancelled calls costs nothing", .run = a_flood_of_cancelled_calls_costs_nothing},
    {.name = NULL},
};

LAB_MAIN(cases)
