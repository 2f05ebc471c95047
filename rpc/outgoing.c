/* outgoing.c: see outgoing.h. */
#include "rpc/outgoing.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/check.h"
#include "rpc/codec.h"
#include "rpc/draft.h"
#include "rpc/envelope.h"
#include "rpc/lend.h"
#include "rpc/prefix.h"
#include "rpc/retry.h"
#include "rpc/stream.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Is this no id, or that of a live call, which it can be once ids have wrapped around? */
static bool is_stream_taken(const struct yoke__connection *connection, uint32_t stream) {
    return stream == 0 || (connection->streams_wrapped && yoke__call_map_find(&connection->calls, stream) != NULL);
}

static uint32_t take_stream(struct yoke__connection *connection) {
    uint32_t stream;
    do {
        stream = connection->next_stream;
        connection->next_stream += 2;
        connection->streams_wrapped |= connection->next_stream < stream;
    } while (is_stream_taken(connection, stream));
    return stream;
}

struct yoke_call *yoke__call_create(struct yoke__engine *engine, const struct yoke_method *method,
                                    const struct yoke__call_setup *setup) {
    struct yoke_call *call = yoke__engine_get_call(engine);
    if (call == NULL) {
        return NULL;
    }
    call->engine = engine;
    call->method = method;
    call->peer = (struct yoke_peer){0};
    call->stream = 0;
    call->is_client = true;
    call->deadline_ns = setup->deadline_ns;
    call->on_message = setup->on_message;
    call->done = setup->done;
    call->user_data = setup->user_data;
    call->max_reply_bytes = setup->max_reply_bytes;
    if (setup->handler_timeout_us != 0 && setup->handler_timeout_us != UINT64_MAX) {
        call->handler_timeout_us = setup->handler_timeout_us;
        call->has_handler_time = true;
    }
    yoke__link_init(&call->link);
    yoke__link_init(&call->sibling);
    if (setup->parent != NULL) {
        yoke__link_append(&setup->parent->children, &call->sibling);
    }
    return call;
}

void yoke__call_discard(struct yoke_call *call) {
    yoke__link_remove(&call->sibling);
    yoke__engine_put_call(call->engine, call);
}

/* What precedes the request: the deadline and metadata. Kept at `space`, or NULL: nothing. */
static const struct yoke__prefix *prefix_of(struct yoke_call *call, struct yoke__prefix *space) {
    struct yoke__envelope *envelope = call->envelope;
    if (envelope == NULL && call->deadline_ns == 0) {
        return NULL;
    }
    *space = (struct yoke__prefix){.deadline_ns = call->deadline_ns};
    if (envelope != NULL) {
        space->metadata = yoke__block_of(&envelope->metadata);
        envelope->metadata.is_sealed = true;
    }
    return space;
}

/* Queue the frame that opens the call. `request` is NULL when it does not travel in this frame. -ENOMEM. */
static int send_open(struct yoke__connection *connection, struct yoke_call *call, const struct yoke__body *request) {
    const unsigned flags = request != NULL ? YOKE__FLAG_END_STREAM | yoke__body_flags(request) : YOKE__FLAG_NO_MESSAGE;
    struct yoke__frame frame = {.length = request != NULL ? (uint32_t)request->length : 0,
                                .stream = call->stream,
                                .method = call->method->id,
                                .type = YOKE__FRAME_OPEN,
                                .flags = (uint8_t)flags};
    struct yoke__prefix space;
    uint8_t *payload = yoke__connection_reserve_behind(connection, &frame, prefix_of(call, &space));
    if (payload == NULL) {
        return -ENOMEM;
    }
    if (request != NULL) {
        yoke__body_write(request, payload);
    }
    yoke__connection_queue(connection, frame.length);
    call->request_end = yoke__output_end(&connection->output);
    return 0;
}

