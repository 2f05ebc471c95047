/* connection.c: see connection.h: its life, and the way from bytes to frames. The calls are in outgoing.c and incoming.c. */
#include "rpc/connection.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/check.h"
#include "rpc/draft.h"
#include "rpc/incoming.h"
#include "rpc/lend.h"
#include "rpc/outgoing.h"
#include "rpc/prefix.h"
#include "rpc/queue.h"
#include "rpc/retry.h"
#include "rpc/stream.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
        .is_parent = is_parent,
        .next_stream = is_parent ? 1 : 2,
        .can_call = true,
        .passing = {.fd = -1},
    };
    yoke__borrowed_init(&connection->borrowed);
    yoke__call_map_init(&connection->calls);
    yoke__output_init(&connection->output, &engine->chunks);
    yoke__link_init(&connection->outgoing);
    yoke__link_init(&connection->incoming);
    yoke__link_init(&connection->senders);
    yoke__link_init(&connection->waiters);
    yoke__watch_init(connection);
}

void yoke__connection_allow_sharing(struct yoke__connection *connection) {
    const struct yoke__engine *engine = connection->engine;
    connection->borrowed.limit = engine->shared_min_bytes != UINT32_MAX ? engine->limits.max_shared_bytes : 0;
}

void yoke__connection_end_passing(struct yoke__connection *connection) {
    if (connection->passing.fd >= 0) {
        (void)close(connection->passing.fd);
        connection->passing.fd = -1;
    }
}

void yoke__connection_release(struct yoke__connection *connection) {
    yoke__connection_end_passing(connection);
    yoke__lender_destroy(connection->engine, connection->lender);
    connection->lender = NULL;
    yoke__borrowed_release(&connection->borrowed);
    yoke__output_release(&connection->output);
    yoke__chunk_put(&connection->engine->chunks, connection->input);
    connection->input = NULL;
    yoke__call_map_release(&connection->calls);
}

void yoke__connection_break(struct yoke__connection *connection, const char *reason) {
    connection->is_own_failure |= connection->failure[0] == '\0';
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
    /* Nothing that is answered now will be sent, so nothing more may pile up. */
    connection->unreachable = true;
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
    return connection->greeted || yoke__connection_greet(connection) == 0 ? reserve_any_frame(connection, frame) : NULL;
}

uint8_t *yoke__connection_reserve_behind(struct yoke__connection *connection, struct yoke__frame *frame,
                                         const struct yoke__prefix *prefix) {
    const unsigned flags = prefix != NULL ? yoke__prefix_flags(prefix) : 0;
    if (flags == 0) {
        return yoke__connection_reserve(connection, frame);
    }
    frame->flags |= (uint8_t)flags;
    frame->length += (uint32_t)yoke__prefix_size(prefix);
    uint8_t *payload = yoke__connection_reserve(connection, frame);
    return payload != NULL ? yoke__prefix_write(prefix, payload) : NULL;
}

