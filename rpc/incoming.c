/* incoming.c: see incoming.h. */
#include "rpc/incoming.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/check.h"
#include "rpc/codec.h"
#include "rpc/envelope.h"
#include "rpc/ping.h"
#include "rpc/prefix.h"
#include "rpc/stream.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A peer that lets this many times max_queued_bytes pile up does not read what it asked for. */
#define QUEUE_HARD_FACTOR 2

/* Reserve the END frame that answers a call of the peer, and write what precedes its payload. NULL when out of memory: the
 * connection has failed then. */
static uint8_t *reserve_end(struct yoke__connection *connection, struct yoke__frame *frame,
                            const struct yoke__prefix *prefix) {
    uint8_t *payload = yoke__connection_reserve_behind(connection, frame, prefix);
    if (payload == NULL) {
        yoke__connection_break(connection, "out of memory for an answer");
    }
    return payload;
}

void yoke__connection_check_unread(struct yoke__connection *connection) {
    size_t waiting = connection->output.queued + connection->outbox_bytes;
    if (waiting / QUEUE_HARD_FACTOR > connection->engine->limits.max_queued_bytes) {
        yoke__connection_fail(connection, "%zu bytes of answers are queued; the peer does not read them", waiting);
    }
}

static void queue_end(struct yoke__connection *connection, size_t length) {
    yoke__connection_queue(connection, length);
    yoke__connection_check_unread(connection);
    yoke__connection_attention(connection);
}

/* What precedes the reply or the status: trailers; details only of an error. Kept at `space`, or NULL: nothing. */
static const struct yoke__prefix *prefix_of(const struct yoke_call *call, bool is_error, struct yoke__prefix *space) {
    const struct yoke__envelope *envelope = call->envelope;
    if (envelope == NULL) {
        return NULL;
    }
    *space = (struct yoke__prefix){.metadata = yoke__block_of(&envelope->trailers)};
    if (is_error) {
        space->details = yoke__block_of(&envelope->details);
    }
    return space;
}

int yoke__call_send_headers(struct yoke_call *call) {
    struct yoke__envelope *envelope = call->envelope;
    const struct yoke__frame frame = {.length = (uint32_t)envelope->headers.length,
                                      .stream = call->stream,
                                      .method = call->method->id,
                                      .type = YOKE__FRAME_HEADERS};
    uint8_t *payload = yoke__connection_reserve(call->connection, &frame);
    if (payload == NULL) {
        return -ENOMEM;
    }
    if (envelope->headers.length > 0) {
        memcpy(payload, envelope->headers.bytes, envelope->headers.length);
    }
    yoke__connection_queue(call->connection, envelope->headers.length);
    call->headers_passed = envelope->headers.is_sealed = true;
    return 0;
}

int yoke__call_pass_headers(struct yoke_call *call) {
    struct yoke__envelope *envelope = call->envelope;
    if (!call->headers_passed && envelope != NULL) {
        if (envelope->headers.length > 0) {
            return yoke__call_send_headers(call);
        }
        envelope->headers.is_sealed = true;
    }
    call->headers_passed = true;
    return 0;
}

/* The same, for an END that is to follow. */
static int pass_headers_or_break(struct yoke_call *call) {
    int error = yoke__call_pass_headers(call);
    if (error != 0) {
        yoke__connection_break(call->connection, "out of memory for headers");
    }
    return error;
}

int yoke__connection_answer(struct yoke__connection *connection, struct yoke_call *call,
                            const struct yoke__body *reply) {
    struct yoke__frame frame = {.length = reply != NULL ? (uint32_t)reply->length : 0,
                                .stream = call->stream,
                                .method = call->method->id,
                                .type = YOKE__FRAME_END,
                                .flags = (uint8_t)(reply != NULL ? yoke__body_flags(reply) : YOKE__FLAG_NO_MESSAGE)};
    struct yoke__prefix space;
    const struct yoke__prefix *prefix = prefix_of(call, false, &space);
    uint8_t *payload = pass_headers_or_break(call) == 0 ? reserve_end(connection, &frame, prefix) : NULL;
    if (payload == NULL) {
        return -ENOMEM;
    }
    if (reply != NULL) {
        yoke__body_write(reply, payload);
    }
    queue_end(connection, frame.length);
    return 0;
}

