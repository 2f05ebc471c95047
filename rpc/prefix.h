/*
 * prefix.h: what precedes the message in an OPEN or END, each part announced by a flag: the deadline, 8 bytes; metadata
 * (the request's, or the trailers) and details of the status, each behind its length, 4 bytes.
 */
#ifndef YOKE_RPC_PREFIX_H
#define YOKE_RPC_PREFIX_H

#include "rpc/frame.h"
#include "rpc/metadata.h"

/* Bytes of a list, here or in a frame. */
struct yoke__block {
    const uint8_t *bytes;
    size_t length;
};

static inline struct yoke__block yoke__block_of(const struct yoke_metadata *list) {
    return (struct yoke__block){list->bytes, list->length};
}

struct yoke__prefix {
    uint64_t deadline_ns; /* 0: none */
    struct yoke__block metadata, details;
    size_t size; /* of all of it, in a frame that was read */
};

/* The flags that announce a part. Without any of them there is nothing to read or to write. */
#define YOKE__PREFIX_FLAGS (YOKE__FLAG_DEADLINE | YOKE__FLAG_METADATA | YOKE__FLAG_DETAILS)

/* What precedes a list. */
#define YOKE__BLOCK_LENGTH_SIZE 4u

/* The flags that announce it, and its size. */
static inline unsigned yoke__prefix_flags(const struct yoke__prefix *prefix) {
    return (prefix->deadline_ns != 0 ? YOKE__FLAG_DEADLINE : 0) |
           (prefix->metadata.length != 0 ? YOKE__FLAG_METADATA : 0) |
           (prefix->details.length != 0 ? YOKE__FLAG_DETAILS : 0);
}

static inline size_t yoke__prefix_size(const struct yoke__prefix *prefix) {
    return (prefix->deadline_ns != 0 ? YOKE__DEADLINE_SIZE : 0) +
           (prefix->metadata.length != 0 ? YOKE__BLOCK_LENGTH_SIZE + prefix->metadata.length : 0) +
           (prefix->details.length != 0 ? YOKE__BLOCK_LENGTH_SIZE + prefix->details.length : 0);
}

/* Write it; returns where the message goes. */
uint8_t *yoke__prefix_write(const struct yoke__prefix *prefix, uint8_t *out);

/* Read it when there is any. -EBADMSG: the payload is shorter than what is announced, or a list is none. */
int yoke__prefix_parse(const struct yoke__frame *frame, const uint8_t *payload, struct yoke__prefix *ret_prefix);

/* Read what the frame's flags announce. A payload of NULL is not read. Errors as yoke__prefix_parse(). */
static inline int yoke__prefix_read(const struct yoke__frame *frame, const uint8_t *payload,
                                    struct yoke__prefix *ret_prefix) {
    if ((frame->flags & YOKE__PREFIX_FLAGS) == 0 || payload == NULL) {
        *ret_prefix = (struct yoke__prefix){0};
        return 0;
    }
    return yoke__prefix_parse(frame, payload, ret_prefix);
}

/* What the announced parts take when each list has so many bytes. */
size_t yoke__prefix_bound(const struct yoke__frame *frame, size_t metadata_bytes);

#endif
