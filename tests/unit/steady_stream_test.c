/*
 * steady_stream_test.c: the promise that a steady stream of calls makes no malloc, for the kinds that stream: over many
 * calls, of both sides, with many messages each, after as many calls at once as there will be.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"

#include <string.h>

#define ROUNDS 100
#define DEPTH 16
#define MESSAGES 10

static struct machine master, worker;
static uint8_t data[62];        /* 64 bytes with tag and length */
static unsigned messages, ends; /* that the callers have had */
static const Unit__Bytes small = {.base = PROTOBUF_C_MESSAGE_INIT(&unit__bytes__descriptor),
                                  .data = {.len = sizeof(data), .data = data}};

/* ---- The service ------------------------------------------------------------------------------------------------- */

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)user_data;
    for (unsigned i = 0; i < MESSAGES; i++) {
        REQUIRE_INT(unit_streams_down_reply(call, request), 0);
    }
    REQUIRE_INT(yoke_call_finish(call), 0);
}

static void on_opened(struct yoke_call *call, void *user_data) {
    (void)call;
    (void)user_data;
}

static void on_up_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)call;
    (void)user_data;
    REQUIRE_INT(message->data.len, sizeof(data));
}

static void on_up_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    REQUIRE_INT(unit_streams_up_reply(call, &small), 0);
}

static void on_both_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)user_data;
    REQUIRE_INT(unit_streams_both_reply(call, message), 0);
}

static void on_both_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    REQUIRE_INT(yoke_call_finish(call), 0);
}

static const struct unit_streams_handlers handlers = {
    .down = on_down,
    .up = on_opened,
    .up_message = on_up_message,
    .up_end = on_up_end,
    .both = on_opened,
    .both_message = on_both_message,
    .both_end = on_both_end,
};

/* ---- The callers ------------------------------------------------------------------------------------------------- */

static void on_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)call;
    (void)user_data;
    REQUIRE_INT(message->data.len, sizeof(data));
    messages++;
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    (void)user_data;
    REQUIRE_INT(status->code, YOKE_OK);
    ends++;
}

static void on_up_done(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                       void *user_data) {
    REQUIRE(reply != NULL);
    messages++;
    on_done(call, status, user_data);
}

typedef void make_call(struct yoke_channel *channel);

static void make_down(struct yoke_channel *channel) {
    REQUIRE_INT(unit_streams_down(channel, &small, NULL, on_message, on_done, NULL), 0);
}

static void make_up(struct yoke_channel *channel) {
    struct yoke_call *call;
    REQUIRE_INT(unit_streams_up(channel, NULL, on_up_done, NULL, &call), 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        REQUIRE_INT(unit_streams_up_send(call, &small), 0);
    }
    REQUIRE_INT(yoke_call_half_close(call), 0);
}

static void make_both(struct yoke_channel *channel) {
    struct yoke_call *call;
    REQUIRE_INT(unit_streams_both(channel, NULL, on_message, on_done, NULL, &call), 0);
    for (unsigned i = 0; i < MESSAGES; i++) {
        REQUIRE_INT(unit_streams_both_send(call, &small), 0);
    }
    REQUIRE_INT(yoke_call_half_close(call), 0);
}

static void make_round(make_call *make, unsigned expected) {
    messages = ends = 0;
    for (unsigned i = 0; i < DEPTH; i++) {
        make(machine_channel(&master));
        make(machine_channel(&worker));
    }
    machine_exchange(&master, &worker);
    REQUIRE_INT(ends, 2 * DEPTH);
    REQUIRE_INT(messages, 2 * DEPTH * expected);
}

static void count_allocations(make_call *make, unsigned expected) {
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    REQUIRE_INT(unit_streams_serve(&master.server, &handlers, NULL), 0);
    REQUIRE_INT(unit_streams_serve(&worker.server, &handlers, NULL), 0);
    for (unsigned round = 0; round < 3; round++) {
        make_round(make, expected);
    }
    size_t before = memory_allocation_count();
    for (unsigned round = 0; round < ROUNDS; round++) {
        make_round(make, expected);
    }
    CHECK_INT(memory_allocation_count() - before, 0);
    machine_release(&master);
    machine_release(&worker);
}

static void replies_that_stream(void) {
    count_allocations(make_down, MESSAGES);
}

static void requests_that_stream(void) {
    count_allocations(make_up, 1);
}

static void both_that_stream(void) {
    count_allocations(make_both, MESSAGES);
}

static const struct test_case cases[] = {
    {.name = "no malloc per call whose replies stream", .run = replies_that_stream},
    {.name = "no malloc per call whose requests stream", .run = requests_that_stream},
    {.name = "no malloc per call on which both stream", .run = both_that_stream},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "steady streams", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
