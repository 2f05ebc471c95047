/*
 * bytes.h: what goes over the wire, put together by hand from docs/protocol.md and not by Yoke's own code: right
 * frames, wrong ones, and messages that are well framed and hard to decode.
 */
#ifndef YOKE_TESTS_HOSTILE_BYTES_H
#define YOKE_TESTS_HOSTILE_BYTES_H

#include <stddef.h>
#include <stdint.h>

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_OPEN = 2,
    FRAME_END = 3,
    FRAME_EVENT = 4,
    FRAME_CANCEL = 5,
    FRAME_MESSAGE = 6,
    FRAME_CREDIT = 7,
    FRAME_HEADERS = 8,
    FRAME_GOAWAY = 9,
    FRAME_BUFFER = 10,
    FRAME_RELEASE = 11,
    FRAME_READY = 12,
    FRAME_DRAIN = 13
};

enum frame_flag {
    FLAG_END_STREAM = 0x01,
    FLAG_DEADLINE = 0x02,
    FLAG_NO_MESSAGE = 0x04,
    FLAG_MORE = 0x08,
    FLAG_METADATA = 0x10,
    FLAG_DETAILS = 0x20,
    FLAG_SHARED = 0x40
};

#define HEADER_SIZE 16
#define MAGIC 0x454b4f59u
#define CREDIT_INITIAL (2u << 20)
#define WHOLE_MAX (1088u << 10)

struct header {
    uint32_t length, stream, method;
    uint8_t type, flags;
    uint16_t aux;
};

/* Zeroed: empty. Whoever runs out of memory aborts. */
struct bytes {
    uint8_t *data;
    size_t size, capacity;
};

void bytes_release(struct bytes *bytes);

/* Append bytes, or zeroes where `data` is NULL; the low bytes of a number; a header as it is. */
void bytes_add(struct bytes *bytes, const void *data, size_t size);
void bytes_number(struct bytes *bytes, uint64_t value, unsigned size);
void bytes_header(struct bytes *bytes, const struct header *header);

/* Append a frame: header.length is set to `size`. */
void bytes_frame(struct bytes *bytes, struct header header, const void *payload, size_t size);

/* Append a field of a message, with its length before it. */
void bytes_field(struct bytes *bytes, unsigned number, const void *data, size_t size);

/* Append a probe.Tree nested `depth` levels deep. */
void bytes_deep_tree(struct bytes *bytes, unsigned depth);

/* Append `size` bytes of unknown fields, two bytes each, for any message that has no field 15. */
void bytes_unknown_fields(struct bytes *bytes, size_t size);

void header_decode(const uint8_t bytes[HEADER_SIZE], struct header *ret_header);

#endif
