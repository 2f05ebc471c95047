/*
 * stream.h: the messages of a call beyond the one that its OPEN or END carries: streams of them, and single ones that are
 * too large for a frame. Credit bounds what an unread stream can pile up; fragments keep a large message from holding
 * up its neighbours. A plain unary call with small messages has no stream at all.
 */
#ifndef YOKE_RPC_STREAM_H
#define YOKE_RPC_STREAM_H

#include "rpc/codec.h"
#include "rpc/frame.h"
#include "rpc/list.h"
#include "rpc/output.h"

#include <yoke/rpc.h>

struct yoke__connection;
struct yoke__engine;

/* What a side may send on each stream before it gets more credit: bytes of MESSAGE frames, headers included. */
#define YOKE__CREDIT_INITIAL (2u * 1024u * 1024u)

/* The first fragment of a message begins with the length of the whole, this many bytes. */
#define YOKE__TOTAL_SIZE 4

/* The largest message that goes in one frame; and the fragments of a larger one, such that a frame fills a chunk. */
#define YOKE__WHOLE_MAX (1088u * 1024u)
#define YOKE__FRAGMENT_SIZE (64u * 1024u - YOKE__FRAME_HEADER_SIZE - YOKE__TOTAL_SIZE)

/* The payload of a CREDIT frame. */
#define YOKE__CREDIT_SIZE 4

struct yoke__stream {
    struct yoke_call *call;
    struct yoke__stream *next_idle; /* in the engine's free list */

    /* Sending. */
    size_t send_credit;
    struct yoke__chunk *outbox; /* an encoded message of which at least a part is to be sent; NULL: none */
    bool outbox_begun;          /* a part has been */
    bool send_ended;            /* no further message is accepted */
    struct yoke__link sender;   /* among the connection's senders, while the outbox has credit */
    struct yoke__link waiter;   /* among the connection's waiters, while its queue is too long */
    bool wants_writable;        /* a message was refused, and the user waits to hear */

    /* Receiving. */
    size_t receive_credit;          /* what the peer may still send */
    size_t consumed;                /* what we shall give it back */
    struct yoke__chunk *inbox_part; /* a message of which a part has been received; NULL: none */
    size_t inbox_part_total;
    size_t inbox_part_cost;         /* what to give back for it */
    struct yoke__chunk *inbox_only; /* the only message of this direction, when it came in parts; NULL: none */
    struct yoke__output inbox;      /* whole messages that wait, each behind its struct record */
    size_t inbox_count;             /* messages in both */
    size_t buffered;                /* bytes in both, in the connection's sum, too */
    bool held;                      /* by the user */

    struct yoke__link wakeup; /* among the engine's wakeups, while a callback is due */

    /* The status that ends the call when all messages before it are gone: at the caller the one that was received, at
     * the handler's side the one to be sent. */
    bool has_status;
    enum yoke_code status_code;
    char *status_message; /* NULL: empty */
};

/* The call's stream, made if it has none; NULL when out of memory. */
struct yoke__stream *yoke__stream_of(struct yoke_call *call);

/* Its call leaves its connection: nothing more is sent. What has been received stays. */
void yoke__stream_detach(struct yoke__stream *stream);

/* Its call, which is not in a callback, is cancelled: that goes, too. */
void yoke__stream_void(struct yoke__stream *stream);

/* Its call, which has left its connection before anything was received, begins anew. */
void yoke__stream_renew(struct yoke_call *call);

/* Free the call's stream, which it has. */
void yoke__stream_release(struct yoke_call *call);

/*
 * Send a message, in fragments if it is large. `last`: nothing follows in this direction. `may_wait`: refuse with -EAGAIN
 * while the peer or the queue cannot take it. -EPIPE: the direction has ended; -ENOMEM.
 */
int yoke__stream_send(struct yoke_call *call, const struct yoke__body *message, bool last, bool may_wait);

/* A call that has waited for a peer has one: its user can send now. */
void yoke__stream_welcome(struct yoke_call *call);

/* Tell the peer that no message follows. -EPIPE: it has been told; -ENOMEM. */
int yoke__stream_half_close(struct yoke_call *call);

/* End the call with this status once the messages before it are sent. 0: done at once; 1: later; -ENOMEM. */
int yoke__stream_finish(struct yoke_call *call, enum yoke_code code, const char *message);

/* Queue fragments while the connection's queue is short. True when it queued something. */
bool yoke__streams_pump(struct yoke__connection *connection);

/* Frames of the peer, whose headers have been checked. */
void yoke__stream_receive_message(struct yoke__connection *connection, const struct yoke__frame *frame,
                                  const uint8_t *payload);
void yoke__stream_receive_credit(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload);

/*
 * Take a whole message that came with OPEN or END, or in fragments. It may be delivered at once, or wait. False when the
 * call has ended over it.
 */
bool yoke__stream_take(struct yoke_call *call, const struct yoke__parcel *parcel, size_t cost);

/* The peer sends no more messages on this call, which we handle. */
void yoke__stream_end_input(struct yoke_call *call);

/* The peer's status has come. The call is completed now, or when the messages before it have been delivered. */
void yoke__stream_receive_status(struct yoke_call *call, enum yoke_code code, const char *message);

/* The one message that waits; false when there is not one. */
bool yoke__stream_only(const struct yoke__stream *stream, struct yoke__parcel *ret_parcel);

/* Deliver what waits, held or not: there will be no other time. */
void yoke__stream_flush_inbox(struct yoke_call *call);

/*
 * Take the first message that waits, of which there is one, for a user that blocks. It lives in the call's arena until the
 * next. False when it cannot be decoded, over which the call ends.
 */
bool yoke__stream_pull(struct yoke_call *call, const void **ret_message);

/* Would yoke_call_send() give -EAGAIN? */
bool yoke__stream_is_blocked(const struct yoke_call *call);

/* Run the callbacks that are due. From the loop. */
void yoke__stream_wake(struct yoke__stream *stream);

#endif
