/*
 * fuzz_connection.c: a connection under a peer and a user that do anything. The input is a script: each step is a
 * frame, right or bent or no frame at all, or something that the user of the connection does. After each step, and at
 * the end, hold the promises: calls complete once, each answer is for a call, memory is bounded.
 */
#include "fuzz.h"

#include "machine.h"
#include "memory.h"
#include "rpc/call.h"
#include "rpc/cancel.h"

#include <errno.h>
#include <string.h>

#define STEPS_MAX 400
#define CALLS_MAX 64
#define STREAMS_MAX 1024
#define FED_MAX 65536
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
};

/* A call of the peer, as the bytes that were fed have it. */
struct peers_call {
    uint32_t stream;
    bool is_answered;
};

static struct machine machine;
static struct input script;
static bool is_master;

static struct made_call made[CALLS_MAX];
static size_t made_count;
static struct peers_call peers[STREAMS_MAX];
static size_t peers_count;
static uint32_t next_peer_stream;
static size_t piece;

/* All bytes that were fed, so that the OPENs among them are known even where they came about by chance. */
static uint8_t fed[FED_MAX];
static size_t fed_length, fed_parsed;

/* What was taken of the output, up to its last whole frame. */
static bool has_greeted;
static uint32_t last_own_stream;

static bool has_failed(void) {
    return machine.connection.failure[0] != '\0';
}

/* ---- What the peer hears ----------------------------------------------------------------------------------------- */

/* The first of this id that has not been answered: an id may be used again after its answer. */
static struct peers_call *find_peers_call(uint32_t stream) {
    for (size_t i = 0; i < peers_count; i++) {
        if (peers[i].stream == stream && !peers[i].is_answered) {
            return &peers[i];
        }
    }
    return NULL;
}

static void hear_end(const struct yoke__frame *frame, const uint8_t *payload) {
    struct peers_call *call = find_peers_call(frame->stream);
    FUZZ_CHECK(call != NULL);
    call->is_answered = true;
    FUZZ_CHECK(frame->flags == 0 && frame->aux <= YOKE_UNAUTHENTICATED);
    if (frame->aux != YOKE_OK) {
        char message[YOKE_STATUS_MESSAGE_MAX + 1];
        FUZZ_CHECK(yoke__status_decode(payload, frame->length, message) == 0);
    }
}

/* Everything that the machine says is right, whatever was said to it. */
static void hear_frame(const struct yoke__frame *frame, const uint8_t *payload) {
    FUZZ_CHECK(has_greeted == (frame->type != YOKE__FRAME_HELLO));
    switch (frame->type) {
    case YOKE__FRAME_HELLO: {
        struct yoke__hello hello;
        FUZZ_CHECK(frame->method == YOKE__HELLO_MAGIC && frame->aux == YOKE__PROTOCOL_VERSION);
        FUZZ_CHECK(yoke__hello_decode(payload, frame->length, &hello) == 0);
        has_greeted = true;
        break;
    }
    case YOKE__FRAME_OPEN:
        FUZZ_CHECK(frame->stream != 0 && (frame->stream & 1) == is_master && frame->stream > last_own_stream);
        FUZZ_CHECK((frame->flags & YOKE__FLAG_END_STREAM) != 0 && frame->aux == 0);
        last_own_stream = frame->stream;
        break;
    case YOKE__FRAME_END:
        hear_end(frame, payload);
        break;
    case YOKE__FRAME_CANCEL:
        FUZZ_CHECK((frame->stream & 1) == is_master && frame->stream <= last_own_stream && frame->length == 0);
        break;
    default:
        FUZZ_CHECK(frame->type == YOKE__FRAME_EVENT && frame->stream == 0 && frame->flags == 0 && frame->aux == 0);
        break;
    }
}

static void hear_all(void) {
    static uint8_t payload[FED_MAX];
    struct yoke__frame frame;
    while (machine_take_frame(&machine, &frame, payload, sizeof(payload))) {
        hear_frame(&frame, payload);
    }
}

