/*
 * fuzz_connection.c: a connection under a peer and a user that do anything. The input is a script: each step is a
 * frame, right or bent or no frame at all, or something that the user of the connection does. After each step, and at
 * the end, hold the promises: calls complete once, each answer is for a call, memory is bounded.
 */
#include "fuzz.h"

#include "listener.h"
#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/stream.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX 400
#define CALLS_MAX 64
#define FED_MAX 65536
#define PAYLOAD_MAX 4096
#define MEMORY_MAX ((size_t)4 << 20)

static const struct yoke_limits limits = {
    .max_message_bytes = 1500,
    .max_queued_bytes = 4000,
    .max_buffered_bytes = 20000,
    .max_incoming_calls = 8,
    .decode_memory_factor = 4,
    .max_nesting = 8,
};

/* A call that the machine under test made. */
struct made_call {
    struct outcome outcome;
    struct yoke_call *call; /* NULL once it has completed */
    bool has_half_closed;
};

static struct machine machine;
static struct input script;
static bool is_master;

static struct made_call made[CALLS_MAX];
static size_t made_count;
static uint32_t next_peer_stream;
static size_t piece;

/* All bytes that were fed, so that the OPENs among them are known even where they came about by chance. */
static uint8_t fed[FED_MAX];
static size_t fed_length, fed_parsed;

static bool has_failed(void) {
    return machine.connection.failure[0] != '\0';
}

static void hear_all(void) {
    static uint8_t payload[2 * FED_MAX];
    struct yoke__frame frame;
    while (machine_take_frame(&machine, &frame, payload, sizeof(payload))) {
        listener_hear(&frame, payload);
    }
}

/* ---- What the peer says ------------------------------------------------------------------------------------------ */

/* Find the calls of the peer among the bytes that were fed. */
static void parse_fed(void) {
    while (fed_parsed + YOKE__FRAME_HEADER_SIZE <= fed_length) {
        struct yoke__frame frame;
        yoke__frame_decode(fed + fed_parsed, &frame);
        if (frame.type == YOKE__FRAME_OPEN) {
            FUZZ_CHECK(listener_open(frame.stream));
        }
        fed_parsed += YOKE__FRAME_HEADER_SIZE + (size_t)frame.length;
    }
}

static void feed(const void *bytes, size_t length) {
    if (length > sizeof(fed) - fed_length ||
        listener_open_count() + length / YOKE__FRAME_HEADER_SIZE + 1 >= LISTENER_CALLS_MAX) {
        return;
    }
    memcpy(fed + fed_length, bytes, length);
    fed_length += length;
    parse_fed();
    (void)machine_feed(&machine, bytes, length, piece);
}

static void feed_frame(struct yoke__frame frame, const uint8_t *payload, size_t length) {
    uint8_t bytes[YOKE__FRAME_HEADER_SIZE + PAYLOAD_MAX];
    length = length < PAYLOAD_MAX ? length : PAYLOAD_MAX;
    yoke__frame_encode(&frame, bytes);
    memcpy(bytes + YOKE__FRAME_HEADER_SIZE, payload, length);
    feed(bytes, YOKE__FRAME_HEADER_SIZE + length);
}

/* A frame, with those of its fields bent that a byte of the script chooses: rarely any. */
static void feed_bent(struct yoke__frame frame, const uint8_t *payload, size_t length) {
    frame.length = (uint32_t)length;
    uint8_t bends = input_byte(&script);
    if (bends >= 0xc0) {
        frame.stream = (bends & 0x01) != 0 ? input_u32(&script) : frame.stream;
        frame.method = (bends & 0x02) != 0 ? input_u32(&script) : frame.method;
        frame.type = (bends & 0x04) != 0 ? input_byte(&script) : frame.type;
        frame.flags = (bends & 0x08) != 0 ? input_byte(&script) : frame.flags;
        frame.aux = (bends & 0x10) != 0 ? input_u16(&script) : frame.aux;
        frame.length = (bends & 0x20) != 0 ? input_u32(&script) : frame.length;
    }
    feed_frame(frame, payload, length);
}

static const struct yoke_method *choose_method(void) {
    static const struct yoke_method *const methods[] = {
        &unit_echo_now_method,     &unit_echo_later_method,   &unit_echo_as_method,
        &unit_echo_tree_method,    &unit_echo_missing_method, &unit_other_call_method,
        &unit_streams_down_method, &unit_streams_up_method,   &unit_streams_both_method,
    };
    return methods[input_byte(&script) % (sizeof(methods) / sizeof(*methods))];
}

