/* call.c: what a handler does with a call: ask about it, answer it. */
#include "rpc/call.h"

#include "rpc/cancel.h"
#include "rpc/codec.h"
#include "rpc/connection.h"
#include "rpc/envelope.h"
#include "rpc/lend.h"
#include "rpc/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const struct yoke_peer *yoke_call_peer(const struct yoke_call *call) {
    return &call->peer;
}

const char *yoke_call_method(const struct yoke_call *call) {
    return call->method->name;
}

static void free_call(struct yoke_call *call) {
    /* Among the orphans. */
    yoke__link_remove(&call->link);
    if (call->engine != NULL) {
        yoke__engine_put_arena(call->engine, call->arena);
        yoke__engine_put_call(call->engine, call);
    } else {
        yoke__arena_destroy(call->arena);
        free(call);
    }
}

void yoke__call_retire(struct yoke_call *call) {
    call->retired = true;
    if (call->connection != NULL) {
        yoke__connection_remove_call(call->connection, call);
    } else {
        yoke__link_remove(&call->link);
    }
    if (call->in_handler == 0) {
        free_call(call);
    }
}

void yoke__call_enter(struct yoke_call *call) {
    call->in_handler++;
    call->engine->callback_depth++;
    if (!call->is_client) {
        call->engine->current_call = call;
    }
}

bool yoke__call_leave(struct yoke_call *call) {
    call->in_handler--;
    call->engine->callback_depth--;
    call->engine->current_call = NULL;
    if (call->retired && call->in_handler == 0) {
        free_call(call);
        return false;
    }
    return call->connection != NULL && !call->answered && !call->cancelled;
}

void yoke__call_pin(struct yoke_call *call) {
    call->is_sync = true;
    call->is_awaited = false;
    call->kept_message = NULL;
    call->in_handler++;
    if (call->streaming != NULL) {
        call->streaming->held = true;
    }
}

void yoke__call_unpin(struct yoke_call *call) {
    call->is_sync = false;
    call->in_handler--;
    free(call->kept_message);
    call->kept_message = NULL;
    if (call->retired && call->in_handler == 0) {
        free_call(call);
    }
}

/* The handler has answered, and is done with the call; what it sent may still have to travel. */
static void let_go(struct yoke_call *call, bool is_sent) {
    call->answered = true;
    yoke__call_release_children(call);
    if (is_sent) {
        yoke__call_retire(call);
    }
}

bool yoke_call_is_safe_to_retry(const struct yoke_call *call) {
    return call->safe_to_retry;
}

bool yoke__call_is_answerable(const struct yoke_call *call) {
    return !call->is_client && !call->answered;
}

/* Would an answer reach the caller? */
static int check_wanted(const struct yoke_call *call) {
    if (call->connection == NULL || call->connection->unreachable) {
        return -ENOTCONN;
    }
    return call->cancelled ? -ECANCELED : 0;
}

int yoke_call_send_headers(struct yoke_call *call) {
    if (!yoke__call_is_answerable(call)) {
        return -EINVAL;
    }
    int error = check_wanted(call);
    struct yoke__envelope *envelope = error == 0 ? yoke__envelope_of(call) : NULL;
    if (envelope == NULL) {
        return error != 0 ? error : -ENOMEM;
    }
    if (call->headers_passed) {
        return -EALREADY;
    }
    error = yoke__call_send_headers(call);
    if (error == 0) {
        yoke__connection_attention(call->connection);
    }
    return error;
}

/* End the call with a status alone. 1: once its messages have been sent. */
static int answer_status(struct yoke_call *call, enum yoke_code code, const char *message) {
    int error = check_wanted(call);
    return error != 0 ? error : yoke__stream_finish(call, code, message);
}

/* The same, once interceptors have heard of it, and perhaps changed it. */
static int end_with_status(struct yoke_call *call, enum yoke_code code, const char *message) {
    struct yoke_status status = {code, message};
    yoke__call_finish(call, &status);
    return answer_status(call, status.code, status.message);
}

/* Not by an interceptor that is being told of the end. */
static bool can_be_ended(const struct yoke_call *call) {
    return yoke__call_is_answerable(call) && !call->is_finishing;
}

int yoke_call_fail(struct yoke_call *call, enum yoke_code code, const char *message) {
    if (!can_be_ended(call)) {
        return -EINVAL;
    }
    bool is_error_code = (unsigned)code > YOKE_OK && (unsigned)code <= YOKE_UNAUTHENTICATED;
    int result = end_with_status(call, is_error_code ? code : YOKE_UNKNOWN, message != NULL ? message : "");
    let_go(call, result <= 0);
    return result >= 0 && !is_error_code ? -EINVAL : result < 0 ? result : 0;
}

int yoke_call_finish(struct yoke_call *call) {
    if (!can_be_ended(call) || !yoke__replies_stream(call->method)) {
        return -EINVAL;
    }
    int result = end_with_status(call, YOKE_OK, "");
    let_go(call, result <= 0);
    return result < 0 ? result : 0;
}

/* Tell the caller that the reply was not fit to travel. */
static int answer_oversized(struct yoke_call *call, size_t length) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    (void)snprintf(message, sizeof message, "the reply of %s, %zu bytes, is larger than max_message_bytes",
                   call->method->name, length);
    int error = end_with_status(call, YOKE_RESOURCE_EXHAUSTED, message);
    return error != 0 ? error : -EMSGSIZE;
}

/* The only reply: in the END frame, or, if it is large, in fragments before it. 1: these are still to be sent. */
static int answer_reply(struct yoke_call *call, const void *reply) {
    const struct yoke_type *type = call->method->reply;
    size_t length = type->codec->size(type->descriptor, reply);
    if (length > call->engine->limits.max_message_bytes) {
        return answer_oversized(call, length);
    }
    struct yoke_status status = {YOKE_OK, ""};
    yoke__call_finish(call, &status);
    if (status.code != YOKE_OK) {
        return answer_status(call, status.code, status.message);
    }
    const struct yoke__body body = {.type = type, .message = reply, .length = length};
    struct yoke__lent lent;
    if (yoke__lend_message(call->connection, &body, &lent)) {
        return yoke__connection_answer(call->connection, call, &lent.body);
    }
    if (length <= YOKE__WHOLE_MAX) {
        return yoke__connection_answer(call->connection, call, &body);
    }
    int error = yoke__stream_send(call, &body, false, false);
    if (error != 0) {
        /* Interceptors have been told OK: they can refuse the reply, so they come before it is sent. */
        (void)answer_status(call, YOKE_RESOURCE_EXHAUSTED, "out of memory for the reply");
        return error;
    }
    return yoke__stream_finish(call, YOKE_OK, NULL);
}

int yoke_call_reply(struct yoke_call *call, const struct yoke_method *method, const void *reply) {
    if (!can_be_ended(call) || call->method->id != method->id ||
        call->method->reply->descriptor != method->reply->descriptor || yoke__replies_stream(method)) {
        return -EINVAL;
    }
    int result = check_wanted(call);
    if (result == 0) {
        result = answer_reply(call, reply);
    } else {
        struct yoke_status status = {YOKE_CANCELLED, "the caller is gone"};
        yoke__call_finish(call, &status);
    }
    let_go(call, result <= 0);
    return result < 0 ? result : 0;
}

void yoke_call_set_data(struct yoke_call *call, void *data) {
    call->data = data;
}

void *yoke_call_data(const struct yoke_call *call) {
    return call->data;
}
