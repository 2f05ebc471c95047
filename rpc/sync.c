/*
 * sync.c: calls that block. The loop runs until the call has what is asked for. The call stays when it has ended, with its
 * reply and status, until its sync lets go of it; nothing here points back at the sync, which may be gone before the call.
 */
#include "rpc/call.h"
#include "rpc/channel.h"
#include "rpc/connection.h"
#include "rpc/stream.h"

#include <errno.h>

/* ---- What is waited for ------------------------------------------------------------------------------------------ */

static bool is_complete(const struct yoke_call *call) {
    return call->retired;
}

/* Behind messages that are still to be had, or at the end of all. */
static bool has_status(const struct yoke_call *call) {
    return call->retired || (call->streaming != NULL && call->streaming->has_status);
}

static bool has_message(const struct yoke_call *call) {
    return call->streaming != NULL && call->streaming->inbox_count > 0;
}

static bool has_message_or_is_complete(const struct yoke_call *call) {
    return call->retired || has_message(call);
}

static bool is_writable(const struct yoke_call *call) {
    return !yoke__stream_is_blocked(call);
}

/* -EINTR, -ENOTCONN: see the header. */
static int wait_until(struct yoke_call *call, bool (*is_over)(const struct yoke_call *call)) {
    if (is_over(call)) {
        return 0;
    }
    struct yoke__engine *engine = call->engine;
    call->is_awaited = true;
    engine->wait_depth++;
    int error = engine->wait(engine, call, is_over);
    engine->wait_depth--;
    call->is_awaited = false;
    return error;
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------- */

static int check_engine(const struct yoke__engine *engine) {
    if (yoke__engine_is_foreign(engine)) {
        return -ECHILD;
    }
    return engine->callback_depth > 0 ? -EDEADLK : 0;
}

/* Is this a call to go on with? When its engine is gone it has ended, which can still be told. */
static int check_sync(const struct yoke_sync *sync) {
    if (sync->call == NULL || sync->call->is_awaited) {
        return sync->call == NULL ? -EINVAL : -EBUSY;
    }
    return sync->call->engine != NULL ? check_engine(sync->call->engine) : 0;
}

/* Is it one of this method? */
static int check_method(const struct yoke_sync *sync, const struct yoke_method *method) {
    int error = check_sync(sync);
    return error == 0 && sync->call->method->id != method->id ? -EINVAL : error;
}

static int start(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                 const struct yoke_call_options *options, struct yoke_sync *sync) {
    int error = check_engine(channel->engine);
    if (error != 0) {
        return error;
    }
    if (sync->call != NULL && sync->call->is_awaited) {
        return -EBUSY;
    }
    yoke_sync_release(sync);
    struct yoke_call *call;
    error = yoke_channel_open(channel, method, request, options, NULL, NULL, NULL, &call);
    if (error != 0) {
        return error;
    }
    yoke__call_pin(call);
    sync->call = call;
    return 0;
}

void yoke_sync_release(struct yoke_sync *sync) {
    struct yoke_call *call = sync->call;
    if (call != NULL && call->engine != NULL && yoke__engine_is_foreign(call->engine)) {
        /* The copy of a call that is somebody else's. */
        call = NULL;
    }
    if (call != NULL && !call->retired) {
        (void)yoke_call_cancel(call);
        if (call->is_awaited) {
            return;
        }
    }
    *sync = (struct yoke_sync){YOKE_SYNC_INIT};
    if (call != NULL) {
        yoke__call_unpin(call);
    }
}

struct yoke_call *yoke_sync_call(const struct yoke_sync *sync) {
    return sync->call;
}

/* Tell how the call ended, or will when its messages have been taken. */
static int report(struct yoke_sync *sync) {
    const struct yoke_call *call = sync->call;
    const struct yoke__stream *stream = call->streaming;
    sync->status = call->retired ? (struct yoke_status){call->verdict, call->kept_message}
                                 : (struct yoke_status){stream->status_code, stream->status_message};
    if (sync->status.message == NULL) {
        sync->status.message = "";
    }
    return (int)sync->status.code;
}

/* The reply of a call that is to have one. */
static int finish(struct yoke_sync *sync, const void **ret_reply) {
    int result = wait_until(sync->call, is_complete);
    if (result == 0) {
        result = report(sync);
    }
    if (result == 0) {
        *ret_reply = sync->call->reply;
    }
    return result;
}

/* ---- For generated code ------------------------------------------------------------------------------------------ */

int yoke_sync_unary(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                    const struct yoke_call_options *options, struct yoke_sync *sync, const void **ret_reply) {
    if (method->kind != YOKE_UNARY) {
        return -EINVAL;
    }
    int result = start(channel, method, request, options, sync);
    if (result != 0) {
        return result;
    }
    result = finish(sync, ret_reply);
    if (result < 0) {
        /* There is no way to go on with it. */
        yoke_sync_release(sync);
    }
    return result;
}

int yoke_sync_open(struct yoke_channel *channel, const struct yoke_method *method, const void *request,
                   const struct yoke_call_options *options, struct yoke_sync *sync) {
    return method->kind != YOKE_UNARY ? start(channel, method, request, options, sync) : -EINVAL;
}

int yoke_sync_next(struct yoke_sync *sync, const struct yoke_method *method, const void **ret_message) {
    int error = check_method(sync, method);
    if (error == 0 && !yoke__replies_stream(method)) {
        error = -EINVAL;
    }
    if (error == 0) {
        error = wait_until(sync->call, has_message_or_is_complete);
    }
    if (error != 0) {
        return error;
    }
    if (has_message(sync->call)) {
        if (yoke__stream_pull(sync->call, ret_message)) {
            return 0;
        }
        /* It could not be decoded, which ends the call. */
        error = wait_until(sync->call, is_complete);
        if (error != 0) {
            return error;
        }
    }
    int code = report(sync);
    if (code == 0) {
        *ret_message = NULL;
    }
    return code;
}

/* The call takes no more messages: tell how it has ended. */
static int report_end(struct yoke_sync *sync) {
    int error = wait_until(sync->call, has_status);
    return error != 0 ? error : report(sync);
}

int yoke_sync_write(struct yoke_sync *sync, const struct yoke_method *method, const void *message) {
    int error = check_method(sync, method);
    while (error == 0) {
        error = yoke_call_send(sync->call, method, message);
        if (error == -ECANCELED) {
            int result = report_end(sync);
            return result != 0 ? result : -EPIPE;
        }
        if (error != -EAGAIN) {
            return error;
        }
        error = wait_until(sync->call, is_writable);
    }
    return error;
}

int yoke_sync_half_close(struct yoke_sync *sync) {
    int error = check_sync(sync);
    if (error == 0) {
        error = yoke_call_half_close(sync->call);
    }
    return error == -ECANCELED ? report_end(sync) : error;
}

int yoke_sync_close(struct yoke_sync *sync, const struct yoke_method *method, const void **ret_reply) {
    int error = check_method(sync, method);
    if (error == 0 && method->kind != YOKE_CLIENT_STREAMING) {
        error = -EINVAL;
    }
    if (error == 0) {
        error = yoke_call_half_close(sync->call);
    }
    /* It may have been closed before, or have ended. */
    return error == 0 || error == -EPIPE || error == -ECANCELED ? finish(sync, ret_reply) : error;
}