/* ---- What the peer says ------------------------------------------------------------------------------------------ */

/* Find the calls of the peer among the bytes that were fed. */
static void parse_fed(void) {
    while (fed_parsed + YOKE__FRAME_HEADER_SIZE <= fed_length) {
        struct yoke__frame frame;
        yoke__frame_decode(fed + fed_parsed, &frame);
        if (frame.type == YOKE__FRAME_OPEN) {
            FUZZ_CHECK(peers_count < STREAMS_MAX);
            peers[peers_count++] = (struct peers_call){.stream = frame.stream};
        }
        fed_parsed += YOKE__FRAME_HEADER_SIZE + (size_t)frame.length;
    }
}

static void feed(const void *bytes, size_t length) {
    if (length > sizeof(fed) - fed_length || peers_count + length / YOKE__FRAME_HEADER_SIZE + 1 >= STREAMS_MAX) {
        return;
    }
    memcpy(fed + fed_length, bytes, length);
    fed_length += length;
    parse_fed();
    (void)machine_feed(&machine, bytes, length, piece);
}

static void feed_frame(struct yoke__frame frame, const uint8_t *payload, size_t length) {
    uint8_t bytes[YOKE__FRAME_HEADER_SIZE + 4096];
    length = length < 4096 ? length : 4096;
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
        &unit_echo_now_method,  &unit_echo_later_method,   &unit_echo_as_method,
        &unit_echo_tree_method, &unit_echo_missing_method, &unit_other_call_method,
    };
    return methods[input_byte(&script) % (sizeof(methods) / sizeof(*methods))];
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
    payload[0] = 0x0a;
    payload[1] = (uint8_t)(0x80 | (size & 0x7f));
    payload[2] = (uint8_t)(size >> 7);
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
    uint8_t payload[YOKE__DEADLINE_SIZE + 4096];
    struct yoke__frame frame = {.type = YOKE__FRAME_OPEN, .flags = YOKE__FLAG_END_STREAM};
    frame.method = choose_method()->id;
    frame.stream = next_peer_stream;
    next_peer_stream += 2;
    size_t prefix = 0;
    uint8_t timeout = input_byte(&script);
    if (timeout >= 0xc0) {
        /* A deadline from 20 ms ago to 43 ms from now. */
        uint64_t deadline = machine_now_ns + (timeout & 0x3f) * MS_NS - 20 * MS_NS;
        memcpy(payload, &deadline, sizeof(deadline));
        prefix = YOKE__DEADLINE_SIZE;
        frame.flags |= YOKE__FLAG_DEADLINE;
    }
    feed_bent(frame, payload, prefix + choose_payload(payload + prefix, 4096));
}

static struct made_call *choose_made(void) {
    return made_count > 0 ? &made[input_byte(&script) % made_count] : NULL;
}

static void say_end(void) {
    uint8_t payload[4096];
    const struct made_call *call = choose_made();
    struct yoke__frame frame = {.type = YOKE__FRAME_END, .stream = 2, .method = unit_echo_now_method.id};
    if (call != NULL && call->call != NULL) {
        frame.stream = call->call->stream;
        frame.method = call->call->method->id;
    }
    frame.aux = input_byte(&script) % 17;
    feed_bent(frame, payload, choose_payload(payload, sizeof(payload)));
}

