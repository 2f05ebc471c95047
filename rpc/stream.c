/* stream.c: see stream.h. */
#include "rpc/stream.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/codec.h"
#include "rpc/connection.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fragments are queued while less than this waits to be written: what a small message may have to wait for. */
#define QUEUE_LOW (128u * 1024u)

/* Senders of streams have to wait while more than this waits to be written. */
#define QUEUE_HIGH (1024u * 1024u)

/* What precedes each message in an inbox. */
struct record {
    uint32_t length;
    uint32_t cost; /* the credit to give back when it has been delivered */
};

/* ---- Life -------------------------------------------------------------------------------------------------------- */

struct yoke__stream *yoke__stream_of(struct yoke_call *call) {
    if (call->streaming != NULL) {
        return call->streaming;
    }
    struct yoke__engine *engine = call->engine;
    struct yoke__stream *stream = engine->idle_streams;
    if (stream != NULL) {
        engine->idle_streams = stream->next_idle;
    } else {
        stream = malloc(sizeof *stream);
        if (stream == NULL) {
            return NULL;
        }
    }
    *stream = (struct yoke__stream){
        .call = call, .send_credit = YOKE__CREDIT_INITIAL, .receive_credit = YOKE__CREDIT_INITIAL};
    yoke__link_init(&stream->sender);
    yoke__link_init(&stream->waiter);
    yoke__link_init(&stream->wakeup);
    yoke__output_init(&stream->inbox, &engine->chunks);
    call->streaming = stream;
    return stream;
}

static void drop_outbox(struct yoke__stream *stream) {
    struct yoke__chunk *outbox = stream->outbox;
    if (outbox != NULL) {
        stream->call->connection->outbox_bytes -= outbox->end;
        yoke__chunk_put(&stream->call->engine->chunks, outbox);
        stream->outbox = NULL;
    }
    yoke__link_remove(&stream->sender);
    yoke__link_remove(&stream->waiter);
}

static void drop_part(struct yoke__stream *stream) {
    yoke__chunk_put(&stream->call->engine->chunks, stream->inbox_part);
    stream->inbox_part = NULL;
    stream->inbox_part_cost = 0;
}

void yoke__stream_detach(struct yoke__stream *stream) {
    drop_outbox(stream);
    drop_part(stream);
    stream->call->connection->buffered_bytes -= stream->buffered;
    stream->buffered = 0;
}

void yoke__stream_void(struct yoke__stream *stream) {
    if (stream->call->connection != NULL) {
        yoke__stream_detach(stream);
    }
    yoke__output_release(&stream->inbox);
    yoke__chunk_put(&stream->call->engine->chunks, stream->inbox_only);
    stream->inbox_only = NULL;
    stream->inbox_count = 0;
}

void yoke__stream_release(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    if (stream == NULL) {
        return;
    }
    struct yoke__engine *engine = call->engine;
    yoke__link_remove(&stream->wakeup);
    yoke__output_release(&stream->inbox);
    yoke__chunk_put(&engine->chunks, stream->inbox_only);
    free(stream->status_message);
    stream->next_idle = engine->idle_streams;
    engine->idle_streams = stream;
    call->streaming = NULL;
}

/* A callback is due. */
static void schedule(struct yoke__stream *stream) {
    if (yoke__link_is_alone(&stream->wakeup)) {
        yoke__link_append(&stream->call->engine->wakeups, &stream->wakeup);
    }
}

/* The call cannot go on, through no wish of its user's. */
static void break_call(struct yoke_call *call, enum yoke_code code, const char *message) {
    if (call->is_client) {
        yoke__call_abandon(call, code, message);
    } else {
        (void)yoke__connection_answer_error(call->connection, call->stream, call->method->id, code, message);
        yoke__call_revoke(call);
    }
}

static bool requests_stream(const struct yoke_method *method) {
    return method->kind == YOKE_CLIENT_STREAMING || method->kind == YOKE_BIDI_STREAMING;
}

static bool replies_stream(const struct yoke_method *method) {
    return method->kind == YOKE_SERVER_STREAMING || method->kind == YOKE_BIDI_STREAMING;
}

/* Does the peer send exactly one message on this call? Then it waits in the inbox for the end of the stream. */
static bool takes_one(const struct yoke_call *call) {
    return call->is_client ? !replies_stream(call->method) : !requests_stream(call->method);
}

