/* channel.c: see channel.h. */
#include "rpc/channel.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/draft.h"
#include "rpc/envelope.h"
#include "rpc/options.h"
#include "rpc/queue.h"
#include "rpc/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* On the way of every call, and used twice: for calls of one peer, and for those of all. */
#define INLINE static inline __attribute__((always_inline))

static struct yoke__connection *single_peer_at(const struct yoke_channel *channel, size_t index) {
    (void)index;
    return ((const struct yoke__single_channel *)channel)->connection;
}

static struct yoke__connection *single_pick(struct yoke_channel *channel, const struct yoke_method *method,
                                            uint64_t key) {
    (void)method;
    (void)key;
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
    yoke__link_init(&channel->pausing);
    yoke__link_init(&channel->due);
    channel->last_returned = &channel->waiting;
}

void yoke__channel_release(struct yoke_channel *channel) {
    yoke__link_remove(&channel->due);
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

/* The key of a request, for a channel that asks for it. */
static uint64_t key_of(const struct yoke_channel *channel, const struct yoke_call *call,
                       const struct yoke__body *request) {
    return channel->wants_key && call->method->key != NULL && request != NULL ? call->method->key(request->message) : 0;
}

/* Send a call whose draft is kept, in case that it must be sent again. */
static int start_kept(struct yoke_channel *channel, struct yoke_call *call, struct yoke__connection *connection,
                      const struct yoke__body *request, uint64_t key) {
    struct yoke__draft *draft = yoke__draft_create(call, channel, request, key);
    yoke__retry_earn(&channel->retry);
    if (draft == NULL) {
        return yoke__call_start(call, connection, request);
    }
    draft->attempts = 1;
    const struct yoke__body body = yoke__draft_body(draft);
    /* A large one may lie in memory that the peer shares. */
    const bool is_large = request->length >= channel->engine->shared_min_bytes;
    return yoke__call_start(call, connection, is_large ? request : &body);
}

/* Whom a call is sent to. */
enum launch_mode {
    LAUNCH_NOW,       /* to whom the channel picks */
    LAUNCH_MAY_WAIT,  /* the same, and there need be nobody yet */
    LAUNCH_TO_TARGET, /* to the peer number `target`; if that cannot be, the call ends by its callback */
};

static int launch_to_target(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request) {
    struct yoke__connection *connection = channel->class->peer_at(channel, channel->target);
    if (connection != NULL) {
        call->peer = connection->peer;
    }
    int error = yoke__peer_is_ready(connection) ? yoke__call_start(call, connection, request) : -ENOTCONN;
    if (error != 0) {
        call->safe_to_retry = true;
        yoke__call_settle(call, error == -ENOTCONN ? YOKE_UNAVAILABLE : YOKE_RESOURCE_EXHAUSTED,
                          error == -ENOTCONN ? "the peer is not ready" : "there was no room to send the call");
    }
    return 0;
}

/* A ping needs no room. */
static struct yoke__connection *any_peer(const struct yoke_channel *channel) {
    struct yoke__connection *connection = NULL;
    const size_t count = channel->class->peer_count(channel);
    for (size_t i = 0; connection == NULL && i < count; i++) {
        connection = channel->class->peer_at(channel, i);
    }
    return connection;
}

/* The same for a channel that keys, limits and retries are for. */
static int send_routed(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                       bool may_wait) {
    const uint64_t key = key_of(channel, call, request);
    const bool has_limit = channel->is_limited && !call->is_ping;
    if (has_limit && channel->expects_peer && !yoke__link_is_alone(&channel->waiting)) {
        /* It is not its turn yet. */
        return yoke__queue_add(channel, call, request, key);
    }
    struct yoke__connection *connection = channel->class->pick(channel, call->method, key);
    if (connection == NULL && call->is_ping) {
        connection = any_peer(channel);
    }
    if ((may_wait || has_limit) && channel->expects_peer && !yoke__peer_is_ready(connection)) {
        return yoke__queue_add(channel, call, request, key);
    }
    if (connection == NULL) {
        return -ENOTCONN;
    }
    return yoke__channel_keeps(channel, call, request) ? start_kept(channel, call, connection, request, key)
                                                       : yoke__call_start(call, connection, request);
}

/* Send a call to a peer, or, if it may, let it wait for one that is ready. */
INLINE int send_picked(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                       bool may_wait) {
    if (channel->is_routed) {
        return send_routed(channel, call, request, may_wait);
    }
    struct yoke__connection *connection = channel->class->pick(channel, call->method, 0);
    if (may_wait && channel->expects_peer && !yoke__peer_is_ready(connection)) {
        return yoke__queue_add(channel, call, request, 0);
    }
    return connection != NULL ? yoke__call_start(call, connection, request) : -ENOTCONN;
}

int yoke__channel_launch(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request) {
    return send_picked(channel, call, request, false);
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

INLINE int send(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                enum launch_mode mode) {
    return mode == LAUNCH_TO_TARGET ? launch_to_target(channel, call, request)
                                    : send_picked(channel, call, request, mode == LAUNCH_MAY_WAIT);
}

/* Ask the channel's interceptors, which may refuse the call, and send it. */
static int launch_intercepted(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                              enum launch_mode mode) {
    struct yoke_status status = {YOKE_OK, ""};
    /* They may make calls to all, too. */
    const size_t target = channel->target;
    channel->engine->callback_depth++;
    yoke__chain_start(&channel->chain, call, &status);
    channel->engine->callback_depth--;
    channel->target = target;
    int error = status.code != YOKE_OK ? refuse(call, &status) : send(channel, call, request, mode);
    if (error != 0) {
        status = (struct yoke_status){error == -ENOTCONN ? YOKE_UNAVAILABLE : YOKE_RESOURCE_EXHAUSTED,
                                      "the call could not be sent"};
        yoke__call_finish(call, &status);
    }
    return error;
}

/* Send a call that is ready to be, unless it is over already. */
INLINE int launch(struct yoke_channel *channel, struct yoke_call *call, const struct yoke_call *parent,
                  const struct yoke__body *request, enum launch_mode mode) {
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
    return channel->chain.count > 0 ? launch_intercepted(channel, call, request, mode)
                                    : send(channel, call, request, mode);
}

/* The call that a new one is part of, or NULL. */
static struct yoke_call *find_parent(const struct yoke__engine *engine, const struct yoke_call_options *options) {
    struct yoke_call *parent = options->parent != NULL ? options->parent : engine->current_call;
    return options->independent || (parent != NULL && parent->answered) ? NULL : parent;
}

INLINE struct yoke__call_setup set_up(const struct yoke__engine *engine, const struct yoke_method *method,
                                      const struct yoke_call_options *options, yoke_function *on_message,
                                      yoke_function *done, void *user_data) {
    struct yoke_call *parent = find_parent(engine, options);
    const uint64_t timeout_us = options->timeout_us != 0 ? options->timeout_us : method->timeout_us;
    return (struct yoke__call_setup){
        .max_reply_bytes = lesser_limit(options->max_reply_bytes, engine->limits.max_message_bytes),
        .deadline_ns = find_deadline(engine, timeout_us, parent),
        .handler_timeout_us =
            options->handler_timeout_us != 0 ? options->handler_timeout_us : method->handler_timeout_us,
        .parent = parent,
        .on_message = on_message,
        .done = done,
        .user_data = user_data,
    };
}

/* Make a call as the options, which are read, say. */
INLINE int make_call(struct yoke_channel *channel, const struct yoke_method *method, const struct yoke__body *request,
                     const struct yoke_call_options *options, struct yoke__call_setup *setup, enum launch_mode mode,
                     struct yoke_call **ret_call) {
    struct yoke_call *call = yoke__call_create(channel->engine, method, setup);
    if (call == NULL) {
        return -ENOMEM;
    }
    int error = take_metadata(call, options->metadata);
    if (error == 0) {
        error = launch(channel, call, setup->parent, request, mode);
    }
    if (mode == LAUNCH_TO_TARGET && yoke__link_is_alone(&call->sibling)) {
        /* An interceptor has seen to the end of the parent, which may be gone when the next call is made. */
        setup->parent = NULL;
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
    struct yoke__call_setup setup = set_up(engine, method, known, on_message, done, user_data);
    struct yoke__body body = {.type = method->request, .message = request};
    if (request != NULL) {
        body.length = method->request->codec->size(method->request->descriptor, request);
    }
    struct yoke_call *call;
    error = make_call(channel, method, request != NULL ? &body : NULL, known, &setup,
                      known->wait_for_ready ? LAUNCH_MAY_WAIT : LAUNCH_NOW, &call);
    if (error == 0 && known->ret_call != NULL) {
        *known->ret_call = call;
    }
    if (error == 0 && ret_call != NULL) {
        *ret_call = call;
    }
    return error;
}

/* ---- Calls to all --------------------------------------------------------------------------------------------------- */

/* Has it a peer that can be called, or will it have? */
static bool has_any_peer(const struct yoke_channel *channel) {
    bool has_one = channel->expects_peer;
    for (size_t i = 0; !has_one && i < channel->class->peer_count(channel); i++) {
        has_one = channel->class->peer_at(channel, i) != NULL;
    }
    return has_one;
}

/* Make the call of each peer. Interceptors that are asked in between may end peers, or add some; or answer the parent. */
static int call_each(struct yoke_channel *channel, const struct yoke_method *method, const struct yoke__body *request,
                     const struct yoke_call_options *options, struct yoke__call_setup *setup) {
    int begun = 0;
    int first_error = 0;
    for (size_t i = 0; i < channel->class->peer_count(channel); i++) {
        struct yoke_call *call;
        channel->target = i;
        int error = make_call(channel, method, request, options, setup, LAUNCH_TO_TARGET, &call);
        begun += error == 0;
        first_error = first_error == 0 ? error : first_error;
    }
    return begun > 0 ? begun : first_error;
}

int yoke_channel_call_all(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                          const struct yoke_call_options *options, yoke_function *done, void *user_data) {
    struct yoke__engine *engine = channel->engine;
    const struct yoke_call_options *known;
    struct yoke_call_options space;
    int error = yoke__engine_is_foreign(engine) ? -ECHILD : read_options(options, &space, &known);
    if (error != 0) {
        return error;
    }
    if (method->kind != YOKE_UNARY || request == NULL || known->ret_call != NULL) {
        return -EINVAL;
    }
    if (engine->is_ending || !has_any_peer(channel)) {
        return -ENOTCONN;
    }
    struct yoke__call_setup setup = set_up(engine, method, known, NULL, done, user_data);
    struct yoke__body body = {.type = method->request, .message = request};
    body.length = method->request->codec->size(method->request->descriptor, request);
    if (body.length > engine->limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    /* Encoded here, and copied for each. */
    struct yoke__chunk *encoded = yoke__chunk_get(&engine->chunks, body.length);
    if (encoded == NULL) {
        return -ENOMEM;
    }
    yoke__body_write(&body, encoded->data);
    body = (struct yoke__body){.message = encoded->data, .length = body.length};
    int result = call_each(channel, method, &body, known, &setup);
    yoke__chunk_put(&engine->chunks, encoded);
    return result;
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
