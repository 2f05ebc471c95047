/*
 * metadata.h: a list of keys and values, kept as the very bytes that travel: records one behind the other, each
 * (value length: 4 bytes, key length: 1, key, NUL, value, NUL). A list read is a list checked; a list sent is a copy.
 */
#ifndef YOKE_RPC_METADATA_H
#define YOKE_RPC_METADATA_H

#include <yoke/rpc.h>

/* No list is longer, whatever the limits; what a user's own list may become before it meets a connection's limit. */
#define YOKE__METADATA_BYTES_MAX (64u * 1024u)

/* What a record takes besides its key and value. */
#define YOKE__METADATA_OVERHEAD 7u

struct yoke_metadata {
    uint8_t *bytes;
    size_t length, capacity;
    size_t limit;   /* of length */
    bool is_sealed; /* not the user's to change: it came from the peer, or has been sent */
};

/* What a list may hold. */
enum yoke__metadata_kind {
    YOKE__METADATA_PAIRS,  /* a user's keys and values */
    YOKE__METADATA_DETAILS /* names of message types, and messages */
};

/* A list that is reset keeps memory up to this. */
#define YOKE__METADATA_KEPT_MAX 1024u

void yoke__metadata_release(struct yoke_metadata *metadata);

/* An empty list, its memory kept unless it is large. */
static inline void yoke__metadata_reset(struct yoke_metadata *metadata, size_t limit) {
    if (metadata->capacity > YOKE__METADATA_KEPT_MAX) {
        yoke__metadata_release(metadata);
    }
    metadata->length = 0;
    metadata->limit = limit;
    metadata->is_sealed = false;
}

/*
 * Append a record. With a `value` of NULL the caller writes it, at *ret_value. The key is not looked at but for its
 * length, 1 to 255. -EMSGSIZE: over the limit; -ENOMEM.
 */
int yoke__metadata_append(struct yoke_metadata *metadata, const char *key, const void *value, size_t value_length,
                          uint8_t **ret_value);

/* Replace the list by these bytes of a list. -EMSGSIZE, -ENOMEM; then the list is empty. */
int yoke__metadata_copy(struct yoke_metadata *metadata, const uint8_t *bytes, size_t length);

/* Are these bytes of a peer a list of this kind? */
bool yoke__metadata_is_valid(const uint8_t *bytes, size_t length, enum yoke__metadata_kind kind);

#endif