/* ---- Sending ----------------------------------------------------------------------------------------------------- */

static size_t cost_of(size_t length) {
    return YOKE__FRAME_HEADER_SIZE + length;
}

/* Reserve a MESSAGE frame and take its credit. NULL when out of memory. */
static uint8_t *reserve_message(struct yoke__stream *stream, unsigned flags, size_t length) {
    struct yoke_call *call = stream->call;
    const struct yoke__frame frame = {.length = (uint32_t)length,
                                      .stream = call->stream,
                                      .method = call->method->id,
                                      .type = YOKE__FRAME_MESSAGE,
                                      .flags = (uint8_t)flags};
    uint8_t *payload = yoke__connection_reserve(call->connection, &frame);
    if (payload != NULL) {
        stream->send_credit -= cost_of(length);
    }
    return payload;
}

/* The call, which is answered, can end now that its last message is sent. */
static void send_status(struct yoke__stream *stream) {
    struct yoke_call *call = stream->call;
    if (stream->status_code == YOKE_OK) {
        (void)yoke__connection_answer(call->connection, call, NULL, 0);
    } else {
        (void)yoke__connection_answer_error(call->connection, call->stream, call->method->id, stream->status_code,
                                            stream->status_message);
    }
    yoke__call_retire(call);
}

static void finish_outbox(struct yoke__stream *stream) {
    drop_outbox(stream);
    if (stream->has_status && !stream->call->is_client) {
        send_status(stream);
    } else if (stream->wants_writable) {
        schedule(stream);
    }
}

enum progress { PROGRESS_SENT, PROGRESS_NO_CREDIT, PROGRESS_FAILED };

static enum progress send_fragment(struct yoke__stream *stream) {
    struct yoke__chunk *outbox = stream->outbox;
    size_t remaining = outbox->end - outbox->begin;
    bool is_whole =
        !stream->outbox_begun && remaining <= YOKE__FRAGMENT_SIZE && cost_of(remaining) <= stream->send_credit;
    size_t prefix = stream->outbox_begun || is_whole ? 0 : YOKE__TOTAL_SIZE;
    if (stream->send_credit < cost_of(prefix) + (remaining > 0)) {
        return PROGRESS_NO_CREDIT;
    }
    size_t room = stream->send_credit - cost_of(prefix);
    size_t most = YOKE__FRAGMENT_SIZE < room ? YOKE__FRAGMENT_SIZE : room;
    size_t size = remaining < most ? remaining : most;
    bool is_last = size == remaining;
    /* At the handler's side it is the status that ends the stream. */
    bool is_end = stream->send_ended && stream->call->is_client;
    unsigned flags = !is_last ? YOKE__FLAG_MORE : is_end ? YOKE__FLAG_END_STREAM : 0;
    uint8_t *payload = reserve_message(stream, flags, prefix + size);
    if (payload == NULL) {
        yoke__connection_break(stream->call->connection, "out of memory for a fragment");
        return PROGRESS_FAILED;
    }
    if (prefix != 0) {
        const uint32_t total = htole32((uint32_t)remaining);
        memcpy(payload, &total, YOKE__TOTAL_SIZE);
    }
    memcpy(payload + prefix, outbox->data + outbox->begin, size);
    yoke__connection_queue(stream->call->connection, prefix + size);
    outbox->begin += size;
    stream->outbox_begun = true;
    if (!is_last) {
        /* At the end of the row, so that all who have something to send get their turn. */
        yoke__link_append(&stream->call->connection->senders, &stream->sender);
    } else {
        finish_outbox(stream);
    }
    return PROGRESS_SENT;
}

static bool send_fragments(struct yoke__connection *connection) {
    bool has_queued = false;
    while (connection->output.queued < QUEUE_LOW && !yoke__link_is_alone(&connection->senders)) {
        struct yoke__stream *stream = YOKE__CONTAINER(connection->senders.next, struct yoke__stream, sender);
        yoke__link_remove(&stream->sender);
        enum progress progress = send_fragment(stream);
        if (progress == PROGRESS_FAILED) {
            return has_queued;
        }
        has_queued |= progress == PROGRESS_SENT;
    }
    return has_queued;
}

