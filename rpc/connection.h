/*
 * connection.h: the protocol between two processes as a state machine: bytes in → frames → calls; calls → frames →
 * bytes out. No I/O and no clock; a transport moves the bytes. docs/protocol.md describes the frames and the rules.
 */
#ifndef YOKE_RPC_CONNECTION_H
#define YOKE_RPC_CONNECTION_H

#include "rpc/borrow.h"
#include "rpc/call_map.h"
#include "rpc/codec.h"
#include "rpc/engine.h"
#include "rpc/event.h"
#include "rpc/frame.h"
#include "rpc/list.h"
#include "rpc/output.h"
#include "rpc/server.h"
#include "rpc/watch.h"

#include <errno.h>

struct yoke__connection;
struct yoke__lender;
struct yoke__prefix;

/* A descriptor that is to be sent along with a frame that is queued. */
struct yoke__passing {
    int fd;       /* -1: none */
    size_t ahead; /* bytes of the queue that precede the frame */
};

/* What a connection tells its transport. */
struct yoke__connection_hooks {
    /* Bytes were queued, or the connection has failed. Must not call back into the connection's user. */
    void (*attention)(struct yoke__connection *connection);

    /* The peer's HELLO has arrived, or, if that says that it is still starting, its READY. */
    void (*ready)(struct yoke__connection *connection);

    /* The peer takes no more calls. */
    void (*leaving)(struct yoke__connection *connection);

    /* A call's handler is given a time that is over before that of all others; see yoke__connection_overdue_ns(). Must not call
     * back into the connection's user. NULL: not interested. */
    void (*watching)(struct yoke__connection *connection);

    /* The peer, our master, wants us to stop. NULL on a side that does not drain. */
    void (*draining)(struct yoke__connection *connection);
};

struct yoke__connection {
    struct yoke__engine *engine;
    struct yoke_server *server;
    struct yoke_events *events;
    const struct yoke__connection_hooks *hooks;
    struct yoke_peer peer;

    struct yoke__output output;
    struct yoke__chunk *input; /* unparsed bytes; NULL when there are none */
    size_t input_wanted;       /* the size of the frame that is partly in `input`; 0 while unknown */
    size_t input_skip;         /* bytes still to be discarded: the payload of an oversized frame */
    uint64_t input_offset;     /* of the first unparsed byte in all bytes received, for messages */

    struct yoke__lender *lender;    /* buffers that we share with the peer; NULL: none yet */
    struct yoke__borrowed borrowed; /* those that the peer shares with us */
    struct yoke__passing passing;
    bool is_parent; /* we are the master's side */

    struct yoke__call_map calls;
    struct yoke__link outgoing, incoming; /* our calls and the peer's */
    struct yoke__link senders, waiters;   /* streams with fragments to send; streams that wait for a shorter queue */
    bool is_pumping;                      /* fragments are being queued; whoever does it will ask for attention */
    size_t buffered_bytes; /* of the peer's unanswered requests in memory, and of messages that wait to be delivered */
    size_t outbox_bytes;   /* of messages that wait to become fragments */
    size_t outgoing_count, incoming_count;
    size_t ping_count;             /* of our calls */
    uint64_t answered_count;       /* of our calls but pings, whatever the answer */
    struct yoke_channel *relieves; /* it wants to hear when one of our calls has ended; NULL: none does */
    unsigned place;                /* which of its peers this is */
    struct yoke__link watched;     /* our calls whose handlers are given a time */
    struct yoke__watch watch;
    bool is_receiving; /* frames are being handled, perhaps by a callback that runs the loop */
    uint32_t next_stream;
    bool streams_wrapped; /* next_stream has passed the end of its range */

