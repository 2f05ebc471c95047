/* queue.c: see queue.h. */
#include "rpc/queue.h"

#include "rpc/cancel.h"
#include "rpc/draft.h"
#include "rpc/envelope.h"
#include "rpc/retry.h"
#include "rpc/stream.h"

#include <errno.h>

/* What a waiting call counts for besides its request and its metadata. */
#define OVERHEAD 1024u

static struct yoke_call *call_of(struct yoke__link *link) {
    return YOKE__CONTAINER(link, struct yoke_call, link);
}

bool yoke__call_is_waiting(const struct yoke_call *call) {
    const struct yoke__draft *draft = yoke__draft_of(call);
    return draft != NULL && (draft->is_waiting || draft->is_pausing);
}

/* ---- In and out ---------------------------------------------------------------------------------------------------- */

static void tell(struct yoke_channel *channel, bool is_crowded) {
    if (channel->class->crowded != NULL) {
        channel->class->crowded(channel, is_crowded);
    }
}

/* Put a call with a draft behind that link. */
static void insert(struct yoke_call *call, struct yoke__link *behind) {
    struct yoke__draft *draft = call->draft;
    struct yoke_channel *channel = draft->channel;
    draft->is_waiting = true;
    draft->since_ns = channel->engine->rough_clock_ns();
    draft->cost = draft->length + OVERHEAD + (call->envelope != NULL ? call->envelope->metadata.length : 0);
    channel->waiting_bytes += draft->cost;
    channel->waiting_count++;
    yoke__link_append(behind->next, &call->link);
    if (call->deadline_ns != 0) {
        yoke__deadlines_add(&channel->engine->deadlines, call);
    }
    if (channel->waiting_count == 1) {
        tell(channel, true);
    }
    if (channel->is_limited) {
        yoke__channel_schedule(channel);
    }
}

static bool is_full(const struct yoke_channel *channel) {
    return channel->max_waiting != 0 && channel->waiting_count >= channel->max_waiting;
}

