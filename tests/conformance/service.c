/*
 * service.c: see service.h. A call whose requests or responses stream has a struct handled from its beginning until it
 * is answered or cancelled; unary calls are answered at once.
 */
#include "service.h"

#include "message.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>

struct handled {
    struct service *service;
    struct yoke_call *call;
    int (*respond)(struct yoke_call *call, const Interop__StreamingOutputCallResponse *response); /* NULL: no stream */
    struct response *responses; /* asked for; those before `next` have been sent */
    size_t count, next;
    ev_timer pause;  /* until the next response may be sent, or the next request be taken */
    bool has_paused; /* for the next response */
    bool is_patient; /* nothing is sent before the client has ended its stream */
    bool input_ended;
    bool is_to_fail; /* with this status, once all responses are sent */
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    uint64_t sum;
};

static void forget(struct handled *handled) {
    struct service *service = handled->service;
    ev_timer_stop(service->loop, &handled->pause);
    if (service->held == handled->call) {
        service->held = NULL;
    }
    service->live--;
    free(handled->responses);
    free(handled);
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    struct handled *handled = user_data;
    handled->service->cancelled++;
    forget(handled);
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void fail(struct handled *handled, enum yoke_code code, const char *message) {
    struct yoke_call *call = handled->call;
    yoke_call_fail(call, code, message);
    forget(handled);
}

static void add_details(struct yoke_call *call, const Interop__EchoStatus *status) {
    for (size_t i = 0; i < status->n_texts; i++) {
        Interop__TextDetail detail = INTEROP__TEXT_DETAIL__INIT;
        detail.text = status->texts[i];
        interop_text_detail_detail_add(call, &detail);
    }
    for (size_t i = 0; i < status->n_numbers; i++) {
        Interop__NumberDetail detail = INTEROP__NUMBER_DETAIL__INIT;
        detail.number = status->numbers[i];
        interop_number_detail_detail_add(call, &detail);
    }
}

static void echo_metadata(struct yoke_call *call) {
    static const char initial[] = "x-grpc-test-echo-initial";
    static const char trailing[] = "x-grpc-test-echo-trailing-bin";
    const struct yoke_metadata *metadata = yoke_call_metadata(call);
    struct yoke_metadata_entry entry = {0};
    while (yoke_metadata_find(metadata, initial, &entry)) {
        yoke_metadata_add(yoke_call_headers(call), initial, entry.value);
    }
    entry = (struct yoke_metadata_entry){0};
    while (yoke_metadata_find(metadata, trailing, &entry)) {
        yoke_metadata_add_binary(yoke_call_trailers(call), trailing, entry.value, entry.length);
    }
    entry = (struct yoke_metadata_entry){0};
    if (yoke_metadata_find(metadata, "x-headers-now", &entry)) {
        yoke_call_send_headers(call);
    }
}

static void on_pause_ended(struct ev_loop *loop, ev_timer *watcher, int events);

static struct handled *handle(struct service *service, struct yoke_call *call) {
    struct handled *handled = calloc(1, sizeof(*handled));
    if (handled == NULL) {
        abort();
    }
    handled->service = service;
    handled->call = call;
    ev_init(&handled->pause, on_pause_ended);
    handled->pause.data = handled;
    service->live++;
    yoke_call_set_data(call, handled);
    yoke_call_on_cancel(call, on_cancelled, handled);
    echo_metadata(call);
    return handled;
}

/* ---- Unary calls */

static void empty_call(struct yoke_call *call, const Interop__Empty *request, void *user_data) {
    (void)user_data;
    interop_test_service_empty_call_reply(call, request);
}

static void unary_call(struct yoke_call *call, const Interop__SimpleRequest *request, void *user_data) {
    (void)user_data;
    echo_metadata(call);
    if (!payload_is_intact(request->payload)) {
        yoke_call_fail(call, YOKE_DATA_LOSS, "the request's body is not as it was sent");
        return;
    }
    if (request->response_status != NULL) {
        add_details(call, request->response_status);
        yoke_call_fail(call, (enum yoke_code)request->response_status->code, request->response_status->message);
        return;
    }
    Interop__Payload payload = INTEROP__PAYLOAD__INIT;
    payload.body = (ProtobufCBinaryData){.len = request->response_size, .data = pattern(request->response_size)};
    Interop__SimpleResponse response = INTEROP__SIMPLE_RESPONSE__INIT;
    response.payload = request->response_size > 0 ? &payload : NULL;
    interop_test_service_unary_call_reply(call, &response);
}

/* ---- Responses that stream */

static int respond(struct handled *handled, size_t size) {
    Interop__Payload payload = INTEROP__PAYLOAD__INIT;
    payload.body = (ProtobufCBinaryData){.len = size, .data = pattern(size)};
    Interop__StreamingOutputCallResponse response = INTEROP__STREAMING_OUTPUT_CALL_RESPONSE__INIT;
    response.payload = size > 0 ? &payload : NULL;
    return handled->respond(handled->call, &response);
}

static void pause_for(struct handled *handled, uint32_t interval_us) {
    ev_timer_set(&handled->pause, interval_us / 1e6, 0);
    ev_timer_start(handled->service->loop, &handled->pause);
}

/* True when the next response has to wait for its time. */
static bool must_pause(struct handled *handled) {
    uint32_t interval_us = handled->responses[handled->next].interval_us;
    if (interval_us == 0 || handled->has_paused) {
        handled->has_paused = false;
        return false;
    }
    if (!ev_is_active(&handled->pause)) {
        pause_for(handled, interval_us);
    }
    return true;
}

/* Sends what can be sent now, and ends the call when that was all. */
static void go_on(struct handled *handled) {
    if (handled->is_patient && !handled->input_ended && !handled->is_to_fail) {
        return;
    }
    while (handled->next < handled->count) {
        if (must_pause(handled)) {
            return;
        }
        int error = respond(handled, handled->responses[handled->next].size);
        if (error == -EAGAIN) {
            handled->has_paused = handled->responses[handled->next].interval_us > 0;
            handled->service->refused++;
            return;
        }
        if (error != 0) {
            /* The call is over for its client; on_cancelled() comes. */
            return;
        }
        handled->next++;
        handled->service->responses++;
    }
    if (handled->is_to_fail) {
        fail(handled, handled->code, handled->message);
    } else if (handled->input_ended) {
        yoke_call_finish(handled->call);
        forget(handled);
    }
}

static void on_pause_ended(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop;
    (void)events;
    struct handled *handled = watcher->data;
    if (handled->respond == NULL) {
        yoke_call_resume(handled->call);
        return;
    }
    handled->has_paused = true;
    go_on(handled);
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)user_data;
    go_on(yoke_call_data(call));
}