bool yoke__streams_pump(struct yoke__connection *connection) {
    if (yoke__link_is_alone(&connection->senders) && yoke__link_is_alone(&connection->waiters)) {
        return false;
    }
    connection->is_pumping = true;
    bool has_queued = send_fragments(connection);
    connection->is_pumping = false;
    while (connection->output.queued < QUEUE_LOW && !yoke__streams_are_congested(connection) &&
           !yoke__link_is_alone(&connection->waiters)) {
        struct yoke__stream *stream = YOKE__CONTAINER(connection->waiters.next, struct yoke__stream, waiter);
        yoke__link_remove(&stream->waiter);
        schedule(stream);
    }
    return has_queued;
}

bool yoke__streams_are_congested(const struct yoke__connection *connection) {
    return connection->output.queued + connection->outbox_bytes > connection->engine->limits.max_queued_bytes;
}

static bool has_credit(const struct yoke__stream *stream) {
    return stream->send_credit > cost_of(YOKE__TOTAL_SIZE);
}

static bool must_wait(struct yoke__stream *stream) {
    struct yoke__connection *connection = stream->call->connection;
    if (stream->outbox != NULL || !has_credit(stream)) {
        stream->wants_writable = true;
        return true;
    }
    if (connection->output.queued > QUEUE_HIGH || yoke__streams_are_congested(connection)) {
        stream->wants_writable = true;
        if (yoke__link_is_alone(&stream->waiter)) {
            yoke__link_append(&connection->waiters, &stream->waiter);
        }
        return true;
    }
    return false;
}

int yoke__stream_send(struct yoke_call *call, const struct yoke_type *type, const void *message, size_t length,
                      bool last, bool may_wait) {
    struct yoke__connection *connection = call->connection;
    struct yoke__stream *stream = yoke__stream_of(call);
    if (stream == NULL) {
        return -ENOMEM;
    }
    if (stream->send_ended) {
        return -EPIPE;
    }
    if (may_wait && must_wait(stream)) {
        return -EAGAIN;
    }
    if (length <= YOKE__WHOLE_MAX && cost_of(length) <= stream->send_credit) {
        uint8_t *payload = reserve_message(stream, last ? YOKE__FLAG_END_STREAM : 0, length);
        if (payload == NULL) {
            return -ENOMEM;
        }
        type->codec->pack(type->descriptor, message, payload);
        yoke__connection_queue(connection, length);
    } else {
        stream->outbox = yoke__chunk_get(&call->engine->chunks, length);
        if (stream->outbox == NULL) {
            return -ENOMEM;
        }
        type->codec->pack(type->descriptor, message, stream->outbox->data);
        stream->outbox->end = length;
        stream->outbox_begun = false;
        connection->outbox_bytes += length;
        if (!call->is_client) {
            yoke__connection_check_unread(connection);
        }
        yoke__link_append(&connection->senders, &stream->sender);
    }
    stream->send_ended = last;
    (void)yoke__streams_pump(connection);
    yoke__connection_attention(connection);
    return 0;
}

int yoke__stream_half_close(struct yoke_call *call) {
    struct yoke__stream *stream = yoke__stream_of(call);
    if (stream == NULL) {
        return -ENOMEM;
    }
    if (stream->send_ended) {
        return -EPIPE;
    }
    if (stream->outbox == NULL) {
        const struct yoke__frame frame = {.stream = call->stream,
                                          .method = call->method->id,
                                          .type = YOKE__FRAME_MESSAGE,
                                          .flags = YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_END_STREAM};
        if (yoke__connection_reserve(call->connection, &frame) == NULL) {
            return -ENOMEM;
        }
        yoke__connection_queue(call->connection, 0);
        yoke__connection_attention(call->connection);
    }
    stream->send_ended = true;
    return 0;
}

int yoke__stream_finish(struct yoke_call *call, enum yoke_code code, const char *message) {
    struct yoke__stream *stream = call->streaming;
    if (stream == NULL || stream->outbox == NULL) {
        return code == YOKE_OK
                   ? yoke__connection_answer(call->connection, call, NULL, 0)
                   : yoke__connection_answer_error(call->connection, call->stream, call->method->id, code, message);
    }
    stream->has_status = true;
    stream->send_ended = true;
    stream->status_code = code;
    stream->status_message = message != NULL ? strdup(message) : NULL;
    return 1;
}

