/* codec.h: decode the bytes of a peer within all bounds, and say in gRPC's codes what was wrong with them. */
#ifndef YOKE_RPC_CODEC_H
#define YOKE_RPC_CODEC_H

#include "rpc/engine.h"
#include "rpc/frame.h"

#include <string.h>

struct yoke__loan;

/* A message that has arrived. */
struct yoke__parcel {
    const uint8_t *bytes;
    size_t length;
    struct yoke__loan *loan; /* the buffer of the peer's that it lies in; NULL: in memory of our own */
};

/*
 * Decode a message into an arena that the caller gives back with yoke__engine_put_arena(). Returns YOKE_OK, or, with
 * the outputs untouched, YOKE_INTERNAL for malformed or too deeply nested bytes and YOKE_RESOURCE_EXHAUSTED when the
 * budget or the memory does not suffice. What is decoded may point into the buffer, which it then keeps.
 */
enum yoke_code yoke__message_decode(struct yoke__engine *engine, const struct yoke_type *type,
                                    const struct yoke__parcel *parcel, struct yoke_arena **ret_arena,
                                    const void **ret_message);

/* Decode bytes in memory of our own into an arena that is there. 0, -ENOMEM, -EBADMSG. */
int yoke__message_unpack(const struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                         const uint8_t *bytes, size_t length, const void **ret_message);

/* A message that is to be sent. */
struct yoke__body {
    const struct yoke_type *type; /* NULL: `message` is encoded already */
    const void *message;
    size_t length;        /* encoded */
    size_t shared_length; /* of the message that `message` refers to; 0: it does not refer to one */
};

/* The flag that says so. */
static inline unsigned yoke__body_flags(const struct yoke__body *body) {
    return body->shared_length > 0 ? YOKE__FLAG_SHARED : 0;
}

/* Write its bytes. */
static inline void yoke__body_write(const struct yoke__body *body, uint8_t *out) {
    if (body->type != NULL) {
        body->type->codec->pack(body->type->descriptor, body->message, out);
    } else if (body->length > 0) {
        memcpy(out, body->message, body->length);
    }
}

/* What is wrong with a message that yoke__message_decode() gave this code, to follow "the reply ". */
const char *yoke__message_fault(enum yoke_code code);

#endif