/* The three bytes before the data of a unit.Bytes. */
static void begin_bytes(uint8_t *out, size_t size) {
    out[0] = 0x0a;
    out[1] = (uint8_t)(0x80 | (size & 0x7f));
    out[2] = (uint8_t)(size >> 7);
}

/* A payload: bytes of the script, or a unit.Bytes of some size around the limits. */
static size_t choose_payload(uint8_t *payload, size_t capacity) {
    uint8_t choice = input_byte(&script);
    const uint8_t *bytes;
    size_t length;
    if (choice < 0x80) {
        length = input_bytes(&script, choice, &bytes);
        memcpy(payload, bytes, length);
        return length;
    }
    size_t size = (size_t)(choice & 0x7f) * 13;
    FUZZ_CHECK(size + 3 <= capacity);
    begin_bytes(payload, size);
    memset(payload + 3, 'p', size);
    return size + 3;
}

static void say_hello(void) {
    static const uint8_t payload[] = {0x0a, 0x04, 1, 2, 3, 4};
    const struct yoke__frame frame = {
        .type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = YOKE__PROTOCOL_VERSION};
    feed_bent(frame, payload, sizeof(payload));
}

static void say_open(void) {
    uint8_t payload[YOKE__DEADLINE_SIZE + PAYLOAD_MAX];
    const struct yoke_method *method = choose_method();
    struct yoke__frame frame = {.type = YOKE__FRAME_OPEN, .method = method->id, .stream = next_peer_stream};
    next_peer_stream += 2;
    size_t prefix = 0;
    uint8_t choice = input_byte(&script);
    if (choice >= 0xc0) {
        /* A deadline from 20 ms ago to 43 ms from now. */
        uint64_t deadline = machine_now_ns + (choice & 0x3f) * MS_NS - 20 * MS_NS;
        memcpy(payload, &deadline, sizeof(deadline));
        prefix = YOKE__DEADLINE_SIZE;
        frame.flags |= YOKE__FLAG_DEADLINE;
    }
    bool is_stream = method->kind == YOKE_CLIENT_STREAMING || method->kind == YOKE_BIDI_STREAMING;
    if (is_stream == ((choice & 0x20) == 0)) {
        /* The request, or requests, come in MESSAGEs. */
        frame.flags |= YOKE__FLAG_NO_MESSAGE;
        feed_bent(frame, payload, prefix);
    } else {
        if (!is_stream || (choice & 0x10) == 0) {
            frame.flags |= YOKE__FLAG_END_STREAM;
        }
        feed_bent(frame, payload, prefix + choose_payload(payload + prefix, PAYLOAD_MAX));
    }
}

static struct made_call *choose_made(void) {
    return made_count > 0 ? &made[input_byte(&script) % made_count] : NULL;
}

/* Direct a frame to a call that the machine made, if that is live. */
static void address_made(struct yoke__frame *frame) {
    const struct made_call *call = choose_made();
    if (call != NULL && call->call != NULL) {
        frame->stream = call->call->stream;
        frame->method = call->call->method->id;
    }
}

/* Call number `at` of a list of the connection, counted around; NULL when there is none. */
static const struct yoke_call *call_at(const struct yoke__link *list, size_t at, size_t count) {
    const struct yoke__link *link = list->next;
    for (at = count > 0 ? at % count : 0; at > 0; at--) {
        link = link->next;
    }
    return link != list ? YOKE__CONTAINER(link, struct yoke_call, link) : NULL;
}

/* Direct a frame to a call that either side made, if there is one. */
static void address_any(struct yoke__frame *frame) {
    const struct yoke__connection *connection = &machine.connection;
    uint8_t choice = input_byte(&script);
    const struct yoke_call *call = (choice & 1) != 0
                                       ? call_at(&connection->outgoing, choice / 2, connection->outgoing_count)
                                       : call_at(&connection->incoming, choice / 2, connection->incoming_count);
    if (call != NULL) {
        frame->stream = call->stream;
        frame->method = call->method->id;
    }
}

