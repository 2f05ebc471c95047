/* call_test.c: what a handler may do with its call: answer it now, later, twice, wrongly, or after its caller died. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;

static void start(const struct yoke_limits *limits) {
    machine_init_pair(&master, &worker, limits);
}

static void finish(void) {
    machine_release(&master);
    machine_release(&worker);
}

static Unit__Bytes reply_of(const char *text) {
    Unit__Bytes reply = UNIT__BYTES__INIT;
    reply.data = (ProtobufCBinaryData){.len = strlen(text), .data = (uint8_t *)(uintptr_t)text};
    return reply;
}

/* Call As with `act` as its handler, and see how it ends. */
static struct outcome call_with(void (*act)(struct machine *, struct yoke_call *, const Unit__Bytes *)) {
    struct outcome outcome = {0};
    worker.act = act;
    REQUIRE_INT(machine_call_as(&master, "request", 7, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    return outcome;
}

static void check_reply(const struct outcome *outcome, const char *text) {
    CHECK_INT(outcome->code, YOKE_OK);
    CHECK_STR(outcome->message, "");
    CHECK_INT(outcome->length, strlen(text));
    CHECK(memcmp(outcome->data, text, strlen(text)) == 0);
}

static void check_error(const struct outcome *outcome, enum yoke_code code, const char *message) {
    CHECK_INT(outcome->code, code);
    CHECK_STR(outcome->message, message);
    CHECK(!outcome->has_reply);
}

/* ---- Both ends of a call ----------------------------------------------------------------------------------------- */

static void look(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    CHECK_INT(yoke_call_peer(call)->worker_id, 0);
    CHECK_INT(yoke_call_peer(call)->pid, MACHINE_MASTER_PID);
    CHECK_STR(yoke_call_method(call), "unit.Echo/As");
    CHECK_INT(request->data.len, 7);
    CHECK(memcmp(request->data.data, "request", 7) == 0);
    CHECK_INT(machine->engine.callback_depth, 1);
    const Unit__Bytes reply = reply_of("seen");
    CHECK_INT(unit_echo_as_reply(call, &reply), 0);
}

static void both_ends_know_their_peer(void) {
    start(NULL);
    const struct outcome outcome = call_with(look);
    check_reply(&outcome, "seen");
    CHECK_INT(outcome.peer.worker_id, MACHINE_WORKER_ID);
    CHECK_INT(outcome.peer.pid, MACHINE_WORKER_PID);
    CHECK_STR(outcome.method, "unit.Echo/As");
    CHECK_INT(worker.engine.callback_depth, 0);
    CHECK_INT(master.engine.callback_depth, 0);
    finish();
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

static enum yoke_code code_to_send;
static const char *message_to_send;
static int expected_result;

static void fail_as_told(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    CHECK_INT(yoke_call_fail(call, code_to_send, message_to_send), expected_result);
}

static void each_error_code_arrives(void) {
    start(NULL);
    expected_result = 0;
    for (unsigned code = YOKE_CANCELLED; code <= YOKE_UNAUTHENTICATED; code++) {
        code_to_send = (enum yoke_code)code;
        message_to_send = yoke_code_name(code_to_send);
        const struct outcome outcome = call_with(fail_as_told);
        check_error(&outcome, code_to_send, message_to_send);
    }
    message_to_send = NULL;
    struct outcome outcome = call_with(fail_as_told);
    check_error(&outcome, YOKE_UNAUTHENTICATED, "");
    message_to_send = "";
    outcome = call_with(fail_as_told);
    check_error(&outcome, YOKE_UNAUTHENTICATED, "");
    finish();
}

static void what_is_no_error_code_becomes_unknown(void) {
    static const int codes[] = {0, 17, -1, 65536};
    start(NULL);
    expected_result = -EINVAL;
    message_to_send = "why";
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        *(int *)(void *)&code_to_send = codes[i];
        const struct outcome outcome = call_with(fail_as_told);
        check_error(&outcome, YOKE_UNKNOWN, "why");
    }
    finish();
}

static void a_long_message_is_cut(void) {
    char message[600];
    memset(message, 'm', sizeof(message));
    message[sizeof(message) - 1] = '\0';
    start(NULL);
    expected_result = 0;
    code_to_send = YOKE_NOT_FOUND;
    message_to_send = message;
    const struct outcome outcome = call_with(fail_as_told);
    message[YOKE_STATUS_MESSAGE_MAX] = '\0';
    check_error(&outcome, YOKE_NOT_FOUND, message);
    finish();
}

/* ---- More than one answer ---------------------------------------------------------------------------------------- */

static void answer_twice(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    const Unit__Bytes reply = reply_of("first");
    CHECK_INT(unit_echo_as_reply(call, &reply), 0);
    /* The request and the call itself are still there, because the handler has not returned. */
    CHECK_STR(yoke_call_method(call), "unit.Echo/As");
    CHECK(memcmp(request->data.data, "request", 7) == 0);
    const Unit__Bytes again = reply_of("second");
    CHECK_INT(unit_echo_as_reply(call, &again), -EINVAL);
    CHECK_INT(yoke_call_fail(call, YOKE_NOT_FOUND, "third"), -EINVAL);
}

static void fail_then_reply(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    CHECK_INT(yoke_call_fail(call, YOKE_NOT_FOUND, "first"), 0);
    CHECK_INT(unit_echo_as_reply(call, request), -EINVAL);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "third"), -EINVAL);
}

