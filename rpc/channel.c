/* channel.c: see channel.h. */
#include "rpc/channel.h"

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

/* The reply limit that the options ask for. -EINVAL or -E2BIG: they are not initialised or not understood. */
static int read_options(const struct yoke_call_options *options, uint32_t *max_reply_bytes) {
    struct yoke_call_options known;
    int error = yoke__options_read(&known, sizeof known, options);
    if (error == 0 && known.max_reply_bytes != 0) {
        *max_reply_bytes = known.max_reply_bytes;
    }
    return error;
}

int yoke_channel_call(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                      const struct yoke_call_options *options, yoke_function *done, void *user_data) {
    if (yoke__engine_is_foreign(channel->engine)) {
        return -ECHILD;
    }
    uint32_t max_reply_bytes = channel->engine->limits.max_message_bytes;
    int error = method->kind != YOKE_UNARY ? -EINVAL : 0;
    if (error == 0 && options != NULL) {
        error = read_options(options, &max_reply_bytes);
    }
    if (error != 0) {
        return error;
    }
    struct yoke__connection *connection = channel->class->pick(channel);
    if (connection == NULL) {
        return -ENOTCONN;
    }
    return yoke__connection_call(connection, method, request, max_reply_bytes, done, user_data);
}

int yoke_channel_emit(struct yoke_channel *channel, const struct yoke_event_type *type, const void *event) {
    if (yoke__engine_is_foreign(channel->engine)) {
        return -ECHILD;
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