static void say_end(void) {
    uint8_t payload[PAYLOAD_MAX];
    struct yoke__frame frame = {.type = YOKE__FRAME_END, .stream = 2, .method = unit_echo_now_method.id};
    address_made(&frame);
    uint8_t choice = input_byte(&script);
    frame.aux = choice % 17;
    if (choice >= 0x80) {
        frame.aux = YOKE_OK;
        frame.flags = YOKE__FLAG_NO_MESSAGE;
        feed_bent(frame, payload, 0);
    } else {
        feed_bent(frame, payload, choose_payload(payload, sizeof(payload)));
    }
}

/* How much of a message is missing of which fragments have come on a stream; 0: there is none. */
static size_t find_missing(uint32_t stream) {
    const struct yoke_call *call = yoke__call_map_find(&machine.connection.calls, stream);
    const struct yoke__stream *parts = call != NULL ? call->streaming : NULL;
    bool has_part = parts != NULL && parts->inbox_part != NULL;
    return has_part ? parts->inbox_part_total - parts->inbox_part->end : 0;
}

/* A fragment that fits what has come before, or begins a message. */
static void say_fragment(struct yoke__frame frame) {
    uint8_t payload[YOKE__TOTAL_SIZE + PAYLOAD_MAX];
    size_t missing = find_missing(frame.stream);
    uint8_t choice = input_byte(&script);
    memset(payload, 'f', sizeof(payload));
    if (missing == 0) {
        /* Half of a unit.Bytes. */
        size_t size = (size_t)choice * 7 + 1;
        const uint32_t total = 3 + (uint32_t)size;
        memcpy(payload, &total, sizeof(total));
        begin_bytes(payload + YOKE__TOTAL_SIZE, size);
        frame.flags = YOKE__FLAG_MORE;
        feed_bent(frame, payload, YOKE__TOTAL_SIZE + 3 + size / 2);
        return;
    }
    size_t length = choice % 2 == 0 ? missing / 2 : missing;
    length = length < PAYLOAD_MAX ? length : PAYLOAD_MAX;
    frame.flags = choice % 2 == 0 ? YOKE__FLAG_MORE : choice % 4 == 1 ? YOKE__FLAG_END_STREAM : 0;
    feed_bent(frame, payload, length);
}

/* A message, a fragment of one, or the end of a stream. */
static void say_message(void) {
    uint8_t payload[PAYLOAD_MAX];
    struct yoke__frame frame = {.type = YOKE__FRAME_MESSAGE, .stream = 2, .method = unit_streams_up_method.id};
    address_any(&frame);
    uint8_t choice = input_byte(&script);
    if (choice % 8 < 3) {
        say_fragment(frame);
    } else if (choice % 8 == 3) {
        frame.flags = YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_END_STREAM;
        feed_bent(frame, payload, 0);
    } else {
        frame.flags = choice % 8 == 4 ? YOKE__FLAG_END_STREAM : choice % 8 == 5 ? YOKE__FLAG_MORE : 0;
        feed_bent(frame, payload, choose_payload(payload, sizeof(payload)));
    }
}

static void say_credit(void) {
    struct yoke__frame frame = {.type = YOKE__FRAME_CREDIT, .stream = 2, .method = unit_streams_up_method.id};
    address_any(&frame);
    const uint32_t amount = (uint32_t)input_u16(&script) * 32 + 1;
    uint8_t payload[sizeof(amount)];
    memcpy(payload, &amount, sizeof(amount));
    feed_bent(frame, payload, sizeof(payload));
}

static void say_event(void) {
    uint8_t payload[PAYLOAD_MAX];
    const struct yoke_event_type *types[] = {&unit_note_event, &unit_grown_event};
    const struct yoke__frame frame = {.type = YOKE__FRAME_EVENT, .method = types[input_byte(&script) % 2]->id};
    feed_bent(frame, payload, choose_payload(payload, sizeof(payload)));
}

static void say_cancel(void) {
    struct yoke__frame frame = {.type = YOKE__FRAME_CANCEL, .stream = next_peer_stream - 2};
    frame.stream -= 2u * (input_byte(&script) % 8);
    feed_bent(frame, (const uint8_t *)"", 0);
}

static void say_anything(void) {
    const uint8_t *bytes;
    size_t length = input_bytes(&script, input_byte(&script), &bytes);
    feed(bytes, length);
}

/* ---- What the user does ---------------------------------------------------------------------------------------- */