void yoke__stream_receive_credit(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call == NULL) {
        /* It crossed the end of the call. */
        return;
    }
    uint32_t amount;
    memcpy(&amount, payload, sizeof amount);
    amount = le32toh(amount);
    size_t used = call->streaming != NULL ? YOKE__CREDIT_INITIAL - call->streaming->send_credit : 0;
    if (amount == 0 || amount > used) {
        yoke__connection_fail(connection, "CREDIT gives %u bytes back on stream %u, where %zu are due", amount,
                              frame->stream, used);
        return;
    }
    call->streaming->send_credit += amount;
    if (call->streaming->outbox != NULL) {
        if (yoke__link_is_alone(&call->streaming->sender)) {
            yoke__link_append(&connection->senders, &call->streaming->sender);
        }
        (void)yoke__streams_pump(connection);
        yoke__connection_attention(connection);
    } else if (call->streaming->wants_writable) {
        schedule(call->streaming);
    }
}

/* ---- Receiving --------------------------------------------------------------------------------------------------- */

/* The user has had what cost this much: let the peer send more, not for every message but in large steps. */
static void give_back(struct yoke_call *call, size_t cost) {
    struct yoke__stream *stream = call->streaming;
    stream->consumed += cost;
    if (call->input_ended || !call->is_mapped || stream->consumed < YOKE__CREDIT_INITIAL / 2) {
        return;
    }
    const struct yoke__frame frame = {
        .length = YOKE__CREDIT_SIZE, .stream = call->stream, .method = call->method->id, .type = YOKE__FRAME_CREDIT};
    uint8_t *payload = yoke__connection_reserve(call->connection, &frame);
    if (payload == NULL) {
        /* The peer might wait for it for ever. */
        yoke__connection_break(call->connection, "out of memory for credit");
        return;
    }
    const uint32_t amount = htole32((uint32_t)stream->consumed);
    memcpy(payload, &amount, sizeof amount);
    yoke__connection_queue(call->connection, YOKE__CREDIT_SIZE);
    stream->receive_credit += stream->consumed;
    stream->consumed = 0;
    yoke__connection_attention(call->connection);
}

/* Count bytes that are kept. False when the connection keeps too many: the call has ended over it. */
static bool buffer_bytes(struct yoke_call *call, size_t size) {
    struct yoke__connection *connection = call->connection;
    if (size > call->engine->limits.max_buffered_bytes ||
        connection->buffered_bytes > call->engine->limits.max_buffered_bytes - size) {
        break_call(call, YOKE_RESOURCE_EXHAUSTED, "max_buffered_bytes of unread messages are kept for this peer");
        return false;
    }
    connection->buffered_bytes += size;
    call->streaming->buffered += size;
    return true;
}

static void unbuffer_bytes(struct yoke_call *call, size_t size) {
    call->connection->buffered_bytes -= size;
    call->streaming->buffered -= size;
}

/* Hand a message to the user. False when the call has ended over it. */
static bool deliver(struct yoke_call *call, const uint8_t *bytes, size_t length) {
    struct yoke__engine *engine = call->engine;
    const struct yoke_method *method = call->method;
    const struct yoke_type *type = call->is_client ? method->reply : method->request;
    struct yoke_arena *arena = NULL;
    const void *message;
    enum yoke_code code = yoke__message_decode(engine, type, bytes, length, &arena, &message);
    if (code != YOKE_OK) {
        break_call(call, code,
                   code == YOKE_INTERNAL ? "a message is malformed or nested too deeply"
                                         : "a message needs too much memory to decode");
        return false;
    }
    yoke__call_enter(call);
    if (!call->is_client) {
        method->handle_message(call->handlers, call, message, call->user_data);
    } else if (call->on_message != NULL && !engine->is_mute) {
        method->receive(call->on_message, call, message, call->user_data);
    }
    bool is_alive = yoke__call_leave(call);
    yoke__engine_put_arena(engine, arena);
    return is_alive;
}