/* Open the call, and send its only request, or none when requests stream. -ENOMEM. */
static int open_call(struct yoke__connection *connection, struct yoke_call *call, const struct yoke__body *request) {
    struct yoke__lent lent;
    bool is_lent = request != NULL && yoke__lend_message(connection, request, &lent);
    if (is_lent) {
        request = &lent.body;
    }
    bool is_large = request != NULL && request->length > YOKE__WHOLE_MAX;
    call->stream = take_stream(connection);
    int error = send_open(connection, call, is_large ? NULL : request);
    if (error != 0) {
        if (is_lent) {
            yoke__lend_cancel(connection, &lent);
        }
        return error;
    }
    yoke__connection_add_call(connection, call);
    if (is_large) {
        error = yoke__stream_send(call, request, true, false);
        if (error != 0) {
            yoke__connection_remove_call(connection, call);
            yoke__connection_send_cancel(connection, call->stream, call->method->id);
        }
    }
    return error;
}

int yoke__call_start(struct yoke_call *call, struct yoke__connection *connection, const struct yoke__body *request) {
    int error = connection->peer_going_away
                    ? -ENOTCONN
                    : yoke__connection_check_sendable(connection, request != NULL ? request->length : 0);
    if (error == 0) {
        error = yoke__connection_reserve_call(connection);
    }
    if (error == 0) {
        call->peer = connection->peer;
        error = open_call(connection, call, request);
    }
    if (error == 0) {
        yoke__connection_attention(connection);
    }
    return error;
}

void yoke__connection_send_cancel(struct yoke__connection *connection, uint32_t stream, uint32_t method) {
    const struct yoke__frame frame = {.stream = stream, .method = method, .type = YOKE__FRAME_CANCEL};
    if (yoke__connection_reserve(connection, &frame) != NULL) {
        yoke__connection_queue(connection, 0);
        yoke__connection_attention(connection);
    }
}

/* Its user blocks, and will look; or has gone without asking, as an entry that returned. */
static void keep_outcome(struct yoke_call *call, const struct yoke_status *status, const void *reply) {
    call->verdict = status->code;
    call->reply = reply;
    /* Without memory it is the code alone. */
    call->kept_message = status->message[0] != '\0' ? strdup(status->message) : NULL;
    call->engine->is_turn_due = true;
}

void yoke__call_complete(struct yoke_call *call, enum yoke_code code, const char *message, const void *reply) {
    struct yoke__engine *engine = call->engine;
    struct yoke_status status = {code, message};
    yoke__link_remove(&call->sibling);
    yoke__call_finish(call, &status);
    if (status.code != YOKE_OK) {
        reply = NULL;
    }
    if (call->is_sync) {
        keep_outcome(call, &status, reply);
    } else if (call->done != NULL && !engine->is_mute) {
        engine->callback_depth++;
        call->method->complete(call->done, call, &status, reply, call->user_data);
        engine->callback_depth--;
    }
    if (call->in_handler == 0) {
        yoke__engine_put_arena(engine, call->arena);
        yoke__engine_put_call(engine, call);
    } else {
        /* Another callback of it runs the loop; or it is for its user to free, who may do so when the engine is gone. */
        call->retired = true;
        yoke__link_append(&engine->orphans, &call->link);
    }
}

static void complete_with_reply(struct yoke_call *call, const struct yoke__parcel *parcel) {
    const void *reply;
    enum yoke_code code = yoke__message_decode(call->engine, call->method->reply, parcel, &call->arena, &reply);
    if (code == YOKE_OK) {
        yoke__call_complete(call, YOKE_OK, "", reply);
    } else {
        char message[YOKE_STATUS_MESSAGE_MAX + 1];
        (void)snprintf(message, sizeof message, "the reply to %s %s", call->method->name, yoke__message_fault(code));
        yoke__call_complete(call, code, message, NULL);
    }
}