/* A message whose size the script chooses: small, or around the limits. */
static Unit__Bytes choose_bytes(void) {
    static uint8_t data[2000];
    Unit__Bytes bytes = UNIT__BYTES__INIT;
    bytes.data = (ProtobufCBinaryData){.len = (size_t)input_byte(&script) * 7, .data = data};
    return bytes;
}

static void make_call(struct yoke_call *parent);
static void use_made(struct made_call *call);
static void serve_held(size_t at);

/* A callback may do what it likes, which the script says. */
static void act_in_callback(void) {
    uint8_t choice = input_byte(&script);
    if (choice % 4 == 0) {
        make_call(NULL);
    } else if (choice % 4 == 1 && machine.held_count > 0) {
        serve_held(choice % machine.held_count);
    } else if (choice % 4 == 2 && made_count > 0) {
        use_made(&made[choice % made_count]);
    }
}

static void complete(struct outcome *outcome) {
    struct made_call *call = YOKE__CONTAINER(outcome, struct made_call, outcome);
    FUZZ_CHECK(outcome->count == 1);
    call->call = NULL;
    act_in_callback();
}

static void take_reply(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply,
                       void *user_data) {
    FUZZ_CHECK((reply != NULL) == (status->code == YOKE_OK));
    outcome_take(call, status, reply, user_data);
}

static void take_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                      void *user_data) {
    FUZZ_CHECK((reply != NULL) == (status->code == YOKE_OK));
    outcome_take(call, status, NULL, user_data);
}

static void take_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    outcome_take(call, status, NULL, user_data);
}

static void take_message(struct yoke_call *call, const Unit__Bytes *message, void *user_data) {
    struct made_call *own = YOKE__CONTAINER(user_data, struct made_call, outcome);
    FUZZ_CHECK(own->call == call && own->outcome.count == 0 && message != NULL);
    act_in_callback();
}

static int start_call(struct made_call *call, uint8_t choice, const struct yoke_call_options *options) {
    struct yoke_channel *channel = machine_channel(&machine);
    const Unit__Bytes request = choose_bytes();
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

static void make_call(struct yoke_call *parent) {
    if (made_count == CALLS_MAX) {
        return;
    }
    struct made_call *call = &made[made_count++];
    *call = (struct made_call){.outcome = {.then = complete}};
    uint8_t choice = input_byte(&script);
    const struct yoke_call_options options = {
        YOKE_CALL_OPTIONS_INIT,
        .parent = parent,
        .independent = parent == NULL && (choice & 0x10) != 0,
        .timeout_us = (choice & 0x20) != 0 ? 1000u * (choice & 0x0f) : 0,
        .max_reply_bytes = (choice & 0x40) != 0 ? 20 : 0,
        .ret_call = &call->call,
    };
    size_t queued = machine.connection.output.queued;
    bool is_congested = yoke__streams_are_congested(&machine.connection);
    bool can_call = machine.connection.can_call;
    int error = start_call(call, choice, &options);
    FUZZ_CHECK(call->outcome.count == 0);
    if (error == 0) {
        FUZZ_CHECK(can_call && call->call != NULL);
        return;
    }
    FUZZ_CHECK(call->call == NULL);
    FUZZ_CHECK(error == -ENOTCONN || error == -EMSGSIZE || error == -ENOBUFS);
    FUZZ_CHECK((error == -ENOTCONN) == !can_call);
    FUZZ_CHECK(error != -ENOBUFS || is_congested);
    FUZZ_CHECK(machine.connection.output.queued == queued);
    /* Its callback must never run: as if it had. */
    call->outcome.count = 1;
}

static bool sends_stream(const struct yoke_call *call) {
    return call->method == &unit_streams_up_method || call->method == &unit_streams_both_method;
}

static void send_request(struct made_call *call) {
    const Unit__Bytes message = choose_bytes();
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
    size_t amount = (size_t)input_u16(&script) * 32;
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
    act_in_callback();
}

/* What both sides of a call can do with it. */
static void use_call(struct yoke_call *call, uint8_t choice) {
    switch (choice % 4) {
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
    default:
        age(call);
        break;
    }
}

static void use_made(struct made_call *call) {
    if (call->call == NULL) {
        return;
    }
    uint8_t choice = input_byte(&script);
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
        use_call(call->call, choice / 8);
        break;
    }
}

/* ---- What the service does ------------------------------------------------------------------------------------- */