static bool keep(struct yoke_call *call, const uint8_t *bytes, size_t length, size_t cost) {
    const struct record record = {(uint32_t)length, (uint32_t)cost};
    if (!buffer_bytes(call, sizeof record + length)) {
        return false;
    }
    uint8_t *space = yoke__output_reserve(&call->streaming->inbox, sizeof record + length);
    if (space == NULL) {
        break_call(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a message");
        return false;
    }
    memcpy(space, &record, sizeof record);
    if (length > 0) {
        memcpy(space + sizeof record, bytes, length);
    }
    yoke__output_commit(&call->streaming->inbox, sizeof record + length);
    call->streaming->inbox_count++;
    return true;
}

/* Is there room for the message, when only one is expected? False when the call has ended over it. */
static bool check_only(struct yoke_call *call) {
    if (takes_one(call) && call->streaming->inbox_count > 0) {
        break_call(call, YOKE_UNIMPLEMENTED, "the method takes one message, and two came");
        return false;
    }
    return true;
}

/* Is the message small enough? False when the call has ended over it. */
static bool check_size(struct yoke_call *call, size_t length) {
    if (length > (call->is_client ? call->max_reply_bytes : call->engine->limits.max_message_bytes)) {
        break_call(call, YOKE_RESOURCE_EXHAUSTED, "a message is larger than its receiver allows");
        return false;
    }
    return true;
}

bool yoke__stream_take(struct yoke_call *call, const uint8_t *bytes, size_t length, size_t cost) {
    struct yoke__stream *stream = call->streaming;
    if (!check_size(call, length) || !check_only(call)) {
        return false;
    }
    if (takes_one(call)) {
        return keep(call, bytes, length, cost);
    }
    if (stream->held || stream->inbox_count > 0) {
        return keep(call, bytes, length, cost);
    }
    if (!deliver(call, bytes, length)) {
        return false;
    }
    give_back(call, cost);
    return true;
}

/* Look at the first message that waits. */
static const uint8_t *front(const struct yoke__stream *stream, struct record *ret_record) {
    const struct yoke__chunk *chunk = stream->inbox.head;
    memcpy(ret_record, chunk->data + chunk->begin, sizeof *ret_record);
    return chunk->data + chunk->begin + sizeof *ret_record;
}

/* Deliver what waits. False when the call has ended over it. */
static bool deliver_inbox(struct yoke_call *call, bool even_if_held) {
    struct yoke__stream *stream = call->streaming;
    while (stream->inbox_count > 0 && (even_if_held || !stream->held)) {
        struct record record;
        const uint8_t *bytes = front(stream, &record);
        stream->inbox_count--;
        if (!deliver(call, bytes, record.length)) {
            return false;
        }
        unbuffer_bytes(call, sizeof record + record.length);
        yoke__output_consume(&stream->inbox, sizeof record + record.length);
        give_back(call, record.cost);
    }
    if (stream->inbox_count == 0 && stream->inbox_part_cost > 0) {
        /* The message that is coming in will not have to wait any more. */
        size_t cost = stream->inbox_part_cost;
        stream->inbox_part_cost = 0;
        give_back(call, cost);
    }
    return true;
}

const uint8_t *yoke__stream_only(const struct yoke__stream *stream, size_t *ret_length) {
    if (stream->inbox_count != 1) {
        return NULL;
    }
    if (stream->inbox_only != NULL) {
        *ret_length = stream->inbox_only->end;
        return stream->inbox_only->data;
    }
    struct record record;
    const uint8_t *bytes = front(stream, &record);
    *ret_length = record.length;
    return bytes;
}

static void complete_with_status(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    yoke__connection_remove_call(call->connection, call);
    yoke__call_complete(call, stream->status_code, stream->status_message != NULL ? stream->status_message : "", NULL);
}

/* The handler has had all requests: tell it that there are no more. */
static void deliver_end(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    if (!takes_one(call)) {
        yoke__call_enter(call);
        call->method->handle_end(call->handlers, call, call->user_data);
        (void)yoke__call_leave(call);
        return;
    }
    size_t length;
    const uint8_t *bytes = yoke__stream_only(stream, &length);
    if (bytes == NULL) {
        break_call(call, YOKE_UNIMPLEMENTED, "the method takes one message, and none came");
        return;
    }
    /* Its bytes go when it has been decoded and handled, however late the call is answered. */
    struct yoke__engine *engine = call->engine;
    struct yoke__output inbox = stream->inbox;
    struct yoke__chunk *only = stream->inbox_only;
    yoke__output_init(&stream->inbox, &engine->chunks);
    stream->inbox_only = NULL;
    stream->inbox_count = 0;
    unbuffer_bytes(call, stream->buffered);
    yoke__call_dispatch(call, bytes, length);
    yoke__output_release(&inbox);
    yoke__chunk_put(&engine->chunks, only);
}

/* After messages were delivered: what comes behind them. */
static void deliver_rest(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    if (stream->inbox_count > 0 && !takes_one(call)) {
        return;
    }
    if (call->is_client) {
        if (stream->has_status) {
            complete_with_status(call);
        }
    } else if (call->input_ended && !call->answered) {
        deliver_end(call);
    }
}

void yoke__stream_end_input(struct yoke_call *call) {
    call->input_ended = true;
    if (takes_one(call) || call->streaming->inbox_count == 0) {
        deliver_end(call);
    }
}

/* Take the first fragment's word for the length of the whole. False when the call has ended over it. */
static bool begin_part(struct yoke_call *call, const uint8_t *prefix) {
    struct yoke__stream *stream = call->streaming;
    uint32_t total;
    memcpy(&total, prefix, sizeof total);
    total = le32toh(total);
    if (!check_size(call, total) || !check_only(call) || !buffer_bytes(call, total)) {
        return false;
    }
    stream->inbox_part = yoke__chunk_get(&call->engine->chunks, total);
    if (stream->inbox_part == NULL) {
        break_call(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a message");
        return false;
    }
    stream->inbox_part_total = total;
    stream->inbox_part_cost = 0;
    return true;
}

/* The last fragment is there. False when the call has ended over it. */
static bool finish_part(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    struct yoke__engine *engine = call->engine;
    struct yoke__chunk *part = stream->inbox_part;
    size_t cost = stream->inbox_part_cost;
    stream->inbox_part = NULL;
    stream->inbox_part_cost = 0;
    if (takes_one(call)) {
        stream->inbox_only = part;
        stream->inbox_count = 1;
        return true;
    }
    unbuffer_bytes(call, stream->inbox_part_total);
    bool is_alive = yoke__stream_take(call, part->data, part->end, cost);
    yoke__chunk_put(&engine->chunks, part);
    return is_alive;
}

/* One fragment of a message. False when the call has ended over it. */
static bool take_fragment(struct yoke_call *call, const struct yoke__frame *frame, const uint8_t *payload) {
    struct yoke__stream *stream = call->streaming;
    size_t length = frame->length;
    if (stream->inbox_part == NULL) {
        if (length < YOKE__TOTAL_SIZE) {
            yoke__connection_fail(call->connection, "the first fragment on stream %u lacks its total", frame->stream);
            return false;
        }
        if (!begin_part(call, payload)) {
            return false;
        }
        payload += YOKE__TOTAL_SIZE;
        length -= YOKE__TOTAL_SIZE;
    }
    struct yoke__chunk *part = stream->inbox_part;
    size_t missing = stream->inbox_part_total - part->end;
    bool is_last = (frame->flags & YOKE__FLAG_MORE) == 0;
    if (length > missing || (is_last && length < missing)) {
        yoke__connection_fail(call->connection, "the fragments of a message on stream %u are not its %zu bytes",
                              frame->stream, stream->inbox_part_total);
        return false;
    }
    memcpy(part->data + part->end, payload, length);
    part->end += length;
    /* A message can be larger than all credit, so what is put together gives it back; but not one that has to wait behind
     * others or for its user, or an unread stream could go on for ever. */
    if (takes_one(call) || (!stream->held && stream->inbox_count == 0)) {
        give_back(call, cost_of(frame->length));
    } else {
        stream->inbox_part_cost += cost_of(frame->length);
    }
    return is_last ? finish_part(call) : true;
}

/* What is wrong with this MESSAGE, or NULL. */
static const char *find_violation(const struct yoke_call *call, const struct yoke__frame *frame) {
    const struct yoke__stream *stream = call->streaming;
    if (call->input_ended) {
        return "comes behind the end of the stream";
    }
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) != 0) {
        return stream != NULL && stream->inbox_part != NULL ? "ends the stream within a message" : NULL;
    }
    size_t credit = stream != NULL ? stream->receive_credit : YOKE__CREDIT_INITIAL;
    return cost_of(frame->length) > credit ? "is more than its credit" : NULL;
}

