/*
 * call.h: one call at one side. A client call lives from its OPEN to its completion. A server call lives until the
 * handler has returned and the call is answered, even when its connection is gone by then.
 */
#ifndef YOKE_RPC_CALL_H
#define YOKE_RPC_CALL_H

#include "rpc/list.h"

#include <yoke/rpc.h>

struct yoke__connection;
struct yoke__draft;
struct yoke__engine;
struct yoke__parcel;

struct yoke_call {
    /* What whoever makes the call sets. */
    struct yoke__engine *engine; /* NULL when it is gone */
    const struct yoke_method *method;
    struct yoke_peer peer;  /* zeroes while nobody has been asked */
    uint32_t stream;        /* 0 while nobody has been asked */
    uint64_t deadline_ns;   /* CLOCK_MONOTONIC; 0: none */
    void *user_data;        /* for callbacks, or for the handlers */
    struct yoke__link link; /* in a list of the connection, or among the engine's settled or orphans */

    /* The same, client side. */
    yoke_function *done, *on_message;
    struct yoke__link sibling; /* among the calls that the parent made */
    uint32_t max_reply_bytes;
    uint64_t
        request_end; /* in all that is sent: behind what the peer must have before it can begin to handle the call */

    /* The same, server side. */
    const void *handlers;
    struct yoke__link children; /* calls that end with this one */

    /* What means something at times only. */
    struct yoke_call *next_idle;       /* in the engine's free list */
    struct yoke_call *next_in_map;     /* while is_mapped */
    size_t deadline_index;             /* in the heap of the engine's deadlines, while is_timed */
    struct yoke_call *earlier, *later; /* in their list */
    void *on_writable_data, *on_cancel_data;
    const char *verdict_message; /* static, or the envelope's; once there is a verdict */

    /* While interceptors have started. */
    const struct yoke__chain *chain;
    void *call_data[YOKE_INTERCEPTORS_MAX]; /* what each of them keeps for the call */

    /* While has_handler_time, or is_watched. */
    uint64_t handler_timeout_us, handler_due_ns, sent_ns;
    struct yoke__link watch; /* among the connection's watched */

    /* While is_sync. */
    bool is_awaited;    /* the loop runs for its sake */
    const void *reply;  /* in `arena`; once it has ended */
    char *kept_message; /* how it ended; NULL: empty */

    /* What is zero at first, from here to the end: see yoke__engine_get_call(). In bits, so that a few stores do. */
    struct yoke__connection *connection; /* NULL when it is gone */
    struct yoke__stream *streaming;      /* NULL while the call has no messages beyond those of its OPEN and END */
    struct yoke__envelope *envelope;     /* NULL while the call is nothing but messages */
    struct yoke_arena *arena;            /* holds the request; at the client side the reply */
    size_t held_bytes;                   /* of memory, metadata at first, the request's once its handler has returned */
    void *data;                          /* the user's */
    yoke_writable_hook *on_writable;
    union {
        yoke_cancel_hook *on_cancel; /* server side */
        struct yoke__draft *draft;   /* client side; NULL unless it waits, or can be made again */
    };
    unsigned in_handler;    /* callbacks that run with this call */
    enum yoke_code verdict; /* client side: what the callback will be told; set once the call has ended on our side */
    uint8_t started;        /* interceptors whose start has run and whose finish has not */
    bool is_starting : 1;   /* one of them is being asked */
    bool is_finishing : 1;  /* they are being told */
    bool is_client : 1;
    bool is_mapped : 1;      /* in the connection's map: frames for it are expected */
    bool is_timed : 1;       /* among the engine's deadlines */
    bool headers_passed : 1; /* its headers, or what they would have preceded, are sent, or received */
    bool retired : 1;        /* ended, or answered, and nothing is left to be sent: to be freed when no callback runs */
    bool safe_to_retry : 1;  /* client side: the peer has certainly not begun to handle it */
    bool is_sync : 1;        /* client side: its user blocks instead of being called back */
    bool is_ping : 1;        /* client side */
    bool has_handler_time : 1; /* client side: its handler is given a time */
    bool is_watched : 1;       /* client side: that time runs */
    bool dispatched : 1;       /* server side, as what follows: the handler knows of it and will answer it */
    bool input_ended : 1;      /* the caller sends no more messages */
    bool answered : 1, cancelled : 1;
};

/* Does the caller send any number of messages, instead of one? Does the handler? */
static inline bool yoke__requests_stream(const struct yoke_method *method) {
    return method->kind == YOKE_CLIENT_STREAMING || method->kind == YOKE_BIDI_STREAMING;
}

static inline bool yoke__replies_stream(const struct yoke_method *method) {
    return method->kind == YOKE_SERVER_STREAMING || method->kind == YOKE_BIDI_STREAMING;
}

/* Interceptors, if it has any, hear how it ended, and may change that. */
void yoke__chain_finish(struct yoke_call *call, struct yoke_status *status);
static inline void yoke__call_finish(struct yoke_call *call, struct yoke_status *status) {
    if (call->started > 0) {
        yoke__chain_finish(call, status);
    }
}

/* Around each callback that gets the call. False from the second: the call is gone, or has ended. */
void yoke__call_enter(struct yoke_call *call);
bool yoke__call_leave(struct yoke_call *call);

/*
 * Keep one of our calls, just started, for a user that blocks: messages wait until they are taken, and how it ends is kept in
 * it. It stays until it is unpinned.
 */
void yoke__call_pin(struct yoke_call *call);
void yoke__call_unpin(struct yoke_call *call);

/* Hand the only request of a call to its handler. */
void yoke__call_dispatch(struct yoke_call *call, const struct yoke__parcel *parcel);

/* The call is over at this side: take it off its connection; free it unless a callback still runs with it. */
void yoke__call_retire(struct yoke_call *call);

/* Queue the headers that precede its replies, even if there are none; or, if there are any and they are not sent. None can
 * follow. -ENOMEM. */
int yoke__call_send_headers(struct yoke_call *call);
int yoke__call_pass_headers(struct yoke_call *call);

/* Is this a call to answer that has not been answered? */
bool yoke__call_is_answerable(const struct yoke_call *call);

#endif
