/* connection.c: see connection.h. The answering of calls is in call.c. */
#include "rpc/connection.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/codec.h"
#include "rpc/stream.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A peer that lets this many times max_queued_bytes pile up does not read what it asked for. */
#define QUEUE_HARD_FACTOR 2

/* Room behind a frame that needs a chunk of its own: so the read that completes it is a short one, and no other is needed
 * to learn that nothing is left. */
#define INPUT_HEADROOM 4096

void yoke__connection_init(struct yoke__connection *connection, struct yoke__engine *engine, struct yoke_server *server,
                           struct yoke_events *events, const struct yoke_peer *peer, bool is_parent,
                           const struct yoke__connection_hooks *hooks) {
    *connection = (struct yoke__connection){
        .engine = engine,
        .server = server,
        .events = events,
        .hooks = hooks,
        .peer = *peer,
        .next_stream = is_parent ? 1 : 2,
        .can_call = true,
    };
    yoke__call_map_init(&connection->calls);
    yoke__output_init(&connection->output, &engine->chunks);
    yoke__link_init(&connection->outgoing);
    yoke__link_init(&connection->incoming);
    yoke__link_init(&connection->senders);
    yoke__link_init(&connection->waiters);
}

void yoke__connection_release(struct yoke__connection *connection) {
    yoke__output_release(&connection->output);
    yoke__chunk_put(&connection->engine->chunks, connection->input);
    connection->input = NULL;
    yoke__call_map_release(&connection->calls);
}

void yoke__connection_break(struct yoke__connection *connection, const char *reason) {
    connection->is_own_failure = connection->failure[0] == '\0';
    yoke__connection_fail(connection, "%s", reason);
}

void yoke__connection_fail(struct yoke__connection *connection, const char *format, ...) {
    if (connection->failure[0] != '\0' || connection->closed) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(connection->failure, sizeof connection->failure, format, arguments);
    va_end(arguments);
    connection->can_call = false;
    yoke__connection_attention(connection);
}

void yoke__connection_attention(struct yoke__connection *connection) {
    if (!connection->is_pumping) {
        connection->hooks->attention(connection);
    }
}

/* ---- Sending --------------------------------------------------------------------------------------------------- */

/* Write a header and reserve its payload behind it. NULL when out of memory; else commit with
 * yoke__connection_queue(). */
static uint8_t *reserve_any_frame(struct yoke__connection *connection, const struct yoke__frame *frame) {
    uint8_t *out = yoke__output_reserve(&connection->output, YOKE__FRAME_HEADER_SIZE + (size_t)frame->length);
    if (out == NULL) {
        return NULL;
    }
    yoke__frame_encode(frame, out);
    return out + YOKE__FRAME_HEADER_SIZE;
}

/* The same for all frames but HELLO, which goes before them. */
uint8_t *yoke__connection_reserve(struct yoke__connection *connection, const struct yoke__frame *frame) {
    return yoke__connection_greet(connection) == 0 ? reserve_any_frame(connection, frame) : NULL;
}

void yoke__connection_queue(struct yoke__connection *connection, size_t payload_length) {
    yoke__output_commit(&connection->output, YOKE__FRAME_HEADER_SIZE + payload_length);
}

int yoke__connection_greet(struct yoke__connection *connection) {
    if (connection->greeted) {
        return 0;
    }
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    size_t length = yoke__hello_encode(&connection->server->services, payload);
    const struct yoke__frame frame = {.length = (uint32_t)length,
                                      .method = YOKE__HELLO_MAGIC,
                                      .type = YOKE__FRAME_HELLO,
                                      .aux = YOKE__PROTOCOL_VERSION};
    uint8_t *out = reserve_any_frame(connection, &frame);
    if (out == NULL) {
        return -ENOMEM;
    }
    memcpy(out, payload, length);
    yoke__connection_queue(connection, length);
    connection->greeted = true;
    connection->server->announced = true;
    yoke__connection_attention(connection);
    return 0;
}

