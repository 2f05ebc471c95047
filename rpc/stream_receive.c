/* stream_receive.c: see stream.h: receiving: putting together, keeping, delivering, giving credit back. */
#include "rpc/stream_parts.h"

#include "rpc/cancel.h"
#include "rpc/codec.h"
#include "rpc/connection.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What precedes each message in an inbox. */
struct record {
    uint32_t length;
    uint32_t cost; /* the credit to give back when it has been delivered */
};

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
        yoke__stream_break(call, YOKE_RESOURCE_EXHAUSTED,
                           "max_buffered_bytes of unread messages are kept for this peer");
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

static const char *fault_of_message(enum yoke_code code) {
    return code == YOKE_INTERNAL ? "a message is malformed or nested too deeply"
                                 : "a message needs too much memory to decode";
}

/* Hand a message to the user. False when the call has ended over it. */
static bool deliver(struct yoke_call *call, const struct yoke__parcel *parcel) {
    struct yoke__engine *engine = call->engine;
    const struct yoke_method *method = call->method;
    const struct yoke_type *type = call->is_client ? method->reply : method->request;
    struct yoke_arena *arena = NULL;
    const void *message;
    enum yoke_code code = yoke__message_decode(engine, type, parcel, &arena, &message);
    if (code != YOKE_OK) {
        yoke__stream_break(call, code, fault_of_message(code));
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

/* Keep a message until it can be delivered. One in a buffer of the peer's is copied: the buffer may be wanted. */
static bool keep(struct yoke_call *call, const struct yoke__parcel *parcel, size_t cost) {
    const size_t length = parcel->length;
    const struct record record = {(uint32_t)length, (uint32_t)cost};
    if (!buffer_bytes(call, sizeof record + length)) {
        return false;
    }
    uint8_t *space = yoke__output_reserve(&call->streaming->inbox, sizeof record + length);
    if (space == NULL) {
        yoke__stream_break(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a message");
        return false;
    }
    memcpy(space, &record, sizeof record);
    if (length > 0) {
        memcpy(space + sizeof record, parcel->bytes, length);
    }
    yoke__output_commit(&call->streaming->inbox, sizeof record + length);
    call->streaming->inbox_count++;
    return true;
}

/* Is there room for the message, when only one is expected? False when the call has ended over it. */
static bool check_only(struct yoke_call *call) {
    if (yoke__stream_takes_one(call) && call->streaming->inbox_count > 0) {
        yoke__stream_break(call, YOKE_UNIMPLEMENTED, "the method takes one message, and two came");
        return false;
    }
    return true;
}

/* Is the message small enough? False when the call has ended over it. */
static bool check_size(struct yoke_call *call, size_t length) {
    if (length > (call->is_client ? call->max_reply_bytes : call->engine->limits.max_message_bytes)) {
        yoke__stream_break(call, YOKE_RESOURCE_EXHAUSTED, "a message is larger than its receiver allows");
        return false;
    }
    return true;
}

bool yoke__stream_take(struct yoke_call *call, const struct yoke__parcel *parcel, size_t cost) {
    struct yoke__stream *stream = call->streaming;
    if (!check_size(call, parcel->length) || !check_only(call)) {
        return false;
    }
    if (yoke__stream_takes_one(call) || stream->held || stream->inbox_count > 0) {
        return keep(call, parcel, cost);
    }
    if (!deliver(call, parcel)) {
        return false;
    }
    give_back(call, cost);
    return true;
}

/* Look at the first message that waits. */
static struct yoke__parcel front(const struct yoke__stream *stream, struct record *ret_record) {
    const struct yoke__chunk *chunk = stream->inbox.head;
    memcpy(ret_record, chunk->data + chunk->begin, sizeof *ret_record);
    return (struct yoke__parcel){chunk->data + chunk->begin + sizeof *ret_record, ret_record->length, NULL};
}

/* If nothing is left in front of it, the message that is coming in will not have to wait any more. */
static void give_back_part(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    if (stream->inbox_count == 0 && stream->inbox_part_cost > 0) {
        size_t cost = stream->inbox_part_cost;
        stream->inbox_part_cost = 0;
        give_back(call, cost);
    }
}

bool yoke__stream_deliver_inbox(struct yoke_call *call, bool even_if_held) {
    struct yoke__stream *stream = call->streaming;
    while (stream->inbox_count > 0 && (even_if_held || !stream->held)) {
        struct record record;
        const struct yoke__parcel parcel = front(stream, &record);
        stream->inbox_count--;
        if (!deliver(call, &parcel)) {
            return false;
        }
        unbuffer_bytes(call, sizeof record + record.length);
        yoke__output_consume(&stream->inbox, sizeof record + record.length);
        give_back(call, record.cost);
    }
    give_back_part(call);
    return true;
}

static struct yoke__parcel parcel_in(const struct yoke__chunk *chunk) {
    return (struct yoke__parcel){chunk->data, chunk->end, NULL};
}

bool yoke__stream_only(const struct yoke__stream *stream, struct yoke__parcel *ret_parcel) {
    if (stream->inbox_count != 1) {
        return false;
    }
    struct record record;
    *ret_parcel = stream->inbox_only != NULL ? parcel_in(stream->inbox_only) : front(stream, &record);
    return true;
}

static void complete_with_status(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    yoke__connection_remove_call(call->connection, call);
    yoke__call_complete(call, stream->status_code, stream->status_message != NULL ? stream->status_message : "", NULL);
}

/* The handler has had all requests: tell it that there are no more. */
static void deliver_end(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    if (!yoke__stream_takes_one(call)) {
        yoke__call_enter(call);
        call->method->handle_end(call->handlers, call, call->user_data);
        (void)yoke__call_leave(call);
        return;
    }
    struct yoke__parcel parcel;
    if (!yoke__stream_only(stream, &parcel)) {
        yoke__stream_break(call, YOKE_UNIMPLEMENTED, "the method takes one message, and none came");
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
    yoke__call_dispatch(call, &parcel);
    yoke__output_release(&inbox);
    yoke__chunk_put(&engine->chunks, only);
}

void yoke__stream_deliver_rest(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    if (stream->inbox_count > 0 && !yoke__stream_takes_one(call)) {
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
    if (yoke__stream_takes_one(call) || call->streaming->inbox_count == 0) {
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
        yoke__stream_break(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a message");
        return false;
    }
    stream->inbox_part_total = total;
    stream->inbox_part_cost = 0;
    yoke__borrow_notice(call->connection, total);
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
    if (yoke__stream_takes_one(call)) {
        stream->inbox_only = part;
        stream->inbox_count = 1;
        return true;
    }
    unbuffer_bytes(call, stream->inbox_part_total);
    const struct yoke__parcel parcel = parcel_in(part);
    bool is_alive = yoke__stream_take(call, &parcel, cost);
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
     * others or for its user, or an unread stream could go on for ever. A user that blocks may be waiting for this one. */
    bool waits_for_user = stream->held && !call->is_sync;
    if (yoke__stream_takes_one(call) || (!waits_for_user && stream->inbox_count == 0)) {
        give_back(call, yoke__stream_cost(frame->length));
    } else {
        stream->inbox_part_cost += yoke__stream_cost(frame->length);
    }
    return is_last ? finish_part(call) : true;
}

/* What is wrong with this MESSAGE, or NULL. */
static const char *find_violation(const struct yoke_call *call, const struct yoke__frame *frame, size_t length) {
    const struct yoke__stream *stream = call->streaming;
    if (call->input_ended) {
        return "comes behind the end of the stream";
    }
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) != 0) {
        return stream != NULL && stream->inbox_part != NULL ? "ends the stream within a message" : NULL;
    }
    size_t credit = stream != NULL ? stream->receive_credit : YOKE__CREDIT_INITIAL;
    if ((frame->flags & YOKE__FLAG_SHARED) != 0 && stream != NULL && stream->inbox_part != NULL) {
        return "is in a buffer, and comes within another message";
    }
    return yoke__stream_cost(length) > credit ? "is more than its credit" : NULL;
}

void yoke__stream_receive_message(struct yoke__connection *connection, const struct yoke__frame *frame,
                                  const uint8_t *payload) {
    struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call == NULL) {
        /* It crossed the end of the call. */
        return;
    }
    struct yoke__parcel parcel;
    if (!yoke__parcel_of(connection, frame, payload, 0, &parcel)) {
        return;
    }
    const char *violation = find_violation(call, frame, parcel.length);
    if (violation != NULL) {
        yoke__connection_fail(connection, "MESSAGE on stream %u %s", frame->stream, violation);
        return;
    }
    if (call->is_client) {
        /* What precedes replies cannot come any more. */
        call->headers_passed = true;
    }
    struct yoke__stream *stream = yoke__stream_of(call);
    if (stream == NULL) {
        yoke__stream_break(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a stream");
        return;
    }
    bool is_alive = true;
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) == 0) {
        size_t cost = yoke__stream_cost(parcel.length);
        stream->receive_credit -= cost;
        if (call->answered) {
            /* The handler has answered and wants no more; its last messages are still being sent. */
            return;
        }
        is_alive = stream->inbox_part != NULL || (frame->flags & YOKE__FLAG_MORE) != 0
                       ? take_fragment(call, frame, payload)
                       : yoke__stream_take(call, &parcel, cost);
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
    yoke__stream_drop_outbox(stream);
    yoke__stream_drop_part(stream);
    yoke__connection_unmap_call(call->connection, call);
    yoke__stream_deliver_rest(call);
}

/* The first message that waits is gone. */
static void pop(struct yoke_call *call, const struct record *record) {
    struct yoke__stream *stream = call->streaming;
    size_t size = sizeof *record + record->length;
    stream->inbox_count--;
    yoke__output_consume(&stream->inbox, size);
    if (call->connection == NULL) {
        return;
    }
    unbuffer_bytes(call, size);
    give_back(call, record->cost);
    give_back_part(call);
}

/* A message that waited could not be decoded: those behind it are not wanted. */
static void spoil(struct yoke_call *call, enum yoke_code code) {
    yoke__stream_void(call->streaming);
    if (call->connection != NULL) {
        yoke__stream_break(call, code, fault_of_message(code));
        return;
    }
    /* It has ended, or is about to. */
    call->verdict = code;
    call->verdict_message = fault_of_message(code);
    free(call->kept_message);
    call->kept_message = NULL;
}

bool yoke__stream_pull(struct yoke_call *call, const void **ret_message) {
    struct yoke__stream *stream = call->streaming;
    struct record record;
    const struct yoke__parcel parcel = front(stream, &record);
    yoke__engine_put_arena(call->engine, call->arena);
    call->arena = NULL;
    enum yoke_code code = yoke__message_decode(call->engine, call->method->reply, &parcel, &call->arena, ret_message);
    if (code != YOKE_OK) {
        spoil(call, code);
        return false;
    }
    pop(call, &record);
    if (stream->inbox_count == 0 && stream->has_status && call->connection != NULL) {
        complete_with_status(call);
    }
    return true;
}

void yoke__stream_flush_inbox(struct yoke_call *call) {
    if (call->is_sync) {
        /* Its user takes what waits, also when the call has ended. */
        if (call->streaming != NULL && call->streaming->has_status) {
            complete_with_status(call);
        }
        return;
    }
    if (call->streaming == NULL || yoke__stream_takes_one(call) || !yoke__stream_deliver_inbox(call, true)) {
        return;
    }
    yoke__stream_deliver_rest(call);
}
