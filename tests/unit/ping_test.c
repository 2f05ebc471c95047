/* ping_test.c: signs of life: answered by a peer whatever it serves, and ended in every way in which calls end. */
#include "rpc/ping.h"

#include "harness.h"
#include "machine.h"
#include "memory.h"
#include "wire.h"

#include <errno.h>

static struct machine master, worker;

struct pong {
    unsigned count;
    enum yoke_code code;
    uint64_t answer_us;
};

static void on_pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    struct pong *pong = user_data;
    pong->count++;
    pong->code = status->code;
    pong->answer_us = answer_us;
}

static void start(void) {
    machine_init_pair(&master, &worker, NULL);
}

static void finish(void) {
    CHECK_STR(master.connection.failure, "");
    CHECK_STR(worker.connection.failure, "");
    machine_release(&master);
    machine_release(&worker);
}

static void a_ping_is_answered_with_its_time(void) {
    start();
    struct pong down = {0};
    struct pong up = {0};
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, on_pong, &down), 0);
    machine_now_ns += 3 * MS_NS;
    CHECK_INT(yoke_channel_ping(machine_channel(&worker), 1000000, on_pong, &up), 0);
    machine_exchange(&master, &worker);
    CHECK_INT(down.count, 1);
    CHECK_INT(down.code, YOKE_OK);
    CHECK_INT(down.answer_us, 3000);
    CHECK_INT(up.count, 1);
    CHECK_INT(up.answer_us, 0);
    CHECK_INT(worker.handled, 0);
    CHECK_INT(worker.engine.deadlines.count, 0);
    finish();
}

static void a_ping_ends_at_its_deadline(void) {
    start();
    struct pong pong = {0};
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 5000, on_pong, &pong), 0);
    machine_settle(&master);
    CHECK_INT(pong.count, 0);
    machine_now_ns += 5 * MS_NS;
    machine_settle(&master);
    CHECK_INT(pong.count, 1);
    CHECK_INT(pong.code, YOKE_DEADLINE_EXCEEDED);
    CHECK_INT(pong.answer_us, 5000);
    machine_exchange(&master, &worker);
    CHECK_INT(pong.count, 1);
    finish();
}

static void a_ping_ends_with_its_connection(void) {
    start();
    struct pong pong = {0};
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, on_pong, &pong), 0);
    machine_close(&master, "gone");
    CHECK_INT(pong.count, 1);
    CHECK_INT(pong.code, YOKE_UNAVAILABLE);
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, on_pong, &pong), -ENOTCONN);
    master.channel.connection = NULL;
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, on_pong, &pong), -ENOTCONN);
    master.engine.fork_count++;
    CHECK_INT(yoke_channel_ping(machine_channel(&master), 0, on_pong, &pong), -ECHILD);
    master.engine.fork_count--;
    CHECK_INT(pong.count, 1);
    finish();
}

/* A peer that puts something into a ping, or into its answer. */
static void a_ping_carries_nothing(void) {
    static struct wire wire;
    const uint32_t ping_id = yoke_name_id("yoke.v1.Connection/Ping");
    struct pong pong = {0};
    start();
    wire.length = 0;
    const struct yoke__frame open = {
        .stream = 1, .method = ping_id, .type = YOKE__FRAME_OPEN, .flags = YOKE__FLAG_END_STREAM, .length = 1};
    wire_frame(&wire, &open, "x");
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    CHECK_INT(worker.connection.incoming_count, 0);
    struct yoke__frame frame;
    uint8_t payload[1000];
    REQUIRE(machine_take_frame(&worker, &frame, payload, sizeof(payload)));
    CHECK_INT(frame.type, YOKE__FRAME_END);
    CHECK_INT(frame.aux, YOKE_INTERNAL);

    CHECK_INT(yoke_channel_ping(machine_channel(&worker), 0, on_pong, &pong), 0);
    wire.length = 0;
    wire_frame(&wire, &(struct yoke__frame){.stream = 2, .method = ping_id, .type = YOKE__FRAME_END, .length = 1}, "x");
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    CHECK_INT(pong.count, 1);
    CHECK(pong.code != YOKE_OK);
    finish();
}

static void a_failing_malloc_is_told(void) {
    bool has_failed = true;
    for (size_t nth = 0; has_failed; nth++) {
        start();
        struct pong pong = {0};
        memory_fail_once(nth);
        int error = yoke_channel_ping(machine_channel(&master), 1000, on_pong, &pong);
        has_failed = memory_fail_never();
        CHECK_INT(error, has_failed ? -ENOMEM : 0);
        machine_exchange(&master, &worker);
        CHECK_INT(pong.count, error == 0);
        CHECK(has_failed || nth >= 3);
        finish();
    }
}

static const struct test_case cases[] = {
    {.name = "a ping is answered, with its time", .run = a_ping_is_answered_with_its_time},
    {.name = "a ping ends at its deadline", .run = a_ping_ends_at_its_deadline},
    {.name = "a ping ends with its connection", .run = a_ping_ends_with_its_connection},
    {.name = "a ping carries nothing", .run = a_ping_carries_nothing},
    {.name = "a failing malloc is told", .run = a_failing_malloc_is_told},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"ping", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