/* May a call or event of this length be queued now? */
static int check_sendable(const struct yoke__connection *connection, size_t length) {
    if (!connection->can_call) {
        return -ENOTCONN;
    }
    if (length > connection->engine->limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    return yoke__streams_are_congested(connection) ? -ENOBUFS : 0;
}

/* Ids are not reused while live, which matters once they have wrapped around. */
static uint32_t take_stream(struct yoke__connection *connection) {
    uint32_t stream;
    do {
        stream = connection->next_stream;
        connection->next_stream += 2;
        connection->streams_wrapped |= connection->next_stream < stream;
    } while (stream == 0 || yoke__call_map_find(&connection->calls, stream) != NULL);
    return stream;
}

static void add_call(struct yoke__connection *connection, struct yoke_call *call) {
    call->connection = connection;
    yoke__call_map_add(&connection->calls, call);
    call->is_mapped = true;
    if (call->deadline_ns != 0) {
        yoke__deadlines_add(&connection->engine->deadlines, call);
    }
    if (call->is_client) {
        yoke__link_append(&connection->outgoing, &call->link);
        connection->outgoing_count++;
    } else {
        yoke__link_append(&connection->incoming, &call->link);
        connection->incoming_count++;
    }
}

void yoke__connection_unmap_call(struct yoke__connection *connection, struct yoke_call *call) {
    if (call->is_mapped) {
        yoke__call_map_remove(&connection->calls, call->stream);
        call->is_mapped = false;
    }
    yoke__deadlines_remove(&connection->engine->deadlines, call);
}

void yoke__connection_remove_call(struct yoke__connection *connection, struct yoke_call *call) {
    yoke__connection_unmap_call(connection, call);
    yoke__link_remove(&call->link);
    if (call->streaming != NULL) {
        yoke__stream_detach(call->streaming);
    }
    call->connection = NULL;
    connection->buffered_bytes -= call->held_bytes;
    if (call->is_client) {
        connection->outgoing_count--;
    } else {
        connection->incoming_count--;
    }
}

/* Room in all that a new call is entered into. */
static struct yoke_call *reserve_call(struct yoke__connection *connection) {
    if (yoke__call_map_reserve(&connection->calls) != 0 ||
        yoke__deadlines_reserve(&connection->engine->deadlines) != 0) {
        return NULL;
    }
    return yoke__engine_get_call(connection->engine);
}

static void fill_call(struct yoke_call *call, const struct yoke__connection *connection,
                      const struct yoke_method *method, const struct yoke__call_setup *setup) {
    call->engine = connection->engine;
    call->peer = connection->peer;
    call->method = method;
    call->is_client = true;
    call->deadline_ns = setup->deadline_ns;
    call->on_message = setup->on_message;
    call->done = setup->done;
    call->user_data = setup->user_data;
    call->max_reply_bytes = setup->max_reply_bytes;
    yoke__link_init(&call->link);
    yoke__link_init(&call->sibling);
    if (setup->parent != NULL) {
        yoke__link_append(&setup->parent->children, &call->sibling);
    }
}

/* Queue the frame that opens the call. `request` is NULL when it does not travel in this frame. -ENOMEM. */
static int send_open(struct yoke__connection *connection, struct yoke_call *call, const void *request, size_t length) {
    const struct yoke_type *type = call->method->request;
    unsigned flags = request != NULL ? YOKE__FLAG_END_STREAM : YOKE__FLAG_NO_MESSAGE;
    if (call->deadline_ns != 0) {
        flags |= YOKE__FLAG_DEADLINE;
        length += YOKE__DEADLINE_SIZE;
    }
    const struct yoke__frame frame = {.length = (uint32_t)length,
                                      .stream = call->stream,
                                      .method = call->method->id,
                                      .type = YOKE__FRAME_OPEN,
                                      .flags = (uint8_t)flags};
    uint8_t *payload = yoke__connection_reserve(connection, &frame);
    if (payload == NULL) {
        return -ENOMEM;
    }
    if (call->deadline_ns != 0) {
        const uint64_t deadline = htole64(call->deadline_ns);
        memcpy(payload, &deadline, YOKE__DEADLINE_SIZE);
        payload += YOKE__DEADLINE_SIZE;
    }
    if (request != NULL) {
        type->codec->pack(type->descriptor, request, payload);
    }
    yoke__connection_queue(connection, length);
    return 0;
}

/* Open the call, and send its only request, or none when requests stream. -ENOMEM. */
static int start_call(struct yoke__connection *connection, struct yoke_call *call, const void *request, size_t length) {
    bool is_large = length > YOKE__WHOLE_MAX;
    call->stream = take_stream(connection);
    int error = send_open(connection, call, is_large ? NULL : request, is_large ? 0 : length);
    if (error != 0) {
        return error;
    }
    add_call(connection, call);
    if (is_large) {
        error = yoke__stream_send(call, call->method->request, request, length, true, false);
        if (error != 0) {
            yoke__connection_remove_call(connection, call);
            yoke__connection_send_cancel(connection, call->stream, call->method->id);
        }
    }
    return error;
}

int yoke__connection_call(struct yoke__connection *connection, const struct yoke_method *method, const void *request,
                          const struct yoke__call_setup *setup, struct yoke_call **ret_call) {
    size_t length = request != NULL ? method->request->codec->size(method->request->descriptor, request) : 0;
    int error = check_sendable(connection, length);
    if (error != 0) {
        return error;
    }
    struct yoke_call *call = reserve_call(connection);
    if (call == NULL) {
        return -ENOMEM;
    }
    fill_call(call, connection, method, setup);
    if (setup->parent != NULL && setup->parent->cancelled) {
        yoke__call_settle(call, YOKE_CANCELLED, "the call that it is part of was cancelled");
    } else if (call->deadline_ns != 0 && call->deadline_ns <= connection->engine->clock_ns()) {
        yoke__call_settle(call, YOKE_DEADLINE_EXCEEDED, "the deadline had passed already");
    } else {
        error = start_call(connection, call, request, length);
    }
    if (error != 0) {
        yoke__link_remove(&call->sibling);
        yoke__engine_put_call(connection->engine, call);
        return error;
    }
    *ret_call = call;
    yoke__connection_attention(connection);
    return 0;
}

void yoke__connection_send_cancel(struct yoke__connection *connection, uint32_t stream, uint32_t method) {
    const struct yoke__frame frame = {.stream = stream, .method = method, .type = YOKE__FRAME_CANCEL};
    if (yoke__connection_reserve(connection, &frame) != NULL) {
        yoke__connection_queue(connection, 0);
        yoke__connection_attention(connection);
    }
}

int yoke__connection_emit(struct yoke__connection *connection, const struct yoke_event_type *type, size_t length,
                          uint8_t **ret_payload) {
    int error = check_sendable(connection, length);
    if (error != 0) {
        return error;
    }
    const struct yoke__frame frame = {.length = (uint32_t)length, .method = type->id, .type = YOKE__FRAME_EVENT};
    uint8_t *payload = yoke__connection_reserve(connection, &frame);
    if (payload == NULL) {
        return -ENOMEM;
    }
    yoke__connection_queue(connection, length);
    *ret_payload = payload;
    return 0;
}

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

/* ---- Completing our calls -------------------------------------------------------------------------------------- */

void yoke__call_complete(struct yoke_call *call, enum yoke_code code, const char *message, const void *reply) {
    struct yoke__engine *engine = call->engine;
    const struct yoke_status status = {code, message};
    yoke__link_remove(&call->sibling);
    if (call->done != NULL && !engine->is_mute) {
        engine->callback_depth++;
        call->method->complete(call->done, call, &status, reply, call->user_data);
        engine->callback_depth--;
    }
    if (call->in_handler == 0) {
        yoke__engine_put_call(engine, call);
    } else {
        /* Another callback of it runs the loop. */
        call->retired = true;
    }
}

static void complete_with_reply(struct yoke_call *call, const uint8_t *bytes, size_t length) {
    struct yoke__engine *engine = call->engine;
    struct yoke_arena *arena = NULL;
    const void *reply;
    enum yoke_code code = yoke__message_decode(engine, call->method->reply, bytes, length, &arena, &reply);
    if (code == YOKE_OK) {
        yoke__call_complete(call, YOKE_OK, "", reply);
        yoke__engine_put_arena(engine, arena);
    } else {
        char message[YOKE_STATUS_MESSAGE_MAX + 1];
        (void)snprintf(message, sizeof message, "the reply to %s %s", call->method->name,
                       code == YOKE_INTERNAL ? "is malformed or nested too deeply" : "needs too much memory to decode");
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

/* ---- Receiving: one function per frame type. The frame's header has been checked by check_frame(). -------------- */

static void receive_hello(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    if (yoke__hello_decode(payload, frame->length, &connection->peer_services) != 0) {
        yoke__connection_fail(connection, "the payload of HELLO is malformed");
        return;
    }
    connection->hello_received = true;
    connection->hooks->ready(connection);
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

__attribute__((format(printf, 4, 5))) static void refuse_call(struct yoke__connection *connection,
                                                              const struct yoke__frame *frame, enum yoke_code code,
                                                              const char *format, ...) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    (void)yoke__connection_answer_error(connection, frame->stream, frame->method, code, message);
}

/* The bytes of a frame's payload that are not its message. */
static size_t prefix_size(const struct yoke__frame *frame) {
    return frame->type == YOKE__FRAME_OPEN && (frame->flags & YOKE__FLAG_DEADLINE) ? YOKE__DEADLINE_SIZE : 0;
}

/* End a call that its handler has not heard of. */
__attribute__((format(printf, 3, 4))) static void reject_call(struct yoke_call *call, enum yoke_code code,
                                                              const char *format, ...) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    (void)yoke__connection_answer_error(call->connection, call->stream, call->method->id, code, message);
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
        reject_call(call, code, "the request of %s %s", call->method->name,
                    code == YOKE_INTERNAL ? "is malformed or nested too deeply" : "needs too much memory to decode");
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
    struct yoke_call *call = reserve_call(connection);
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
    add_call(connection, call);
    bool requests_stream = route->method->kind == YOKE_CLIENT_STREAMING || route->method->kind == YOKE_BIDI_STREAMING;
    begin_call(call, requests_stream, (frame->flags & YOKE__FLAG_END_STREAM) != 0,
               (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 ? NULL : message, length);
}

/* `payload` is NULL when it is too large to be taken. */
static void receive_open(struct yoke__connection *connection, const struct yoke__frame *frame, const uint8_t *payload) {
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
    size_t prefix = prefix_size(frame);
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

/* Our call has been answered OK. `reply` is NULL when END carried none. */
static void receive_ok(struct yoke_call *call, const uint8_t *reply, size_t length) {
    bool replies_stream = call->method->kind == YOKE_SERVER_STREAMING || call->method->kind == YOKE_BIDI_STREAMING;
    if (reply != NULL && (replies_stream || call->streaming != NULL)) {
        if (yoke__stream_of(call) == NULL) {
            yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a message");
            return;
        }
        if (!yoke__stream_take(call, reply, length, 0)) {
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
    if (reply == NULL && stream != NULL) {
        reply = yoke__stream_only(stream, &length);
    }
    yoke__connection_remove_call(call->connection, call);
    if (reply == NULL) {
        yoke__call_complete(call, YOKE_UNIMPLEMENTED, "the method sends one reply, and none came", NULL);
    } else {
        complete_with_reply(call, reply, length);
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

/* `payload` is NULL when it is too large to be taken. */
static void receive_end(struct yoke__connection *connection, const struct yoke__frame *frame,
                        const uint8_t *payload) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call == NULL) {
        /* It crossed our CANCEL. */
        return;
    }
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    if (frame->aux == YOKE_OK && call->streaming != NULL && call->streaming->inbox_part != NULL) {
        yoke__connection_fail(connection, "END says OK within a message on stream %" PRIu32, frame->stream);
    } else if (frame->aux != YOKE_OK) {
        if (yoke__status_decode(payload, frame->length, message) != 0) {
            yoke__connection_fail(connection, "the status of END is malformed");
        } else {
            receive_error(call, (enum yoke_code)frame->aux, message);
        }
    } else if (payload == NULL || frame->length > call->max_reply_bytes) {
        (void)snprintf(message, sizeof message, "the reply to %s, %" PRIu32 " bytes, is larger than max_reply_bytes",
                       call->method->name, frame->length);
        end_stream(call, YOKE_RESOURCE_EXHAUSTED, message);
    } else {
        receive_ok(call, (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 ? NULL : payload, frame->length);
    }
}

static void receive_cancel(struct yoke__connection *connection, const struct yoke__frame *frame) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call != NULL) {
        yoke__call_revoke(call);
    }
    /* Otherwise it crossed our END. */
}

static void receive_event(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    if (frame->length > connection->engine->limits.max_message_bytes) {
        yoke__engine_log(connection->engine, YOKE_LOG_WARNING,
                         "event 0x%08" PRIx32 " from pid %d dropped: %" PRIu32 " bytes are over max_message_bytes",
                         frame->method, (int)connection->peer.pid, frame->length);
        return;
    }
    yoke__events_receive(connection->events, frame->method, &connection->peer, payload, frame->length);
}

/* ---- Checking: what is wrong with a header, or NULL ------------------------------------------------------------- */

static const char *check_hello(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (connection->hello_received) {
        return "HELLO came twice";
    }
    if (frame->method != YOKE__HELLO_MAGIC) {
        return "HELLO lacks the magic: the peer does not speak Yoke";
    }
    if (frame->aux != YOKE__PROTOCOL_VERSION) {
        return "HELLO is of another protocol version";
    }
    if (frame->stream != 0 || frame->flags != 0) {
        return "HELLO has a stream or flags";
    }
    return frame->length > YOKE__CONTROL_SIZE_MAX ? "HELLO is too long" : NULL;
}

/* Is this an id that the peer gives to its calls? */
static bool is_peers_stream(const struct yoke__connection *connection, uint32_t stream) {
    return stream != 0 && (stream & 1) != (connection->next_stream & 1);
}

/* Is this the id of a call that we made, now or before? */
static bool is_our_stream(const struct yoke__connection *connection, uint32_t stream) {
    return stream != 0 && (stream & 1) == (connection->next_stream & 1) &&
           (connection->streams_wrapped || stream < connection->next_stream);
}

static const char *check_open(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!is_peers_stream(connection, frame->stream)) {
        return "OPEN has a stream id that is not the peer's to give";
    }
    if (yoke__call_map_find(&connection->calls, frame->stream) != NULL) {
        return "OPEN reuses a live stream id";
    }
    if ((frame->flags & ~(YOKE__FLAG_END_STREAM | YOKE__FLAG_DEADLINE | YOKE__FLAG_NO_MESSAGE)) != 0 || frame->aux != 0) {
        return "OPEN has unknown flags";
    }
    if (frame->length < prefix_size(frame)) {
        return "OPEN is too short for its deadline";
    }
    return (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 && frame->length != prefix_size(frame)
               ? "OPEN says that it has no message, and has one"
               : NULL;
}

static const char *check_end(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!is_our_stream(connection, frame->stream)) {
        return "END is for no call of ours";
    }
    const struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call != NULL && frame->method != call->method->id) {
        return "END names another method than its call";
    }
    unsigned allowed = frame->aux == YOKE_OK ? YOKE__FLAG_NO_MESSAGE : 0;
    if ((frame->flags & ~allowed) != 0 || frame->aux > YOKE_UNAUTHENTICATED) {
        return "END has unknown flags or an unknown status code";
    }
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 && frame->length != 0) {
        return "END says that it has no message, and has one";
    }
    return frame->aux != YOKE_OK && frame->length > YOKE__CONTROL_SIZE_MAX ? "the status of END is too long" : NULL;
}

/* MESSAGE goes both ways; only a caller ends its stream with it. */
static const char *check_message(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    bool is_ours = is_our_stream(connection, frame->stream);
    if (!is_ours && !is_peers_stream(connection, frame->stream)) {
        return "MESSAGE is for no call";
    }
    unsigned allowed = YOKE__FLAG_MORE | (is_ours ? 0 : YOKE__FLAG_END_STREAM | YOKE__FLAG_NO_MESSAGE);
    if ((frame->flags & ~allowed) != 0 || frame->aux != 0) {
        return "MESSAGE has unknown flags";
    }
    if ((frame->flags & YOKE__FLAG_MORE) != 0 && frame->flags != YOKE__FLAG_MORE) {
        return "MESSAGE ends a stream within a message";
    }
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 &&
        (frame->length != 0 || (frame->flags & YOKE__FLAG_END_STREAM) == 0)) {
        return "MESSAGE says that it has no message, and has one, or no meaning at all";
    }
    if (frame->length > YOKE__WHOLE_MAX) {
        return "MESSAGE is too long for one frame";
    }
    const struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    return call != NULL && frame->method != call->method->id ? "MESSAGE names another method than its call" : NULL;
}

static const char *check_credit(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!is_our_stream(connection, frame->stream) && !is_peers_stream(connection, frame->stream)) {
        return "CREDIT is for no call";
    }
    if (frame->flags != 0 || frame->aux != 0 || frame->length != YOKE__CREDIT_SIZE) {
        return "CREDIT has flags or not 4 bytes";
    }
    const struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    return call != NULL && frame->method != call->method->id ? "CREDIT names another method than its call" : NULL;
}

