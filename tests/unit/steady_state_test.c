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

static const struct test_case cases[] = {
    {.name = "no malloc per call that is answered at once", .run = answered_at_once},
    {.name = "no malloc per call that is answered later", .run = answered_later},
    {.name = "no malloc per call with a deadline", .run = with_deadlines},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "steady state", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
