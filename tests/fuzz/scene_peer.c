/* scene_peer.c: see scene.h: the peer, who says frames right and bent, and hears what comes back. */
#include "listener.h"
#include "rpc/call.h"
#include "rpc/ping.h"
#include "rpc/prefix.h"
#include "rpc/stream.h"
#include "scene.h"

#include <string.h>

#define FED_MAX 65536
#define PAYLOAD_MAX 4096
#define PREFIX_MAX (YOKE__DEADLINE_SIZE + 2 * (YOKE__BLOCK_LENGTH_SIZE + AROUND_LIST_MAX))

/* All bytes that were fed, so that the OPENs among them are known even where they came about by chance. */
static uint8_t fed[FED_MAX];
static size_t fed_length, fed_parsed;

static uint32_t next_stream; /* of the peer's next call */
static size_t piece;         /* the most bytes that are received at once; 0: any number */

void peer_reset(bool machine_is_master) {
    fed_length = fed_parsed = 0;
    next_stream = machine_is_master ? 2 : 1;
    piece = 0;
    listener_reset(machine_is_master);
}

void peer_set_piece(size_t size) {
    piece = size;
}

void peer_hear_all(void) {
    static uint8_t payload[2 * FED_MAX];
    struct yoke__frame frame;
    while (machine_take_frame(&scene_machine, &frame, payload, sizeof(payload))) {
        listener_hear(&frame, payload);
    }
}

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
    (void)machine_feed(&scene_machine, bytes, length, piece);
}

static void feed_frame(struct yoke__frame frame, const uint8_t *payload, size_t length) {
    uint8_t bytes[YOKE__FRAME_HEADER_SIZE + PREFIX_MAX + PAYLOAD_MAX];
    FUZZ_CHECK(length <= sizeof(bytes) - YOKE__FRAME_HEADER_SIZE);
    yoke__frame_encode(&frame, bytes);
    memcpy(bytes + YOKE__FRAME_HEADER_SIZE, payload, length);
    feed(bytes, YOKE__FRAME_HEADER_SIZE + length);
}

void peer_greet(void) {
    static const struct yoke__frame hello = {
        .type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = YOKE__PROTOCOL_VERSION};
    feed_frame(hello, (const uint8_t *)"", 0);
}

void peer_greet_starting(void) {
    static const struct yoke__frame hello = {
        .type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = YOKE__PROTOCOL_VERSION, .length = 2};
    feed_frame(hello, (const uint8_t *)"\x18\x01", 2);
}

/* A frame, with those of its fields bent that a byte of the script chooses: rarely any. */
static void feed_bent(struct yoke__frame frame, const uint8_t *payload, size_t length) {
    frame.length = (uint32_t)length;
    uint8_t bends = input_byte(&scene_script);
    if (bends >= 0xc0) {
        frame.stream = (bends & 0x01) != 0 ? input_u32(&scene_script) : frame.stream;
        frame.method = (bends & 0x02) != 0 ? input_u32(&scene_script) : frame.method;
        frame.type = (bends & 0x04) != 0 ? input_byte(&scene_script) : frame.type;
        frame.flags = (bends & 0x08) != 0 ? input_byte(&scene_script) : frame.flags;
        frame.aux = (bends & 0x10) != 0 ? input_u16(&scene_script) : frame.aux;
        frame.length = (bends & 0x20) != 0 ? input_u32(&scene_script) : frame.length;
    }
    feed_frame(frame, payload, length);
}

static const struct yoke_method *choose_method(void) {
    static const struct yoke_method *const methods[] = {
        &unit_echo_now_method,     &unit_echo_later_method,   &unit_echo_as_method,
        &unit_echo_tree_method,    &unit_echo_missing_method, &unit_other_call_method,
        &unit_streams_down_method, &unit_streams_up_method,   &unit_streams_both_method,
    };
    uint8_t choice = input_byte(&scene_script);
    return choice == UINT8_MAX ? yoke__ping_route.method : methods[choice % (sizeof(methods) / sizeof(*methods))];
}

