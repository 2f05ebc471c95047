/* scene_user.c: see scene.h: the user, who makes calls and does with them what can be done, also within callbacks. */
#include "rpc/call.h"
#include "rpc/stream.h"
#include "scene.h"

#include <errno.h>

struct made_call scene_made[SCENE_CALLS_MAX];
size_t scene_made_count;

/* A message whose size the script chooses: small, or around the limits. */
Unit__Bytes scene_choose_bytes(void) {
    static uint8_t data[2000];
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    bytes.data = (ProtobufCBinaryData){.len = (size_t)input_byte(&scene_script) * 7, .data = data};
    return bytes;
}

/* A callback may do what it likes, which the script says. */
void scene_act_in_callback(void) {
    uint8_t choice = input_byte(&scene_script);
    if (choice % 4 == 0) {
        user_make_call(NULL);
    } else if (choice % 4 == 1 && scene_machine.held_count > 0 && !around_is_finishing()) {
        service_serve(choice % scene_machine.held_count);
    } else if (choice % 4 == 2 && scene_made_count > 0) {
        user_use_made(&scene_made[choice % scene_made_count]);
    }
}

static void complete(struct outcome *outcome) {
    struct made_call *call = YOKE__CONTAINER(outcome, struct made_call, outcome);
    FUZZ_CHECK(outcome->count == 1);
    call->call = NULL;
    scene_act_in_callback();
}

static void take_reply(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                       void *user_data) {
    FUZZ_CHECK((reply != NULL) == (status->code == YOKE_OK));
    around_look(call);
    outcome_take(call, status, reply, user_data);
}

static void take_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                      void *user_data) {
    FUZZ_CHECK((reply != NULL) == (status->code == YOKE_OK));
    around_look(call);
    outcome_take(call, status, NULL, user_data);
}

static void take_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    around_look(call);
    outcome_take(call, status, NULL, user_data);
}

static void take_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    struct made_call *own = YOKE__CONTAINER(user_data, struct made_call, outcome);
    FUZZ_CHECK(own->call == call && own->outcome.count == 0 && message != NULL);
    own->has_message = true;
    scene_act_in_callback();
}

/* Once, and before the first message. */
static void on_headers(struct yoke_call *call, void *user_data) {
    struct made_call *own = user_data;
    FUZZ_CHECK(own->call == call && own->outcome.count == 0 && !own->has_headers && !own->has_message);
    FUZZ_CHECK(yoke_metadata_add(yoke_call_headers(call), "key", "value") == -EPERM);
    own->has_headers = true;
    scene_act_in_callback();
}

static int start_call(struct made_call *call, uint8_t choice, const struct yoke_call_options *options) {
    struct yoke_channel *channel = machine_channel(&scene_machine);
    const Unit__Bytes request = scene_choose_bytes();
    const Unit__Node node = UNIT__NODE__INIT;
    switch (choice % 6) {
    case 0:
        return unit_echo_tree(channel, &node, options, take_tree, &call->outcome);
    case 1:
        return unit_echo_now(channel, &request, options, take_reply, &call->outcome);
    case 2:
        return unit_other_call(channel, &request, options, take_reply, &call->outcome);
    case 3:
        return unit_streams_down(channel, &request, options, take_message, take_end, &call->outcome);
    case 4:
        return unit_streams_up(channel, options, take_reply, &call->outcome, NULL);
    default:
        return unit_streams_both(channel, options, take_message, take_end, &call->outcome, NULL);
    }
}

void user_make_call(struct yoke_call *parent) {
    if (scene_made_count == SCENE_CALLS_MAX) {
        return;
    }
    struct made_call *call = &scene_made[scene_made_count++];
    *call = (struct made_call){.outcome = {.then = complete}};
    uint8_t choice = input_byte(&scene_script);
    uint8_t extras = (choice & 0x80) != 0 ? input_byte(&scene_script) : 0;
    struct yoke_metadata *metadata = (extras & 1) != 0 ? around_make_list() : NULL;
    const struct yoke_call_options options = {
        YOKE_CALL_OPTIONS_INIT,
        .metadata = metadata,
        .wait_for_ready = (extras & 2) != 0,
        .parent = parent,
        .independent = parent == NULL && (choice & 0x10) != 0,
        .timeout_us = (choice & 0x20) != 0 ? 1000u * (choice & 0x0f) : 0,
        .max_reply_bytes = (choice & 0x40) != 0 ? 20 : 0,
        .ret_call = &call->call,
    };
    size_t queued = scene_machine.connection.output.queued;
    bool is_congested = yoke__connection_is_congested(&scene_machine.connection);
    bool can_call = scene_machine.connection.can_call && !scene_machine.connection.peer_going_away;
    bool can_wait = options.wait_for_ready && machine_channel(&scene_machine)->expects_peer;
    /* Refused, or past the deadline of what it is part of. */
    bool may_end_at_once = around_intercepts_channel() || parent != NULL || scene_machine.engine.current_call != NULL;
    int error = start_call(call, choice, &options);
    yoke_metadata_destroy(metadata);
    FUZZ_CHECK(call->outcome.count == 0);
    if (error == 0) {
        FUZZ_CHECK(can_call || can_wait || may_end_at_once);
        FUZZ_CHECK(call->call != NULL);
        if ((extras & 4) != 0) {
            FUZZ_CHECK(yoke_call_on_headers(call->call, on_headers, call) == 0);
        }
        return;
    }
    FUZZ_CHECK(call->call == NULL);
    FUZZ_CHECK(error == -ENOTCONN || error == -EMSGSIZE || error == -ENOBUFS);
    if (!around_intercepts_channel()) {
        FUZZ_CHECK(can_call || error == -ENOTCONN || error == -EMSGSIZE || can_wait);
        FUZZ_CHECK(!can_call || error != -ENOTCONN);
        FUZZ_CHECK(error != -ENOBUFS || is_congested || can_wait);
        FUZZ_CHECK(scene_machine.connection.output.queued == queued);
    }
    /* Its callback must never run: as if it had. */
    call->outcome.count = 1;
}

