/* channel.c: see channel.h. */
#include "rpc/channel.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/envelope.h"
#include "rpc/options.h"
#include "rpc/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct yoke__connection *single_peer_at(const struct yoke_channel *channel, size_t index) {
    (void)index;
    return ((const struct yoke__single_channel *)channel)->connection;
}

static struct yoke__connection *single_pick(struct yoke_channel *channel) {
    return single_peer_at(channel, 0);
}

static size_t single_peer_count(const struct yoke_channel *channel) {
    (void)channel;
    return 1;
}

void yoke__single_channel_init(struct yoke__single_channel *single, struct yoke__engine *engine) {
    static const struct yoke__channel_class class = {
        .pick = single_pick,
        .peer_count = single_peer_count,
        .peer_at = single_peer_at,
    };
    single->connection = NULL;
    yoke__channel_init(&single->channel, &class, engine);
}

void yoke__channel_init(struct yoke_channel *channel, const struct yoke__channel_class *class,
                        struct yoke__engine *engine) {
    *channel = (struct yoke_channel){.class = class, .engine = engine, .expects_peer = true};
    yoke__link_init(&channel->waiting);
}

/* ---- Calls that wait for a peer ------------------------------------------------------------------------------------ */

/* What a waiting call counts for besides its request and its metadata. */
#define WAITING_OVERHEAD 1024u

bool yoke__call_is_waiting(const struct yoke_call *call) {
    return call->envelope != NULL && call->envelope->waits_for != NULL;
}