static int send_error(struct yoke__connection *connection, uint32_t stream, uint32_t method,
                      const struct yoke__prefix *prefix, enum yoke_code code, const char *message) {
    uint8_t status[YOKE__CONTROL_SIZE_MAX];
    size_t length = yoke__status_encode(message, status);
    struct yoke__frame frame = {
        .length = (uint32_t)length, .stream = stream, .method = method, .type = YOKE__FRAME_END, .aux = (uint16_t)code};
    uint8_t *payload = reserve_end(connection, &frame, prefix);
    if (payload == NULL) {
        return -ENOMEM;
    }
    memcpy(payload, status, length);
    queue_end(connection, frame.length);
    return 0;
}

int yoke__connection_answer_error(struct yoke__connection *connection, struct yoke_call *call, enum yoke_code code,
                                  const char *message) {
    int error = pass_headers_or_break(call);
    struct yoke__prefix space;
    const struct yoke__prefix *prefix = prefix_of(call, true, &space);
    return error != 0 ? error : send_error(connection, call->stream, call->method->id, prefix, code, message);
}

/* ---- Receiving ---------------------------------------------------------------------------------------------------- */

/* Answer an OPEN that does not become a call. */
__attribute__((format(printf, 4, 5))) static void refuse_call(struct yoke__connection *connection,
                                                              const struct yoke__frame *frame, enum yoke_code code,
                                                              const char *format, ...) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    (void)send_error(connection, frame->stream, frame->method, NULL, code, message);
}

/* End a call that its handler has not heard of. */
__attribute__((format(printf, 3, 4))) static void reject_call(struct yoke_call *call, enum yoke_code code,
                                                              const char *format, ...) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    yoke__call_break_off(call, code, message);
}

/* Let the handler have the call; `request` is NULL when requests stream. False when the call has ended over it. */
static bool run_handler(struct yoke_call *call, const void *request) {
    call->dispatched = true;
    yoke__call_enter(call);
    if (!call->method->handle(call->handlers, call, request, call->user_data)) {
        char message[YOKE_STATUS_MESSAGE_MAX + 1];
        (void)snprintf(message, sizeof message, "%s has no handler", call->method->name);
        (void)yoke_call_fail(call, YOKE_UNIMPLEMENTED, message);
    }
    return yoke__call_leave(call);
}

/* Count memory that the call holds until it is answered. */
static void hold_bytes(struct yoke_call *call, size_t size) {
    call->held_bytes += size;
    call->connection->buffered_bytes += size;
}

void yoke__call_dispatch(struct yoke_call *call, const struct yoke__parcel *parcel) {
    const void *request;
    enum yoke_code code = yoke__message_decode(call->engine, call->method->request, parcel, &call->arena, &request);
    if (code != YOKE_OK) {
        reject_call(call, code, "the request of %s %s", call->method->name, yoke__message_fault(code));
        return;
    }
    if (run_handler(call, request)) {
        hold_bytes(call, call->arena->heap);
    }
}

/* Give an accepted call what its OPEN carried. `message` is NULL when that was none. */
static void begin_call(struct yoke_call *call, bool requests_stream, bool is_only, const struct yoke__parcel *message) {
    if (!requests_stream && message != NULL && is_only) {
        call->input_ended = true;
        yoke__call_dispatch(call, message);
        return;
    }
    if (yoke__stream_of(call) == NULL) {
        reject_call(call, YOKE_RESOURCE_EXHAUSTED, "%s: out of memory", call->method->name);
        return;
    }
    if (requests_stream && !run_handler(call, NULL)) {
        return;
    }
    if (message != NULL && !yoke__stream_take(call, message, 0)) {
        return;
    }
    if (is_only && !call->answered) {
        yoke__stream_end_input(call);
    }
}

/* Keep the metadata that came with it. False when there is no memory. */
static bool take_metadata(struct yoke_call *call, const struct yoke__block *metadata) {
    if (metadata->length == 0) {
        return true;
    }
    struct yoke__envelope *envelope = yoke__envelope_of(call);
    if (envelope == NULL || yoke__metadata_copy(&envelope->metadata, metadata->bytes, metadata->length) != 0) {
        return false;
    }
    hold_bytes(call, envelope->metadata.capacity);
    return true;
}

/* Ask the server's interceptors. False when the call has ended over it. */
static bool pass_interceptors(struct yoke_call *call, const struct yoke__chain *chain) {
    struct yoke_status status = {YOKE_OK, ""};
    yoke__call_enter(call);
    yoke__chain_start(chain, call, &status);
    if (!yoke__call_leave(call)) {
        return false;
    }
    if (status.code != YOKE_OK) {
        yoke__call_break_off(call, status.code, status.message);
    }
    return status.code == YOKE_OK;
}

