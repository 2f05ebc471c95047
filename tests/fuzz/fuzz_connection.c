/*
 * fuzz_connection.c: a connection under a peer and a user that do anything. The input is a script: each step is a
 * frame, right or bent or no frame at all, or something that the user of the connection does. After each step, and at
 * the end, hold the promises: calls complete once, each answer is for a call, memory is bounded. scene.h has the parts.
 */
#include "fuzz.h"

#include "memory.h"
#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/channel.h"
#include "rpc/queue.h"
#include "scene.h"

#include <errno.h>

#define STEPS_MAX 400
#define MEMORY_MAX ((size_t)4 << 20)

const struct yoke_limits scene_limits = {
    .max_message_bytes = 1500,
    .max_queued_bytes = 4000,
    .max_buffered_bytes = 20000,
    .max_incoming_calls = 8,
    .decode_memory_factor = 4,
    .max_nesting = 8,
    .max_metadata_bytes = 200,
};

struct machine scene_machine;
struct input scene_script;

static void use_any(void) {
    uint8_t choice = input_byte(&scene_script);
    if (scene_made_count > 0 && (choice & 1) != 0) {
        user_use_made(&scene_made[(choice / 2) % scene_made_count]);
    } else if (scene_machine.held_count > 0) {
        service_serve((choice / 2) % scene_machine.held_count);
    }
}

static void step(void) {
    static void (*const steps[])(void) = {
        peer_say_hello,  peer_say_open,    peer_say_open,     peer_say_open,    peer_say_end,
        peer_say_end,    peer_say_message, peer_say_message,  peer_say_message, peer_say_event,
        peer_say_cancel, peer_say_credit,  peer_say_anything, user_emit_note,   peer_hear_all,
        use_any,         use_any,          use_any,           use_any,
    };
    const unsigned count = sizeof(steps) / sizeof(*steps);
    uint8_t choice = input_byte(&scene_script);
    unsigned kind = choice % (count + 10);
    unsigned rest = choice / (count + 10);
    if (kind < count) {
        steps[kind]();
    } else if (kind == count) {
        user_make_call(NULL);
    } else if (kind == count + 1) {
        machine_now_ns += rest * MS_NS;
    } else if (kind == count + 2) {
        peer_set_piece(rest);
    } else if (kind == count + 3) {
        yoke__connection_go_away(&scene_machine.connection);
    } else if (kind == count + 4) {
        peer_say_headers();
    } else if (kind == count + 5) {
        peer_say_goaway();
    } else if (kind == count + 6) {
        around_ping();
    } else if (kind == count + 7) {
        yoke__channel_attend(machine_channel(&scene_machine));
    } else if (kind == count + 8) {
        yoke__connection_give_up(&scene_machine.connection, "given up");
    } else {
        peer_say_ready_or_drain();
    }
    if (kind > count || rest % 2 == 0) {
        machine_settle(&scene_machine);
    }
}

/* Calls whose handlers have to answer them; others wait for the rest of their request, or for replies to travel. */
static size_t count_handled(const struct yoke__connection *connection) {
    size_t count = 0;
    for (const struct yoke__link *at = connection->incoming.next; at != &connection->incoming; at = at->next) {
        const struct yoke_call *call = YOKE__CONTAINER(at, struct yoke_call, link);
        count += call->dispatched && !call->answered;
    }
    return count;
}

static void check_bounds(size_t memory_before) {
    const struct yoke__connection *connection = &scene_machine.connection;
    size_t live = 0;
    for (size_t i = 0; i < scene_made_count; i++) {
        FUZZ_CHECK(scene_made[i].outcome.count <= 1);
        live += scene_made[i].outcome.count == 0;
    }
    FUZZ_CHECK(connection->outgoing_count <= live + around_pings_live());
    FUZZ_CHECK(connection->incoming_count <= scene_limits.max_incoming_calls);
    FUZZ_CHECK(count_handled(connection) <= scene_machine.held_count);
    FUZZ_CHECK(connection->calls.count <= connection->outgoing_count + connection->incoming_count);
    /* The last answer that is accepted may pass the hard limit by itself; CANCELs and headers are not held back. */
    size_t headers = scene_limits.max_incoming_calls * (YOKE__FRAME_HEADER_SIZE + scene_limits.max_metadata_bytes);
    FUZZ_CHECK(connection->output.queued <= 2 * scene_limits.max_queued_bytes + 4096 + headers +
                                                (SCENE_CALLS_MAX + around_pings_live()) * YOKE__FRAME_HEADER_SIZE);
    FUZZ_CHECK(memory_live_bytes() - memory_before <= MEMORY_MAX);
}