    bool is_starting;       /* our HELLO says so, or will; READY is due */
    bool peer_is_starting;  /* its READY is due */
    bool drains;            /* our HELLO says that we want DRAIN */
    bool drain_told;        /* DRAIN is queued, or has come */
    bool greeted;           /* our HELLO is queued */
    bool can_call;          /* calls and events may be sent */
    bool hello_received;    /* and `peer_services` is filled */
    bool going_away;        /* GOAWAY is queued: new calls of the peer are passed over */
    bool peer_going_away;   /* its GOAWAY has come: it takes no calls, but events */
    uint32_t last_incoming; /* the peer's last call that was not passed over; 0: none yet */
    bool unreachable;       /* the peer cannot receive any more: answers are not accepted */
    bool closed;
    struct yoke__hello peer_services;
    bool is_own_failure; /* the failure is not the peer's fault */
    char failure[160];   /* why the connection must end; empty while it need not */
};

/* Our end of a connection to `peer`. `is_parent`: we are the master's side. Nothing is queued yet. A transport that passes
 * descriptors calls yoke__connection_allow_sharing() then. */
void yoke__connection_init(struct yoke__connection *connection, struct yoke__engine *engine, struct yoke_server *server,
                           struct yoke_events *events, const struct yoke_peer *peer, bool is_parent,
                           const struct yoke__connection_hooks *hooks);

/* Let large messages come and go through shared memory, as far as the limits allow. */
void yoke__connection_allow_sharing(struct yoke__connection *connection);

/* The descriptor that is passed has left, or never will. */
void yoke__connection_end_passing(struct yoke__connection *connection);

/* Free what close() left. */
void yoke__connection_release(struct yoke__connection *connection);

/* Queue our HELLO unless it has been, which fixes the server's services. Done by the first frame anyway. -ENOMEM. */
int yoke__connection_greet(struct yoke__connection *connection);

/* Room for bytes to be received: `ret_room` bytes, at least one. NULL when out of memory. */
uint8_t *yoke__connection_input(struct yoke__connection *connection, size_t *ret_room);

/*
 * `size` bytes were put where yoke__connection_input() said. Handles all frames that are complete now. Afterwards the
 * connection may have failed: look at `failure`.
 */
void yoke__connection_received(struct yoke__connection *connection, size_t size);

/* What a new call is besides its method and request. */
struct yoke__call_setup {
    uint32_t max_reply_bytes;
    uint64_t deadline_ns;        /* 0: none */
    uint64_t handler_timeout_us; /* 0: none */
    struct yoke_call *parent;    /* NULL: none */
    yoke_function *on_message;   /* NULL unless replies stream */
    yoke_function *done;
    void *user_data;
};

/* A call that we are about to make; NULL when out of memory. Start it, settle it, or discard it. */
struct yoke_call *yoke__call_create(struct yoke__engine *engine, const struct yoke_method *method,
                                    const struct yoke__call_setup *setup);
void yoke__call_discard(struct yoke_call *call);

/* Send it to this peer; `request` is NULL when requests stream. Errors as yoke_channel_call(). */
int yoke__call_start(struct yoke_call *call, struct yoke__connection *connection, const struct yoke__body *request);

/* Tell the peer that a call of ours is not wanted any more. If there is no memory for that it will answer in vain. */
void yoke__connection_send_cancel(struct yoke__connection *connection, uint32_t stream, uint32_t method);

/* Run the callback of a call of ours that is on no connection, and free it. */
void yoke__call_complete(struct yoke_call *call, enum yoke_code code, const char *message, const void *reply);

/*
 * Queue an event, and tell where it has been written. yoke__connection_attention() must follow. Errors as
 * yoke_channel_emit().
 */
int yoke__connection_emit(struct yoke__connection *connection, const struct yoke_event_type *type,
                          const struct yoke__body *event, const uint8_t **ret_bytes);
void yoke__connection_attention(struct yoke__connection *connection);

/*
 * Queue the answer to a call of the peer: a reply, or NULL when it has been sent before; or an error. -ENOMEM: the connection
 * has failed, so that the peer learns of it.
 */
int yoke__connection_answer(struct yoke__connection *connection, struct yoke_call *call,
                            const struct yoke__body *reply);
int yoke__connection_answer_error(struct yoke__connection *connection, struct yoke_call *call, enum yoke_code code,
                                  const char *message);