static bool sends_stream(const struct yoke_call *call) {
    return call->method == &unit_streams_up_method || call->method == &unit_streams_both_method;
}

static void send_request(struct made_call *call) {
    const Unit__Bytes message = scene_choose_bytes();
    int error = yoke_call_send(call->call, call->call->method, &message);
    FUZZ_CHECK((error == -EINVAL) == !sends_stream(call->call));
    FUZZ_CHECK(error == 0 || error == -EINVAL || error == -EAGAIN || error == -EMSGSIZE || error == -EPIPE ||
               error == -ECANCELED);
    FUZZ_CHECK(error != 0 || !call->has_half_closed);
}

static void half_close(struct made_call *call) {
    int error = yoke_call_half_close(call->call);
    FUZZ_CHECK((error == -EINVAL) == !sends_stream(call->call));
    FUZZ_CHECK(error == 0 || error == -EINVAL || error == -EPIPE || error == -ECANCELED);
    FUZZ_CHECK(error != 0 || !call->has_half_closed);
    call->has_half_closed |= error == 0;
}

/* As if much had been sent before on this call, both ways: the credit is nearly used up, and has to be given back. */
static void age(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    size_t amount = (size_t)input_u16(&scene_script) * 32;
    if (stream == NULL || call->connection == NULL) {
        return;
    }
    size_t sent = amount < stream->send_credit ? amount : stream->send_credit;
    size_t received = amount < stream->receive_credit ? amount : stream->receive_credit;
    stream->send_credit -= sent;
    stream->receive_credit -= received;
    stream->consumed += received;
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)user_data;
    FUZZ_CHECK(call->connection != NULL);
    scene_act_in_callback();
}

/* What both sides of a call can do with it. */
void scene_use_call(struct yoke_call *call, uint8_t choice) {
    switch (choice % 8) {
    case 0: {
        int error = yoke_call_hold(call);
        FUZZ_CHECK(error == 0 || error == -ECANCELED);
        break;
    }
    case 1:
        yoke_call_resume(call);
        break;
    case 2:
        yoke_call_on_writable(call, on_writable, NULL);
        break;
    case 3:
        age(call);
        break;
    default:
        around_decorate(call);
        break;
    }
}

void user_use_made(struct made_call *call) {
    if (call->call == NULL) {
        return;
    }
    uint8_t choice = input_byte(&scene_script);
    switch (choice % 8) {
    case 0:
    case 1:
    case 2:
        send_request(call);
        break;
    case 3:
        half_close(call);
        break;
    case 4: {
        int error = yoke_call_cancel(call->call);
        FUZZ_CHECK(error == 0 || error == -EALREADY);
        break;
    }
    default:
        scene_use_call(call->call, choice / 8);
        break;
    }
}

/* ---- Events ---------------------------------------------------------------------------------------------------- */

static void on_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)user_data;
    FUZZ_CHECK(note->text != NULL);
    if (input_byte(&scene_script) % 4 == 0) {
        (void)unit_note_off(&scene_machine.events, on_note, NULL);
    }
}

static void on_grown(const struct yoke_peer *peer, const Unit__Grown *grown, void *user_data) {
    (void)peer;
    (void)user_data;
    (void)unit_grown_emit(machine_channel(&scene_machine), grown);
    (void)unit_note_on(&scene_machine.events, on_note, NULL);
}

void user_emit_note(void) {
    Unit__Note note = UNIT__NOTE__INIT;
    int error = unit_note_emit(machine_channel(&scene_machine), &note);
    FUZZ_CHECK(error == 0 || error == -ENOTCONN || error == -ENOBUFS);
}

void user_subscribe(void) {
    FUZZ_CHECK(unit_note_on(&scene_machine.events, on_note, NULL) == 0);
    FUZZ_CHECK(unit_grown_on(&scene_machine.events, on_grown, NULL) == 0);
}