static void only_the_first_answer_counts(void) {
    start(NULL);
    struct outcome outcome = call_with(answer_twice);
    check_reply(&outcome, "first");
    outcome = call_with(fail_then_reply);
    check_error(&outcome, YOKE_NOT_FOUND, "first");
    finish();
}

static void answer_wrongly_first(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    CHECK_INT(unit_echo_now_reply(call, request), -EINVAL);
    CHECK_INT(unit_other_call_reply(call, request), -EINVAL);
    const Unit__Bytes reply = reply_of("right");
    CHECK_INT(unit_echo_as_reply(call, &reply), 0);
}

static void the_reply_of_another_method_leaves_the_call_open(void) {
    start(NULL);
    const struct outcome outcome = call_with(answer_wrongly_first);
    check_reply(&outcome, "right");
    finish();
}

/* A call of ours is not one to answer. */
static void answer_own_call(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                            void *user_data) {
    CHECK_INT(unit_echo_now_reply(call, reply), -EINVAL);
    CHECK_INT(yoke_call_fail(call, YOKE_ABORTED, "no"), -EINVAL);
    outcome_take(call, status, reply, user_data);
}

static void a_caller_cannot_answer(void) {
    start(NULL);
    struct outcome outcome = {0};
    const Unit__Bytes request = reply_of("request");
    REQUIRE_INT(unit_echo_now(machine_channel(&master), &request, NULL, answer_own_call, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    check_reply(&outcome, "request");
    finish();
}

/* ---- Replies that are too large ---------------------------------------------------------------------------------- */

static void reply_with_2000_bytes(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    (void)request;
    uint8_t data[2000] = {0};
    Unit__Bytes reply = UNIT__BYTES__INIT;
    reply.data = (ProtobufCBinaryData){.len = sizeof(data), .data = data};
    CHECK_INT(unit_echo_as_reply(call, &reply), expected_result);
}

static void an_oversized_reply_is_an_error_on_both_sides(void) {
    const struct yoke_limits limits = {.max_message_bytes = 2002};
    start(&limits);
    expected_result = -EMSGSIZE;
    const struct outcome outcome = call_with(reply_with_2000_bytes);
    check_error(&outcome, YOKE_RESOURCE_EXHAUSTED,
                "the reply of unit.Echo/As, 2003 bytes, is larger than max_message_bytes");
    CHECK(yoke__connection_is_idle(&worker.connection));
    finish();
}

/* ---- Later ------------------------------------------------------------------------------------------------------- */

static void calls_are_answered_in_any_order(void) {
    static const unsigned order[] = {2, 0, 3, 1};
    start(NULL);
    struct outcome outcomes[4] = {0};
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE_INT(machine_call_later(&master, &i, 1, &outcomes[i]), 0);
    }
    machine_exchange(&master, &worker);
    REQUIRE_INT(worker.held_count, 4);
    CHECK_INT(worker.connection.incoming_count, 4);
    for (unsigned i = 0; i < 4; i++) {
        char text[2] = {(char)('a' + order[i]), '\0'};
        const Unit__Bytes reply = reply_of(text);
        CHECK_INT(unit_echo_later_reply(worker.held[order[i]], &reply), 0);
        machine_exchange(&master, &worker);
        CHECK_INT(outcomes[order[i]].count, 1);
        check_reply(&outcomes[order[i]], text);
        CHECK_INT(master.connection.outgoing_count, 3 - i);
    }
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
    finish();
}

/* The request lives until the call is answered, whatever else is decoded meanwhile. */
static const Unit__Bytes *kept_requests[200];

static void keep(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    kept_requests[machine->held_count] = request;
    machine->held[machine->held_count++] = call;
}

static void requests_live_until_the_answer(void) {
    start(NULL);
    static struct outcome outcomes[200];
    worker.act = keep;
    for (unsigned i = 0; i < 200; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "request %u", i);
        REQUIRE_INT(machine_call_as(&master, text, strlen(text) + 1, &outcomes[i]), 0);
        machine_exchange(&master, &worker);
    }
    for (unsigned i = 0; i < 200; i++) {
        char text[16];
        (void)snprintf(text, sizeof(text), "request %u", i);
        CHECK_STR((const char *)kept_requests[i]->data.data, text);
        CHECK_INT(unit_echo_as_reply(worker.held[i], kept_requests[i]), 0);
    }
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 200; i++) {
        CHECK_INT(outcomes[i].count, 1);
        CHECK_INT(outcomes[i].code, YOKE_OK);
    }
    finish();
}

