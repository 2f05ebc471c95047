/* incoming.c: see incoming.h. */
#include "rpc/incoming.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/check.h"
#include "rpc/codec.h"
#include "rpc/stream.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A peer that lets this many times max_queued_bytes pile up does not read what it asked for. */
#define QUEUE_HARD_FACTOR 2

/* Reserve the END frame that answers a call of the peer. NULL when out of memory: the connection has failed then. */
static uint8_t *reserve_answer(struct yoke__connection *connection, uint32_t stream, uint32_t method,
                               enum yoke_code code, unsigned flags, size_t length) {
    const struct yoke__frame frame = {.length = (uint32_t)length,
                                      .stream = stream,
                                      .method = method,
                                      .type = YOKE__FRAME_END,
                                      .flags = (uint8_t)flags,
                                      .aux = (uint16_t)code};
    uint8_t *payload = yoke__connection_reserve(connection, &frame);
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

static void queue_answer(struct yoke__connection *connection, size_t length) {
    yoke__connection_queue(connection, length);
    yoke__connection_check_unread(connection);
    yoke__connection_attention(connection);
}

int yoke__connection_answer(struct yoke__connection *connection, const struct yoke_call *call, const void *reply,
                            size_t length) {
    unsigned flags = reply != NULL ? 0 : YOKE__FLAG_NO_MESSAGE;
    uint8_t *payload = reserve_answer(connection, call->stream, call->method->id, YOKE_OK, flags, length);
    if (payload == NULL) {
        return -ENOMEM;
    }
    if (reply != NULL) {
        call->method->reply->codec->pack(call->method->reply->descriptor, reply, payload);
    }
    queue_answer(connection, length);
    return 0;
}

int yoke__connection_answer_error(struct yoke__connection *connection, uint32_t stream, uint32_t method,
                                  enum yoke_code code, const char *message) {
    uint8_t status[YOKE__CONTROL_SIZE_MAX];
    size_t length = yoke__status_encode(message, status);
    uint8_t *payload = reserve_answer(connection, stream, method, code, 0, length);
    if (payload == NULL) {
        return -ENOMEM;
    }
    memcpy(payload, status, length);
    queue_answer(connection, length);
    return 0;
}

/* Why this call is not accepted, or NULL. */
static const char *find_refusal(const struct yoke__connection *connection, const uint8_t *payload, size_t length) {
    const struct yoke_limits *limits = &connection->engine->limits;
    if (payload == NULL || length > limits->max_message_bytes) {
        return "the request is larger than max_message_bytes";
    }
    if (connection->incoming_count >= limits->max_incoming_calls) {
        return "max_incoming_calls are unanswered";
    }
    if (connection->buffered_bytes > limits->max_buffered_bytes) {
        return "max_buffered_bytes of requests are unanswered";
    }
    return yoke__streams_are_congested(connection) ? "max_queued_bytes wait to be written" : NULL;
}

/* Answer with an error whose message is formatted. */
__attribute__((format(printf, 5, 0))) static void answer_formatted(struct yoke__connection *connection, uint32_t stream,
                                                                   uint32_t method, enum yoke_code code,
                                                                   const char *format, va_list arguments) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    (void)vsnprintf(message, sizeof message, format, arguments);
    (void)yoke__connection_answer_error(connection, stream, method, code, message);
}

__attribute__((format(printf, 4, 5))) static void refuse_call(struct yoke__connection *connection,
                                                              const struct yoke__frame *frame, enum yoke_code code,
                                                              const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    answer_formatted(connection, frame->stream, frame->method, code, format, arguments);
    va_end(arguments);
}

/* End a call that its handler has not heard of. */
__attribute__((format(printf, 3, 4))) static void reject_call(struct yoke_call *call, enum yoke_code code,
                                                              const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    answer_formatted(call->connection, call->stream, call->method->id, code, format, arguments);
    va_end(arguments);
    yoke__call_retire(call);
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

void yoke__call_dispatch(struct yoke_call *call, const uint8_t *bytes, size_t length) {
    const void *request;
    enum yoke_code code =
        yoke__message_decode(call->engine, call->method->request, bytes, length, &call->arena, &request);
    if (code != YOKE_OK) {
        reject_call(call, code, "the request of %s %s", call->method->name, yoke__message_fault(code));
        return;
    }
    if (run_handler(call, request)) {
        call->held_bytes = call->arena->heap;
        call->connection->buffered_bytes += call->held_bytes;
    }
}

/* Give an accepted call what its OPEN carried. `message` is NULL when that was none. */
static void begin_call(struct yoke_call *call, bool requests_stream, bool is_only, const uint8_t *message,
                       size_t length) {
    if (!requests_stream && message != NULL && is_only) {
        call->input_ended = true;
        yoke__call_dispatch(call, message, length);
        return;
    }
    if (yoke__stream_of(call) == NULL) {
        reject_call(call, YOKE_RESOURCE_EXHAUSTED, "%s: out of memory", call->method->name);
        return;
    }
    if (requests_stream && !run_handler(call, NULL)) {
        return;
    }
    if (message != NULL && !yoke__stream_take(call, message, length, 0)) {
        return;
    }
    if (is_only && !call->answered) {
        yoke__stream_end_input(call);
    }
}

/* The peer has a call for a method that we have. `deadline_ns` is 0 when there is none. */
static void accept_call(struct yoke__connection *connection, const struct yoke__frame *frame,
                        const struct yoke__route *route, const uint8_t *message, size_t length, uint64_t deadline_ns) {
    struct yoke_call *call = yoke__connection_reserve_call(connection);
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
    call->deadline_ns = deadline_ns;
    yoke__link_init(&call->children);
    yoke__connection_add_call(connection, call);
    bool requests_stream = yoke__requests_stream(route->method);
    begin_call(call, requests_stream, (frame->flags & YOKE__FLAG_END_STREAM) != 0,
               (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 ? NULL : message, length);
}

/* `payload` is NULL when it is too large to be taken. */
void yoke__incoming_receive_open(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload) {
    const struct yoke__route *route = yoke__server_find(connection->server, frame->method);
    if (route == NULL) {
        refuse_call(connection, frame, YOKE_UNIMPLEMENTED, "no service here has a method of id 0x%08" PRIx32,
                    frame->method);
        return;
    }
    const char *name = route->method->name;
    if (connection->draining) {
        refuse_call(connection, frame, YOKE_UNAVAILABLE, "%s: the process is stopping", name);
        return;
    }
    size_t prefix = yoke__frame_prefix_size(frame);
    const char *refusal = find_refusal(connection, payload, frame->length - prefix);
    if (refusal != NULL) {
        refuse_call(connection, frame, YOKE_RESOURCE_EXHAUSTED, "%s: %s", name, refusal);
        return;
    }
    uint64_t deadline_ns = 0;
    if (prefix != 0) {
        memcpy(&deadline_ns, payload, sizeof deadline_ns);
        deadline_ns = le64toh(deadline_ns);
        if (deadline_ns <= connection->engine->clock_ns()) {
            refuse_call(connection, frame, YOKE_DEADLINE_EXCEEDED, "%s: the deadline had passed on arrival", name);
            return;
        }
    }
    accept_call(connection, frame, route, payload + prefix, frame->length - prefix, deadline_ns);
}

void yoke__incoming_receive_cancel(struct yoke__connection *connection, const struct yoke__frame *frame) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call != NULL) {
        yoke__call_revoke(call);
    }
    /* Otherwise it crossed our END. */
}
