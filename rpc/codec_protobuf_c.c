/*
 * codec_protobuf_c.c: messages through protobuf-c. Two things of protobuf-c 1.4.1 make it unsafe on bytes that one does
 * not trust, and both are mended here: it recurses as deep as the bytes say, and it allocates without bound. So nesting
 * is checked without recursion first, and every allocation comes from a budgeted arena.
 */
#include "rpc/arena.h"
#include "rpc/options.h"

#include <errno.h>
#include <protobuf-c/protobuf-c.h>

static size_t message_size(const void *descriptor, const void *message) {
    (void)descriptor;
    return protobuf_c_message_get_packed_size(message);
}

static void message_pack(const void *descriptor, const void *message, uint8_t *out) {
    (void)descriptor;
    protobuf_c_message_pack(message, out);
}

static void *arena_alloc(void *arena, size_t size) {
    return yoke__arena_alloc(arena, size);
}

/* The arena frees everything at once. */
static void arena_free(void *arena, void *memory) {
    (void)arena;
    (void)memory;
}

static int message_unpack(const void *descriptor, struct yoke_arena *arena, const uint8_t *bytes, size_t length,
                          const void **ret_message) {
    ProtobufCAllocator allocator = {.alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
    const ProtobufCMessage *message = protobuf_c_message_unpack(descriptor, &allocator, length, bytes);
    if (message == NULL) {
        return arena->failures > 0 ? -ENOMEM : -EBADMSG;
    }
    *ret_message = message;
    return 0;
}

/* Read a varint. Returns the bytes it took, 0 when malformed. Like protobuf-c, drops bits past the 64th. */
static size_t read_varint(const uint8_t *bytes, const uint8_t *end, uint64_t *ret_value) {
    uint64_t value = 0;
    for (size_t i = 0; i < 10 && bytes + i < end; i++) {
        value |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
        if ((bytes[i] & 0x80) == 0) {
            *ret_value = value;
            return i + 1;
        }
    }
    return 0;
}

/* One level of the walk: the rest of a message and its type. */
struct level {
    const uint8_t *at, *end;
    const ProtobufCMessageDescriptor *descriptor;
};

enum step { STEP_FIELD, STEP_MESSAGE, STEP_MALFORMED };

/* Pass one field of `level`. If it is a message, `ret_nested` is that message. */
static enum step step_field(struct level *level, struct level *ret_nested) {
    uint64_t key, value;
    size_t taken = read_varint(level->at, level->end, &key);
    if (taken == 0 || key >> 3 > UINT32_MAX) {
        return STEP_MALFORMED;
    }
    level->at += taken;
    size_t left = (size_t)(level->end - level->at);
    switch (key & 7) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        taken = read_varint(level->at, level->end, &value);
        if (taken == 0) {
            return STEP_MALFORMED;
        }
        level->at += taken;
        return STEP_FIELD;
    case PROTOBUF_C_WIRE_TYPE_64BIT:
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        taken = (key & 7) == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
        if (left < taken) {
            return STEP_MALFORMED;
        }
        level->at += taken;
        return STEP_FIELD;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        taken = read_varint(level->at, level->end, &value);
        if (taken == 0 || value > left - taken) {
            return STEP_MALFORMED;
        }
        level->at += taken + value;
        break;
    default:
        /* Groups, which protobuf-c does not decode, and the two numbers that mean nothing. */
        return STEP_MALFORMED;
    }
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(level->descriptor, (unsigned)(key >> 3));
    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return STEP_FIELD;
    }
    *ret_nested = (struct level){level->at - value, level->at, field->descriptor};
    return STEP_MESSAGE;
}

/* Walk the bytes as the schema reads them, with an explicit stack. */
static int message_check_nesting(const void *descriptor, const uint8_t *bytes, size_t length, uint32_t max_nesting) {
    struct level levels[YOKE__NESTING_MAX];
    size_t depth = 1;
    levels[0] = (struct level){bytes, bytes + length, descriptor};
    while (depth > 0) {
        struct level *level = &levels[depth - 1];
        if (level->at == level->end) {
            depth--;
            continue;
        }
        struct level nested;
        switch (step_field(level, &nested)) {
        case STEP_FIELD:
            break;
        case STEP_MESSAGE:
            if (depth == YOKE__NESTING_MAX || depth == max_nesting) {
                return -EBADMSG;
            }
            levels[depth++] = nested;
            break;
        case STEP_MALFORMED:
            return -EBADMSG;
        }
    }
    return 0;
}

const struct yoke_codec yoke_codec_protobuf_c = {
    .name = "protobuf-c",
    .size = message_size,
    .pack = message_pack,
    .unpack = message_unpack,
    .check_nesting = message_check_nesting,
};