static void add_responses(struct handled *handled, const Interop__StreamingOutputCallRequest *request) {
    size_t count = handled->count + request->n_response_parameters;
    handled->responses = reallocarray(handled->responses, count + 1, sizeof(*handled->responses));
    if (handled->responses == NULL) {
        abort();
    }
    for (size_t i = 0; i < request->n_response_parameters; i++) {
        const Interop__ResponseParameters *parameters = request->response_parameters[i];
        handled->responses[handled->count++] =
            (struct response){.size = parameters->size, .interval_us = parameters->interval_us};
    }
}

static void take_output_request(struct handled *handled, const Interop__StreamingOutputCallRequest *request) {
    if (handled->is_to_fail) {
        return;
    }
    if (!payload_is_intact(request->payload)) {
        fail(handled, YOKE_DATA_LOSS, "a request's body is not as it was sent");
        return;
    }
    add_responses(handled, request);
    if (request->response_status != NULL) {
        handled->is_to_fail = true;
        add_details(handled->call, request->response_status);
        handled->code = (enum yoke_code)request->response_status->code;
        strncpy(handled->message, request->response_status->message, YOKE_STATUS_MESSAGE_MAX);
    }
    go_on(handled);
}

static void streaming_output_call(struct yoke_call *call, const Interop__StreamingOutputCallRequest *request,
                                  void *user_data) {
    struct handled *handled = handle(user_data, call);
    handled->respond = interop_test_service_streaming_output_call_reply;
    handled->input_ended = true;
    yoke_call_on_writable(call, on_writable, NULL);
    take_output_request(handled, request);
}

