/* stream.c: see stream.h: the life of a stream and what its user does with it. */
#include "rpc/stream_parts.h"

#include "rpc/cancel.h"
#include "rpc/connection.h"
#include "rpc/draft.h"
#include "rpc/queue.h"

#include <errno.h>
#include <stdlib.h>

static void begin(struct yoke__stream *stream, struct yoke_call *call) {
    *stream = (struct yoke__stream){
        .call = call,
        .send_credit = YOKE__CREDIT_INITIAL,
        .receive_credit = YOKE__CREDIT_INITIAL,
        .held = call->is_sync,
    };
    yoke__link_init(&stream->sender);
    yoke__link_init(&stream->waiter);
    yoke__link_init(&stream->wakeup);
    yoke__output_init(&stream->inbox, &call->engine->chunks);
}

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
    begin(stream, call);
    call->streaming = stream;
    return stream;
}

void yoke__stream_drop_outbox(struct yoke__stream *stream) {
    struct yoke__chunk *outbox = stream->outbox;
    if (outbox != NULL) {
        stream->call->connection->outbox_bytes -= outbox->end;
        yoke__chunk_put(&stream->call->engine->chunks, outbox);
        stream->outbox = NULL;
    }
    yoke__link_remove(&stream->sender);
    yoke__link_remove(&stream->waiter);
}

void yoke__stream_drop_part(struct yoke__stream *stream) {
    if (stream->inbox_part != NULL) {
        stream->call->connection->buffered_bytes -= stream->inbox_part_total;
        stream->buffered -= stream->inbox_part_total;
    }
    yoke__chunk_put(&stream->call->engine->chunks, stream->inbox_part);
    stream->inbox_part = NULL;
    stream->inbox_part_cost = 0;
}

void yoke__stream_detach(struct yoke__stream *stream) {
    yoke__stream_drop_outbox(stream);
    yoke__stream_drop_part(stream);
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

/* Free what it holds. */
static void empty(struct yoke__stream *stream, struct yoke__engine *engine) {
    yoke__link_remove(&stream->wakeup);
    yoke__output_release(&stream->inbox);
    yoke__chunk_put(&engine->chunks, stream->inbox_only);
    free(stream->status_message);
}

void yoke__stream_renew(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    const bool held = stream->held;
    empty(stream, call->engine);
    begin(stream, call);
    stream->held = held;
}

void yoke__stream_release(struct yoke_call *call) {
    struct yoke__stream *stream = call->streaming;
    struct yoke__engine *engine = call->engine;
    empty(stream, engine);
    stream->next_idle = engine->idle_streams;
    engine->idle_streams = stream;
    call->streaming = NULL;
}

void yoke__stream_schedule(struct yoke__stream *stream) {
    if (yoke__link_is_alone(&stream->wakeup)) {
        yoke__link_append(&stream->call->engine->wakeups, &stream->wakeup);
    }
}

void yoke__stream_break(struct yoke_call *call, enum yoke_code code, const char *message) {
    if (call->is_client) {
        yoke__call_abandon(call, code, message);
    } else {
        yoke__call_break_off(call, code, message);
    }
}

void yoke__stream_wake(struct yoke__stream *stream) {
    struct yoke_call *call = stream->call;
    if (call->connection == NULL || call->in_handler > 0) {
        /* It is over; or a callback of it runs the loop, behind which the rest is delivered. */
        return;
    }
    bool has_news = stream->inbox_count > 0 || stream->inbox_part_cost > 0;
    if (has_news && !yoke__stream_takes_one(call) && !stream->held && !call->answered) {
        if (!yoke__stream_deliver_inbox(call, false)) {
            return;
        }
        if (stream->inbox_count == 0 && (call->is_client ? stream->has_status : call->input_ended)) {
            if (stream->wants_writable) {
                /* The call may be gone behind what follows, so its writer's turn comes later. */
                yoke__stream_schedule(stream);
            }
            yoke__stream_deliver_rest(call);
            return;
        }
    }
    bool can_send =
        stream->wants_writable && stream->outbox == NULL && yoke__stream_has_credit(stream) && !stream->send_ended;
    if (can_send && call->is_mapped && call->on_writable != NULL) {
        stream->wants_writable = false;
        yoke__call_enter(call);
        call->on_writable(call, call->on_writable_data);
        (void)yoke__call_leave(call);
    }
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

void yoke__stream_welcome(struct yoke_call *call) {
    struct yoke__stream *stream = yoke__stream_of(call);
    if (stream == NULL) {
        yoke__call_abandon(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for a stream");
        return;
    }
    stream->wants_writable = true;
    yoke__stream_schedule(stream);
}

/* Is this call one on which a message can travel now? */
static int check_usable(const struct yoke_call *call) {
    if (yoke__call_is_waiting(call)) {
        return call->draft->half_closed ? -EPIPE : -EAGAIN;
    }
    if (call->connection == NULL || call->connection->unreachable) {
        return call->is_client || call->cancelled ? -ECANCELED : -ENOTCONN;
    }
    return call->is_mapped ? 0 : -ECANCELED;
}

bool yoke__stream_is_blocked(const struct yoke_call *call) {
    int error = check_usable(call);
    return error == -EAGAIN || (error == 0 && call->streaming != NULL && yoke__stream_must_wait(call->streaming));
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
    return yoke__stream_send(call, &(struct yoke__body){.type = type, .message = message, .length = length}, false,
                             true);
}

int yoke_call_send(struct yoke_call *call, const struct yoke_method *method, const void *message) {
    if (!call->is_client || call->method->id != method->id || !yoke__requests_stream(method)) {
        return -EINVAL;
    }
    return send_one(call, method->request, message);
}

int yoke_call_send_reply(struct yoke_call *call, const struct yoke_method *method, const void *message) {
    if (!yoke__call_is_answerable(call) || call->method->id != method->id || !yoke__replies_stream(method)) {
        return -EINVAL;
    }
    return send_one(call, method->reply, message);
}

int yoke_call_half_close(struct yoke_call *call) {
    if (!call->is_client || !yoke__requests_stream(call->method)) {
        return -EINVAL;
    }
    if (yoke__call_is_waiting(call) && !call->draft->half_closed) {
        call->draft->half_closed = true;
        return 0;
    }
    int error = check_usable(call);
    return error != 0 ? error : yoke__stream_half_close(call);
}

void yoke_call_on_writable(struct yoke_call *call, yoke_writable_hook *hook, void *user_data) {
    call->on_writable = hook;
    call->on_writable_data = user_data;
}

int yoke_call_hold(struct yoke_call *call) {
    bool is_alive = call->connection != NULL || yoke__call_is_waiting(call);
    struct yoke__stream *stream = is_alive ? yoke__stream_of(call) : NULL;
    if (stream == NULL) {
        return is_alive ? -ENOMEM : -ECANCELED;
    }
    stream->held = true;
    return 0;
}

void yoke_call_resume(struct yoke_call *call) {
    if (call->streaming != NULL && call->streaming->held && !call->is_sync) {
        call->streaming->held = false;
        yoke__stream_schedule(call->streaming);
    }
}
