/*
 * codec_protobuf_c.c: messages through protobuf-c. Two things of protobuf-c 1.4.1 make it unsafe on bytes that one does
 * not trust, and both are mended here: it recurses as deep as the bytes say, and it allocates without bound. So nesting
 * is checked without recursion first, and every allocation comes from a budgeted arena.
 */
#include "rpc/arena.h"
#include "rpc/options.h"

#include <errno.h>
#include <protobuf-c/protobuf-c.h>
#include <stdalign.h>
#include <string.h>

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

/* ---- Messages that are mostly one field of bytes -------------------------------------------------------------------- */

/* What may be around the content for it to be left where it is: such messages are a few small fields and much data. */
#define REST_MAX 4096u

/* A larger message struct is not copied, only to leave a field out. */
#define STRUCT_MAX 1024u

/* The longest key and length of a field. */
#define KEY_MAX 15u

/* protobuf-c takes no longer ones of either, so that of a key no more than 32 bits are its field's number. */
#define HEAD_VARINT_MAX 5u

/* Is this a field that a message can have once, and can be without while it is unpacked? */
static bool is_plain_bytes(const ProtobufCFieldDescriptor *field) {
    return field->type == PROTOBUF_C_TYPE_BYTES &&
           (field->label == PROTOBUF_C_LABEL_OPTIONAL || field->label == PROTOBUF_C_LABEL_NONE) &&
           (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0;
}

static const ProtobufCBinaryData *data_of(const void *message, const ProtobufCFieldDescriptor *field) {
    return (const void *)((const char *)message + field->offset);
}

/* Set the field, or take it away. */
static void set_field(void *message, const ProtobufCFieldDescriptor *field, const uint8_t *bytes, size_t length) {
    ProtobufCBinaryData *data = (void *)((char *)message + field->offset);
    data->len = length;
    /* They are const to the message's receiver; the type knows no const. */
    data->data = (uint8_t *)(uintptr_t)bytes;
    if (field->label == PROTOBUF_C_LABEL_OPTIONAL) {
        protobuf_c_boolean *has = (void *)((char *)message + field->quantifier_offset);
        *has = bytes != NULL;
    }
}

static bool message_find_large(const void *descriptor, const void *message, struct yoke_large *ret_large) {
    const ProtobufCMessageDescriptor *type = descriptor;
    struct yoke_large large = {0};
    for (unsigned i = 0; i < type->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &type->fields[i];
        if (!is_plain_bytes(field)) {
            continue;
        }
        const ProtobufCBinaryData *data = data_of(message, field);
        if (data->len > large.length) {
            large = (struct yoke_large){field, data->data, data->len};
        }
    }
    *ret_large = large;
    return large.field != NULL;
}

static size_t write_varint(uint64_t value, uint8_t *out) {
    size_t size = 0;
    while (value > 0x7f) {
        out[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[size++] = (uint8_t)value;
    return size;
}

static bool message_pack_around(const void *descriptor, const void *message, const struct yoke_large *large,
                                uint8_t *out, size_t size) {
    const ProtobufCMessageDescriptor *type = descriptor;
    const ProtobufCFieldDescriptor *field = large->field;
    alignas(max_align_t) char rest[STRUCT_MAX];
    uint8_t key[KEY_MAX];
    if (type->sizeof_message > sizeof rest) {
        return false;
    }
    size_t key_size = write_varint((uint64_t)field->id << 3 | PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, key);
    key_size += write_varint(large->length, key + key_size);
    memcpy(rest, message, type->sizeof_message);
    set_field(rest, field, NULL, 0);
    const ProtobufCMessage *rest_message = (const void *)rest;
    if (protobuf_c_message_get_packed_size(rest_message) + key_size != size) {
        return false;
    }
    protobuf_c_message_pack(rest_message, out);
    memcpy(out + size - key_size, key, key_size);
    return true;
}

/* Is the next field the large one: bytes, of which the end is not there? Then where its content begins, and how long it is. */
static bool is_at_large(const struct level *level, struct yoke_large *ret_large) {
    uint64_t key, length;
    size_t key_size = read_varint(level->at, level->end, &key);
    size_t length_size = key_size != 0 ? read_varint(level->at + key_size, level->end, &length) : 0;
    if (length_size == 0 || key_size > HEAD_VARINT_MAX || length_size > HEAD_VARINT_MAX ||
        (key & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
        return false;
    }
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(level->descriptor, (unsigned)(key >> 3));
    if (field == NULL || !is_plain_bytes(field)) {
        return false;
    }
    *ret_large = (struct yoke_large){field, level->at + key_size + length_size, length};
    return true;
}

/* Is the field in what is left of the level, or is that malformed? */
static bool has_field(struct level level, const ProtobufCFieldDescriptor *field) {
    while (level.at < level.end) {
        struct level nested;
        uint64_t key;
        if (read_varint(level.at, level.end, &key) == 0 || key >> 3 == field->id ||
            step_field(&level, &nested) == STEP_MALFORMED) {
            return true;
        }
    }
    return false;
}

static bool message_split(const void *descriptor, struct yoke_arena *arena, const uint8_t *bytes, size_t length,
                          struct yoke_large *ret_large, const uint8_t **ret_rest, size_t *ret_rest_length) {
    uint8_t *rest = length > REST_MAX ? yoke__arena_alloc(arena, 2 * (size_t)REST_MAX) : NULL;
    if (rest == NULL) {
        return false;
    }
    /* Only this copy is looked at: the original may change. */
    memcpy(rest, bytes, REST_MAX);
    struct level head = {rest, rest + REST_MAX, descriptor};
    const uint8_t *at = head.at;
    struct level nested;
    while (step_field(&head, &nested) != STEP_MALFORMED && head.at < head.end) {
        at = head.at;
    }
    struct yoke_large large;
    head.at = at;
    if (!is_at_large(&head, &large)) {
        return false;
    }
    const size_t before = (size_t)(at - rest);
    const size_t offset = (size_t)(large.data - rest);
    if (large.length > length - offset || length - offset - large.length > REST_MAX) {
        return false;
    }
    const size_t behind = length - offset - large.length;
    uint8_t *tail = rest + before;
    memcpy(tail, bytes + offset + large.length, behind);
    if (has_field((struct level){tail, tail + behind, descriptor}, large.field)) {
        /* The last one would count. */
        return false;
    }
    large.data = bytes + offset;
    *ret_large = large;
    *ret_rest = rest;
    *ret_rest_length = before + behind;
    return true;
}

static void message_join(const void *message, const struct yoke_large *large) {
    /* Just unpacked, and nobody else's yet. */
    set_field((void *)(uintptr_t)message, large->field, large->data, large->length);
}

const struct yoke_codec yoke_codec_protobuf_c = {
    .name = "protobuf-c",
    .size = message_size,
    .pack = message_pack,
    .unpack = message_unpack,
    .check_nesting = message_check_nesting,
    .find_large = message_find_large,
    .pack_around = message_pack_around,
    .split = message_split,
    .join = message_join,
};