static const char *check_cancel(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!is_peers_stream(connection, frame->stream)) {
        return "CANCEL has a stream id that is not the peer's to give";
    }
    return frame->flags != 0 || frame->aux != 0 || frame->length != 0 ? "CANCEL has flags or a payload" : NULL;
}

static const char *check_event(const struct yoke__frame *frame) {
    return frame->stream != 0 || frame->flags != 0 || frame->aux != 0 ? "EVENT has a stream or flags" : NULL;
}

static const char *check_frame(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!connection->hello_received && frame->type != YOKE__FRAME_HELLO) {
        return "the first frame is not HELLO";
    }
    switch (frame->type) {
    case YOKE__FRAME_HELLO:
        return check_hello(connection, frame);
    case YOKE__FRAME_OPEN:
        return check_open(connection, frame);
    case YOKE__FRAME_END:
        return check_end(connection, frame);
    case YOKE__FRAME_EVENT:
        return check_event(frame);
    case YOKE__FRAME_CANCEL:
        return check_cancel(connection, frame);
    case YOKE__FRAME_MESSAGE:
        return check_message(connection, frame);
    case YOKE__FRAME_CREDIT:
        return check_credit(connection, frame);
    default:
        return "unknown frame type";
    }
}

/* ---- Receiving: from bytes to frames ---------------------------------------------------------------------------- */

