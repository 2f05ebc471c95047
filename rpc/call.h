/*
 * call.h: one call at one side. A client call lives from its OPEN to its completion. A server call lives until the
 * handler has returned and the call is answered, even when its connection is gone by then.
 */
#ifndef YOKE_RPC_CALL_H
#define YOKE_RPC_CALL_H

#include "rpc/list.h"

#include <yoke/rpc.h>

struct yoke__connection;
struct yoke__engine;
struct yoke__parcel;

struct yoke_call {
    struct yoke__connection *connection; /* NULL when it is gone */
    struct yoke__engine *engine;         /* NULL when it is gone, too */
    struct yoke_call *next_idle;         /* in the engine's free list */
    struct yoke__link link;              /* in a list of the connection, or among the engine's settled or orphans */
    const struct yoke_method *method;
    struct yoke_peer peer;
    uint32_t stream;
    struct yoke__stream *streaming;  /* NULL while the call has no messages beyond those of its OPEN and END */
    struct yoke__envelope *envelope; /* NULL while the call is nothing but messages */
    void *data;                      /* the user's */
    yoke_writable_hook *on_writable;
    void *on_writable_data;
    bool is_client;
    struct yoke_call *next_in_map;
    bool is_mapped;      /* in the connection's map: frames for it are expected */
    bool headers_passed; /* its headers, or what they would have preceded, are sent, or received */

    uint64_t deadline_ns;  /* CLOCK_MONOTONIC; 0: none */
    size_t deadline_index; /* in the engine's deadlines, while is_timed */
    bool is_timed;

    /* Client side: callbacks. Server side: the handlers' user_data. */
    void *user_data;

    /* Client side. */
    yoke_function *done, *on_message;
    uint32_t max_reply_bytes;
    struct yoke__link sibling;   /* among the calls that the parent made */
    enum yoke_code verdict;      /* what the callback will be told; set once the call has ended on our side */
    const char *verdict_message; /* static, or the envelope's */
    bool safe_to_retry;          /* the peer has certainly not begun to handle it */

    /* Client side, when its user blocks instead of being called back: how it ended. */
    bool is_sync;
    bool is_awaited;    /* the loop runs for its sake */
    const void *reply;  /* in `arena` */
    char *kept_message; /* NULL: empty */

    /* Server side. */
    struct yoke_arena *arena;   /* holds the request; at the client side the reply */
    size_t held_bytes;          /* of memory, metadata at first, the request's once its handler has returned */
    struct yoke__link children; /* calls that end with this one */
    const void *handlers;
    unsigned in_handler; /* callbacks that run with this call */
    bool dispatched;     /* the handler knows of it and will answer it */
    bool input_ended;    /* the caller sends no more messages */
    bool answered, cancelled;
    bool retired; /* answered, and nothing is left to be sent: to be freed when no callback runs */
    yoke_cancel_hook *on_cancel;
    void *on_cancel_data;
};

/* Does the caller send any number of messages, instead of one? Does the handler? */
static inline bool yoke__requests_stream(const struct yoke_method *method) {
    return method->kind == YOKE_CLIENT_STREAMING || method->kind == YOKE_BIDI_STREAMING;
}

static inline bool yoke__replies_stream(const struct yoke_method *method) {
    return method->kind == YOKE_SERVER_STREAMING || method->kind == YOKE_BIDI_STREAMING;
}

/* Interceptors, which only a call with an envelope has, hear how it ended, and may change that. */
void yoke__chain_finish(struct yoke_call *call, struct yoke_status *status);
static inline void yoke__call_finish(struct yoke_call *call, struct yoke_status *status) {
    if (call->envelope != NULL) {
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
