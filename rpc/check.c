/* check.c: see check.h. */
#include "rpc/check.h"

#include "rpc/call.h"
#include "rpc/stream.h"

size_t yoke__frame_prefix_size(const struct yoke__frame *frame) {
    return frame->type == YOKE__FRAME_OPEN && (frame->flags & YOKE__FLAG_DEADLINE) ? YOKE__DEADLINE_SIZE : 0;
}

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
    if ((frame->flags & ~(YOKE__FLAG_END_STREAM | YOKE__FLAG_DEADLINE | YOKE__FLAG_NO_MESSAGE)) != 0 ||
        frame->aux != 0) {
        return "OPEN has unknown flags";
    }
    if (frame->length < yoke__frame_prefix_size(frame)) {
        return "OPEN is too short for its deadline";
    }
    return (frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 && frame->length != yoke__frame_prefix_size(frame)
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

const char *yoke__frame_check(const struct yoke__connection *connection, const struct yoke__frame *frame) {
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
