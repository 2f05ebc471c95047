/* stream_parts.h: what the files of stream.h share among themselves. */
#ifndef YOKE_RPC_STREAM_PARTS_H
#define YOKE_RPC_STREAM_PARTS_H

#include "rpc/call.h"
#include "rpc/frame.h"
#include "rpc/stream.h"

/* What a MESSAGE frame with so much payload takes of the credit. */
static inline size_t yoke__stream_cost(size_t length) {
    return YOKE__FRAME_HEADER_SIZE + length;
}

/* Can a further message begin to be sent, as far as the peer is concerned? */
static inline bool yoke__stream_has_credit(const struct yoke__stream *stream) {
    return stream->send_credit > yoke__stream_cost(YOKE__TOTAL_SIZE);
}

/* Must a further message wait to be sent? Then it is noted that its user wants to hear when not. */
bool yoke__stream_must_wait(struct yoke__stream *stream);

/* A callback is due. */
void yoke__stream_schedule(struct yoke__stream *stream);

/* The call cannot go on, through no wish of its user's. */
void yoke__stream_break(struct yoke_call *call, enum yoke_code code, const char *message);

/* Does the peer send exactly one message on this call? Then it waits in the inbox for the end of the stream. */
static inline bool yoke__stream_takes_one(const struct yoke_call *call) {
    return call->is_client ? !yoke__replies_stream(call->method) : !yoke__requests_stream(call->method);
}

/* Forget the message that is being sent, or received. */
void yoke__stream_drop_outbox(struct yoke__stream *stream);
void yoke__stream_drop_part(struct yoke__stream *stream);

/* Deliver what waits, unless it is held. False when the call has ended over it. */
bool yoke__stream_deliver_inbox(struct yoke_call *call, bool even_if_held);

/* After messages were delivered: what comes behind them, the end or the status. */
void yoke__stream_deliver_rest(struct yoke_call *call);

#endif
