/*
 * draft.h: what it takes to send a call of ours that is not sent at once, or that may have to be sent again: the channel that it is
 * made through, and its request, encoded. Only a call that waits, or that can be made again, has a draft.
 */
#ifndef YOKE_RPC_DRAFT_H
#define YOKE_RPC_DRAFT_H

#include "rpc/call.h"
#include "rpc/codec.h"

/* Most requests fit into this, so drafts of this size are kept idle without counting them, as calls are. */
#define YOKE__DRAFT_SMALL 256u

struct yoke__draft {
    union {
        struct yoke_channel *channel;
        struct yoke__draft *next_idle; /* in the engine's free list */
    };
    uint64_t key;         /* of the request; 0: none */
    size_t length;        /* of the request */
    size_t cost;          /* what the call counts for in the channel while it waits */
    uint64_t since_ns;    /* while it waits, since when; roughly */
    uint64_t deadline_ns; /* while it pauses: the call's own, whose place the end of the pause has taken */
    uint8_t size_class;   /* room for 256 bytes, 1 KiB, 4 KiB, … 64 KiB; YOKE__DRAFT_CLASSES: too large to be kept */

    /* What is zero at first. */
    struct {
        uint32_t attempts;       /* that have been made */
        bool has_request : 1;    /* false: requests stream */
        bool is_waiting : 1;     /* among the channel's waiting calls */
        bool is_pausing : 1;     /* among the channel's pausing calls */
        bool half_closed : 1;    /* said before there was anybody to tell */
        bool may_be_handled : 1; /* a peer that is gone may have begun to */
    };
    uint8_t bytes[]; /* the request */
};

/* The call's draft; NULL: it has none. */
static inline struct yoke__draft *yoke__draft_of(const struct yoke_call *call) {
    return call->is_client ? call->draft : NULL;
}

/* Make one for a call that has none; `request` is NULL when requests stream. NULL: out of memory. */
struct yoke__draft *yoke__draft_create(struct yoke_call *call, struct yoke_channel *channel,
                                       const struct yoke__body *request, uint64_t key);

/* The request as it was encoded. */
static inline struct yoke__body yoke__draft_body(const struct yoke__draft *draft) {
    return (struct yoke__body){.message = draft->bytes, .length = draft->length};
}

/* Let go of the call's draft, which it has. */
void yoke__draft_release(struct yoke_call *call);

/* Free what is kept. */
void yoke__drafts_trim(struct yoke__engine *engine);

/* The call's deadline, also while it pauses. 0: none. */
uint64_t yoke__call_deadline_ns(const struct yoke_call *call);

#endif