static void receive_frame(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    switch (frame->type) {
    case YOKE__FRAME_HELLO:
        receive_hello(connection, frame, payload);
        break;
    case YOKE__FRAME_OPEN:
        receive_open(connection, frame, payload);
        break;
    case YOKE__FRAME_END:
        receive_end(connection, frame, payload);
        break;
    case YOKE__FRAME_CANCEL:
        receive_cancel(connection, frame);
        break;
    case YOKE__FRAME_MESSAGE:
        yoke__stream_receive_message(connection, frame, payload);
        break;
    case YOKE__FRAME_CREDIT:
        yoke__stream_receive_credit(connection, frame, payload);
        break;
    default:
        receive_event(connection, frame, payload);
        break;
    }
}

static void advance(struct yoke__connection *connection, size_t size) {
    connection->input->begin += size;
    connection->input_offset += size;
}

/* Handle what is at the front of the input. False when more bytes are needed or the connection has failed. */
static bool receive_next(struct yoke__connection *connection) {
    struct yoke__chunk *input = connection->input;
    size_t available = input->end - input->begin;
    if (connection->input_skip > 0) {
        size_t skipped = available < connection->input_skip ? available : connection->input_skip;
        connection->input_skip -= skipped;
        advance(connection, skipped);
        return connection->input_skip == 0;
    }
    if (available < YOKE__FRAME_HEADER_SIZE) {
        return false;
    }
    struct yoke__frame frame;
    yoke__frame_decode(input->data + input->begin, &frame);
    const char *wrong = check_frame(connection, &frame);
    if (wrong != NULL) {
        yoke__connection_fail(connection, "%s (byte %" PRIu64 ": type %u, flags 0x%02x, stream %" PRIu32 ", aux %u)",
                              wrong, connection->input_offset, frame.type, frame.flags, frame.stream, frame.aux);
        return false;
    }
    if (frame.type != YOKE__FRAME_MESSAGE &&
        frame.length > connection->engine->limits.max_message_bytes + prefix_size(&frame) &&
        frame.length > YOKE__CONTROL_SIZE_MAX) {
        connection->input_skip = frame.length;
        receive_frame(connection, &frame, NULL);
        advance(connection, YOKE__FRAME_HEADER_SIZE);
        return true;
    }
    size_t size = YOKE__FRAME_HEADER_SIZE + (size_t)frame.length;
    if (available < size) {
        connection->input_wanted = size;
        return false;
    }
    receive_frame(connection, &frame, input->data + input->begin + YOKE__FRAME_HEADER_SIZE);
    advance(connection, size);
    return true;
}

