/* check.c: see check.h. */
#include "rpc/check.h"

#include "rpc/call.h"
#include "rpc/lend.h"
#include "rpc/prefix.h"
#include "rpc/stream.h"

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

bool yoke__stream_is_ours(const struct yoke__connection *connection, uint32_t stream) {
    return stream != 0 && (stream & 1) == (connection->next_stream & 1) &&
           (connection->streams_wrapped || stream < connection->next_stream);
}

/* Can what comes in the place of the message be a reference to it? */
static const char *check_reference(const struct yoke__frame *frame) {
    if ((frame->flags & YOKE__FLAG_SHARED) == 0) {
        return NULL;
    }
    if ((frame->flags & (YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_MORE)) != 0) {
        return "a frame has no whole message, and one in a buffer";
    }
    return frame->length < YOKE__REFERENCE_SIZE ? "a frame is too short for its reference" : NULL;
}

/* Can the payload be what the flags of an OPEN or END announce? */
static const char *check_prefix(const struct yoke__frame *frame) {
    if ((frame->flags & (YOKE__PREFIX_FLAGS | YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_SHARED)) == 0) {
        return NULL;
    }
    bool is_open = frame->type == YOKE__FRAME_OPEN;
    if (frame->length < yoke__prefix_bound(frame, 0)) {
        return is_open ? "OPEN is too short for its deadline or metadata" : "END is too short for its metadata";
    }
    if ((frame->flags & YOKE__FLAG_NO_MESSAGE) != 0 &&
        frame->length > yoke__prefix_bound(frame, YOKE__METADATA_BYTES_MAX)) {
        return is_open ? "OPEN says that it has no message, and has one"
                       : "END says that it has no message, and has one";
    }
    return check_reference(frame);
}

static const char *check_open(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!is_peers_stream(connection, frame->stream)) {
        return "OPEN has a stream id that is not the peer's to give";
    }
    if (yoke__call_map_find(&connection->calls, frame->stream) != NULL) {
        return "OPEN reuses a live stream id";
    }
    const unsigned allowed =
        YOKE__FLAG_END_STREAM | YOKE__FLAG_DEADLINE | YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_METADATA | YOKE__FLAG_SHARED;
    if ((frame->flags & ~allowed) != 0 || frame->aux != 0) {
        return "OPEN has unknown flags";
    }
    return check_prefix(frame);
}

static const char *check_end(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!yoke__stream_is_ours(connection, frame->stream)) {
        return "END is for no call of ours";
    }
    const struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call != NULL && frame->method != call->method->id) {
        return "END names another method than its call";
    }
    unsigned allowed =
        YOKE__FLAG_METADATA | (frame->aux == YOKE_OK ? YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_SHARED : YOKE__FLAG_DETAILS);
    if ((frame->flags & ~allowed) != 0 || frame->aux > YOKE_UNAUTHENTICATED) {
        return "END has unknown flags or an unknown status code";
    }
    if (frame->aux != YOKE_OK &&
        frame->length > YOKE__CONTROL_SIZE_MAX + yoke__prefix_bound(frame, YOKE__METADATA_BYTES_MAX)) {
        return "the status of END is too long";
    }
    return check_prefix(frame);
}

/* MESSAGE goes both ways; only a caller ends its stream with it. */
static const char *check_message(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    bool is_ours = yoke__stream_is_ours(connection, frame->stream);
    if (!is_ours && !is_peers_stream(connection, frame->stream)) {
        return "MESSAGE is for no call";
    }
    unsigned allowed =
        YOKE__FLAG_MORE | YOKE__FLAG_SHARED | (is_ours ? 0 : YOKE__FLAG_END_STREAM | YOKE__FLAG_NO_MESSAGE);
    if ((frame->flags & ~allowed) != 0 || frame->aux != 0) {
        return "MESSAGE has unknown flags";
    }
    const char *wrong = check_reference(frame);
    if (wrong != NULL) {
        return wrong;
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
    if (!yoke__stream_is_ours(connection, frame->stream) && !is_peers_stream(connection, frame->stream)) {
        return "CREDIT is for no call";
    }
    if (frame->flags != 0 || frame->aux != 0 || frame->length != YOKE__CREDIT_SIZE) {
        return "CREDIT has flags or not 4 bytes";
    }
    const struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    return call != NULL && frame->method != call->method->id ? "CREDIT names another method than its call" : NULL;
}

static const char *check_headers(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!yoke__stream_is_ours(connection, frame->stream)) {
        return "HEADERS are for no call of ours";
    }
    const struct yoke_call *call = yoke__call_map_find(&connection->calls, frame->stream);
    if (call != NULL && frame->method != call->method->id) {
        return "HEADERS name another method than their call";
    }
    return frame->flags != 0 || frame->aux != 0 || frame->length > YOKE__METADATA_BYTES_MAX
               ? "HEADERS have flags or are too long"
               : NULL;
}

