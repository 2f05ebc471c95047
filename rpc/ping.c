/* ping.c: see ping.h. */
#include "rpc/ping.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/channel.h"
#include "rpc/envelope.h"

#include <errno.h>

/* ---- A message without content, in a codec of its own: pings need no user's codec. ------------------------------------ */

static size_t nothing_size(const void *descriptor, const void *message) {
    (void)descriptor;
    (void)message;
    return 0;
}

/* A codec's functions have this signature. NOLINTNEXTLINE(readability-non-const-parameter) */
static void nothing_pack(const void *descriptor, const void *message, uint8_t *out) {
    (void)descriptor;
    (void)message;
    (void)out;
}

static const struct yoke_type nothing;

static int nothing_unpack(const void *descriptor, struct yoke_arena *arena, const uint8_t *bytes, size_t length,
                          const void **ret_message) {
    (void)descriptor;
    (void)arena;
    (void)bytes;
    if (length != 0) {
        return -EBADMSG;
    }
    *ret_message = &nothing;
    return 0;
}

static int nothing_nests(const void *descriptor, const uint8_t *bytes, size_t length, uint32_t max_nesting) {
    (void)descriptor;
    (void)bytes;
    (void)length;
    (void)max_nesting;
    return 0;
}

static const struct yoke_codec nothing_codec = {
    .name = "nothing",
    .size = nothing_size,
    .pack = nothing_pack,
    .unpack = nothing_unpack,
    .check_nesting = nothing_nests,
};

static const struct yoke_type nothing = {.name = "yoke.v1.Nothing", .codec = &nothing_codec};

/* ---- The method --------------------------------------------------------------------------------------------------- */

static const struct yoke_method ping_method;

static bool answer(const void *handlers, struct yoke_call *call, const void *request, void *user_data) {
    (void)handlers;
    (void)user_data;
    (void)yoke_call_reply(call, &ping_method, request);
    return true;
}

static void complete(yoke_function *done, struct yoke_call *call, const struct yoke_status *status, const void *reply,
                     void *user_data) {
    (void)reply;
    uint64_t answer_ns = call->engine->clock_ns() - call->envelope->started_ns;
    ((yoke_ping_done *)done)(status, answer_ns / 1000, user_data);
}

static const struct yoke_method ping_method = {
    .name = "yoke.v1.Connection/Ping",
    .id = 0x572a4ac7u,
    .kind = YOKE_UNARY,
    .request = &nothing,
    .reply = &nothing,
    .handle = answer,
    .complete = complete,
};

const struct yoke__route yoke__ping_route = {.method = &ping_method};

/* ---- Pings of our own ---------------------------------------------------------------------------------------------- */

static void complete_own(yoke_function *done, struct yoke_call *call, const struct yoke_status *status,
                         const void *reply, void *user_data) {
    (void)status;
    (void)reply;
    ((yoke__pong *)done)(&call->peer, user_data);
}

/* The same method to the peer; only the end is another. */
static const struct yoke_method own_ping_method = {
    .name = "yoke.v1.Connection/Ping",
    .id = 0x572a4ac7u,
    .kind = YOKE_UNARY,
    .request = &nothing,
    .reply = &nothing,
    .complete = complete_own,
};

int yoke__ping(struct yoke__connection *connection, yoke__pong *done, void *user_data) {
    const struct yoke__call_setup setup = {.done = (yoke_function *)done, .user_data = user_data};
    struct yoke_call *call = yoke__call_create(connection->engine, &own_ping_method, &setup);
    if (call == NULL) {
        return -ENOMEM;
    }
    call->is_ping = true;
    int error = yoke__call_start(call, connection, &(struct yoke__body){.type = &nothing, .message = &nothing});
    if (error != 0) {
        yoke__call_discard(call);
    }
    return error;
}

/* ---- Pings of users ------------------------------------------------------------------------------------------------ */

int yoke_channel_ping(struct yoke_channel *channel, uint64_t timeout_us, yoke_ping_done *done, void *user_data) {
    struct yoke__engine *engine = channel->engine;
    if (yoke__engine_is_foreign(engine)) {
        return -ECHILD;
    }
    const struct yoke__call_setup setup = {
        .deadline_ns = timeout_us != 0 ? yoke__deadline_after(engine, timeout_us) : 0,
        .done = (yoke_function *)done,
        .user_data = user_data,
    };
    struct yoke_call *call = yoke__call_create(engine, &ping_method, &setup);
    if (call == NULL) {
        return -ENOMEM;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    int error = -ENOMEM;
    if (envelope != NULL) {
        envelope->started_ns = engine->clock_ns();
        call->is_ping = true;
        error = yoke__channel_launch(channel, call, &(struct yoke__body){.type = &nothing, .message = &nothing});
    }
    if (error != 0) {
        yoke__call_discard(call);
    }
    return error;
}
