/*
 * envelope.h: what goes around a call's messages, for the calls that have any of it: metadata, and details of the status. A plain
 * call has no envelope, and pays for none.
 */
#ifndef YOKE_RPC_ENVELOPE_H
#define YOKE_RPC_ENVELOPE_H

#include "rpc/metadata.h"

struct yoke__engine;

struct yoke__envelope {
    struct yoke_metadata metadata; /* of the request */
    struct yoke_metadata headers, trailers;
    struct yoke_metadata details; /* of the status: names of message types, and messages */

    /* What means something at times only. */
    struct yoke__envelope *next_idle; /* in the engine's free list */
    void *on_headers_data;
    uint64_t started_ns; /* of a ping */

    /* What is zero at first, from here to the end: see yoke__envelope_release(). */
    yoke_headers_hook *on_headers;
    struct yoke_arena *details_arena; /* of decoded details; NULL: none */
    char *verdict_message;            /* of a call that an interceptor has refused */
};

/* The call's envelope, made if it has none. NULL: out of memory, or the call's engine is gone. */
struct yoke__envelope *yoke__envelope_of(struct yoke_call *call);

/* Free the call's envelope, which it has. */
void yoke__envelope_release(struct yoke_call *call);

/* Free it for good. */
void yoke__envelope_destroy(struct yoke__envelope *envelope);

/* The length of a list of the call's; 0 without an envelope. */
static inline size_t yoke__envelope_length(const struct yoke__envelope *envelope, const struct yoke_metadata *list) {
    return envelope != NULL ? list->length : 0;
}

#endif