/* ---- After the caller is gone ------------------------------------------------------------------------------------ */

static void hold_four(struct outcome outcomes[4]) {
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
    }
    machine_exchange(&master, &worker);
    REQUIRE_INT(worker.held_count, 4);
}

static void a_late_answer_says_that_the_caller_is_gone(void) {
    start(NULL);
    struct outcome outcomes[4] = {0};
    hold_four(outcomes);
    machine_close(&worker, "closed");
    CHECK_INT(worker.connection.incoming_count, 0);
    CHECK_STR(yoke_call_method(worker.held[0]), "unit.Echo/Later");
    CHECK_INT(yoke_call_peer(worker.held[0])->pid, MACHINE_MASTER_PID);
    CHECK_INT(yoke_call_fail(worker.held[3], YOKE_NOT_FOUND, "late"), -ENOTCONN);
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ENOTCONN);
    /* What they used is used again. */
    CHECK(worker.engine.idle_calls != NULL);
    CHECK_INT(worker.engine.idle_arena_count, 2);
    CHECK_INT(unit_echo_now_reply(worker.held[0], &(Unit__Bytes)UNIT__BYTES__INIT), -EINVAL);
    worker.held_count = 2;
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ENOTCONN);
    CHECK_INT(machine_answer_held(&worker, "late", 4), -ENOTCONN);
    finish();
}

static void an_answer_after_everything_is_gone_frees_the_call(void) {
    size_t live = memory_live_blocks();
    start(NULL);
    struct outcome outcomes[4] = {0};
    hold_four(outcomes);
    finish();
    CHECK(memory_live_blocks() > live);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(machine_answer_held(&worker, "late", 4), -ENOTCONN);
    }
    CHECK_INT(yoke_call_fail(worker.held[0], 999, "late"), -ENOTCONN);
    CHECK_INT(memory_live_blocks(), live);
    for (unsigned i = 0; i < 4; i++) {
        CHECK_INT(outcomes[i].count, 1);
        CHECK_INT(outcomes[i].code, YOKE_UNAVAILABLE);
    }
}

static const struct test_case cases[] = {
    {.name = "both ends know their peer", .run = both_ends_know_their_peer},
    {.name = "each error code arrives", .run = each_error_code_arrives},
    {.name = "what is no error code becomes UNKNOWN", .run = what_is_no_error_code_becomes_unknown},
    {.name = "a long message is cut", .run = a_long_message_is_cut},
    {.name = "only the first answer counts", .run = only_the_first_answer_counts},
    {.name = "the reply of another method leaves the call open",
     .run = the_reply_of_another_method_leaves_the_call_open},
    {.name = "a caller cannot answer", .run = a_caller_cannot_answer},
    {.name = "an oversized reply is an error on both sides", .run = an_oversized_reply_is_an_error_on_both_sides},
    {.name = "calls are answered in any order", .run = calls_are_answered_in_any_order},
    {.name = "requests live until the answer", .run = requests_live_until_the_answer},
    {.name = "a late answer says that the caller is gone", .run = a_late_answer_says_that_the_caller_is_gone},
    {.name = "an answer after everything is gone frees the call",
     .run = an_answer_after_everything_is_gone_frees_the_call},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "call", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