static const char *check_goaway(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (connection->peer_going_away) {
        return "GOAWAY came twice";
    }
    return frame->stream != 0 || frame->method != 0 || frame->flags != 0 || frame->aux != 0 ||
                   frame->length != YOKE__GOAWAY_SIZE
               ? "GOAWAY has a stream, a method, flags or not 4 bytes"
               : NULL;
}

static const char *check_cancel(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!is_peers_stream(connection, frame->stream)) {
        return "CANCEL has a stream id that is not the peer's to give";
    }
    return frame->flags != 0 || frame->aux != 0 || frame->length != 0 ? "CANCEL has flags or a payload" : NULL;
}

static const char *check_event(const struct yoke__frame *frame) {
    return frame->stream != 0 || (frame->flags & ~YOKE__FLAG_SHARED) != 0 || frame->aux != 0
               ? "EVENT has a stream or flags"
               : check_reference(frame);
}

static const char *check_buffer(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (connection->is_parent || connection->borrowed.limit == 0) {
        return "BUFFER is for a side that takes none";
    }
    return frame->stream != 0 || frame->method != 0 || (frame->flags & ~YOKE__FLAG_UPWARD) != 0 ||
                   frame->aux >= YOKE__BUFFERS_MAX || frame->length != YOKE__BUFFER_SIZE
               ? "BUFFER has a stream, a method, unknown flags, an unknown number or not 4 bytes"
               : NULL;
}

/* The worker says that it has done with a buffer, has none, or does without one for its own messages; the master only that it
 * has done with one of these. */
static const char *check_release(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    bool is_upward = (frame->flags & YOKE__FLAG_UPWARD) != 0;
    bool is_declined = (frame->flags & YOKE__FLAG_DECLINED) != 0;
    if (frame->stream != 0 || frame->method != 0 || frame->length != 0 ||
        (frame->flags & ~(YOKE__FLAG_UPWARD | YOKE__FLAG_DECLINED)) != 0) {
        return "RELEASE has a stream, a method, unknown flags or a payload";
    }
    bool is_due = connection->is_parent && is_upward
                      ? yoke__borrow_is_free(connection, frame->aux)
                      : connection->is_parent != is_upward && yoke__lend_is_out(connection, frame->aux, is_declined);
    return is_due ? NULL : "RELEASE is for no buffer that could be released";
}

static const char *check_ready(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!connection->peer_is_starting) {
        return "READY is from no worker that is starting";
    }
    return frame->stream != 0 || frame->method != 0 || frame->flags != 0 || frame->aux != 0 || frame->length != 0
               ? "READY has a stream, a method, flags or a payload"
               : NULL;
}

static const char *check_drain(const struct yoke__connection *connection, const struct yoke__frame *frame) {
    if (!connection->drains || connection->drain_told) {
        return "DRAIN is for a side that does not drain, or came twice";
    }
    return frame->stream != 0 || frame->method != 0 || frame->flags != 0 || frame->aux != 0 || frame->length != 0
               ? "DRAIN has a stream, a method, flags or a payload"
               : NULL;
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
    case YOKE__FRAME_HEADERS:
        return check_headers(connection, frame);
    case YOKE__FRAME_GOAWAY:
        return check_goaway(connection, frame);
    case YOKE__FRAME_BUFFER:
        return check_buffer(connection, frame);
    case YOKE__FRAME_RELEASE:
        return check_release(connection, frame);
    case YOKE__FRAME_READY:
        return check_ready(connection, frame);
    case YOKE__FRAME_DRAIN:
        return check_drain(connection, frame);
    default:
        return "unknown frame type";
    }
}