static void keep(struct yoke_call *call) {
    FUZZ_CHECK(machine.held_count < MACHINE_HELD_MAX);
    machine.held[machine.held_count++] = call;
}

static size_t find_held(const struct yoke_call *call) {
    size_t at = 0;
    while (at < machine.held_count && machine.held[at] != call) {
        at++;
    }
    return at;
}

static bool replies_stream(const struct yoke_call *call) {
    return call->method == &unit_streams_down_method || call->method == &unit_streams_both_method;
}

/* What an answer gives when there is nobody to get it, else 0. */
static int find_expected(const struct yoke_call *call) {
    if (call->connection == NULL || call->connection->unreachable) {
        return -ENOTCONN;
    }
    return yoke_call_is_cancelled(call) ? -ECANCELED : 0;
}

/* End a call that is held, which is its end. */
static void end_held(size_t at, uint8_t choice) {
    struct yoke_call *call = machine.held[at];
    int expected = find_expected(call);
    const Unit__Bytes reply = choose_bytes();
    machine.held[at] = machine.held[--machine.held_count];
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
    const Unit__Bytes reply = choose_bytes();
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
    FUZZ_CHECK(at < machine.held_count);
    uint8_t choice = input_byte(&script);
    if (choice % 2 == 0) {
        end_held(at, choice);
    }
    act_in_callback();
}

static void serve_held(size_t at) {
    struct yoke_call *call = machine.held[at];
    uint8_t choice = input_byte(&script);
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
        use_call(call, choice / 8);
        break;
    }
}