void yoke__stream_receive_message(struct yoke__connection *connection, const struct yoke__frame *frame,
                                  const uint8_t *payload) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call == NULL) {
        /* It crossed the end of the call. */
        return;
    }
    const char *violation = find_violation(call, frame);
    if (violation != NULL) {
        yoke__connection_fail(connection, "MESSAGE on stream %u %s", frame->stream, violation);
        return;
    }
    struct yoke__stream *stream = yoke__stream_of(call);
    if (stream == NULL) {
        break_call(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a stream");
        return;
    }
    bool is_alive = true;
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) == 0) {
        size_t cost = cost_of(frame->length);
        stream->receive_credit -= cost;
        if (call->answered) {
            /* The handler has answered and wants no more; its last messages are still being sent. */
            return;
        }
        is_alive = stream->inbox_part != NULL || (frame->flags & YOKE__FLAG_MORE) != 0
                       ? take_fragment(call, frame, payload)
                       : yoke__stream_take(call, payload, frame->length, cost);
    }
    if (is_alive && !call->answered && (frame->flags & YOKE__FLAG_END_STREAM) != 0) {
        yoke__stream_end_input(call);
    }
}

void yoke__stream_receive_status(struct yoke_call *call, enum yoke_code code, const char *message) {
    struct yoke__stream *stream = call->streaming;
    stream->has_status = true;
    stream->status_code = code;
    stream->status_message = message[0] != '\0' ? strdup(message) : NULL;
    /* What we had still to say, or the peer had begun to, is void. */
    drop_outbox(stream);
    drop_part(stream);
    yoke__connection_unmap_call(call->connection, call);
    deliver_rest(call);
}