int yoke__queue_add(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                    uint64_t key) {
    struct yoke__engine *engine = channel->engine;
    const size_t length = request != NULL ? request->length : 0;
    if (length > engine->limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    if (is_full(channel)) {
        /* A peer may have got room in this turn of the loop. */
        yoke__channel_attend(channel);
    }
    if (is_full(channel)) {
        call->safe_to_retry = true;
        yoke__call_settle(call, YOKE_RESOURCE_EXHAUSTED, "max_queued_calls wait for a worker already");
        return 0;
    }
    const size_t cost = length + (call->envelope != NULL ? call->envelope->metadata.length : 0);
    if (channel->waiting_bytes + cost > engine->limits.max_queued_bytes) {
        return -ENOBUFS;
    }
    if (yoke__deadlines_reserve(&engine->deadlines) != 0 || yoke__draft_create(call, channel, request, key) == NULL) {
        return -ENOMEM;
    }
    insert(call, channel->waiting.previous);
    return 0;
}

void yoke__queue_return(struct yoke_call *call) {
    struct yoke_channel *channel = call->draft->channel;
    insert(call, channel->last_returned);
    channel->last_returned = &call->link;
    yoke__channel_schedule(channel);
}

void yoke__queue_pause(struct yoke_call *call, uint64_t until_ns) {
    struct yoke__draft *draft = call->draft;
    draft->is_pausing = true;
    draft->deadline_ns = call->deadline_ns;
    call->deadline_ns = until_ns;
    yoke__deadlines_add(&call->engine->deadlines, call);
    yoke__link_append(&draft->channel->pausing, &call->link);
}

static void end_pause(struct yoke_call *call) {
    struct yoke__draft *draft = call->draft;
    yoke__deadlines_remove(&call->engine->deadlines, call);
    yoke__link_remove(&call->link);
    call->deadline_ns = draft->deadline_ns;
    draft->is_pausing = false;
}

void yoke__queue_resume(struct yoke_call *call) {
    end_pause(call);
    /* The place among the deadlines that it has just left is still there. */
    yoke__queue_return(call);
}

void yoke__queue_remove(struct yoke_call *call) {
    struct yoke__draft *draft = call->draft;
    struct yoke_channel *channel = draft->channel;
    call->safe_to_retry = !draft->may_be_handled;
    if (draft->is_pausing) {
        end_pause(call);
        return;
    }
    if (channel->last_returned == &call->link) {
        channel->last_returned = call->link.previous;
    }
    draft->is_waiting = false;
    channel->waiting_bytes -= draft->cost;
    channel->waiting_count--;
    yoke__link_remove(&call->link);
    yoke__deadlines_remove(&channel->engine->deadlines, call);
    if (channel->waiting_count == 0) {
        tell(channel, false);
    }
}

uint64_t yoke__queue_oldest_ns(const struct yoke_channel *channel) {
    if (yoke__link_is_alone(&channel->waiting)) {
        return 0;
    }
    uint64_t oldest_ns = call_of(channel->waiting.next)->draft->since_ns;
    struct yoke__link *first_new = channel->last_returned->next;
    if (first_new != &channel->waiting && call_of(first_new)->draft->since_ns < oldest_ns) {
        oldest_ns = call_of(first_new)->draft->since_ns;
    }
    return oldest_ns;
}

/* ---- Sending ------------------------------------------------------------------------------------------------------- */

/* A waiting call has been sent: do what its user has asked for in the meantime. */
static void catch_up(struct yoke_call *call, bool half_closed) {
    call->safe_to_retry = false;
    if (!yoke__requests_stream(call->method)) {
        return;
    }
    if (!half_closed) {
        yoke__stream_welcome(call);
    } else if (yoke__stream_half_close(call) != 0) {
        yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for the end of the stream");
    }
}

/* Send a waiting call, or end it. */
static void send_waiting(struct yoke_call *call, struct yoke__connection *connection) {
    struct yoke__draft *draft = call->draft;
    const struct yoke__body request = yoke__draft_body(draft);
    const bool half_closed = draft->half_closed;
    yoke__queue_remove(call);
    if (draft->attempts == 0) {
        yoke__retry_earn(&draft->channel->retry);
    }
    draft->attempts++;
    int error = yoke__call_start(call, connection, draft->has_request ? &request : NULL);
    /* That a peer may have begun to handle it is not to be forgotten. */
    if (error == 0 && !draft->may_be_handled &&
        !yoke__channel_keeps(draft->channel, call, draft->has_request ? &request : NULL)) {
        yoke__draft_release(call);
    }
    if (error == 0) {
        catch_up(call, half_closed);
    } else if (error == -ENOTCONN) {
        yoke__call_settle(call, YOKE_UNAVAILABLE, "the peer that the call has waited for takes none");
    } else {
        yoke__call_settle(call, YOKE_RESOURCE_EXHAUSTED, "there was no room to send the call when a peer was ready");
    }
}

bool yoke__peer_is_ready(const struct yoke__connection *connection) {
    return connection != NULL && yoke__connection_peer_is_ready(connection) && connection->can_call &&
           !connection->peer_going_away;
}

/* No peer is to be expected any more. */
static void give_up(struct yoke_call *call) {
    yoke__call_abandon(call, YOKE_UNAVAILABLE,
                       call->draft->may_be_handled
                           ? "there is no worker, and none is expected; the request may have been handled"
                           : "there is no worker, and none is expected");
}

void yoke__channel_attend(struct yoke_channel *channel) {
    const struct yoke__channel_class *class = channel->class;
    while (!channel->expects_peer && !yoke__link_is_alone(&channel->pausing)) {
        give_up(call_of(channel->pausing.next));
    }
    struct yoke__link *next;
    for (struct yoke__link *at = channel->waiting.next; at != &channel->waiting; at = next) {
        struct yoke_call *call = call_of(at);
        next = at->next;
        struct yoke__connection *connection = class->pick(channel, call->method, call->draft->key);
        if (yoke__peer_is_ready(connection)) {
            send_waiting(call, connection);
        } else if (!channel->expects_peer) {
            give_up(call);
        } else if (!channel->wants_key || !class->has_room(channel)) {
            return;
        }
        /* Another call may have a place that has room. */
    }
}

void yoke__channel_relieve(struct yoke_channel *channel, const struct yoke__connection *connection) {
    if (channel->class->relieved != NULL) {
        channel->class->relieved(channel, connection);
    }
    if (channel->is_limited) {
        yoke__channel_schedule(channel);
    }
}

void yoke__channel_schedule(struct yoke_channel *channel) {
    if (yoke__link_is_alone(&channel->due) && !yoke__link_is_alone(&channel->waiting)) {
        yoke__link_append(&channel->engine->due_channels, &channel->due);
    }
}

void yoke__channels_attend_due(struct yoke__engine *engine) {
    while (!yoke__link_is_alone(&engine->due_channels)) {
        struct yoke_channel *channel = YOKE__CONTAINER(engine->due_channels.next, struct yoke_channel, due);
        yoke__link_remove(&channel->due);
        yoke__channel_attend(channel);
    }
}