/* The status of our call has come; what came before it may still wait to be delivered. */
static void end_stream(struct yoke_call *call, enum yoke_code code, const char *message) {
    if (call->streaming != NULL) {
        yoke__stream_receive_status(call, code, message);
        return;
    }
    yoke__connection_remove_call(call->connection, call);
    yoke__call_complete(call, code, message, NULL);
}

/* Our call has been answered OK. `reply` is NULL when END carried none. */
static void receive_ok(struct yoke_call *call, const struct yoke__parcel *reply) {
    bool replies_stream = yoke__replies_stream(call->method);
    if (reply != NULL && (replies_stream || call->streaming != NULL)) {
        if (yoke__stream_of(call) == NULL) {
            yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a message");
            return;
        }
        if (!yoke__stream_take(call, reply, 0)) {
            return;
        }
        reply = NULL;
    }
    if (replies_stream) {
        end_stream(call, YOKE_OK, "");
        return;
    }
    /* A large reply came in fragments before, and waits. */
    struct yoke__stream *stream = call->streaming;
    struct yoke__parcel only;
    if (reply == NULL && stream != NULL && yoke__stream_only(stream, &only)) {
        reply = &only;
    }
    yoke__connection_remove_call(call->connection, call);
    if (reply == NULL) {
        yoke__call_complete(call, YOKE_UNIMPLEMENTED, "the method sends one reply, and none came", NULL);
    } else {
        complete_with_reply(call, reply);
    }
}

static void receive_error(struct yoke_call *call, enum yoke_code code, const char *message) {
    if (code == YOKE_CANCELLED && call->deadline_ns != 0 && call->deadline_ns <= call->engine->clock_ns()) {
        /* Both ends watch the deadline; whichever noticed first, this is why. */
        code = YOKE_DEADLINE_EXCEEDED;
        message = "the deadline has passed";
    }
    end_stream(call, code, message);
}

/* Keep a list that came from the peer. False when it could not be kept, which ends the call. */
static bool take_list(struct yoke_call *call, struct yoke_metadata *list, const struct yoke__block *block) {
    int error = yoke__metadata_copy(list, block->bytes, block->length);
    if (error == 0) {
        return true;
    }
    yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED,
                       error == -EMSGSIZE ? "the metadata of the answer is larger than max_metadata_bytes"
                                          : "out of memory for metadata");
    return false;
}

/* Keep what goes with the status. False when the call has ended over it. */
static bool take_prefix(struct yoke_call *call, const struct yoke__prefix *prefix) {
    if (prefix->size == 0) {
        return true;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL) {
        yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for metadata");
        return false;
    }
    return take_list(call, &envelope->trailers, &prefix->metadata) &&
           take_list(call, &envelope->details, &prefix->details);
}

/* The status and the reply. `parcel` is what is behind the prefix. */
static void receive_status(struct yoke_call *call, const struct yoke__frame *frame, const struct yoke__parcel *parcel) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    if (frame->aux != YOKE_OK) {
        if (yoke__status_decode(parcel->bytes, parcel->length, message) != 0) {
            yoke__connection_fail(call->connection, "the status of END is malformed");
        } else {
            receive_error(call, (enum yoke_code)frame->aux, message);
        }
    } else if (parcel->length > call->max_reply_bytes) {
        (void)snprintf(message, sizeof message, "the reply to %s, %zu bytes, is larger than max_reply_bytes",
                       call->method->name, parcel->length);
        end_stream(call, YOKE_RESOURCE_EXHAUSTED, message);
    } else {
        receive_ok(call, (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 ? NULL : parcel);
    }
}