/* The three bytes before the data of a unit.Bytes. */
static void begin_bytes(uint8_t *out, size_t size) {
    out[0] = 0x0a;
    out[1] = (uint8_t)(0x80 | (size & 0x7f));
    out[2] = (uint8_t)(size >> 7);
}

/* A payload: bytes of the script, or a unit.Bytes of some size around the limits. */
static size_t choose_payload(uint8_t *payload, size_t capacity) {
    uint8_t choice = input_byte(&scene_script);
    const uint8_t *bytes;
    size_t length;
    if (choice < 0x80) {
        length = input_bytes(&scene_script, choice, &bytes);
        memcpy(payload, bytes, length);
        return length;
    }
    size_t size = (size_t)(choice & 0x7f) * 13;
    FUZZ_CHECK(size + 3 <= capacity);
    begin_bytes(payload, size);
    memset(payload + 3, 'p', size);
    return size + 3;
}

void peer_say_hello(void) {
    static const uint8_t payload[] = {0x0a, 0x04, 1, 2, 3, 4};
    const struct yoke__frame frame = {
        .type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = YOKE__PROTOCOL_VERSION};
    feed_bent(frame, payload, sizeof(payload));
}

/* A list behind its length. Returns how much that is. */
static size_t put_block(uint8_t *out, bool is_detail) {
    const uint32_t length = (uint32_t)around_write_list(out + YOKE__BLOCK_LENGTH_SIZE, is_detail);
    memcpy(out, &length, sizeof(length));
    return YOKE__BLOCK_LENGTH_SIZE + length;
}

