/* channel.c: see channel.h. */
#include "rpc/channel.h"

#include "rpc/call.h"
#include "rpc/options.h"

#include <errno.h>
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
    *single = (struct yoke__single_channel){.channel = {&class, engine}};
}

/* Read the options, which may be NULL. -EINVAL or -E2BIG: not initialised, not understood, or no parent to have. */
static int read_options(const struct yoke_call_options *options, struct yoke_call_options *ret_options) {
    struct yoke_call_options known = {YOKE_CALL_OPTIONS_INIT};
    int error = options != NULL ? yoke__options_read(&known, sizeof known, options) : 0;
    if (error == 0 && known.parent != NULL && (known.independent || !yoke__call_is_answerable(known.parent))) {
        error = -EINVAL;
    }
    if (error == 0) {
        *ret_options = known;
    }
    return error;
}

/* The earlier of the call's own deadline and its parent's. 0: none. */
static uint64_t find_deadline(const struct yoke__engine *engine, uint64_t timeout_us, const struct yoke_call *parent) {
    uint64_t deadline_ns = parent != NULL ? parent->deadline_ns : 0;
    if (timeout_us != 0) {
        uint64_t now_ns = engine->clock_ns();
        uint64_t own_ns = timeout_us < (UINT64_MAX - now_ns) / 1000 ? now_ns + timeout_us * 1000 : UINT64_MAX;
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

int yoke_channel_open(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                      const struct yoke_call_options *options, yoke_function *on_message, yoke_function *done,
                      void *user_data, struct yoke_call **ret_call) {
    struct yoke__engine *engine = channel->engine;
    if (yoke__engine_is_foreign(engine)) {
        return -ECHILD;
    }
    struct yoke_call_options known;
    int error = read_options(options, &known);
    if (error != 0) {
        return error;
    }
    bool requests_stream = yoke__requests_stream(method);
    if (requests_stream != (request == NULL)) {
        return -EINVAL;
    }
    struct yoke__connection *connection = channel->class->pick(channel);
    if (connection == NULL) {
        return -ENOTCONN;
    }
    struct yoke_call *parent = known.parent != NULL ? known.parent : engine->current_call;
    if (known.independent || (parent != NULL && parent->answered)) {
        parent = NULL;
    }
    const struct yoke__call_setup setup = {
        .max_reply_bytes = lesser_limit(known.max_reply_bytes, engine->limits.max_message_bytes),
        .deadline_ns = find_deadline(engine, known.timeout_us != 0 ? known.timeout_us : method->timeout_us, parent),
        .parent = parent,
        .on_message = on_message,
        .done = done,
        .user_data = user_data,
    };
    struct yoke_call *call;
    error = yoke__connection_call(connection, method, request, &setup, &call);
    if (error == 0 && known.ret_call != NULL) {
        *known.ret_call = call;
    }
    if (error == 0 && ret_call != NULL) {
        *ret_call = call;
    }
    return error;
}

int yoke_channel_emit(struct yoke_channel *channel, const struct yoke_event_type *type, const void *event) {
    if (yoke__engine_is_foreign(channel->engine)) {
        return -ECHILD;
    }
    if (yoke__event_is_own(type)) {
        return -EPERM;
    }
    size_t length = type->type->codec->size(type->type->descriptor, event);
    size_t count = channel->class->peer_count(channel);
    const uint8_t *encoded = NULL;
    int first_error = 0;
    /* Encoded for the first peer and copied for the others. Nobody is woken before all have it: waking may send the
     * bytes and so recycle those that are being copied. */
    for (size_t i = 0; i < count; i++) {
        struct yoke__connection *connection = channel->class->peer_at(channel, i);
        uint8_t *payload;
        int error = connection == NULL ? 0 : yoke__connection_emit(connection, type, length, &payload);
        if (error != 0 && first_error == 0) {
            first_error = error;
        }
        if (connection == NULL || error != 0) {
            continue;
        }
        if (encoded == NULL) {
            type->type->codec->pack(type->type->descriptor, event, payload);
            encoded = payload;
        } else {
            memcpy(payload, encoded, length);
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
