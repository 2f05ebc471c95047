/*
 * memory_failure_sync_test.c: as memory_failure_test.c, for calls that block: the conversation is held once for each
 * allocation that it makes, which then fails. And, without a failure, a steady stream of them makes none.
 */
#include "harness.h"
#include "machine.h"
#include "memory.h"

#include <errno.h>
#include <string.h>

#define MESSAGES 5
#define ROUNDS 200

static struct machine master, worker;
static struct yoke_sync sync;
static uint8_t data[300000];

static Unit__Bytes bytes_of(size_t size) {
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    bytes.data = (ProtobufCBinaryData){.len = size, .data = data};
    return bytes;
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

static void on_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)user_data;
    int error = 0;
    for (unsigned i = 0; i < MESSAGES && error == 0; i++) {
        error = unit_streams_down_reply(call, request);
    }
    if (error == 0) {
        (void)yoke_call_finish(call);
    } else {
        (void)yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "out of memory");
    }
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void on_open(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_on_cancel(call, on_cancelled, NULL);
}

static void on_up_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    const Unit__Bytes reply = bytes_of(sizeof(data));
    (void)unit_streams_up_reply(call, &reply);
}

static void on_both_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)user_data;
    if (unit_streams_both_reply(call, message) != 0) {
        (void)yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "out of memory");
    }
}

static void on_both_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    (void)yoke_call_fail(call, YOKE_ABORTED, "with a message");
}

static const struct unit_streams_handlers handlers = {
    .down = on_down,
    .up = on_open,
    .up_end = on_up_end,
    .both = on_open,
    .both_message = on_both_message,
    .both_end = on_both_end,
};

/* ---- The calls. Each gives 1 when all went as it does with enough memory, and checks that it failed well otherwise. -- */

static bool is_fair(int result) {
    return result == -ENOMEM || result == -ENOTCONN || result == YOKE_RESOURCE_EXHAUSTED ||
           result == YOKE_UNAVAILABLE || result == YOKE_CANCELLED;
}

static bool went_well(int result) {
    CHECK(result == 0 || is_fair(result));
    return result == 0;
}

static bool call_now(size_t size) {
    const Unit__Bytes request = bytes_of(size);
    const Unit__Bytes *reply;
    if (!went_well(unit_echo_now_sync(machine_channel(&master), &request, NULL, &sync, &reply))) {
        return false;
    }
    CHECK_INT(reply->data.len, size);
    return true;
}

static bool call_down(void) {
    const Unit__Bytes request = bytes_of(40000);
    if (!went_well(unit_streams_down_sync(machine_channel(&master), &request, NULL, &sync))) {
        return false;
    }
    const Unit__Bytes *message;
    int result = unit_streams_down_next(&sync, &message);
    unsigned count = 0;
    while (result == 0 && message != NULL) {
        CHECK_INT(message->data.len, 40000);
        count++;
        result = unit_streams_down_next(&sync, &message);
    }
    if (!went_well(result)) {
        return false;
    }
    CHECK_INT(count, MESSAGES);
    return true;
}

static bool call_up(void) {
    const Unit__Bytes message = bytes_of(1000);
    const Unit__Bytes *reply;
    int result = unit_streams_up_sync(machine_channel(&master), NULL, &sync);
    for (unsigned i = 0; i < MESSAGES && result == 0; i++) {
        result = unit_streams_up_write(&sync, &message);
    }
    if (result == 0) {
        result = unit_streams_up_close(&sync, &reply);
    }
    if (!went_well(result)) {
        return false;
    }
    CHECK_INT(reply->data.len, sizeof(data));
    return true;
}

static bool call_both(void) {
    const Unit__Bytes message = bytes_of(1000);
    const Unit__Bytes *reply = &message;
    int result = unit_streams_both_sync(machine_channel(&master), NULL, &sync);
    for (unsigned i = 0; i < MESSAGES && result == 0; i++) {
        result = unit_streams_both_write(&sync, &message);
        result = result == 0 ? unit_streams_both_next(&sync, &reply) : result;
        CHECK(result != 0 || reply != NULL);
    }
    if (result == 0) {
        result = yoke_sync_half_close(&sync);
    }
    if (result == 0) {
        result = unit_streams_both_next(&sync, &reply);
    }
    /* Without memory, the code is there, but not what it says. */
    CHECK(result == YOKE_ABORTED || is_fair(result));
    return result == YOKE_ABORTED && strcmp(sync.status.message, "with a message") == 0;
}

/* ---- The conversation -------------------------------------------------------------------------------------------- */

static bool run(size_t nth, void (*fail)(size_t nth)) {
    size_t live = memory_live_blocks();
    sync = (struct yoke_sync){YOKE_SYNC_INIT};
    machine_init(&master, true, NULL);
    machine_init(&worker, false, NULL);
    machine_let_block(&master, &worker);
    REQUIRE_INT(unit_streams_serve(&worker.server, &handlers, NULL), 0);
    fail(nth);
    bool all_well = call_now(10);
    all_well &= call_down();
    all_well &= call_up();
    all_well &= call_both();
    all_well &= call_now(sizeof(data));
    bool has_failed = memory_fail_never();
    CHECK(all_well || has_failed);
    yoke_sync_release(&sync);
    machine_settle(&master);
    machine_release(&master);
    machine_release(&worker);
    REQUIRE_INT(memory_live_blocks(), live);
    return has_failed;
}

static void each_one_fails(void) {
    CHECK(memory_fail_each(run, memory_fail_once) > 20);
}

static void all_fail_from_one_on(void) {
    CHECK(memory_fail_each(run, memory_fail_from) > 20);
}

/* With one sync for all, and with a new one for each. */
static void a_steady_stream_makes_no_malloc(void) {
    sync = (struct yoke_sync){YOKE_SYNC_INIT};
    machine_init_pair(&master, &worker, NULL);
    machine_let_block(&master, &worker);
    REQUIRE(call_now(60));
    REQUIRE(call_now(60));
    size_t before = memory_allocation_count();
    for (unsigned i = 0; i < ROUNDS; i++) {
        REQUIRE(call_now(60));
        if (i % 2 == 0) {
            yoke_sync_release(&sync);
        }
    }
    CHECK_INT(memory_allocation_count() - before, 0);
    yoke_sync_release(&sync);
    machine_release(&master);
    machine_release(&worker);
}

static const struct test_case cases[] = {
    {.name = "each allocation fails once", .run = each_one_fails},
    {.name = "all allocations fail from one on", .run = all_fail_from_one_on},
    {.name = "a steady stream makes no malloc", .run = a_steady_stream_makes_no_malloc},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "memory failure: calls that block", .cases = cases},
                                               {.name = NULL}};
    return test_main(argc, argv, suites);
}
