/* wire.h: bytes as a peer would send them, right or wrong, built frame by frame. */
#ifndef YOKE_TESTS_UNIT_WIRE_H
#define YOKE_TESTS_UNIT_WIRE_H

#include "rpc/frame.h"

#include <stddef.h>
#include <yoke/rpc.h>

struct wire {
    uint8_t bytes[32768];
    size_t length;
};

/* Append bytes, or zeroes where `bytes` is NULL. */
void wire_add(struct wire *wire, const void *bytes, size_t length);

/* Append a frame whose payload is header->length bytes from `payload`. */
void wire_frame(struct wire *wire, const struct yoke__frame *header, const void *payload);

/* Append a right frame. Payloads are unit.Bytes with `size` bytes of 'x', of which HELLO and error END have none. */
void wire_hello(struct wire *wire);
void wire_open(struct wire *wire, uint32_t stream, const struct yoke_method *method, size_t size);
void wire_end(struct wire *wire, uint32_t stream, const struct yoke_method *method, size_t size);
void wire_end_error(struct wire *wire, uint32_t stream, const struct yoke_method *method, enum yoke_code code,
                    const char *message);

/* Append an EVENT with a unit.Note. */
void wire_note(struct wire *wire, const char *text);

#endif
