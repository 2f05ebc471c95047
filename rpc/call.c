/* call.c: what a handler does with a call: ask about it, answer it. */
#include "rpc/call.h"

#include "rpc/cancel.h"
#include "rpc/connection.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const struct yoke_peer *yoke_call_peer(const struct yoke_call *call) {
    return &call->peer;
}

const char *yoke_call_method(const struct yoke_call *call) {
    return call->method->name;
}

/* The call is answered: take it off its connection; free it unless its handler still runs and will use the request. */
static void finish(struct yoke_call *call) {
    call->answered = true;
    yoke__call_release_children(call);
    if (call->connection != NULL) {
        yoke__connection_remove_call(call->connection, call);
    } else {
        yoke__link_remove(&call->link);
    }
    if (call->in_handler) {
        return;
    }
    if (call->engine != NULL) {
        yoke__engine_put_arena(call->engine, call->arena);
        yoke__engine_put_call(call->engine, call);
    } else {
        yoke__arena_destroy(call->arena);
        free(call);
    }
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

static int answer_error(struct yoke_call *call, enum yoke_code code, const char *message) {
    int error = check_wanted(call);
    if (error != 0) {
        return error;
    }
    return yoke__connection_answer_error(call->connection, call->stream, call->method->id, code, message);
}

int yoke_call_fail(struct yoke_call *call, enum yoke_code code, const char *message) {
    if (!yoke__call_is_answerable(call)) {
        return -EINVAL;
    }
    bool is_error_code = (unsigned)code > YOKE_OK && (unsigned)code <= YOKE_UNAUTHENTICATED;
    int error = answer_error(call, is_error_code ? code : YOKE_UNKNOWN, message);
    finish(call);
    return error == 0 && !is_error_code ? -EINVAL : error;
}

/* Tell the caller that the reply was not fit to travel. */
static int answer_oversized(struct yoke_call *call, size_t length) {
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    (void)snprintf(message, sizeof message, "the reply of %s, %zu bytes, is larger than max_message_bytes",
                   call->method->name, length);
    int error = answer_error(call, YOKE_RESOURCE_EXHAUSTED, message);
    return error != 0 ? error : -EMSGSIZE;
}

int yoke_call_reply(struct yoke_call *call, const struct yoke_method *method, const void *reply) {
    if (!yoke__call_is_answerable(call) || call->method->id != method->id ||
        call->method->reply->descriptor != method->reply->descriptor) {
        return -EINVAL;
    }
    int error = check_wanted(call);
    if (error == 0) {
        size_t length = method->reply->codec->size(method->reply->descriptor, reply);
        error = length > call->engine->limits.max_message_bytes
                    ? answer_oversized(call, length)
                    : yoke__connection_answer(call->connection, call, reply, length);
    }
    finish(call);
    return error;
}