static void full_duplex_call(struct yoke_call *call, void *user_data) {
    struct handled *handled = handle(user_data, call);
    handled->respond = interop_test_service_full_duplex_call_reply;
    yoke_call_on_writable(call, on_writable, NULL);
}

static void half_duplex_call(struct yoke_call *call, void *user_data) {
    struct handled *handled = handle(user_data, call);
    handled->respond = interop_test_service_half_duplex_call_reply;
    handled->is_patient = true;
    yoke_call_on_writable(call, on_writable, NULL);
}

static void duplex_message(struct yoke_call *call, const Interop__StreamingOutputCallRequest *request,
                           void *user_data) {
    (void)user_data;
    take_output_request(yoke_call_data(call), request);
}

static void duplex_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    struct handled *handled = yoke_call_data(call);
    handled->input_ended = true;
    go_on(handled);
}

/* ---- Requests that stream */

static void streaming_input_call(struct yoke_call *call, void *user_data) {
    (void)handle(user_data, call);
}

static void answer_sum(struct handled *handled) {
    Interop__StreamingInputCallResponse response = INTEROP__STREAMING_INPUT_CALL_RESPONSE__INIT;
    response.aggregated_payload_size = handled->sum;
    interop_test_service_streaming_input_call_reply(handled->call, &response);
    forget(handled);
}

static void streaming_input_message(struct yoke_call *call, const Interop__StreamingInputCallRequest *request,
                                    void *user_data) {
    (void)user_data;
    struct handled *handled = yoke_call_data(call);
    if (!payload_is_intact(request->payload)) {
        fail(handled, YOKE_DATA_LOSS, "a request's body is not as it was sent");
        return;
    }
    handled->sum += payload_size(request->payload);
    if (request->answer_now) {
        answer_sum(handled);
        return;
    }
    if (request->hold_us > 0) {
        yoke_call_hold(call);
        pause_for(handled, request->hold_us);
    }
    if (request->hold) {
        yoke_call_hold(call);
        handled->service->held = call;
    }
}

static void streaming_input_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    answer_sum(yoke_call_data(call));
}

/* ---- Control */

static void state(struct yoke_call *call, const Interop__Empty *request, void *user_data) {
    (void)request;
    const struct service *service = user_data;
    Interop__ServerState response = INTEROP__SERVER_STATE__INIT;
    response.live = service->live;
    response.cancelled = service->cancelled;
    response.refused = service->refused;
    response.responses = service->responses;
    interop_control_state_reply(call, &response);
}

static void release(struct yoke_call *call, const Interop__Empty *request, void *user_data) {
    struct service *service = user_data;
    struct yoke_call *held = service->held;
    if (held == NULL) {
        yoke_call_fail(call, YOKE_FAILED_PRECONDITION, "no call holds");
        return;
    }
    service->held = NULL;
    yoke_call_resume(held);
    interop_control_release_reply(call, request);
}

int service_serve(struct service *service, struct yoke_server *server, struct ev_loop *loop) {
    static const struct interop_test_service_handlers test_service = {
        .empty_call = empty_call,
        .unary_call = unary_call,
        .streaming_output_call = streaming_output_call,
        .streaming_input_call = streaming_input_call,
        .streaming_input_call_message = streaming_input_message,
        .streaming_input_call_end = streaming_input_end,
        .full_duplex_call = full_duplex_call,
        .full_duplex_call_message = duplex_message,
        .full_duplex_call_end = duplex_end,
        .half_duplex_call = half_duplex_call,
        .half_duplex_call_message = duplex_message,
        .half_duplex_call_end = duplex_end,
    };
    static const struct interop_control_handlers control = {.state = state, .release = release};
    *service = (struct service){.loop = loop};
    int error = interop_test_service_serve(server, &test_service, service);
    return error != 0 ? error : interop_control_serve(server, &control, service);
}