static void say_event(void) {
    uint8_t payload[4096];
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

/* ---- What the user does ------------------------------------------------------------------------------------------ */

static void make_call(struct yoke_call *parent);

/* A callback may do what it likes, which the script says. */
static void act_in_callback(struct outcome *outcome) {
    struct made_call *call = YOKE__CONTAINER(outcome, struct made_call, outcome);
    FUZZ_CHECK(outcome->count == 1);
    FUZZ_CHECK(outcome->has_reply == (outcome->code == YOKE_OK));
    call->call = NULL;
    if (input_byte(&script) % 4 == 0) {
        make_call(NULL);
    }
}

static void take_tree(struct yoke_call *call, const struct yoke_status *status, const Unit__Node *reply,
                      void *user_data) {
    const Unit__Bytes none = UNIT__BYTES__INIT;
    outcome_take(call, status, reply != NULL ? &none : NULL, user_data);
}

static void make_call(struct yoke_call *parent) {
    if (made_count == CALLS_MAX) {
        return;
    }
    struct made_call *call = &made[made_count];
    *call = (struct made_call){.outcome = {.then = act_in_callback}};
    uint8_t data[2000] = {0};
    Unit__Bytes request = UNIT__BYTES__INIT;
    const Unit__Node node = UNIT__NODE__INIT;
    request.data = (ProtobufCBinaryData){.len = (size_t)input_byte(&script) * 7, .data = data};
    uint8_t choice = input_byte(&script);
    struct yoke_call_options options = {
        YOKE_CALL_OPTIONS_INIT,
        .parent = parent,
        .independent = parent == NULL && (choice & 0x10) != 0,
        .timeout_us = (choice & 0x20) != 0 ? 1000u * (choice & 0x0f) : 0,
        .max_reply_bytes = (choice & 0x40) != 0 ? 20 : 0,
        .ret_call = &call->call,
    };
    struct yoke_channel *channel = machine_channel(&machine);
    size_t queued = machine.connection.output.queued;
    bool can_call = machine.connection.can_call;
    made_count++;
    int error = choice % 3 == 0   ? unit_echo_tree(channel, &node, &options, take_tree, &call->outcome)
                : choice % 3 == 1 ? unit_echo_now(channel, &request, &options, outcome_take, &call->outcome)
                                  : unit_other_call(channel, &request, &options, outcome_take, &call->outcome);
    FUZZ_CHECK(call->outcome.count == 0);
    if (error != 0) {
        FUZZ_CHECK(call->call == NULL);
        FUZZ_CHECK(error == -ENOTCONN || error == -EMSGSIZE || error == -ENOBUFS);
        FUZZ_CHECK((error == -ENOTCONN) == !can_call);
        FUZZ_CHECK(error != -ENOBUFS || queued > limits.max_queued_bytes);
        FUZZ_CHECK(machine.connection.output.queued == queued);
        call->outcome.count = 1;
        call->outcome.code = YOKE_UNKNOWN; /* never called: as if it had completed */
    } else {
        FUZZ_CHECK(can_call && call->call != NULL);
    }
}

static int answer(struct yoke_call *call, uint8_t choice) {
    uint8_t data[2000] = {0};
    Unit__Bytes reply = UNIT__BYTES__INIT;
    reply.data = (ProtobufCBinaryData){.len = (size_t)choice * 7, .data = data};
    switch (choice % 4) {
    case 0:
        return yoke_call_fail(call, (enum yoke_code)(choice % 20), "the script says so");
    case 1:
        return unit_echo_later_reply(call, &reply);
    default:
        return unit_echo_as_reply(call, &reply);
    }
}

/* The handler of As: answers, answers twice, keeps the call, or makes calls that are part of it. */
static void handle_as(struct machine *self, struct yoke_call *call, const Unit__Bytes *request) {
    (void)request;
    uint8_t choice = input_byte(&script);
    if (choice % 3 == 0) {
        make_call(call);
    }
    if (choice >= 0x80) {
        int first = answer(call, choice);
        bool is_open = first == -EINVAL && choice % 4 == 1;
        if (!is_open) {
            FUZZ_CHECK(answer(call, choice) == -EINVAL);
            return;
        }
    }
    self->held[self->held_count++] = call;
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    FUZZ_CHECK(yoke_call_is_cancelled(call));
}

static void answer_held(void) {
    if (machine.held_count == 0) {
        return;
    }
    size_t at = input_byte(&script) % machine.held_count;
    uint8_t choice = input_byte(&script);
    struct yoke_call *call = machine.held[at];
    bool is_of_as = call->method == &unit_echo_as_method;
    int expected = call->connection == NULL || call->connection->unreachable ? -ENOTCONN : -ECANCELED;
    bool is_wanted = expected == -ECANCELED && !yoke_call_is_cancelled(call);
    if (choice % 4 != 0 && is_of_as == (choice % 4 == 1)) {
        /* The reply of the other method: nothing happens. */
        FUZZ_CHECK(answer(call, choice) == -EINVAL);
        return;
    }
    machine.held[at] = machine.held[--machine.held_count];
    int error = answer(call, choice);
    FUZZ_CHECK(is_wanted ? error == 0 || error == -EINVAL || error == -EMSGSIZE : error == expected);
}

static void cancel_made(void) {
    const struct made_call *call = choose_made();
    if (call != NULL && call->call != NULL) {
        int error = yoke_call_cancel(call->call);
        FUZZ_CHECK(error == 0 || error == -EALREADY);
    }
}

static void listen_for_cancel(void) {
    if (machine.held_count > 0) {
        struct yoke_call *call = machine.held[input_byte(&script) % machine.held_count];
        FUZZ_CHECK(yoke_call_on_cancel(call, on_cancelled, NULL) == 0);
    }
}

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

static void step(void) {
    uint8_t choice = input_byte(&script);
    switch (choice % 20) {
    case 0:
        say_hello();
        break;
    case 1:
    case 2:
    case 3:
        say_open();
        break;
    case 4:
    case 5:
        say_end();
        break;
    case 6:
        say_event();
        break;
    case 7:
        say_cancel();
        break;
    case 8:
        say_anything();
        break;
    case 9:
    case 10:
        make_call(NULL);
        break;
    case 11:
    case 12:
        answer_held();
        break;
    case 13:
        cancel_made();
        break;
    case 14:
        listen_for_cancel();
        break;
    case 15:
        emit_note();
        break;
    case 16:
        machine_now_ns += (choice / 20) * MS_NS;
        machine_settle(&machine);
        break;
    case 17:
        hear_all();
        break;
    case 18:
        piece = choice / 20;
        break;
    default:
        machine.connection.draining = choice >= 0x80;
        break;
    }
}

/* Calls whose handlers have to answer them; others wait for the rest of their request. */
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
    made_count = peers_count = fed_length = fed_parsed = 0;
    has_greeted = false;
    last_own_stream = 0;
    machine_now_ns = 3600 * UINT64_C(1000000000);
    uint8_t choice = input_byte(&script);
    is_master = choice & 1;
    next_peer_stream = is_master ? 2 : 1;
    piece = 0;
    machine_init(&machine, is_master, &limits);
    machine.act = handle_as;
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

/* As a transport does: all that is due, the end of input perhaps, the close; then late answers. */
static void end(void) {
    machine_settle(&machine);
    hear_all();
    if (input_byte(&script) % 2 == 0) {
        yoke__connection_end_input(&machine.connection, "no more input");
        FUZZ_CHECK(machine.connection.outgoing_count == 0);
        if (machine.held_count > 0) {
            (void)yoke_call_fail(machine.held[--machine.held_count], YOKE_ABORTED, "in time");
        }
    }
    machine_close(&machine, "over");
    machine_settle(&machine);
    FUZZ_CHECK(yoke__connection_is_idle(&machine.connection));
    FUZZ_CHECK(machine.connection.calls.count == 0 && machine.connection.buffered_bytes == 0);
    FUZZ_CHECK(machine.engine.deadlines.count == 0);
    for (size_t i = 0; i < made_count; i++) {
        FUZZ_CHECK(made[i].outcome.count == 1);
    }
    while (machine.held_count > 1) {
        FUZZ_CHECK(yoke_call_fail(machine.held[--machine.held_count], YOKE_ABORTED, "late") == -ENOTCONN);
    }
    machine_release(&machine);
    while (machine.held_count > 0) {
        FUZZ_CHECK(yoke_call_fail(machine.held[--machine.held_count], YOKE_ABORTED, "too late") == -ENOTCONN);
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
