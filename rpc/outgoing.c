/* outgoing.c: see outgoing.h. */
#include "rpc/outgoing.h"

#include "rpc/call.h"
#include "rpc/cancel.h"
#include "rpc/codec.h"
#include "rpc/stream.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
    yoke__connection_add_call(connection, call);
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
    int error = yoke__connection_check_sendable(connection, length);
    if (error != 0) {
        return error;
    }
    struct yoke_call *call = yoke__connection_reserve_call(connection);
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
static void receive_ok(struct yoke_call *call, const uint8_t *reply, size_t length) {
    bool replies_stream = yoke__replies_stream(call->method);
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
void yoke__outgoing_receive_end(struct yoke__connection *connection, const struct yoke__frame *frame,
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
