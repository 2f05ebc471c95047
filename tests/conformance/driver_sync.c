/*
 * driver_sync.c: calls made with the stubs that block. A unary call is over when it has been started; of a stream, each
 * message is waited for.
 */
#include "caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Outcomes */

static struct yoke_sync *sync_of(struct made *made) {
    return made->private;
}

/* The end of a call that returned `result`. Less than 0 is what no case expects. */
static void end_with(struct made *made, int result) {
    if (result < 0) {
        report(made->caller, __FILE__, __LINE__, "a call that blocks failed: %s", strerror(-result));
        made_add_end(made, NULL, &(struct yoke_status){YOKE_UNKNOWN, "waiting failed"});
    } else {
        EXPECT_INT(made->caller, result, sync_of(made)->status.code);
        made_add_end(made, yoke_sync_call(sync_of(made)), &sync_of(made)->status);
    }
}

/* The reply, if there is one, and the end. */
static void end_with_reply(struct made *made, int result, struct reply reply) {
    if (result == 0) {
        made_add_reply(made, &reply);
    }
    end_with(made, result);
}

/* ---- Calls */

typedef int empty_stub(struct yoke_channel *channel, const Interop__Empty *request,
                       const struct yoke_call_options *options, struct yoke_sync *sync,
                       const Interop__Empty **ret_reply);

static int make_empty(empty_stub *stub, struct made *made, const struct yoke_call_options *options) {
    const Interop__Empty request = INTEROP__EMPTY__INIT;
    const Interop__Empty *response;
    int result = stub(made->caller->channel, &request, options, sync_of(made), &response);
    end_with_reply(made, result, (struct reply){.is_intact = true});
    return 0;
}

static int make_state(struct made *made, const struct yoke_call_options *options) {
    const Interop__Empty request = INTEROP__EMPTY__INIT;
    const Interop__ServerState *response;
    int result = interop_control_state_sync(made->caller->channel, &request, options, sync_of(made), &response);
    end_with_reply(made, result, result == 0 ? reply_of_state(response) : (struct reply){0});
    return 0;
}

static int make_simple(struct made *made, const struct request *request, const struct yoke_call_options *options) {
    struct packed packed;
    const Interop__SimpleResponse *response;
    int result = interop_test_service_unary_call_sync(made->caller->channel, pack_simple(&packed, request), options,
                                                      sync_of(made), &response);
    packed_release(&packed);
    end_with_reply(made, result, result == 0 ? reply_of_payload(response->payload) : (struct reply){0});
    return 0;
}

static int start_output(struct made *made, const struct request *request, const struct yoke_call_options *options) {
    struct packed packed;
    int error = interop_test_service_streaming_output_call_sync(made->caller->channel, pack_output(&packed, request),
                                                                options, sync_of(made));
    packed_release(&packed);
    return error;
}

static int begin(struct made *made, const struct request *request, const struct yoke_call_options *options) {
    struct yoke_channel *channel = made->caller->channel;
    switch (made->method) {
    case EMPTY_CALL:
        return make_empty(interop_test_service_empty_call_sync, made, options);
    case UNIMPLEMENTED_CALL:
        return make_empty(interop_test_service_unimplemented_call_sync, made, options);
    case UNIMPLEMENTED_SERVICE_CALL:
        return make_empty(interop_unimplemented_service_unimplemented_call_sync, made, options);
    case CONTROL_RELEASE:
        return make_empty(interop_control_release_sync, made, options);
    case CONTROL_STATE:
        return make_state(made, options);
    case UNARY_CALL:
        return make_simple(made, request, options);
    case STREAMING_OUTPUT_CALL:
        return start_output(made, request, options);
    case STREAMING_INPUT_CALL:
        return interop_test_service_streaming_input_call_sync(channel, options, sync_of(made));
    case FULL_DUPLEX_CALL:
        return interop_test_service_full_duplex_call_sync(channel, options, sync_of(made));
    case HALF_DUPLEX_CALL:
        return interop_test_service_half_duplex_call_sync(channel, options, sync_of(made));
    }
    abort();
}