int yoke__connection_greet(struct yoke__connection *connection) {
    if (connection->greeted) {
        return 0;
    }
    uint8_t payload[YOKE__CONTROL_SIZE_MAX];
    struct yoke__hello hello = connection->server->services;
    hello.shared_bytes = (uint32_t)connection->borrowed.limit;
    hello.is_starting = connection->is_starting;
    hello.drains = connection->drains;
    size_t length = yoke__hello_encode(&hello, payload);
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

/* What few of our calls are: pings, or given a time for their handlers. */
static void note_special(struct yoke__connection *connection, struct yoke_call *call) {
    connection->ping_count += call->is_ping;
    if (call->has_handler_time) {
        yoke__watch_add(connection, call);
    }
}

static void forget_special(struct yoke__connection *connection, struct yoke_call *call) {
    connection->ping_count -= call->is_ping;
    if (call->is_watched) {
        yoke__watch_remove(call);
    }
}

void yoke__connection_add_call(struct yoke__connection *connection, struct yoke_call *call) {
    call->connection = connection;
    yoke__call_map_add(&connection->calls, call);
    call->is_mapped = true;
    if (call->deadline_ns != 0) {
        yoke__deadlines_add(&connection->engine->deadlines, call);
    }
    if (call->is_client) {
        yoke__link_append(&connection->outgoing, &call->link);
        connection->outgoing_count++;
        if (call->has_handler_time || call->is_ping) {
            note_special(connection, call);
        }
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
        if (call->is_watched || call->is_ping) {
            forget_special(connection, call);
        }
        if (connection->relieves != NULL) {
            yoke__channel_relieve(connection->relieves, connection);
        }
    } else {
        connection->incoming_count--;
        if (call->cancelled && !connection->closed) {
            /* Nothing is sent of it, and yet the connection may be idle now. */
            yoke__connection_attention(connection);
        }
    }
}

void yoke__connection_go_away(struct yoke__connection *connection) {
    if (connection->going_away) {
        return;
    }
    connection->going_away = true;
    const struct yoke__frame frame = {.length = YOKE__GOAWAY_SIZE, .type = YOKE__FRAME_GOAWAY};
    uint8_t *payload = yoke__connection_reserve(connection, &frame);
    if (payload == NULL) {
        yoke__connection_break(connection, "out of memory for GOAWAY");
        return;
    }
    const uint32_t last = htole32(connection->last_incoming);
    memcpy(payload, &last, sizeof last);
    yoke__connection_queue(connection, YOKE__GOAWAY_SIZE);
    yoke__connection_attention(connection);
}

int yoke__connection_say_ready(struct yoke__connection *connection) {
    bool was_starting = connection->is_starting;
    connection->is_starting = false;
    if (!connection->greeted) {
        int error = yoke__connection_greet(connection);
        connection->is_starting = was_starting && error != 0;
        return error;
    }
    const struct yoke__frame frame = {.type = YOKE__FRAME_READY};
    if (yoke__connection_reserve(connection, &frame) == NULL) {
        connection->is_starting = was_starting;
        return -ENOMEM;
    }
    yoke__connection_queue(connection, 0);
    yoke__connection_attention(connection);
    return 0;
}

void yoke__connection_drain(struct yoke__connection *connection) {
    if (connection->drain_told) {
        return;
    }
    connection->drain_told = true;
    const struct yoke__frame frame = {.type = YOKE__FRAME_DRAIN};
    if (yoke__connection_reserve(connection, &frame) == NULL) {
        yoke__connection_break(connection, "out of memory for DRAIN");
        return;
    }
    yoke__connection_queue(connection, 0);
    yoke__connection_attention(connection);
}

int yoke__connection_emit(struct yoke__connection *connection, const struct yoke_event_type *type,
                          const struct yoke__body *event, const uint8_t **ret_bytes) {
    int error = yoke__connection_check_sendable(connection, event->length);
    if (error != 0) {
        return error;
    }
    struct yoke__lent lent;
    bool is_lent = yoke__lend_message(connection, event, &lent);
    const struct yoke__body *body = is_lent ? &lent.body : event;
    const struct yoke__frame frame = {.length = (uint32_t)body->length,
                                      .method = type->id,
                                      .type = YOKE__FRAME_EVENT,
                                      .flags = (uint8_t)yoke__body_flags(body)};
    uint8_t *payload = yoke__connection_reserve(connection, &frame);
    if (payload == NULL) {
        if (is_lent) {
            yoke__lend_cancel(connection, &lent);
        }
        return -ENOMEM;
    }
    yoke__body_write(body, payload);
    yoke__connection_queue(connection, body->length);
    *ret_bytes = is_lent ? lent.bytes : payload;
    return 0;
}

/* ---- Receiving: one function per frame type. The frame's header has been checked by yoke__frame_check(). -------------- */

static void receive_hello(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    if (yoke__hello_decode(payload, frame->length, &connection->peer_services) != 0) {
        yoke__connection_fail(connection, "the payload of HELLO is malformed");
        return;
    }
    connection->hello_received = true;
    connection->peer_is_starting = connection->is_parent && connection->peer_services.is_starting;
    if (!connection->peer_is_starting) {
        connection->hooks->ready(connection);
    }
}

static void receive_ready(struct yoke__connection *connection) {
    connection->peer_is_starting = false;
    connection->hooks->ready(connection);
}

static void receive_drain(struct yoke__connection *connection) {
    connection->drain_told = true;
    connection->hooks->draining(connection);
}

static void receive_event(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    struct yoke__parcel parcel = {.length = frame->length};
    if (payload != NULL && !yoke__parcel_of(connection, frame, payload, 0, &parcel)) {
        return;
    }
    if (parcel.length > connection->engine->limits.max_message_bytes) {
        yoke__engine_log(connection->engine, YOKE_LOG_WARNING,
                         "event 0x%08" PRIx32 " from pid %d dropped: %zu bytes are over max_message_bytes",
                         frame->method, (int)connection->peer.pid, parcel.length);
        return;
    }
    yoke__events_receive(connection->events, frame->method, &connection->peer, &parcel);
}

/* ---- Receiving: from bytes to frames ---------------------------------------------------------------------------- */

static void receive_frame(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    switch (frame->type) {
    case YOKE__FRAME_HELLO:
        receive_hello(connection, frame, payload);
        break;
    case YOKE__FRAME_OPEN:
        yoke__incoming_receive_open(connection, frame, payload);
        break;
    case YOKE__FRAME_END:
        yoke__outgoing_receive_end(connection, frame, payload);
        break;
    case YOKE__FRAME_CANCEL:
        yoke__incoming_receive_cancel(connection, frame);
        break;
    case YOKE__FRAME_MESSAGE:
        yoke__stream_receive_message(connection, frame, payload);
        break;
    case YOKE__FRAME_CREDIT:
        yoke__stream_receive_credit(connection, frame, payload);
        break;
    case YOKE__FRAME_HEADERS:
        yoke__outgoing_receive_headers(connection, frame, payload);
        break;
    case YOKE__FRAME_GOAWAY:
        yoke__outgoing_receive_goaway(connection, payload);
        break;
    case YOKE__FRAME_BUFFER:
        yoke__shared_receive_buffer(connection, frame, payload);
        break;
    case YOKE__FRAME_RELEASE:
        yoke__shared_receive_release(connection, frame);
        break;
    case YOKE__FRAME_READY:
        receive_ready(connection);
        break;
    case YOKE__FRAME_DRAIN:
        receive_drain(connection);
        break;
    default:
        receive_event(connection, frame, payload);
        break;
    }
}

/* Frames that carry a whole message, and whose receiver can do without it. */
static bool can_be_skipped(const struct yoke__frame *frame) {
    return frame->type == YOKE__FRAME_OPEN || frame->type == YOKE__FRAME_END || frame->type == YOKE__FRAME_EVENT;
}

static bool has_message(const struct yoke__frame *frame) {
    return can_be_skipped(frame) || frame->type == YOKE__FRAME_MESSAGE;
}

/* The same, wherever its message lies. The buffer that it lies in goes back unless somebody keeps it. */
static void receive_any_frame(struct yoke__connection *connection, const struct yoke__frame *frame,
                              const uint8_t *payload) {
    if ((frame->flags & YOKE__FLAG_SHARED) == 0) {
        if (frame->length >= connection->engine->shared_min_bytes && has_message(frame)) {
            yoke__borrow_notice(connection, frame->length);
        }
        receive_frame(connection, frame, payload);
    } else if (yoke__borrow_message(connection, frame, payload)) {
        receive_frame(connection, frame, payload);
        yoke__borrow_return(connection);
    }
}

static void advance(struct yoke__connection *connection, size_t size) {
    connection->input->begin += size;
    connection->input_offset += size;
}

/* Is the frame's message larger than any that is taken? What precedes it is looked at in any case, however long. */
static bool is_too_large(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    uint32_t max_message_bytes = connection->engine->limits.max_message_bytes;
    size_t most = max_message_bytes > YOKE__CONTROL_SIZE_MAX ? max_message_bytes : YOKE__CONTROL_SIZE_MAX;
    return frame->length > most && frame->length > most + yoke__prefix_bound(frame, YOKE__METADATA_BYTES_MAX);
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
    const char *wrong = yoke__frame_check(connection, &frame);
    if (wrong != NULL) {
        yoke__connection_fail(connection, "%s (byte %" PRIu64 ": type %u, flags 0x%02x, stream %" PRIu32 ", aux %u)",
                              wrong, connection->input_offset, frame.type, frame.flags, frame.stream, frame.aux);
        return false;
    }
    if (can_be_skipped(&frame) && is_too_large(connection, &frame)) {
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
    receive_any_frame(connection, &frame, input->data + input->begin + YOKE__FRAME_HEADER_SIZE);
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
    if (connection->borrowed.descriptor != YOKE__DESCRIPTOR_NONE) {
        *ret_room = yoke__shared_room(input->end - input->begin, *ret_room);
    }
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
        if (connection->borrowed.descriptor != YOKE__DESCRIPTOR_NONE) {
            yoke__connection_fail(connection, "a descriptor came where none belongs");
        }
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

/* Can the peer certainly not have begun to handle this call of ours? Nothing more of what is queued will be sent to it then. */
static bool is_unsent(const struct yoke__connection *connection, const struct yoke_call *call) {
    const bool is_partial =
        call->streaming != NULL && call->streaming->outbox != NULL && !yoke__requests_stream(call->method);
    return connection->unreachable && (is_partial || call->request_end > connection->output.consumed);
}

/* A call of ours has lost its peer: it is made again, or it ends. */
static void lose_call(struct yoke__connection *connection, struct yoke_call *call, const char *why) {
    const bool was_unsent = is_unsent(connection, call);
    yoke__connection_remove_call(connection, call);
    if (yoke__retry_call(call, !was_unsent)) {
        return;
    }
    call->safe_to_retry = was_unsent && (call->draft == NULL || !call->draft->may_be_handled);
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    (void)snprintf(message, sizeof message, "%s; the request %s", why,
                   call->safe_to_retry ? "was not handled" : "may have been handled");
    yoke__call_complete(call, YOKE_UNAVAILABLE, message, NULL);
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
        lose_call(connection, call, message);
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

void yoke__connection_give_up(struct yoke__connection *connection, const char *message) {
    while (!yoke__link_is_alone(&connection->outgoing)) {
        yoke__call_abandon(YOKE__CONTAINER(connection->outgoing.next, struct yoke_call, link), YOKE_CANCELLED,
                           "the call was given up");
    }
    struct yoke__link given_up;
    yoke__link_init(&given_up);
    while (!yoke__link_is_alone(&connection->incoming)) {
        struct yoke_call *call = YOKE__CONTAINER(connection->incoming.next, struct yoke_call, link);
        /* Aside, because a handler need not let go of it now. */
        yoke__link_remove(&call->link);
        yoke__link_append(&given_up, &call->link);
        if (!call->cancelled) {
            yoke__call_break_off(call, YOKE_UNAVAILABLE, message);
        }
    }
    while (!yoke__link_is_alone(&given_up)) {
        struct yoke__link *first = given_up.next;
        yoke__link_remove(first);
        yoke__link_append(&connection->incoming, first);
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

void yoke__connection_trim(struct yoke__connection *connection) {
    if (connection->calls.count == 0) {
        yoke__call_map_release(&connection->calls);
    }
    if (yoke__connection_check_sendable(connection, 0) == 0) {
        yoke__lend_trim(connection);
    }
}

bool yoke__connection_is_idle(const struct yoke__connection *connection) {
    return connection->outgoing_count == 0 && connection->incoming_count == 0 && connection->output.queued == 0;
}

bool yoke__connection_takes_calls(const struct yoke__connection *connection) {
    return !connection->peer_going_away && yoke__connection_check_sendable(connection, 0) == 0;
}
