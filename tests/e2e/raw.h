/*
 * raw.h: bytes that no well-behaved side would send: any bytes as a message, through a codec of our own, and any bytes
 * on the channel, past Yoke. Frames are put together by hand here, from docs/protocol.md and not from Yoke's own code.
 */
#ifndef YOKE_TESTS_RAW_H
#define YOKE_TESTS_RAW_H

#include <yoke/rpc.h>

/* The message of raw_type: its bytes are what is sent. */
struct raw_bytes {
    const uint8_t *data;
    size_t size;
};

extern const struct yoke_type raw_type;

enum raw_frame_type { RAW_HELLO = 1, RAW_OPEN = 2, RAW_END = 3, RAW_EVENT = 4 };

#define RAW_HEADER_SIZE 16

/* Writes the header of a frame. */
void raw_frame(uint8_t out[RAW_HEADER_SIZE], enum raw_frame_type type, uint32_t length, uint32_t stream,
               uint32_t method, uint8_t flags, uint16_t aux);

/* A probe.Tree nested `depth` levels deep. To be freed. */
uint8_t *raw_deep_tree(unsigned depth, size_t *ret_size);

/* `size` bytes of unknown fields, two bytes each, for any message that has no field 15. To be freed. */
uint8_t *raw_unknown_fields(size_t size);

#endif
