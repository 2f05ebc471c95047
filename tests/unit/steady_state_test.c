/*
 * steady_state_test.c: the promise that a steady stream of unary calls makes no malloc at either side. Both machines'
 * allocations are counted, over many calls of 64 bytes, after as many calls at once as there will be.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"

#define ROUNDS 200
#define DEPTH_MAX 128

static struct machine master, worker;
static struct outcome outcomes[2 * DEPTH_MAX];
static uint8_t data[62]; /* 64 bytes with tag and length */

typedef int make_call(struct machine *machine, const void *bytes, size_t length, struct outcome *outcome);

static int call_with_deadline(struct machine *machine, const void *bytes, size_t length, struct outcome *outcome) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 1000000};
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)bytes};
    return unit_echo_now(machine_channel(machine), &request, &options, outcome_take, outcome);
}

/* With an entry each way, besides. */
static int call_with_metadata(struct machine *machine, const void *bytes, size_t length, struct outcome *outcome) {
    static struct yoke_metadata *metadata;
    if (metadata == NULL) {
        REQUIRE_INT(yoke_metadata_create(&metadata), 0);
        REQUIRE_INT(yoke_metadata_add(metadata, "key", "value"), 0);
    }
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
    Unit__Bytes request = UNIT__BYTES__INIT;
    request.data = (ProtobufCBinaryData){.len = length, .data = (uint8_t *)(uintptr_t)bytes};
    return unit_echo_as(machine_channel(machine), &request, &options, outcome_take, outcome);
}

static void act_with_metadata(struct machine *machine, struct yoke_call *call, const Unit__Bytes *request) {
    (void)machine;
    CHECK_INT(yoke_metadata_add(yoke_call_headers(call), "header", "value"), 0);
    CHECK_INT(yoke_metadata_add(yoke_call_trailers(call), "trailer", "value"), 0);
    CHECK_INT(unit_echo_as_reply(call, request), 0);
}

static unsigned hooks_run;

static void on_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)status;
    (void)call_data;
    (void)user_data;
    hooks_run++;
}

static void intercept(struct machine *machine) {
    static const struct yoke_interceptor both = {.start = on_start, .finish = on_start};
    REQUIRE_INT(yoke_channel_intercept(machine_channel(machine), &both, NULL), 0);
    REQUIRE_INT(yoke_server_intercept(&machine->server, &both, NULL), 0);
}

/* As a pool's channel does. */
static void keep_requests(struct machine *machine) {
    struct yoke_channel *channel = machine_channel(machine);
    channel->retry = (struct yoke__retry){.max_attempts = 3, .max_request_bytes = 1000, .budget_percent = 10};
    channel->is_routed = true;
}

static bool are_kept; /* the requests of both machines */

static bool are_intercepted; /* both machines, at both sides */

/* `depth` calls at once of the master, and as many of the worker where `both` is set. */
static void make_round(unsigned depth, bool both, make_call *call) {
    unsigned count = both ? 2 * depth : depth;
    for (unsigned i = 0; i < count; i++) {
        outcomes[i].count = 0;
        REQUIRE_INT(call(i < depth ? &master : &worker, data, sizeof(data), &outcomes[i]), 0);
    }
    machine_exchange(&master, &worker);
    while (worker.held_count > 0) {
        REQUIRE_INT(machine_answer_held(&worker, data, sizeof(data)), 0);
    }
    while (master.held_count > 0) {
        REQUIRE_INT(machine_answer_held(&master, data, sizeof(data)), 0);
    }
    machine_exchange(&master, &worker);
    for (unsigned i = 0; i < count; i++) {
        REQUIRE_INT(outcomes[i].count, 1);
        REQUIRE_INT(outcomes[i].code, YOKE_OK);
        REQUIRE_INT(outcomes[i].length, sizeof(data));
    }
}

static void count_allocations(make_call *call) {
    static const struct {
        unsigned depth;
        bool both;
    } table[] = {{1, false}, {DEPTH_MAX, false}, {1, true}, {DEPTH_MAX, true}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        machine_init_pair(&master, &worker, NULL);
        master.act = worker.act = act_with_metadata;
        if (are_intercepted) {
            intercept(&master);
            intercept(&worker);
        }
        if (are_kept) {
            keep_requests(&master);
            keep_requests(&worker);
        }
        for (unsigned round = 0; round < 3; round++) {
            make_round(table[i].depth, table[i].both, call);
        }
        size_t before = memory_allocation_count();
        for (unsigned round = 0; round < ROUNDS; round++) {
            make_round(table[i].depth, table[i].both, call);
        }
        CHECK_INT(memory_allocation_count() - before, 0);
        machine_release(&master);
        machine_release(&worker);
    }
}

static void answered_at_once(void) {
    count_allocations(machine_call_now);
}

static void answered_later(void) {
    count_allocations(machine_call_later);
}

static void with_deadlines(void) {
    count_allocations(call_with_deadline);
}

static void with_metadata(void) {
    count_allocations(call_with_metadata);
}

static void with_interceptors(void) {
    are_intercepted = true;
    count_allocations(machine_call_now);
    count_allocations(call_with_metadata);
    CHECK(hooks_run > ROUNDS * DEPTH_MAX);
}

static void that_can_be_made_again(void) {
    are_kept = true;
    count_allocations(machine_call_now);
    count_allocations(machine_call_later);
}

static const struct test_case cases[] = {
    {.name = "no malloc per call that is answered at once", .run = answered_at_once},
    {.name = "no malloc per call that is answered later", .run = answered_later},
    {.name = "no malloc per call with a deadline", .run = with_deadlines},
    {.name = "no malloc per call with a little metadata", .run = with_metadata},
    {.name = "no malloc per call with interceptors", .run = with_interceptors},
    {.name = "no malloc per call that can be made again", .run = that_can_be_made_again},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "steady state", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
