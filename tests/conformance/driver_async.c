/*
 * driver_async.c: calls made with the stubs that take callbacks. Whoever waits turns the loop, which is not done from
 * inside a callback of Yoke's.
 */
#include "caller.h"

#include <errno.h>
#include <stdlib.h>

/* ---- Callbacks */

static void on_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    made_add_end(user_data, call, status);
}

static void on_empty(struct yoke_call *call, const struct yoke_status *status, const Interop__Empty *response,
                     void *user_data) {
    if (response != NULL) {
        made_add_reply(user_data, &(struct reply){.is_intact = true});
    }
    on_end(call, status, user_data);
}

static void on_simple(struct yoke_call *call, const struct yoke_status *status, const Interop__SimpleResponse *response,
                      void *user_data) {
    if (response != NULL) {
        struct reply reply = reply_of_payload(response->payload);
        made_add_reply(user_data, &reply);
    }
    on_end(call, status, user_data);
}

static void on_sum(struct yoke_call *call, const struct yoke_status *status,
                   const Interop__StreamingInputCallResponse *response, void *user_data) {
    if (response != NULL) {
        struct reply reply = reply_of_sum(response);
        made_add_reply(user_data, &reply);
    }
    on_end(call, status, user_data);
}

static void on_state(struct yoke_call *call, const struct yoke_status *status, const Interop__ServerState *response,
                     void *user_data) {
    if (response != NULL) {
        struct reply reply = reply_of_state(response);
        made_add_reply(user_data, &reply);
    }
    on_end(call, status, user_data);
}

static void on_output(struct yoke_call *call, const Interop__StreamingOutputCallResponse *response, void *user_data) {
    (void)call;
    struct reply reply = reply_of_payload(response->payload);
    made_add_reply(user_data, &reply);
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    struct made *made = user_data;
    made->told++;
}

static void on_headers(struct yoke_call *call, void *user_data) {
    struct made *made = user_data;
    made->headers_told++;
    if (made->count > 0 || made->ends > 0) {
        report(made->caller, __FILE__, __LINE__, "the headers of %s came late", yoke_call_method(call));
    }
}

/* ---- Calls */

typedef int empty_stub(struct yoke_channel *channel, const Interop__Empty *request,
                       const struct yoke_call_options *options, interop_test_service_empty_call_done *done,
                       void *user_data);

static int start_empty(empty_stub *stub, struct made *made, const struct yoke_call_options *options) {
    const Interop__Empty request = INTEROP__EMPTY__INIT;
    return stub(made->caller->channel, &request, options, on_empty, made);
}

static int start_simple(struct made *made, const struct request *request, const struct yoke_call_options *options) {
    struct packed packed;
    int error =
        interop_test_service_unary_call(made->caller->channel, pack_simple(&packed, request), options, on_simple, made);
    packed_release(&packed);
    return error;
}

static int start_output(struct made *made, const struct request *request, const struct yoke_call_options *options) {
    struct packed packed;
    int error = interop_test_service_streaming_output_call(made->caller->channel, pack_output(&packed, request),
                                                           options, on_output, on_end, made);
    packed_release(&packed);
    return error;
}

static int start_state(struct made *made, const struct yoke_call_options *options) {
    const Interop__Empty request = INTEROP__EMPTY__INIT;
    return interop_control_state(made->caller->channel, &request, options, on_state, made);
}

static int begin(struct made *made, const struct request *request, const struct yoke_call_options *options) {
    struct yoke_channel *channel = made->caller->channel;
    switch (made->method) {
    case EMPTY_CALL:
        return start_empty(interop_test_service_empty_call, made, options);
    case UNIMPLEMENTED_CALL:
        return start_empty(interop_test_service_unimplemented_call, made, options);
    case UNIMPLEMENTED_SERVICE_CALL:
        return start_empty(interop_unimplemented_service_unimplemented_call, made, options);
    case CONTROL_RELEASE:
        return start_empty(interop_control_release, made, options);
    case CONTROL_STATE:
        return start_state(made, options);
    case UNARY_CALL:
        return start_simple(made, request, options);
    case STREAMING_OUTPUT_CALL:
        return start_output(made, request, options);
    case STREAMING_INPUT_CALL:
        return interop_test_service_streaming_input_call(channel, options, on_sum, made, &made->call);
    case FULL_DUPLEX_CALL:
        return interop_test_service_full_duplex_call(channel, options, on_output, on_end, made, &made->call);
    case HALF_DUPLEX_CALL:
        return interop_test_service_half_duplex_call(channel, options, on_output, on_end, made, &made->call);
    }
    abort();
}

static int async_start(struct made *made, const struct request *request, const struct call_setup *setup) {
    bool requests_stream =
        made->method == STREAMING_INPUT_CALL || made->method == FULL_DUPLEX_CALL || made->method == HALF_DUPLEX_CALL;
    struct yoke_metadata *metadata = metadata_of(setup);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = setup->timeout_us,
                                              .metadata = metadata, .ret_call = requests_stream ? NULL : &made->call};
    int error;
    /* A full queue is no failure: it says when to try again, after a turn. */
    while ((error = begin(made, request, &options)) == -ENOBUFS && caller_turn(made->caller)) {
    }
    if (error == 0 && requests_stream) {
        yoke_call_on_writable(made->call, on_writable, made);
    }
    if (error == 0 && metadata != NULL) {
        error = yoke_call_on_headers(made->call, on_headers, made);
    }
    yoke_metadata_destroy(metadata);
    return error;
}

static int async_send(struct made *made, const struct request *request) {
    struct packed packed;
    int error;
    if (made->method == STREAMING_INPUT_CALL) {
        error = interop_test_service_streaming_input_call_send(made->call, pack_input(&packed, request));
    } else if (made->method == FULL_DUPLEX_CALL) {
        error = interop_test_service_full_duplex_call_send(made->call, pack_output(&packed, request));
    } else {
        error = interop_test_service_half_duplex_call_send(made->call, pack_output(&packed, request));
    }
    packed_release(&packed);
    made->refused += error == -EAGAIN;
    return error;
}

static int async_half_close(struct made *made) {
    return yoke_call_half_close(made->call);
}

static int async_cancel(struct made *made) {
    return yoke_call_cancel(made->call);
}

static void async_hold(struct made *made) {
    yoke_call_hold(made->call);
}

static void async_resume(struct made *made) {
    yoke_call_resume(made->call);
}

/* ---- Waiting */

static void await_reply(struct made *made) {
    while (made->taken == made->count && made->ends == 0 && caller_turn(made->caller)) {
    }
}

static void await_room(struct made *made, unsigned told_before) {
    while (made->told == told_before && made->ends == 0 && caller_turn(made->caller)) {
    }
}

static void await_headers(struct made *made) {
    while (made->headers_told == 0 && made->ends == 0 && caller_turn(made->caller)) {
    }
}

static void await_completion(struct made *made) {
    while (made->ends == 0 && caller_turn(made->caller)) {
    }
}

static void async_release(struct made *made) {
    (void)made;
}

const struct driver async_driver = {
    .start = async_start,
    .send = async_send,
    .half_close = async_half_close,
    .cancel = async_cancel,
    .await_reply = await_reply,
    .await_room = await_room,
    .await_end = await_completion,
    .await_headers = await_headers,
    .hold = async_hold,
    .resume = async_resume,
    .release = async_release,
};