void yoke__stream_flush_inbox(struct yoke_call *call) {
    if (call->streaming == NULL || takes_one(call) || !deliver_inbox(call, true)) {
        return;
    }
    deliver_rest(call);
}

void yoke__stream_wake(struct yoke__stream *stream) {
    struct yoke_call *call = stream->call;
    if (call->connection == NULL || call->in_handler > 0) {
        /* It is over; or a callback of it runs the loop, behind which the rest is delivered. */
        return;
    }
    bool has_news = stream->inbox_count > 0 || stream->inbox_part_cost > 0;
    if (has_news && !takes_one(call) && !stream->held && !call->answered) {
        if (!deliver_inbox(call, false)) {
            return;
        }
        if (stream->inbox_count == 0 && (call->is_client ? stream->has_status : call->input_ended)) {
            deliver_rest(call);
            return;
        }
    }
    bool can_send = stream->wants_writable && stream->outbox == NULL && has_credit(stream) && !stream->send_ended;
    if (can_send && call->is_mapped && call->on_writable != NULL) {
        stream->wants_writable = false;
        yoke__call_enter(call);
        call->on_writable(call, call->on_writable_data);
        (void)yoke__call_leave(call);
    }
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

/* Is this call one on which a message can travel now? */
static int check_usable(const struct yoke_call *call) {
    if (call->connection == NULL || call->connection->unreachable) {
        return call->is_client || call->cancelled ? -ECANCELED : -ENOTCONN;
    }
    return call->is_mapped ? 0 : -ECANCELED;
}

static int send_one(struct yoke_call *call, const struct yoke_type *type, const void *message) {
    int error = check_usable(call);
    if (error != 0) {
        return error;
    }
    size_t length = type->codec->size(type->descriptor, message);
    if (length > call->engine->limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    return yoke__stream_send(call, type, message, length, false, true);
}

int yoke_call_send(struct yoke_call *call, const struct yoke_method *method, const void *message) {
    if (!call->is_client || call->method->id != method->id || !requests_stream(method)) {
        return -EINVAL;
    }
    return send_one(call, method->request, message);
}

int yoke_call_send_reply(struct yoke_call *call, const struct yoke_method *method, const void *message) {
    if (!yoke__call_is_answerable(call) || call->method->id != method->id || !replies_stream(method)) {
        return -EINVAL;
    }
    return send_one(call, method->reply, message);
}

int yoke_call_half_close(struct yoke_call *call) {
    if (!call->is_client || !requests_stream(call->method)) {
        return -EINVAL;
    }
    int error = check_usable(call);
    return error != 0 ? error : yoke__stream_half_close(call);
}

void yoke_call_on_writable(struct yoke_call *call, yoke_writable_hook *hook, void *user_data) {
    call->on_writable = hook;
    call->on_writable_data = user_data;
}

int yoke_call_hold(struct yoke_call *call) {
    struct yoke__stream *stream = call->connection != NULL ? yoke__stream_of(call) : NULL;
    if (stream == NULL) {
        return call->connection != NULL ? -ENOMEM : -ECANCELED;
    }
    stream->held = true;
    return 0;
}

void yoke_call_resume(struct yoke_call *call) {
    if (call->streaming != NULL && call->streaming->held) {
        call->streaming->held = false;
        schedule(call->streaming);
    }
}