static void start(void) {
    scene_made_count = 0;
    machine_now_ns = 3600 * UINT64_C(1000000000);
    uint8_t choice = input_byte(&scene_script);
    bool is_master = (choice & 1) != 0;
    machine_init(&scene_machine, is_master, &scene_limits);
    peer_reset(is_master);
    around_reset((choice & 8) != 0, (choice & 16) != 0);
    service_offer();
    user_subscribe();
    scene_machine.connection.drains = !is_master && (choice & 32) != 0;
    if ((choice & 2) != 0) {
        FUZZ_CHECK(yoke__connection_greet(&scene_machine.connection) == 0);
    }
    if ((choice & 4) != 0) {
        peer_greet();
        FUZZ_CHECK(scene_machine.readies == 1);
    } else if ((choice & 64) != 0) {
        peer_greet_starting();
        FUZZ_CHECK(scene_machine.readies == (is_master ? 0 : 1));
    }
}

/* As a loop does: what is due, and what callbacks make due, until there is nothing more. */
static void settle_all(void) {
    unsigned turns = 0;
    do {
        machine_settle(&scene_machine);
        peer_hear_all();
        FUZZ_CHECK(turns++ < 10000);
    } while (yoke__calls_due_ns(&scene_machine.engine) == 0);
}

static void fail_held(const char *message, int expected) {
    struct yoke_call *call = scene_machine.held[--scene_machine.held_count];
    FUZZ_CHECK(yoke_call_fail(call, YOKE_ABORTED, message) == expected);
}

/* The end of input perhaps, the close, late answers. */
static void end(void) {
    settle_all();
    if (input_byte(&scene_script) % 2 == 0) {
        yoke__connection_end_input(&scene_machine.connection, "no more input");
        FUZZ_CHECK(scene_machine.connection.outgoing_count == 0);
        settle_all();
        if (scene_machine.held_count > 0) {
            fail_held("in time", service_find_expected(scene_machine.held[scene_machine.held_count - 1]));
        }
        settle_all();
    }
    machine_close(&scene_machine, "over");
    machine_channel(&scene_machine)->expects_peer = false;
    yoke__channel_attend(machine_channel(&scene_machine));
    settle_all();
    around_check_end();
    FUZZ_CHECK(yoke__connection_is_idle(&scene_machine.connection));
    FUZZ_CHECK(scene_machine.connection.calls.count == 0 && scene_machine.engine.deadlines.count == 0);
    FUZZ_CHECK(scene_machine.connection.buffered_bytes == 0 && scene_machine.connection.outbox_bytes == 0);
    for (size_t i = 0; i < scene_made_count; i++) {
        FUZZ_CHECK(scene_made[i].outcome.count == 1);
    }
    while (scene_machine.held_count > 1) {
        fail_held("late", -ENOTCONN);
    }
    machine_release(&scene_machine);
    while (scene_machine.held_count > 0) {
        fail_held("too late", -ENOTCONN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t memory_before = memory_live_bytes();
    scene_script = (struct input){data, size};
    start();
    for (unsigned i = 0; i < STEPS_MAX && scene_script.left > 0; i++) {
        step();
        check_bounds(memory_before);
    }
    FUZZ_CHECK(scene_machine.connection.failure[0] == '\0' || !scene_machine.connection.can_call);
    end();
    FUZZ_CHECK(memory_live_bytes() == memory_before);
    return 0;
}
