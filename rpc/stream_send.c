/* stream_send.c: see stream.h: sending: whole messages, fragments, credit that the peer gives. */
#include "rpc/stream_parts.h"

#include "rpc/connection.h"
#include "rpc/lend.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* Fragments are queued while less than this waits to be written: what a small message may have to wait for. */
#define QUEUE_LOW (128u * 1024u)

/* Senders of streams have to wait while more than this waits to be written. */
#define QUEUE_HIGH (1024u * 1024u)

/* Reserve a MESSAGE frame. NULL when out of memory. */
static uint8_t *reserve_message(struct yoke__stream *stream, unsigned flags, size_t length) {
    struct yoke_call *call = stream->call;
    const struct yoke__frame frame = {.length = (uint32_t)length,
                                      .stream = call->stream,
                                      .method = call->method->id,
                                      .type = YOKE__FRAME_MESSAGE,
                                      .flags = (uint8_t)flags};
    return yoke__connection_reserve(call->connection, &frame);
}

/* The call, which is answered, can end now that its last message is sent. */
static void send_status(struct yoke__stream *stream) {
    struct yoke_call *call = stream->call;
    if (stream->status_code == YOKE_OK) {
        (void)yoke__connection_answer(call->connection, call, NULL);
    } else {
        (void)yoke__connection_answer_error(call->connection, call, stream->status_code, stream->status_message);
    }
    yoke__call_retire(call);
}

static void finish_outbox(struct yoke__stream *stream) {
    struct yoke_call *call = stream->call;
    yoke__stream_drop_outbox(stream);
    if (call->is_client && !yoke__requests_stream(call->method)) {
        call->request_end = yoke__output_end(&call->connection->output);
    }
    if (stream->has_status && !call->is_client) {
        send_status(stream);
    } else if (stream->wants_writable) {
        yoke__stream_schedule(stream);
    }
}

enum progress { PROGRESS_SENT, PROGRESS_NO_CREDIT, PROGRESS_FAILED };

static enum progress send_fragment(struct yoke__stream *stream) {
    struct yoke__chunk *outbox = stream->outbox;
    size_t remaining = outbox->end - outbox->begin;
    bool is_whole = !stream->outbox_begun && remaining <= YOKE__FRAGMENT_SIZE &&
                    yoke__stream_cost(remaining) <= stream->send_credit;
    size_t prefix = stream->outbox_begun || is_whole ? 0 : YOKE__TOTAL_SIZE;
    if (stream->send_credit < yoke__stream_cost(prefix) + (remaining > 0)) {
        return PROGRESS_NO_CREDIT;
    }
    size_t room = stream->send_credit - yoke__stream_cost(prefix);
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
    stream->send_credit -= yoke__stream_cost(prefix + size);
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
    while (connection->output.queued < QUEUE_LOW && !yoke__connection_is_congested(connection) &&
           !yoke__link_is_alone(&connection->waiters)) {
        struct yoke__stream *stream = YOKE__CONTAINER(connection->waiters.next, struct yoke__stream, waiter);
        yoke__link_remove(&stream->waiter);
        yoke__stream_schedule(stream);
    }
    return has_queued;
}

bool yoke__stream_must_wait(struct yoke__stream *stream) {
    struct yoke__connection *connection = stream->call->connection;
    if (stream->outbox != NULL || !yoke__stream_has_credit(stream)) {
        stream->wants_writable = true;
        return true;
    }
    if (connection->output.queued > QUEUE_HIGH || yoke__connection_is_congested(connection)) {
        stream->wants_writable = true;
        if (yoke__link_is_alone(&stream->waiter)) {
            yoke__link_append(&connection->waiters, &stream->waiter);
        }
        return true;
    }
    return false;
}

/* Send a message, or what refers to it, in one frame; `cost` is credit. -ENOMEM. */
static int send_whole(struct yoke__stream *stream, const struct yoke__body *body, size_t cost, bool last) {
    unsigned flags = yoke__body_flags(body) | (last ? YOKE__FLAG_END_STREAM : 0);
    uint8_t *payload = reserve_message(stream, flags, body->length);
    if (payload == NULL) {
        return -ENOMEM;
    }
    yoke__body_write(body, payload);
    yoke__connection_queue(stream->call->connection, body->length);
    stream->send_credit -= cost;
    return 0;
}

/* The same for a message in a buffer. It costs as much as others, because a receiver that must keep it copies it. */
static int send_lent(struct yoke__stream *stream, const struct yoke__lent *lent, size_t cost, bool last) {
    int error = send_whole(stream, &lent->body, cost, last);
    if (error != 0) {
        yoke__lend_cancel(stream->call->connection, lent);
    }
    return error;
}

/* Let a message wait for credit and its turn. -ENOMEM. */
static int send_later(struct yoke__stream *stream, const struct yoke__body *message) {
    struct yoke_call *call = stream->call;
    stream->outbox = yoke__chunk_get(&call->engine->chunks, message->length);
    if (stream->outbox == NULL) {
        return -ENOMEM;
    }
    yoke__body_write(message, stream->outbox->data);
    stream->outbox->end = message->length;
    stream->outbox_begun = false;
    call->connection->outbox_bytes += message->length;
    if (!call->is_client) {
        yoke__connection_check_unread(call->connection);
    }
    yoke__link_append(&call->connection->senders, &stream->sender);
    return 0;
}

int yoke__stream_send(struct yoke_call *call, const struct yoke__body *message, bool last, bool may_wait) {
    struct yoke__connection *connection = call->connection;
    struct yoke__stream *stream = yoke__stream_of(call);
    if (stream == NULL) {
        return -ENOMEM;
    }
    if (stream->send_ended) {
        return -EPIPE;
    }
    if (may_wait && yoke__stream_must_wait(stream)) {
        return -EAGAIN;
    }
    if (!call->is_client && yoke__call_pass_headers(call) != 0) {
        return -ENOMEM;
    }
    const size_t cost = yoke__stream_cost(message->length);
    struct yoke__lent lent;
    int error;
    if (cost <= stream->send_credit && yoke__lend_message(connection, message, &lent)) {
        error = send_lent(stream, &lent, cost, last);
    } else if (cost <= stream->send_credit && message->length <= YOKE__WHOLE_MAX) {
        error = send_whole(stream, message, cost, last);
    } else {
        error = send_later(stream, message);
    }
    if (error != 0) {
        return error;
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
        return code == YOKE_OK ? yoke__connection_answer(call->connection, call, NULL)
                               : yoke__connection_answer_error(call->connection, call, code, message);
    }
    /* The rest of a message that is coming in is ignored from now on, so its end will not be seen. */
    yoke__stream_drop_part(stream);
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
        yoke__stream_schedule(call->streaming);
    }
}
