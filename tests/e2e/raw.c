/* raw.c: see raw.h. */
#include "raw.h"

#include <stdlib.h>
#include <string.h>

static size_t raw_size(const void *descriptor, const void *message) {
    (void)descriptor;
    const struct raw_bytes *bytes = message;
    return bytes->size;
}

static void raw_pack(const void *descriptor, const void *message, uint8_t *out) {
    (void)descriptor;
    const struct raw_bytes *bytes = message;
    if (bytes->size > 0) {
        memcpy(out, bytes->data, bytes->size);
    }
}

/* Raw messages are sent, never received. */
static int raw_unpack(const void *descriptor, struct yoke_arena *arena, const uint8_t *bytes, size_t length,
                      const void **ret_message) {
    (void)descriptor;
    (void)arena;
    (void)bytes;
    (void)length;
    (void)ret_message;
    abort();
}

static int raw_check_nesting(const void *descriptor, const uint8_t *bytes, size_t length, uint32_t max_nesting) {
    (void)descriptor;
    (void)bytes;
    (void)length;
    (void)max_nesting;
    return 0;
}

static const struct yoke_codec raw_codec = {
    .name = "raw",
    .size = raw_size,
    .pack = raw_pack,
    .unpack = raw_unpack,
    .check_nesting = raw_check_nesting,
};

const struct yoke_type raw_type = {.name = "raw", .codec = &raw_codec};

static void put_little_endian(uint8_t *out, uint32_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

void raw_frame(uint8_t out[RAW_HEADER_SIZE], enum raw_frame_type type, uint32_t length, uint32_t stream,
               uint32_t method, uint8_t flags, uint16_t aux) {
    put_little_endian(out, length, 4);
    put_little_endian(out + 4, stream, 4);
    put_little_endian(out + 8, method, 4);
    out[12] = (uint8_t)type;
    out[13] = flags;
    put_little_endian(out + 14, aux, 2);
}

static size_t varint_size(size_t value) {
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

static void put_varint(uint8_t *out, size_t value) {
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out = (uint8_t)value;
}

/* Built from the innermost message outwards, so from the end of the buffer to its beginning. */
uint8_t *raw_deep_tree(unsigned depth, size_t *ret_size) {
    const size_t capacity = (size_t)depth * 8;
    uint8_t *buffer = malloc(capacity + 1);
    if (buffer == NULL) {
        abort();
    }
    size_t size = 0;
    for (unsigned level = 1; level < depth; level++) {
        size_t header = 1 + varint_size(size);
        uint8_t *at = buffer + capacity - size - header;
        put_varint(at + 1, size);
        at[0] = 2 << 3 | 2; /* Tree.children, a length-prefixed field */
        size += header;
    }
    memmove(buffer, buffer + capacity - size, size);
    *ret_size = size;
    return buffer;
}

uint8_t *raw_unknown_fields(size_t size) {
    uint8_t *buffer = malloc(size + 2);
    if (buffer == NULL) {
        abort();
    }
    for (size_t i = 0; i < size; i += 2) {
        buffer[i] = 15 << 3; /* field 15, a varint */
        buffer[i + 1] = 1;
    }
    return buffer;
}