/* A handler: keeps the call, and may already do something with it, or make calls that are part of it. */
static void handle(struct yoke_call *call) {
    keep(call);
    uint8_t choice = input_byte(&script);
    if (choice % 3 == 0) {
        make_call(call);
    }
    if (choice >= 0x80) {
        size_t at = find_held(call);
        if (at < machine.held_count) {
            serve_held(at);
        }
    }
    if (find_held(call) == machine.held_count) {
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
    FUZZ_CHECK(at < machine.held_count && yoke_call_data(call) == NULL);
    if (input_byte(&script) % 4 == 0) {
        serve_held(at);
    }
}

/* The end comes once, and last. */
static void handle_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    size_t at = find_held(call);
    FUZZ_CHECK(at < machine.held_count && yoke_call_data(call) == NULL);
    yoke_call_set_data(call, &machine);
    if (input_byte(&script) % 2 == 0) {
        serve_held(at);
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

static void on_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    (void)peer;
    (void)user_data;
    FUZZ_CHECK(note->text != NULL);
    if (input_byte(&script) % 4 == 0) {
        (void)unit_note_off(&machine.events, on_note, NULL);
    }
}

static void on_grown(const struct yoke_peer *peer, const Unit__Grown *grown, void *user_data) {
    (void)peer;
    (void)user_data;
    (void)unit_grown_emit(machine_channel(&machine), grown);
    (void)unit_note_on(&machine.events, on_note, NULL);
}

static void emit_note(void) {
    Unit__Note note = UNIT__NOTE__INIT;
    int error = unit_note_emit(machine_channel(&machine), &note);
    FUZZ_CHECK(error == 0 || error == -ENOTCONN || error == -ENOBUFS);
}

/* ---- Steps ------------------------------------------------------------------------------------------------------- */

static void use_any(void) {
    uint8_t choice = input_byte(&script);
    if (made_count > 0 && (choice & 1) != 0) {
        use_made(&made[(choice / 2) % made_count]);
    } else if (machine.held_count > 0) {
        serve_held((choice / 2) % machine.held_count);
    }
}

static void step(void) {
    static void (*const steps[])(void) = {
        say_hello,   say_open,    say_open,  say_open,   say_end,    say_end,      say_message,
        say_message, say_message, say_event, say_cancel, say_credit, say_anything, emit_note,
        hear_all,    use_any,     use_any,   use_any,    use_any,
    };
    const unsigned count = sizeof(steps) / sizeof(*steps);
    uint8_t choice = input_byte(&script);
    unsigned kind = choice % (count + 5);
    unsigned rest = choice / (count + 5);
    if (kind < count) {
        steps[kind]();
    } else if (kind == count) {
        make_call(NULL);
    } else if (kind == count + 1) {
        machine_now_ns += rest * MS_NS;
    } else if (kind == count + 2) {
        piece = rest;
    } else if (kind == count + 3) {
        machine.connection.draining = rest > 5;
    }
    if (kind > count || rest % 2 == 0) {
        machine_settle(&machine);
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
    const struct yoke__connection *connection = &machine.connection;
    size_t live = 0;
    for (size_t i = 0; i < made_count; i++) {
        FUZZ_CHECK(made[i].outcome.count <= 1);
        live += made[i].outcome.count == 0;
    }
    FUZZ_CHECK(connection->outgoing_count <= live);
    FUZZ_CHECK(connection->incoming_count <= limits.max_incoming_calls);
    FUZZ_CHECK(count_handled(connection) <= machine.held_count);
    FUZZ_CHECK(connection->calls.count <= connection->outgoing_count + connection->incoming_count);
    /* The last answer that is accepted may pass the hard limit by itself; CANCELs are not held back. */
    FUZZ_CHECK(connection->output.queued <= 2 * limits.max_queued_bytes + 4096 + CALLS_MAX * YOKE__FRAME_HEADER_SIZE);
    FUZZ_CHECK(memory_live_bytes() - memory_before <= MEMORY_MAX);
}

static void start(void) {
    made_count = fed_length = fed_parsed = 0;
    machine_now_ns = 3600 * UINT64_C(1000000000);
    uint8_t choice = input_byte(&script);
    is_master = choice & 1;
    next_peer_stream = is_master ? 2 : 1;
    piece = 0;
    listener_reset(is_master);
    machine_init(&machine, is_master, &limits);
    machine.act = handle_as;
    FUZZ_CHECK(unit_streams_serve(&machine.server, &stream_handlers, NULL) == 0);
    FUZZ_CHECK(unit_note_on(&machine.events, on_note, NULL) == 0);
    FUZZ_CHECK(unit_grown_on(&machine.events, on_grown, NULL) == 0);
    if ((choice & 2) != 0) {
        FUZZ_CHECK(yoke__connection_greet(&machine.connection) == 0);
    }
    if ((choice & 4) != 0) {
        static const struct yoke__frame hello = {
            .type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = YOKE__PROTOCOL_VERSION};
        feed_frame(hello, (const uint8_t *)"", 0);
        FUZZ_CHECK(machine.readies == 1);
    }
}

/* As a loop does: what is due, and what callbacks make due, until there is nothing more. */
static void settle_all(void) {
    unsigned turns = 0;
    do {
        machine_settle(&machine);
        hear_all();
        FUZZ_CHECK(turns++ < 10000);
    } while (yoke__calls_due_ns(&machine.engine) == 0);
}

static void fail_held(const char *message, int expected) {
    struct yoke_call *call = machine.held[--machine.held_count];
    FUZZ_CHECK(yoke_call_fail(call, YOKE_ABORTED, message) == expected);
}

/* The end of input perhaps, the close, late answers. */
static void end(void) {
    settle_all();
    if (input_byte(&script) % 2 == 0) {
        yoke__connection_end_input(&machine.connection, "no more input");
        FUZZ_CHECK(machine.connection.outgoing_count == 0);
        settle_all();
        if (machine.held_count > 0) {
            fail_held("in time", find_expected(machine.held[machine.held_count - 1]));
        }
        settle_all();
    }
    machine_close(&machine, "over");
    settle_all();
    FUZZ_CHECK(yoke__connection_is_idle(&machine.connection));
    FUZZ_CHECK(machine.connection.calls.count == 0 && machine.engine.deadlines.count == 0);
    FUZZ_CHECK(machine.connection.buffered_bytes == 0 && machine.connection.outbox_bytes == 0);
    for (size_t i = 0; i < made_count; i++) {
        FUZZ_CHECK(made[i].outcome.count == 1);
    }
    while (machine.held_count > 1) {
        fail_held("late", -ENOTCONN);
    }
    machine_release(&machine);
    while (machine.held_count > 0) {
        fail_held("too late", -ENOTCONN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    size_t memory_before = memory_live_bytes();
    script = (struct input){data, size};
    start();
    for (unsigned i = 0; i < STEPS_MAX && script.left > 0; i++) {
        step();
        check_bounds(memory_before);
    }
    FUZZ_CHECK(!has_failed() || !machine.connection.can_call);
    end();
    FUZZ_CHECK(memory_live_bytes() == memory_before);
    return 0;
}