/* `payload` is NULL when it is too large to be taken. */
void yoke__outgoing_receive_end(struct yoke__connection *connection, const struct yoke__frame *frame,
                                const uint8_t *payload) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call == NULL) {
        /* It crossed our CANCEL. */
        return;
    }
    connection->answered_count += !call->is_ping;
    struct yoke__prefix prefix;
    struct yoke__parcel parcel;
    if (yoke__prefix_read(frame, payload, &prefix) != 0) {
        yoke__connection_fail(connection, "the trailers of END on stream %" PRIu32 " are malformed", frame->stream);
    } else if ((frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 && prefix.size != frame->length) {
        yoke__connection_fail(connection, "END on stream %" PRIu32 " says that it has no message, and has one",
                              frame->stream);
    } else if (frame->aux == YOKE_OK && call->streaming != NULL && call->streaming->inbox_part != NULL) {
        yoke__connection_fail(connection, "END says OK within a message on stream %" PRIu32, frame->stream);
    } else if (payload == NULL) {
        char message[YOKE_STATUS_MESSAGE_MAX + 1];
        (void)snprintf(message, sizeof message, "the reply to %s, %" PRIu32 " bytes, is larger than max_reply_bytes",
                       call->method->name, frame->length);
        end_stream(call, YOKE_RESOURCE_EXHAUSTED, message);
    } else if (yoke__parcel_of(connection, frame, payload, prefix.size, &parcel) && take_prefix(call, &prefix)) {
        receive_status(call, frame, &parcel);
    }
}

void yoke__outgoing_receive_headers(struct yoke__connection *connection, const struct yoke__frame *frame,
                                    const uint8_t *payload) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call == NULL) {
        /* It crossed our CANCEL. */
        return;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL) {
        yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for metadata");
    } else if (call->headers_passed) {
        yoke__connection_fail(connection, "HEADERS came twice, or behind a reply, on stream %" PRIu32, frame->stream);
    } else if (!yoke__metadata_is_valid(payload, frame->length, YOKE__METADATA_PAIRS)) {
        yoke__connection_fail(connection, "HEADERS on stream %" PRIu32 " are malformed", frame->stream);
    } else if (take_list(call, &envelope->headers, &(struct yoke__block){payload, frame->length})) {
        call->headers_passed = true;
        if (envelope->on_headers != NULL && !call->engine->is_mute) {
            yoke__call_enter(call);
            envelope->on_headers(call, envelope->on_headers_data);
            (void)yoke__call_leave(call);
        }
    }
}

static struct yoke_call *call_of(struct yoke__link *link) {
    return YOKE__CONTAINER(link, struct yoke_call, link);
}

/*
 * The first of our calls that came behind this one, or the list's end. Ids wrap around and a call can live long, so what
 * is looked at is how long ago an id was given, from the last call backwards.
 */
static struct yoke__link *find_later(struct yoke__connection *connection, uint32_t last) {
    struct yoke__link *at = &connection->outgoing;
    const uint32_t age = connection->next_stream - last;
    while (at->previous != &connection->outgoing &&
           (last == 0 || connection->next_stream - call_of(at->previous)->stream < age)) {
        at = at->previous;
    }
    return at;
}

/* The peer has not taken this call of ours. */
static void refuse(struct yoke_call *call) {
    if (!yoke__retry_call(call, false)) {
        call->safe_to_retry = call->draft == NULL || !call->draft->may_be_handled;
        yoke__call_settle(call, YOKE_UNAVAILABLE, "the peer is going away and has not taken the call");
    }
}

/* The peer accepts no call beyond one that it names: ours that are will not be handled by it. */
void yoke__outgoing_receive_goaway(struct yoke__connection *connection, const uint8_t *payload) {
    uint32_t last;
    memcpy(&last, payload, sizeof last);
    last = le32toh(last);
    if (last != 0 && !yoke__stream_is_ours(connection, last)) {
        yoke__connection_fail(connection, "GOAWAY names stream %" PRIu32 ", which is no call of ours", last);
        return;
    }
    connection->peer_going_away = true;
    struct yoke__link *next;
    for (struct yoke__link *at = find_later(connection, last); at != &connection->outgoing; at = next) {
        struct yoke_call *call = call_of(at);
        next = at->next;
        if (call->is_mapped) {
            yoke__connection_remove_call(connection, call);
            refuse(call);
        }
    }
    connection->hooks->leaving(connection);
}