/* Fail if the peer lets too many answers pile up. */
void yoke__connection_check_unread(struct yoke__connection *connection);

/* No more frames are expected for the call: its id is free. It still counts. Harmless when done before. */
void yoke__connection_unmap_call(struct yoke__connection *connection, struct yoke_call *call);

/* Write a frame's header and reserve its payload behind it; then queue it. NULL when out of memory. */
uint8_t *yoke__connection_reserve(struct yoke__connection *connection, const struct yoke__frame *frame);

/* The same, with what precedes the message, which is written and added to the frame. `prefix` may be NULL. */
uint8_t *yoke__connection_reserve_behind(struct yoke__connection *connection, struct yoke__frame *frame,
                                         const struct yoke__prefix *prefix);
static inline void yoke__connection_queue(struct yoke__connection *connection, size_t payload_length) {
    yoke__output_commit(&connection->output, YOKE__FRAME_HEADER_SIZE + payload_length);
}

/* The connection must end for a reason of ours. The first failure counts. */
void yoke__connection_break(struct yoke__connection *connection, const char *reason);

/* The connection must end because of the peer, and this is why. The first failure counts. */
void yoke__connection_fail(struct yoke__connection *connection, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* True while so much waits to be sent, in the queue and in outboxes, that nothing should be added. */
static inline bool yoke__connection_is_congested(const struct yoke__connection *connection) {
    return connection->output.queued + connection->outbox_bytes > connection->engine->limits.max_queued_bytes;
}

/* May a call or event of this length be queued now? Errors as yoke_channel_call(). */
static inline int yoke__connection_check_sendable(const struct yoke__connection *connection, size_t length) {
    if (!connection->can_call) {
        return -ENOTCONN;
    }
    if (length > connection->engine->limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    return yoke__connection_is_congested(connection) ? -ENOBUFS : 0;
}

/* Make room in all that a call is entered into; -ENOMEM. Then enter it. */
static inline int yoke__connection_reserve_call(struct yoke__connection *connection) {
    int error = yoke__call_map_reserve(&connection->calls);
    return error != 0 ? error : yoke__deadlines_reserve(&connection->engine->deadlines);
}
void yoke__connection_add_call(struct yoke__connection *connection, struct yoke_call *call);

/* Take a call off the connection. */
void yoke__connection_remove_call(struct yoke__connection *connection, struct yoke_call *call);

/* The peer sends no more: complete our calls as UNAVAILABLE with this message; go on answering its calls. */
void yoke__connection_end_input(struct yoke__connection *connection, const char *message);

/* The connection is gone: complete our calls as UNAVAILABLE with this message, cut loose the peer's, drop all bytes. */
void yoke__connection_close(struct yoke__connection *connection, const char *message);

/* Has the peer announced this service? */
bool yoke__connection_peer_serves(const struct yoke__connection *connection, uint32_t service_id);

/* True when a call would be neither -ENOTCONN nor -ENOBUFS. */
bool yoke__connection_takes_calls(const struct yoke__connection *connection);

/* Take no more calls of the peer: tell it which was the last. What has been taken goes on. */
void yoke__connection_go_away(struct yoke__connection *connection);

/* We have started. Queue READY, or our HELLO, which says so then. -ENOMEM. */
int yoke__connection_say_ready(struct yoke__connection *connection);

/* Has the peer greeted us, and said that it is ready? */
static inline bool yoke__connection_peer_is_ready(const struct yoke__connection *connection) {
    return connection->hello_received && !connection->peer_is_starting;
}

/* Tell a worker that drains that it shall stop; it answers by GOAWAY when it has done what is its own. */
void yoke__connection_drain(struct yoke__connection *connection);

/* End every call in flight, ours as CANCELLED, the peer's as UNAVAILABLE with this message. */
void yoke__connection_give_up(struct yoke__connection *connection, const char *message);

/* Give back what is kept for calls to come. */
void yoke__connection_trim(struct yoke__connection *connection);

/* True when nothing is in flight: no call either way, no byte to send. */
bool yoke__connection_is_idle(const struct yoke__connection *connection);

#endif