uint8_t *yoke__connection_input(struct yoke__connection *connection, size_t *ret_room) {
    struct yoke__chunk *input = connection->input;
    if (input == NULL || input->capacity < connection->input_wanted) {
        struct yoke__chunk *larger =
            yoke__chunk_get(&connection->engine->chunks, connection->input_wanted + INPUT_HEADROOM);
        if (larger == NULL) {
            return NULL;
        }
        if (input != NULL) {
            larger->end = input->end - input->begin;
            memcpy(larger->data, input->data + input->begin, larger->end);
            yoke__chunk_put(&connection->engine->chunks, input);
        }
        connection->input = input = larger;
    } else if (input->end == input->capacity || input->capacity - input->begin < connection->input_wanted) {
        input->end -= input->begin;
        memmove(input->data, input->data + input->begin, input->end);
        input->begin = 0;
    }
    *ret_room = input->capacity - input->end;
    return input->data + input->end;
}

void yoke__connection_received(struct yoke__connection *connection, size_t size) {
    connection->input->end += size;
    connection->input_wanted = 0;
    connection->is_receiving = true;
    while (connection->failure[0] == '\0' && connection->input->begin < connection->input->end &&
           receive_next(connection)) {
    }
    connection->is_receiving = false;
    if (connection->input->begin == connection->input->end) {
        yoke__chunk_put(&connection->engine->chunks, connection->input);
        connection->input = NULL;
    }
}

