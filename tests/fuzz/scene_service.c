/* scene_service.c: see scene.h: the service: handlers that answer now or later, once or never, and ask too much. */
#include "rpc/call.h"
#include "scene.h"

#include <errno.h>

static void keep(struct yoke_call *call) {
    FUZZ_CHECK(scene_machine.held_count < MACHINE_HELD_MAX);
    scene_machine.held[scene_machine.held_count++] = call;
}

static size_t find_held(const struct yoke_call *call) {
    size_t at = 0;
    while (at < scene_machine.held_count && scene_machine.held[at] != call) {
        at++;
    }
    return at;
}

static bool replies_stream(const struct yoke_call *call) {
    return call->method == &unit_streams_down_method || call->method == &unit_streams_both_method;
}

/* What an answer gives when there is nobody to get it, else 0. */
int service_find_expected(const struct yoke_call *call) {
    if (call->connection == NULL || call->connection->unreachable) {
        return -ENOTCONN;
    }
    return yoke_call_is_cancelled(call) ? -ECANCELED : 0;
}

/* End a call that is held, which is its end. */
static void end_held(size_t at, uint8_t choice) {
    struct yoke_call *call = scene_machine.held[at];
    int expected = service_find_expected(call);
    const Unit__Bytes reply = scene_choose_bytes();
    scene_machine.held[at] = scene_machine.held[--scene_machine.held_count];
    if (choice % 3 == 0) {
        int error = yoke_call_fail(call, (enum yoke_code)(choice % 20), "the script says so");
        FUZZ_CHECK(expected != 0 ? error == expected : error == 0 || error == -EINVAL);
    } else if (replies_stream(call)) {
        FUZZ_CHECK(yoke_call_finish(call) == expected);
    } else {
        int error = yoke_call_reply(call, call->method, &reply);
        FUZZ_CHECK(expected != 0 ? error == expected : error == 0 || error == -EMSGSIZE);
    }
}

static void send_reply(struct yoke_call *call) {
    const Unit__Bytes reply = scene_choose_bytes();
    int error = yoke_call_send_reply(call, call->method, &reply);
    FUZZ_CHECK((error == -EINVAL) == !replies_stream(call));
    FUZZ_CHECK(error == 0 || error == -EINVAL || error == -EAGAIN || error == -EMSGSIZE || error == -ECANCELED ||
               error == -ENOTCONN);
}

/* What cannot be done with a call leaves it open. */
static void misuse(struct yoke_call *call) {
    const Unit__Bytes none = UNIT__BYTES__INIT;
    FUZZ_CHECK(unit_echo_now_reply(call, &none) == -EINVAL);
    FUZZ_CHECK(unit_other_call_reply(call, &none) == -EINVAL);
    FUZZ_CHECK(yoke_call_send(call, call->method, &none) == -EINVAL);
    FUZZ_CHECK(yoke_call_half_close(call) == -EINVAL);
    FUZZ_CHECK(yoke_call_cancel(call) == -EINVAL);
    FUZZ_CHECK(yoke_call_on_headers(call, NULL, NULL) == -EINVAL);
    FUZZ_CHECK(yoke_call_set_timeout(call, 1) == -EINVAL);
    if (replies_stream(call)) {
        FUZZ_CHECK(yoke_call_reply(call, call->method, &none) == -EINVAL);
    } else {
        FUZZ_CHECK(yoke_call_finish(call) == -EINVAL);
        FUZZ_CHECK(yoke_call_send_reply(call, call->method, &none) == -EINVAL);
    }
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    FUZZ_CHECK(yoke_call_is_cancelled(call));
    size_t at = find_held(call);
    FUZZ_CHECK(at < scene_machine.held_count);
    uint8_t choice = input_byte(&scene_script);
    if (choice % 2 == 0) {
        end_held(at, choice);
    }
    scene_act_in_callback();
}

void service_serve(size_t at) {
    struct yoke_call *call = scene_machine.held[at];
    uint8_t choice = input_byte(&scene_script);
    switch (choice % 8) {
    case 0:
    case 1:
    case 2:
        end_held(at, choice / 8);
        break;
    case 3:
    case 4:
        send_reply(call);
        break;
    case 5:
        FUZZ_CHECK(yoke_call_on_cancel(call, (choice & 0x80) != 0 ? on_cancelled : NULL, NULL) == 0);
        break;
    case 6:
        misuse(call);
        break;
    default:
        scene_use_call(call, choice / 8);
        break;
    }
}

/* A handler: keeps the call, and may already do something with it, or make calls that are part of it. */
static void handle(struct yoke_call *call) {
    keep(call);
    around_look(call);
    uint8_t choice = input_byte(&scene_script);
    if (choice % 3 == 0) {
        user_make_call(call);
    }
    if (choice >= 0x80) {
        size_t at = find_held(call);
        if (at < scene_machine.held_count) {
            service_serve(at);
        }
    }
    if (find_held(call) == scene_machine.held_count) {
        /* Answered, and still there until the handler returns. */
        FUZZ_CHECK(yoke_call_fail(call, YOKE_ABORTED, "again") == -EINVAL);
        FUZZ_CHECK(yoke_call_on_cancel(call, on_cancelled, NULL) == -EINVAL);
    }
}

static void handle_as(struct machine *self, struct yoke_call *call, const Unit__Bytes *request) {
    (void)self;
    (void)request;
    handle(call);
}

static void handle_down(struct yoke_call *call, const Unit__Bytes *request, void *user_data) {
    (void)request;
    (void)user_data;
    handle(call);
}

static void handle_stream(struct yoke_call *call, void *user_data) {
    (void)user_data;
    handle(call);
}

/* Only calls that are not answered get messages. */
static void handle_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    (void)user_data;
    FUZZ_CHECK(message != NULL);
    size_t at = find_held(call);
    FUZZ_CHECK(at < scene_machine.held_count && yoke_call_data(call) == NULL);
    if (input_byte(&scene_script) % 4 == 0) {
        service_serve(at);
    }
}

/* The end comes once, and last. */
static void handle_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    size_t at = find_held(call);
    FUZZ_CHECK(at < scene_machine.held_count && yoke_call_data(call) == NULL);
    yoke_call_set_data(call, &scene_machine);
    if (input_byte(&scene_script) % 2 == 0) {
        service_serve(at);
    }
}

static const struct unit_streams_handlers stream_handlers = {
    .down = handle_down,
    .up = handle_stream,
    .up_message = handle_message,
    .up_end = handle_end,
    .both = handle_stream,
    .both_message = handle_message,
    .both_end = handle_end,
};

void service_offer(void) {
    scene_machine.act = handle_as;
    FUZZ_CHECK(unit_streams_serve(&scene_machine.server, &stream_handlers, NULL) == 0);
}