/* Keep the call, and its request encoded, until there is a peer for it. */
static int wait_for_peer(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request) {
    struct yoke__engine *engine = channel->engine;
    size_t length = request != NULL ? request->length : 0;
    if (length > engine->limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    size_t cost = length + (call->envelope != NULL ? call->envelope->metadata.length : 0);
    if (channel->waiting_bytes + cost > engine->limits.max_queued_bytes) {
        return -ENOBUFS;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL || yoke__deadlines_reserve(&engine->deadlines) != 0) {
        return -ENOMEM;
    }
    if (request != NULL) {
        envelope->request = malloc(length > 0 ? length : 1);
        if (envelope->request == NULL) {
            return -ENOMEM;
        }
        yoke__body_write(request, envelope->request);
    }
    envelope->request_length = length;
    if (call->deadline_ns != 0) {
        yoke__deadlines_add(&engine->deadlines, call);
    }
    envelope->waits_for = channel;
    envelope->waiting_cost = cost + WAITING_OVERHEAD;
    channel->waiting_bytes += envelope->waiting_cost;
    yoke__link_append(&channel->waiting, &call->link);
    return 0;
}

void yoke__channel_forget(struct yoke_call *call) {
    struct yoke_channel *channel = call->envelope->waits_for;
    channel->waiting_bytes -= call->envelope->waiting_cost;
    call->envelope->waits_for = NULL;
    call->safe_to_retry = true;
    yoke__link_remove(&call->link);
    yoke__deadlines_remove(&channel->engine->deadlines, call);
}

/* A waiting call has been sent: do what its user has asked for in the meantime. */
static void catch_up(struct yoke_call *call) {
    call->safe_to_retry = false;
    if (!yoke__requests_stream(call->method)) {
        return;
    }
    if (!call->envelope->half_closed) {
        yoke__stream_welcome(call);
    } else if (yoke__stream_half_close(call) != 0) {
        yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for the end of the stream");
    }
}

/* Send a waiting call, or end it. */
static void send_waiting(struct yoke_call *call, struct yoke__connection *connection) {
    struct yoke__envelope *envelope = call->envelope;
    const struct yoke__body request = {.message = envelope->request, .length = envelope->request_length};
    yoke__channel_forget(call);
    int error = yoke__call_start(call, connection, envelope->request != NULL ? &request : NULL);
    free(envelope->request);
    envelope->request = NULL;
    if (error == 0) {
        catch_up(call);
    } else if (error == -ENOTCONN) {
        yoke__call_settle(call, YOKE_UNAVAILABLE, "the peer that the call has waited for takes none");
    } else {
        yoke__call_settle(call, YOKE_RESOURCE_EXHAUSTED, "there was no room to send the call when a peer was ready");
    }
}

/* Has this peer greeted us, and does it take calls? */
static bool is_ready(const struct yoke__connection *connection) {
    return connection != NULL && yoke__connection_peer_is_ready(connection) && connection->can_call &&
           !connection->peer_going_away;
}

void yoke__channel_attend(struct yoke_channel *channel) {
    while (!yoke__link_is_alone(&channel->waiting)) {
        struct yoke_call *call = YOKE__CONTAINER(channel->waiting.next, struct yoke_call, link);
        struct yoke__connection *connection = channel->class->pick(channel);
        if (is_ready(connection)) {
            send_waiting(call, connection);
        } else if (!channel->expects_peer) {
            yoke__call_abandon(call, YOKE_UNAVAILABLE, "there is no worker, and none is expected");
        } else {
            return;
        }
    }
}

/* ---- Calls --------------------------------------------------------------------------------------------------------- */

/* Look at the options, which may be NULL, where they are, if they are as we know them; otherwise they are read into `space`.
 * -EINVAL or -E2BIG: not initialised, not understood, or no parent to have. */
static int read_options(const struct yoke_call_options *options, struct yoke_call_options *space,
                        const struct yoke_call_options **ret_known) {
    static const struct yoke_call_options defaults = {YOKE_CALL_OPTIONS_INIT};
    const struct yoke_call_options *known = options != NULL ? options : &defaults;
    if (known->size != sizeof *known) {
        int error = yoke__options_read(space, sizeof *space, options);
        if (error != 0) {
            return error;
        }
        known = space;
    }
    *ret_known = known;
    const struct yoke_call *parent = known->parent;
    return parent != NULL && (known->independent || !yoke__call_is_answerable(parent)) ? -EINVAL : 0;
}

/* The earlier of the call's own deadline and its parent's. 0: none. */
static uint64_t find_deadline(const struct yoke__engine *engine, uint64_t timeout_us, const struct yoke_call *parent) {
    uint64_t deadline_ns = parent != NULL ? parent->deadline_ns : 0;
    if (timeout_us != 0) {
        uint64_t own_ns = yoke__deadline_after(engine, timeout_us);
        if (deadline_ns == 0 || own_ns < deadline_ns) {
            deadline_ns = own_ns;
        }
    }
    return deadline_ns;
}

/* 0 as an option means that there is none. */
static uint32_t lesser_limit(uint32_t option, uint32_t limit) {
    return option != 0 && option < limit ? option : limit;
}

int yoke_channel_call(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                      const struct yoke_call_options *options, yoke_function *done, void *user_data) {
    if (method->kind != YOKE_UNARY) {
        return yoke__engine_is_foreign(channel->engine) ? -ECHILD : -EINVAL;
    }
    return yoke_channel_open(channel, method, request, options, NULL, done, user_data, NULL);
}

int yoke__channel_launch(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                         bool may_wait) {
    struct yoke__connection *connection = channel->class->pick(channel);
    if (may_wait && !is_ready(connection) && channel->expects_peer) {
        return wait_for_peer(channel, call, request);
    }
    return connection != NULL ? yoke__call_start(call, connection, request) : -ENOTCONN;
}

/* Copy the caller's metadata. -EMSGSIZE, -ENOMEM. */
static int take_metadata(struct yoke_call *call, const struct yoke_metadata *metadata) {
    if (metadata == NULL || metadata->length == 0) {
        return 0;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    return envelope != NULL ? yoke__metadata_copy(&envelope->metadata, metadata->bytes, metadata->length) : -ENOMEM;
}

/* The call is refused before it was sent. -ENOMEM. */
static int refuse(struct yoke_call *call, const struct yoke_status *status) {
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL) {
        return -ENOMEM;
    }
    envelope->verdict_message = strdup(status->message);
    if (envelope->verdict_message == NULL) {
        return -ENOMEM;
    }
    call->safe_to_retry = true;
    yoke__call_settle(call, status->code, envelope->verdict_message);
    return 0;
}

/* Ask the channel's interceptors, which may refuse the call, and send it. */
static int launch_intercepted(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                              bool may_wait) {
    struct yoke_status status = {YOKE_OK, ""};
    channel->engine->callback_depth++;
    yoke__chain_start(&channel->chain, call, &status);
    channel->engine->callback_depth--;
    int error = status.code != YOKE_OK ? refuse(call, &status) : yoke__channel_launch(channel, call, request, may_wait);
    if (error != 0) {
        status = (struct yoke_status){error == -ENOTCONN ? YOKE_UNAVAILABLE : YOKE_RESOURCE_EXHAUSTED,
                                      "the call could not be sent"};
        yoke__call_finish(call, &status);
    }
    return error;
}

/* Send a call that is ready to be, unless it is over already. */
static int launch(struct yoke_channel *channel, struct yoke_call *call, const struct yoke_call *parent,
                  const struct yoke__body *request, bool may_wait) {
    if (parent != NULL && parent->cancelled) {
        call->safe_to_retry = true;
        yoke__call_settle(call, YOKE_CANCELLED, "the call that it is part of was cancelled");
        return 0;
    }
    /* One that it has from its parent; its own has just begun. */
    if (parent != NULL && call->deadline_ns != 0 && call->deadline_ns <= channel->engine->clock_ns()) {
        call->safe_to_retry = true;
        yoke__call_settle(call, YOKE_DEADLINE_EXCEEDED, "the deadline had passed already");
        return 0;
    }
    return channel->chain.count > 0 ? launch_intercepted(channel, call, request, may_wait)
                                    : yoke__channel_launch(channel, call, request, may_wait);
}

/* The call that a new one is part of, or NULL. */
static struct yoke_call *find_parent(const struct yoke__engine *engine, const struct yoke_call_options *options) {
    struct yoke_call *parent = options->parent != NULL ? options->parent : engine->current_call;
    return options->independent || (parent != NULL && parent->answered) ? NULL : parent;
}

/* Make a call as the options, which are read, say. */
static int make_call(struct yoke_channel *channel, const struct yoke_method *method, const struct yoke__body *request,
                     const struct yoke_call_options *options, const struct yoke__call_setup *setup,
                     struct yoke_call **ret_call) {
    struct yoke_call *call = yoke__call_create(channel->engine, method, setup);
    if (call == NULL) {
        return -ENOMEM;
    }
    int error = take_metadata(call, options->metadata);
    if (error == 0) {
        error = launch(channel, call, setup->parent, request, options->wait_for_ready);
    }
    if (error != 0) {
        yoke__call_discard(call);
        return error;
    }
    *ret_call = call;
    return 0;
}

int yoke_channel_open(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                      const struct yoke_call_options *options, yoke_function *on_message, yoke_function *done,
                      void *user_data, struct yoke_call **ret_call) {
    struct yoke__engine *engine = channel->engine;
    if (yoke__engine_is_foreign(engine)) {
        return -ECHILD;
    }
    const struct yoke_call_options *known;
    struct yoke_call_options space;
    int error = read_options(options, &space, &known);
    if (error != 0) {
        return error;
    }
    if (yoke__requests_stream(method) != (request == NULL)) {
        return -EINVAL;
    }
    if (engine->is_ending) {
        return -ENOTCONN;
    }
    struct yoke_call *parent = find_parent(engine, known);
    const struct yoke__call_setup setup = {
        .max_reply_bytes = lesser_limit(known->max_reply_bytes, engine->limits.max_message_bytes),
        .deadline_ns = find_deadline(engine, known->timeout_us != 0 ? known->timeout_us : method->timeout_us, parent),
        .handler_timeout_us = known->handler_timeout_us != 0 ? known->handler_timeout_us : method->handler_timeout_us,
        .parent = parent,
        .on_message = on_message,
        .done = done,
        .user_data = user_data,
    };
    struct yoke__body body = {.type = method->request, .message = request};
    if (request != NULL) {
        body.length = method->request->codec->size(method->request->descriptor, request);
    }
    struct yoke_call *call;
    error = make_call(channel, method, request != NULL ? &body : NULL, known, &setup, &call);
    if (error == 0 && known->ret_call != NULL) {
        *known->ret_call = call;
    }
    if (error == 0 && ret_call != NULL) {
        *ret_call = call;
    }
    return error;
}

int yoke_channel_intercept(struct yoke_channel *channel, const struct yoke_interceptor *interceptor, void *user_data) {
    return yoke__engine_is_foreign(channel->engine) ? -ECHILD
                                                    : yoke__chain_add(&channel->chain, interceptor, user_data);
}

int yoke_channel_emit(struct yoke_channel *channel, const struct yoke_event_type *type, const void *event) {
    if (yoke__engine_is_foreign(channel->engine)) {
        return -ECHILD;
    }
    if (yoke__event_is_own(type)) {
        return -EPERM;
    }
    struct yoke__body body = {.type = type->type, .message = event};
    body.length = type->type->codec->size(type->type->descriptor, event);
    size_t count = channel->class->peer_count(channel);
    const uint8_t *encoded = NULL;
    int first_error = 0;
    /* Encoded for the first peer and copied for the others. Nobody is woken before all have it: waking may send the
     * bytes and so recycle those that are being copied. */
    for (size_t i = 0; i < count; i++) {
        struct yoke__connection *connection = channel->class->peer_at(channel, i);
        int error = connection == NULL ? 0 : yoke__connection_emit(connection, type, &body, &encoded);
        if (error != 0 && first_error == 0) {
            first_error = error;
        }
        if (encoded != NULL) {
            body.type = NULL;
            body.message = encoded;
        }
    }
    if (encoded == NULL) {
        return first_error != 0 ? first_error : -ENOTCONN;
    }
    for (size_t i = 0; i < count; i++) {
        struct yoke__connection *connection = channel->class->peer_at(channel, i);
        if (connection != NULL) {
            yoke__connection_attention(connection);
        }
    }
    return first_error;
}
