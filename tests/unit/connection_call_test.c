/* connection_call_test.c: unary calls between two machines: replies, refusals, and the ids they travel under. */
#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "random.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

static struct machine master, worker;
static struct wire wire;

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
    wire.length = 0;
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    machine_release(&master);
    machine_release(&worker);
}

/* ---- Replies ----------------------------------------------------------------------------------------------------- */

static void calls_go_both_ways(void) {
    start();
    struct machine *sides[2] = {&master, &worker};
    for (unsigned i = 0; i < 2; i++) {
        struct outcome outcome = {0};
        CHECK_INT(machine_call_now(sides[i], "hello", 5, &outcome), 0);
        CHECK_INT(outcome.count, 0);
        machine_exchange(&master, &worker);
        CHECK_INT(outcome.count, 1);
        CHECK_INT(outcome.code, YOKE_OK);
        CHECK_STR(outcome.message, "");
        CHECK_INT(outcome.length, 5);
        CHECK(memcmp(outcome.data, "hello", 5) == 0);
        CHECK_INT(outcome.peer.pid, i == 0 ? MACHINE_WORKER_PID : MACHINE_MASTER_PID);
        CHECK_INT(outcome.peer.worker_id, i == 0 ? MACHINE_WORKER_ID : 0);
    }
    finish();
}

