/*
 * queue.h: the calls of a channel that no connection has: those that wait for a peer that can take them, first come, first served,
 * and those that pause before they are made again.
 */
#ifndef YOKE_RPC_QUEUE_H
#define YOKE_RPC_QUEUE_H

#include "rpc/call.h"
#include "rpc/channel.h"

/*
 * Let a call that begins wait until there is a peer for it. One too many ends as RESOURCE_EXHAUSTED, by its callback. -EMSGSIZE,
 * -ENOBUFS, -ENOMEM: it is the caller's to discard.
 */
int yoke__queue_add(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                    uint64_t key);

/* Let a call with a draft, which was sent and is on no connection any more, wait before all that were not; if it has a deadline,
 * room for it is reserved. */
void yoke__queue_return(struct yoke_call *call);

/* The same, once so much time has passed. */
void yoke__queue_pause(struct yoke_call *call, uint64_t until_ns);

/* Its pause is over. */
void yoke__queue_resume(struct yoke_call *call);

/* Must the draft of this call be kept while it is under way? `request` is NULL when requests stream. */
static inline bool yoke__channel_keeps(const struct yoke_channel *channel, const struct yoke_call *call,
                                       const struct yoke__body *request) {
    return channel->retry.max_attempts > 1 && request != NULL && request->length <= channel->retry.max_request_bytes &&
           !call->is_ping && channel->engine->draft_bytes <= channel->engine->limits.max_queued_bytes;
}

/* Is the call in any of this? Take it out. */
bool yoke__call_is_waiting(const struct yoke_call *call);
void yoke__queue_remove(struct yoke_call *call);

/* The peers have changed: send the calls that wait to one that can take them; end them if none is to be expected any more. */
void yoke__channel_attend(struct yoke_channel *channel);

/* A call of this connection's, which is a peer's, has ended. */
void yoke__channel_relieve(struct yoke_channel *channel, const struct yoke__connection *connection);

/* A peer may have room: do that from the loop, before it sleeps. */
void yoke__channel_schedule(struct yoke_channel *channel);

/* Do it for all channels that are to. For yoke__calls_settle(). */
void yoke__channels_attend_due(struct yoke__engine *engine);

/* Since when, roughly, the call that has waited for longest does; 0: none waits. */
uint64_t yoke__queue_oldest_ns(const struct yoke_channel *channel);

/* Has this peer greeted us, and does it take calls? */
bool yoke__peer_is_ready(const struct yoke__connection *connection);

#endif