/* The peer has a call for a method that we have. */
static void accept_call(struct yoke__connection *connection, const struct yoke__frame *frame,
                        const struct yoke__route *route, const struct yoke__prefix *prefix,
                        const struct yoke__parcel *message) {
    struct yoke_call *call =
        yoke__connection_reserve_call(connection) == 0 ? yoke__engine_get_call(connection->engine) : NULL;
    if (call == NULL) {
        refuse_call(connection, frame, YOKE_RESOURCE_EXHAUSTED, "%s: out of memory", route->method->name);
        return;
    }
    call->engine = connection->engine;
    call->peer = connection->peer;
    call->method = route->method;
    call->handlers = route->handlers;
    call->user_data = route->user_data;
    call->stream = frame->stream;
    call->deadline_ns = prefix->deadline_ns;
    yoke__link_init(&call->children);
    yoke__connection_add_call(connection, call);
    if (!take_metadata(call, &prefix->metadata)) {
        reject_call(call, YOKE_RESOURCE_EXHAUSTED, "%s: out of memory for metadata", route->method->name);
        return;
    }
    const struct yoke__chain *chain = &connection->server->chain;
    if (chain->count > 0 && route != &yoke__ping_route && !pass_interceptors(call, chain)) {
        return;
    }
    begin_call(call, yoke__requests_stream(route->method), (frame->flags & YOKE__FLAG_END_STREAM) != 0,
               (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 ? NULL : message);
}

/* Why this call is not accepted, or NULL. */
static const char *find_refusal(const struct yoke__connection *connection, const struct yoke__prefix *prefix,
                                const struct yoke__parcel *message) {
    const struct yoke_limits *limits = &connection->engine->limits;
    if (prefix->metadata.length > limits->max_metadata_bytes) {
        return "the metadata is larger than max_metadata_bytes";
    }
    if (message->length > limits->max_message_bytes) {
        return "the request is larger than max_message_bytes";
    }
    if (connection->incoming_count >= limits->max_incoming_calls) {
        return "max_incoming_calls are unanswered";
    }
    if (connection->buffered_bytes > limits->max_buffered_bytes) {
        return "max_buffered_bytes of requests are unanswered";
    }
    return yoke__connection_is_congested(connection) ? "max_queued_bytes wait to be written" : NULL;
}

void yoke__incoming_receive_open(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload) {
    struct yoke__prefix prefix;
    /* Without its payload, it is too large to be taken. */
    struct yoke__parcel message = {.length = UINT32_MAX};
    if (yoke__prefix_read(frame, payload, &prefix) != 0) {
        yoke__connection_fail(connection, "the metadata of OPEN on stream %" PRIu32 " is malformed", frame->stream);
        return;
    }
    if (payload != NULL && (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 && prefix.size != frame->length) {
        yoke__connection_fail(connection, "OPEN on stream %" PRIu32 " says that it has no message, and has one",
                              frame->stream);
        return;
    }
    if (payload != NULL && !yoke__parcel_of(connection, frame, payload, prefix.size, &message)) {
        return;
    }
    if (connection->going_away) {
        /* The peer will learn, or has learned, that this call comes too late. */
        return;
    }
    connection->last_incoming = frame->stream;
    const struct yoke__route *route = yoke__server_find(connection->server, frame->method);
    if (route == NULL) {
        refuse_call(connection, frame, YOKE_UNIMPLEMENTED, "no service here has a method of id 0x%08" PRIx32,
                    frame->method);
        return;
    }
    const char *name = route->method->name;
    const char *refusal = find_refusal(connection, &prefix, &message);
    if (refusal != NULL) {
        refuse_call(connection, frame, YOKE_RESOURCE_EXHAUSTED, "%s: %s", name, refusal);
        return;
    }
    /* One that has passed just now will be found so before the loop sleeps. */
    if ((frame->flags & YOKE__FLAG_DEADLINE) != 0 && prefix.deadline_ns <= connection->engine->rough_clock_ns()) {
        refuse_call(connection, frame, YOKE_DEADLINE_EXCEEDED, "%s: the deadline had passed on arrival", name);
        return;
    }
    accept_call(connection, frame, route, &prefix, &message);
}

void yoke__incoming_receive_cancel(struct yoke__connection *connection, const struct yoke__frame *frame) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call != NULL) {
        yoke__call_revoke(call);
    }
    /* Otherwise it crossed our END. */
}