void peer_say_open(void) {
    uint8_t payload[PREFIX_MAX + PAYLOAD_MAX];
    const struct yoke_method *method = choose_method();
    struct yoke__frame frame = {.type = YOKE__FRAME_OPEN, .method = method->id, .stream = next_stream};
    next_stream += 2;
    size_t prefix = 0;
    uint8_t choice = input_byte(&scene_script);
    if (choice >= 0xc0) {
        /* A deadline from 20 ms ago to 43 ms from now. */
        uint64_t deadline = machine_now_ns + (choice & 0x3f) * MS_NS - 20 * MS_NS;
        memcpy(payload, &deadline, sizeof(deadline));
        prefix = YOKE__DEADLINE_SIZE;
        frame.flags |= YOKE__FLAG_DEADLINE;
    }
    if ((choice & 0x08) != 0) {
        prefix += put_block(payload + prefix, false);
        frame.flags |= YOKE__FLAG_METADATA;
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
    return scene_made_count > 0 ? &scene_made[input_byte(&scene_script) % scene_made_count] : NULL;
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
    const struct yoke__connection *connection = &scene_machine.connection;
    uint8_t choice = input_byte(&scene_script);
    const struct yoke_call *call = (choice & 1) != 0
                                       ? call_at(&connection->outgoing, choice / 2, connection->outgoing_count)
                                       : call_at(&connection->incoming, choice / 2, connection->incoming_count);
    if (call != NULL) {
        frame->stream = call->stream;
        frame->method = call->method->id;
    }
}

void peer_say_end(void) {
    uint8_t payload[PREFIX_MAX + PAYLOAD_MAX];
    struct yoke__frame frame = {.type = YOKE__FRAME_END, .stream = 2, .method = unit_echo_now_method.id};
    address_made(&frame);
    uint8_t choice = input_byte(&scene_script);
    frame.aux = choice < 0x80 ? choice % 17 : YOKE_OK;
    size_t prefix = 0;
    if ((choice & 0x20) != 0) {
        prefix = put_block(payload, false);
        frame.flags = YOKE__FLAG_METADATA;
    }
    if ((choice & 0x40) != 0 && frame.aux != YOKE_OK) {
        prefix += put_block(payload + prefix, true);
        frame.flags |= YOKE__FLAG_DETAILS;
    }
    if (choice >= 0x80) {
        frame.flags |= YOKE__FLAG_NO_MESSAGE;
        feed_bent(frame, payload, prefix);
    } else {
        feed_bent(frame, payload, prefix + choose_payload(payload + prefix, PAYLOAD_MAX));
    }
}

void peer_say_headers(void) {
    uint8_t payload[AROUND_LIST_MAX];
    struct yoke__frame frame = {.type = YOKE__FRAME_HEADERS, .stream = 2, .method = unit_echo_now_method.id};
    address_made(&frame);
    feed_bent(frame, payload, around_write_list(payload, false));
}

/* It takes the calls up to one of those that were made; or none; or says what nobody understands. */
void peer_say_goaway(void) {
    struct yoke__frame made = {0};
    uint8_t choice = input_byte(&scene_script);
    if (choice % 4 != 0) {
        address_made(&made);
    } else if (choice >= 0xf0) {
        made.stream = input_u32(&scene_script);
    }
    uint8_t payload[YOKE__GOAWAY_SIZE];
    memcpy(payload, &made.stream, sizeof(payload));
    feed_bent((struct yoke__frame){.type = YOKE__FRAME_GOAWAY}, payload, sizeof(payload));
}

void peer_say_ready_or_drain(void) {
    bool is_drain = (input_byte(&scene_script) & 1) != 0;
    feed_bent((struct yoke__frame){.type = is_drain ? YOKE__FRAME_DRAIN : YOKE__FRAME_READY}, (const uint8_t *)"", 0);
}

/* How much of a message is missing of which fragments have come on a stream; 0: there is none. */
static size_t find_missing(uint32_t stream) {
    const struct yoke_call *call = yoke__call_map_find(&scene_machine.connection.calls, stream);
    const struct yoke__stream *parts = call != NULL ? call->streaming : NULL;
    bool has_part = parts != NULL && parts->inbox_part != NULL;
    return has_part ? parts->inbox_part_total - parts->inbox_part->end : 0;
}

/* A fragment that fits what has come before, or begins a message. */
static void say_fragment(struct yoke__frame frame) {
    uint8_t payload[YOKE__TOTAL_SIZE + PAYLOAD_MAX];
    size_t missing = find_missing(frame.stream);
    uint8_t choice = input_byte(&scene_script);
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
void peer_say_message(void) {
    uint8_t payload[PAYLOAD_MAX];
    struct yoke__frame frame = {.type = YOKE__FRAME_MESSAGE, .stream = 2, .method = unit_streams_up_method.id};
    address_any(&frame);
    uint8_t choice = input_byte(&scene_script);
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

void peer_say_credit(void) {
    struct yoke__frame frame = {.type = YOKE__FRAME_CREDIT, .stream = 2, .method = unit_streams_up_method.id};
    address_any(&frame);
    const uint32_t amount = (uint32_t)input_u16(&scene_script) * 32 + 1;
    uint8_t payload[sizeof(amount)];
    memcpy(payload, &amount, sizeof(amount));
    feed_bent(frame, payload, sizeof(payload));
}

void peer_say_event(void) {
    uint8_t payload[PAYLOAD_MAX];
    const struct yoke_event_type *types[] = {&unit_note_event, &unit_grown_event};
    const struct yoke__frame frame = {.type = YOKE__FRAME_EVENT, .method = types[input_byte(&scene_script) % 2]->id};
    feed_bent(frame, payload, choose_payload(payload, sizeof(payload)));
}

void peer_say_cancel(void) {
    struct yoke__frame frame = {.type = YOKE__FRAME_CANCEL, .stream = next_stream - 2};
    frame.stream -= 2u * (input_byte(&scene_script) % 8);
    feed_bent(frame, (const uint8_t *)"", 0);
}

void peer_say_anything(void) {
    const uint8_t *bytes;
    size_t length = input_bytes(&scene_script, input_byte(&scene_script), &bytes);
    feed(bytes, length);
}