static int sync_start(struct made *made, const struct request *request, const struct call_setup *setup) {
    struct yoke_metadata *metadata = metadata_of(setup);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = setup->timeout_us,
                                              .metadata = metadata};
    struct yoke_sync *sync = malloc(sizeof(*sync));
    if (sync == NULL) {
        abort();
    }
    *sync = (struct yoke_sync){YOKE_SYNC_INIT};
    made->private = sync;
    int error = begin(made, request, &options);
    yoke_metadata_destroy(metadata);
    made->call = made->ends == 0 ? yoke_sync_call(sync) : NULL;
    return error;
}

static int sync_send(struct made *made, const struct request *request) {
    struct packed packed;
    int result;
    if (made->method == STREAMING_INPUT_CALL) {
        result = interop_test_service_streaming_input_call_write(sync_of(made), pack_input(&packed, request));
    } else if (made->method == FULL_DUPLEX_CALL) {
        result = interop_test_service_full_duplex_call_write(sync_of(made), pack_output(&packed, request));
    } else {
        result = interop_test_service_half_duplex_call_write(sync_of(made), pack_output(&packed, request));
    }
    packed_release(&packed);
    /* How the call has ended is to be had again behind the replies that came before. */
    return result > 0 || result == -EPIPE ? -ECANCELED : result;
}

static int sync_half_close(struct made *made) {
    int result = yoke_sync_half_close(sync_of(made));
    return result > 0 ? 0 : result;
}

static int sync_cancel(struct made *made) {
    return yoke_call_cancel(yoke_sync_call(sync_of(made)));
}

/* ---- Waiting */

static void await_sum(struct made *made) {
    const Interop__StreamingInputCallResponse *response;
    int result = interop_test_service_streaming_input_call_close(sync_of(made), &response);
    end_with_reply(made, result, result == 0 ? reply_of_sum(response) : (struct reply){0});
}

static int next(struct made *made, const Interop__StreamingOutputCallResponse **ret_response) {
    switch (made->method) {
    case STREAMING_OUTPUT_CALL:
        return interop_test_service_streaming_output_call_next(sync_of(made), ret_response);
    case FULL_DUPLEX_CALL:
        return interop_test_service_full_duplex_call_next(sync_of(made), ret_response);
    default:
        return interop_test_service_half_duplex_call_next(sync_of(made), ret_response);
    }
}

static void sync_await_reply(struct made *made) {
    if (made->ends > 0) {
        return;
    }
    if (made->method == STREAMING_INPUT_CALL) {
        await_sum(made);
        return;
    }
    const Interop__StreamingOutputCallResponse *response = NULL;
    int result = next(made, &response);
    if (result == 0 && response != NULL) {
        struct reply reply = reply_of_payload(response->payload);
        made_add_reply(made, &reply);
    } else {
        end_with(made, result);
    }
}

static void sync_await_end(struct made *made) {
    while (made->ends == 0) {
        sync_await_reply(made);
    }
}

/* There is always room: a message that has to wait is waited with. */
static void sync_await_room(struct made *made, unsigned told_before) {
    (void)made;
    (void)told_before;
}

/* Nothing is received that is not asked for. */
static void sync_hold(struct made *made) {
    (void)made;
}

static void sync_release(struct made *made) {
    yoke_sync_release(sync_of(made));
    free(made->private);
}

const struct driver sync_driver = {
    .blocks = true,
    .start = sync_start,
    .send = sync_send,
    .half_close = sync_half_close,
    .cancel = sync_cancel,
    .await_reply = sync_await_reply,
    .await_room = sync_await_room,
    .await_end = sync_await_end,
    .hold = sync_hold,
    .resume = sync_hold,
    .release = sync_release,
};