static void a_call_is_one_frame_each_way(void) {
    start();
    struct outcome outcome = {0};
    struct yoke__frame frame;
    uint8_t payload[100];
    REQUIRE_INT(machine_call_now(&master, "hello", 5, &outcome), 0);
    REQUIRE(machine_take_frame(&master, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_OPEN);
    CHECK_INT(frame.stream, 1);
    CHECK_INT(frame.method, unit_echo_now_method.id);
    CHECK_INT(frame.flags, YOKE__FLAG_END_STREAM);
    CHECK_INT(frame.aux, 0);
    CHECK_INT(frame.length, 7);
    CHECK(memcmp(payload, "\x0a\x05hello", 7) == 0);
    CHECK(!machine_take_frame(&master, &frame, payload, sizeof(payload)));
    wire_open(&wire, 1, &unit_echo_now_method, 5);
    machine_feed(&worker, wire.bytes, wire.length, 0);
    REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_END);
    CHECK_INT(frame.stream, 1);
    CHECK_INT(frame.method, unit_echo_now_method.id);
    CHECK_INT(frame.flags, 0);
    CHECK_INT(frame.aux, YOKE_OK);
    CHECK(memcmp(payload, "\x0a\x05xxxxx", 7) == 0);
    CHECK(!machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    finish();
}

static void empty_messages_are_messages(void) {
    start();
    struct outcome outcome = {0};
    CHECK_INT(machine_call_now(&master, NULL, 0, &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 1);
    CHECK_INT(outcome.code, YOKE_OK);
    CHECK(outcome.has_reply);
    CHECK_INT(outcome.length, 0);
    finish();
}

static void nobody_has_to_listen(void) {
    start();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    CHECK_INT(unit_echo_now(machine_channel(&master), &request, NULL, NULL, NULL), 0);
    CHECK_INT(unit_echo_missing(machine_channel(&master), &request, NULL, NULL, NULL), 0);
    machine_exchange(&master, &worker);
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK_INT(unit_echo_now(machine_channel(&master), &request, NULL, NULL, NULL), 0);
    machine_close(&master, "closed");
    finish();
}

static struct outcome chained;
static unsigned chain_left;

static void call_again(struct outcome *outcome) {
    CHECK_INT(outcome->code, YOKE_OK);
    if (chain_left-- > 0) {
        CHECK_INT(machine_call_now(&master, "next", 4, outcome), 0);
    }
}

static void a_callback_may_call_again(void) {
    start();
    chain_left = 100;
    chained = (struct outcome){.then = call_again};
    CHECK_INT(machine_call_now(&master, "first", 5, &chained), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(chained.count, 101);
    CHECK_INT(worker.handled, 101);
    finish();
}

/* ---- Refusals ---------------------------------------------------------------------------------------------------- */

static void check_error(const struct outcome *outcome, enum yoke_code code, const char *message) {
    CHECK_INT(outcome->count, 1);
    CHECK_INT(outcome->code, code);
    CHECK_STR(outcome->message, message);
    CHECK(!outcome->has_reply);
}

static void what_nobody_serves_is_unimplemented(void) {
    start();
    const Unit__Bytes request = UNIT__BYTES__INIT;
    struct outcome unknown = {0};
    struct outcome missing = {0};
    CHECK_INT(unit_other_call(machine_channel(&master), &request, NULL, outcome_take, &unknown), 0);
    CHECK_INT(unit_echo_missing(machine_channel(&master), &request, NULL, outcome_take, &missing), 0);
    machine_exchange(&master, &worker);
    char message[100];
    (void)snprintf(message, sizeof(message), "no service here has a method of id 0x%08x", unit_other_call_method.id);
    check_error(&unknown, YOKE_UNIMPLEMENTED, message);
    check_error(&missing, YOKE_UNIMPLEMENTED, "unit.Echo/Missing has no handler");
    CHECK_INT(worker.handled, 0);
    CHECK(yoke__connection_is_idle(&worker.connection));
    finish();
}

/* A call whose request is these bytes, as the answer comes back. */
static struct outcome call_raw(const struct yoke_method *method, const void *payload, size_t length) {
    static uint32_t stream = 1;
    struct yoke__frame frame = {.type = YOKE__FRAME_OPEN,
                                .stream = stream,
                                .method = method->id,
                                .flags = YOKE__FLAG_END_STREAM,
                                .length = (uint32_t)length};
    wire.length = 0;
    wire_frame(&wire, &frame, payload);
    CHECK_INT(machine_feed(&worker, wire.bytes, wire.length, 0), wire.length);
    static uint8_t answer[40000];
    REQUIRE(machine_take_frame(&worker, &frame, answer, sizeof(answer)));
    CHECK_INT(frame.stream, stream);
    struct outcome outcome = {.count = 1, .code = (enum yoke_code)frame.aux, .has_reply = frame.aux == 0};
    if (frame.aux != 0) {
        REQUIRE_INT(yoke__status_decode(answer, frame.length, outcome.message), 0);
    }
    stream += 2;
    return outcome;
}

/* 100 levels of Node, and 10,000 unknown fields. */
static size_t deep_tree(uint8_t *bytes) {
    size_t length = 0;
    for (unsigned i = 0; i < 100; i++) {
        size_t header = length < 0x80 ? 2 : 3;
        memmove(bytes + header, bytes, length);
        bytes[0] = 0x12;
        bytes[1] = (uint8_t)(length < 0x80 ? length : 0x80 | (length & 0x7f));
        if (header == 3) {
            bytes[2] = (uint8_t)(length >> 7);
        }
        length += header;
    }
    return length;
}

static void what_cannot_be_decoded_is_refused(void) {
    static uint8_t bytes[20000];
    start();
    struct outcome outcome = call_raw(&unit_echo_now_method, "\x0a\x05x", 3);
    check_error(&outcome, YOKE_INTERNAL, "the request of unit.Echo/Now is malformed or nested too deeply");
    size_t length = deep_tree(bytes);
    outcome = call_raw(&unit_echo_tree_method, bytes, length);
    check_error(&outcome, YOKE_INTERNAL, "the request of unit.Echo/Tree is malformed or nested too deeply");
    for (size_t i = 0; i < sizeof(bytes); i += 2) {
        bytes[i] = 0x78;
        bytes[i + 1] = 0;
    }
    outcome = call_raw(&unit_echo_now_method, bytes, sizeof(bytes));
    check_error(&outcome, YOKE_RESOURCE_EXHAUSTED, "the request of unit.Echo/Now needs too much memory to decode");
    CHECK_INT(worker.handled, 0);
    outcome = call_raw(&unit_echo_now_method, "\x0a\x01x", 3);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

/* Only ever fails. */
static void take_no_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                         void *user_data) {
    CHECK(reply == NULL);
    outcome_take(call, status, NULL, user_data);
}

/* A call of the master whose reply is these bytes. */
static struct outcome reply_raw(const struct yoke_method *method, const void *payload, size_t length) {
    struct outcome outcome = {0};
    struct yoke__frame frame;
    uint8_t request[100];
    if (method == &unit_echo_tree_method) {
        const Unit__Node node = UNIT__NODE__INIT;
        CHECK_INT(unit_echo_tree(machine_channel(&master), &node, NULL, take_no_tree, &outcome), 0);
    } else {
        CHECK_INT(machine_call_later(&master, "x", 1, &outcome), 0);
    }
    REQUIRE(machine_take_frame(&master, &frame, request, sizeof(request)));
    frame = (struct yoke__frame){
        .type = YOKE__FRAME_END, .stream = frame.stream, .method = frame.method, .length = (uint32_t)length};
    wire.length = 0;
    wire_frame(&wire, &frame, payload);
    CHECK_INT(machine_feed(&master, wire.bytes, wire.length, 0), wire.length);
    return outcome;
}

static void a_reply_that_cannot_be_decoded_is_an_error(void) {
    static uint8_t bytes[20000];
    start();
    struct outcome outcome = reply_raw(&unit_echo_later_method, "\x0a\x05x", 3);
    check_error(&outcome, YOKE_INTERNAL, "the reply to unit.Echo/Later is malformed or nested too deeply");
    size_t length = deep_tree(bytes);
    outcome = reply_raw(&unit_echo_tree_method, bytes, length);
    check_error(&outcome, YOKE_INTERNAL, "the reply to unit.Echo/Tree is malformed or nested too deeply");
    for (size_t i = 0; i < sizeof(bytes); i += 2) {
        bytes[i] = 0x78;
        bytes[i + 1] = 0;
    }
    outcome = reply_raw(&unit_echo_later_method, bytes, sizeof(bytes));
    check_error(&outcome, YOKE_RESOURCE_EXHAUSTED, "the reply to unit.Echo/Later needs too much memory to decode");
    outcome = reply_raw(&unit_echo_later_method, "\x0a\x01x", 3);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

/* ---- Ids --------------------------------------------------------------------------------------------------------- */

static uint32_t take_stream(struct machine *machine) {
    struct yoke__frame frame;
    uint8_t payload[100];
    REQUIRE(machine_take_frame(machine, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_OPEN);
    return frame.stream;
}

static void ids_count_up_by_two(void) {
    start();
    struct outcome outcomes[8] = {0};
    for (unsigned i = 0; i < 4; i++) {
        CHECK_INT(machine_call_later(&master, "x", 1, &outcomes[i]), 0);
        CHECK_INT(take_stream(&master), 1 + 2 * i);
        CHECK_INT(machine_call_later(&worker, "x", 1, &outcomes[4 + i]), 0);
        CHECK_INT(take_stream(&worker), 2 + 2 * i);
    }
    machine_close(&master, "closed");
    machine_close(&worker, "closed");
    finish();
}

/* After 2^32 the ids begin again, without 0 and without those that are live. */
static void ids_wrap_around(void) {
    start();
    static struct outcome outcomes[2][8];
    struct machine *sides[2] = {&master, &worker};
    static const uint32_t expected[2][8] = {
        {1, 3, UINT32_MAX - 2, UINT32_MAX, 5, 7, 9, 11},
        {2, 4, UINT32_MAX - 3, UINT32_MAX - 1, 6, 8, 10, 12},
    };
    for (unsigned side = 0; side < 2; side++) {
        for (unsigned i = 0; i < 8; i++) {
            if (i == 2) {
                sides[side]->connection.next_stream = expected[side][2];
            }
            CHECK_INT(machine_call_later(sides[side], "x", 1, &outcomes[side][i]), 0);
            CHECK_INT(take_stream(sides[side]), expected[side][i]);
        }
    }
    /* Each answer still finds its call. */
    for (unsigned i = 0; i < 8; i++) {
        wire.length = 0;
        wire_end(&wire, expected[0][7 - i], &unit_echo_later_method, i);
        CHECK_INT(machine_feed(&master, wire.bytes, wire.length, 0), wire.length);
        CHECK_INT(outcomes[0][7 - i].count, 1);
        CHECK_INT(outcomes[0][7 - i].length, i);
    }
    machine_close(&worker, "closed");
    finish();
}

static void ids_of_calls_that_could_not_be_sent_are_used_again(void) {
    static uint8_t large[100000];
    start();
    struct outcome outcome = {0};
    CHECK_INT(machine_call_now(&master, "x", 1, &outcome), 0);
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < 200; i++) {
        memory_fail_from(0);
        CHECK_INT(machine_call_now(&master, large, sizeof(large), &outcome), -ENOMEM);
        CHECK(memory_fail_never());
    }
    CHECK_INT(machine_call_now(&master, large, sizeof(large), &outcome), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(outcome.count, 2);
    CHECK_INT(outcome.code, YOKE_OK);
    finish();
}

/* Calls that echo their own number, kept and answered in random order, across the wrap. */
static uint32_t kept_numbers[2][1000];

static void keep(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    REQUIRE_INT(request->data.len, sizeof(uint32_t));
    memcpy(&kept_numbers[machine == &master][machine->held_count], request->data.data, sizeof(uint32_t));
    machine->held[machine->held_count++] = call;
}

static void many_calls_keep_apart(void) {
    static struct outcome outcomes[2000];
    struct random random = {17};
    start();
    master.act = worker.act = keep;
    /* As if billions of calls had been before. */
    master.connection.next_stream = UINT32_MAX - 1000;
    for (uint32_t i = 0; i < 2000; i++) {
        CHECK_INT(machine_call_as(i % 2 == 0 ? &master : &worker, &i, sizeof(i), &outcomes[i]), 0);
    }
    machine_exchange(&master, &worker);
    struct machine *sides[2] = {&worker, &master};
    for (unsigned side = 0; side < 2; side++) {
        REQUIRE_INT(sides[side]->held_count, 1000);
        uint32_t *numbers = kept_numbers[side];
        for (uint32_t left = 1000; left > 0; left--) {
            uint32_t at = random_below(&random, left);
            Unit__Bytes reply = UNIT__BYTES__INIT;
            reply.data = (ProtobufCBinaryData){.len = sizeof(uint32_t), .data = (uint8_t *)&numbers[at]};
            CHECK_INT(unit_echo_as_reply(sides[side]->held[at], &reply), 0);
            sides[side]->held[at] = sides[side]->held[left - 1];
            numbers[at] = numbers[left - 1];
        }
    }
    machine_exchange(&master, &worker);
    for (uint32_t i = 0; i < 2000; i++) {
        CHECK_INT(outcomes[i].count, 1);
        CHECK_INT(outcomes[i].code, YOKE_OK);
        CHECK(memcmp(outcomes[i].data, &i, sizeof(i)) == 0);
    }
    CHECK(yoke__connection_is_idle(&master.connection));
    CHECK(yoke__connection_is_idle(&worker.connection));
    finish();
}

static const struct test_case cases[] = {
    {.name = "calls go both ways", .run = calls_go_both_ways},
    {.name = "a call is one frame each way", .run = a_call_is_one_frame_each_way},
    {.name = "empty messages are messages", .run = empty_messages_are_messages},
    {.name = "nobody has to listen", .run = nobody_has_to_listen},
    {.name = "a callback may call again", .run = a_callback_may_call_again},
    {.name = "what nobody serves is UNIMPLEMENTED", .run = what_nobody_serves_is_unimplemented},
    {.name = "a request that cannot be decoded is refused", .run = what_cannot_be_decoded_is_refused},
    {.name = "a reply that cannot be decoded is an error", .run = a_reply_that_cannot_be_decoded_is_an_error},
    {.name = "ids count up by two", .run = ids_count_up_by_two},
    {.name = "ids wrap around", .run = ids_wrap_around},
    {.name = "ids of calls that could not be sent are used again",
     .run = ids_of_calls_that_could_not_be_sent_are_used_again},
    {.name = "many calls keep apart", .run = many_calls_keep_apart},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: calls", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