/* ---- Ending ----------------------------------------------------------------------------------------------------- */

/* Calls of the peer whose messages will never be complete. Those that are answered only wait to be sent. */
static void revoke_unfinished(struct yoke__connection *connection) {
    struct yoke__link *link = connection->incoming.next;
    while (link != &connection->incoming) {
        struct yoke_call *call = YOKE__CONTAINER(link, struct yoke_call, link);
        link = link->next;
        if (!call->input_ended && !call->answered && !call->cancelled) {
            yoke__call_revoke(call);
            /* Its hook may have answered others. */
            link = connection->incoming.next;
        }
    }
}

void yoke__connection_end_input(struct yoke__connection *connection, const char *message) {
    /* What completes here cannot start another call, so this ends. */
    connection->can_call = false;
    revoke_unfinished(connection);
    while (!yoke__link_is_alone(&connection->outgoing)) {
        struct yoke_call *call = YOKE__CONTAINER(connection->outgoing.next, struct yoke_call, link);
        yoke__stream_flush_inbox(call);
        if (connection->outgoing.next != &call->link) {
            continue;
        }
        yoke__connection_remove_call(connection, call);
        yoke__call_complete(call, YOKE_UNAVAILABLE, message, NULL);
    }
}

void yoke__connection_close(struct yoke__connection *connection, const char *message) {
    connection->closed = true;
    connection->unreachable = true;
    yoke__connection_end_input(connection, message);
    yoke__output_release(&connection->output);
    while (!yoke__link_is_alone(&connection->incoming)) {
        struct yoke_call *call = YOKE__CONTAINER(connection->incoming.next, struct yoke_call, link);
        yoke__connection_remove_call(connection, call);
        yoke__link_append(&connection->engine->orphans, &call->link);
        yoke__call_revoke(call);
    }
}

bool yoke__connection_peer_serves(const struct yoke__connection *connection, uint32_t service_id) {
    const struct yoke__hello *services = &connection->peer_services;
    for (size_t i = 0; i < services->service_count; i++) {
        if (services->services[i] == service_id) {
            return true;
        }
    }
    return false;
}

bool yoke__connection_is_idle(const struct yoke__connection *connection) {
    return connection->outgoing_count == 0 && connection->incoming_count == 0 && connection->output.queued == 0;
}

bool yoke__connection_takes_calls(const struct yoke__connection *connection) {
    return check_sendable(connection, 0) == 0;
}
