/* stream_service.c: see stream_service.h. */
#include "stream_service.h"

#include "stream_caller.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* ---- Count: as many messages as are asked for, as fast as they are taken */

struct counting {
    struct stream_service *service;
    uint32_t sent, wanted, code;
    size_t bytes;
    bool die;
};

static void leave(struct yoke_call *call, struct stream_service *service) {
    free(yoke_call_data(call));
    service->live--;
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    service->cancelled++;
    leave(call, service);
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void count_on(struct yoke_call *call, void *user_data) {
    (void)user_data;
    struct counting *counting = yoke_call_data(call);
    int error = 0;
    while (counting->sent < counting->wanted && error == 0) {
        Probe__Payload payload = PROBE__PAYLOAD__INIT;
        uint8_t *data = stream_data(counting->sent, counting->bytes);
        payload.data.data = data;
        payload.data.len = counting->bytes;
        error = probe_streams_count_reply(call, &payload);
        free(data);
        counting->sent += error == 0;
        counting->service->sent += error == 0;
    }
    if (error == -EAGAIN) {
        counting->service->refused++;
        return;
    }
    if (error != 0) {
        abort();
    }
    if (counting->die) {
        counting->die = false;
        raise(SIGKILL);
    }
    uint32_t code = counting->code;
    leave(call, counting->service);
    if (code == 0) {
        yoke_call_finish(call);
    } else {
        yoke_call_fail(call, (enum yoke_code)code, "as asked");
    }
}

static void count(struct yoke_call *call, const Probe__StreamPlan *request, void *user_data) {
    struct stream_service *service = user_data;
    struct counting *counting = calloc(1, sizeof(*counting));
    if (counting == NULL) {
        abort();
    }
    *counting = (struct counting){.service = service,
                                  .wanted = request->reply,
                                  .bytes = request->reply_bytes,
                                  .code = (uint32_t)request->code,
                                  .die = request->die};
    yoke_call_set_data(call, counting);
    yoke_call_on_writable(call, count_on, NULL);
    yoke_call_on_cancel(call, on_cancelled, service);
    service->opened++;
    service->live++;
    count_on(call, NULL);
}

/* ---- Sum and Chat */

struct receiving {
    uint32_t received;
    uint64_t bytes;
    uint8_t *pending; /* what is to be sent back when it is taken */
    size_t pending_size;
    bool ended;
};

static void leave_stream(struct yoke_call *call, struct stream_service *service) {
    struct receiving *receiving = yoke_call_data(call);
    free(receiving->pending);
    leave(call, service);
}

static void on_stream_cancelled(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    service->cancelled++;
    leave_stream(call, service);
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void open_stream(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    struct receiving *receiving = calloc(1, sizeof(*receiving));
    if (receiving == NULL) {
        abort();
    }
    yoke_call_set_data(call, receiving);
    yoke_call_on_cancel(call, on_stream_cancelled, service);
    service->opened++;
    service->live++;
}

/* Checks a message and does what it commands. False when the call is answered. */
static bool take(struct yoke_call *call, const Probe__Payload *message, struct stream_service *service) {
    struct receiving *receiving = yoke_call_data(call);
    uint32_t number = 0;
    char command = 0;
    service->received++;
    receiving->bytes += message->data.len;
    if (stream_read(message->data.data, message->data.len, &number, &command) && number != receiving->received) {
        leave_stream(call, service);
        yoke_call_fail(call, YOKE_DATA_LOSS, "a message is out of order");
        return false;
    }
    receiving->received++;
    switch (command) {
    case 'F':
        leave_stream(call, service);
        yoke_call_fail(call, YOKE_ABORTED, "as asked");
        return false;
    case 'K':
        raise(SIGKILL);
        return false;
    case 'H':
        service->held = call;
        yoke_call_hold(call);
        return true;
    default:
        return true;
    }
}

static void sum_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    (void)take(call, message, user_data);
}

static void sum_end(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    struct receiving *receiving = yoke_call_data(call);
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = (int64_t)receiving->bytes;
    service->ends++;
    leave_stream(call, service);
    probe_streams_sum_reply(call, &reply);
}

static void finish_chat(struct yoke_call *call, struct stream_service *service) {
    leave_stream(call, service);
    yoke_call_finish(call);
}

/* What was refused goes out; then reading goes on. */
static void chat_on(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    struct receiving *receiving = yoke_call_data(call);
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    if (receiving->pending == NULL) {
        return;
    }
    payload.data.data = receiving->pending;
    payload.data.len = receiving->pending_size;
    if (probe_streams_chat_reply(call, &payload) == -EAGAIN) {
        return;
    }
    free(receiving->pending);
    receiving->pending = NULL;
    if (receiving->ended) {
        finish_chat(call, service);
    } else {
        yoke_call_resume(call);
    }
}

static void chat(struct yoke_call *call, void *user_data) {
    open_stream(call, user_data);
    yoke_call_on_writable(call, chat_on, user_data);
}

static void chat_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    struct stream_service *service = user_data;
    if (!take(call, message, service)) {
        return;
    }
    if (probe_streams_chat_reply(call, message) != -EAGAIN) {
        return;
    }
    struct receiving *receiving = yoke_call_data(call);
    service->refused++;
    receiving->pending_size = message->data.len;
    receiving->pending = malloc(message->data.len + 1);
    if (receiving->pending == NULL) {
        abort();
    }
    memcpy(receiving->pending, message->data.data, message->data.len);
    yoke_call_hold(call);
}

static void chat_end(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    struct receiving *receiving = yoke_call_data(call);
    service->ends++;
    receiving->ended = true;
    if (receiving->pending == NULL) {
        finish_chat(call, service);
    }
}

/* ---- Others */

static void state(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    const struct stream_service *service = user_data;
    Probe__StreamState reply = PROBE__STREAM_STATE__INIT;
    reply.opened = service->opened;
    reply.live = service->live;
    reply.cancelled = service->cancelled;
    reply.received = service->received;
    reply.ends = service->ends;
    reply.sent = service->sent;
    reply.refused = service->refused;
    probe_streams_state_reply(call, &reply);
}

static void on_ignored(struct yoke_call *call, void *user_data) {
    struct stream_service *service = user_data;
    service->cancelled += yoke_call_is_cancelled(call);
}

static void wait_for_cancel(struct yoke_call *call, const Probe__Number *request, void *user_data) {
    struct stream_service *service = user_data;
    service->opened++;
    service->live++;
    if (request->value == 0) {
        yoke_call_on_cancel(call, on_cancelled, service);
        return;
    }
    if (service->ignored_count == STREAM_WAITS_MAX) {
        abort();
    }
    service->ignored[service->ignored_count++] = call;
    yoke_call_on_cancel(call, on_ignored, service);
}

void stream_service_release(struct stream_service *service) {
    for (unsigned i = 0; i < service->ignored_count; i++) {
        yoke_call_fail(service->ignored[i], YOKE_ABORTED, NULL);
    }
    service->ignored_count = 0;
}

static void remaining(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    (void)user_data;
    uint64_t left = yoke_call_remaining_us(call);
    Probe__Number reply = PROBE__NUMBER__INIT;
    reply.value = left == UINT64_MAX ? -1 : (int64_t)left;
    probe_streams_remaining_reply(call, &reply);
}

const struct probe_streams_handlers stream_handlers = {
    .count = count,
    .sum = open_stream,
    .sum_message = sum_message,
    .sum_end = sum_end,
    .chat = chat,
    .chat_message = chat_message,
    .chat_end = chat_end,
    .state = state,
    .wait = wait_for_cancel,
    .remaining = remaining,
    .brief = wait_for_cancel,
};

/* ---- A worker as the caller */

static void on_driven(struct stream_caller *caller, void *user_data) {
    probe_stream_driver_drive_reply(user_data, &caller->result);
    free(caller);
}

static void drive(struct yoke_call *call, const Probe__StreamPlan *request, void *user_data) {
    struct stream_service *service = user_data;
    struct stream_caller *caller = calloc(1, sizeof(*caller));
    if (caller == NULL) {
        abort();
    }
    caller->on_end = on_driven;
    caller->user_data = call;
    stream_caller_start(caller, service->master, request);
}

static void on_number(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                      void *user_data) {
    (void)call;
    if (reply != NULL) {
        probe_stream_driver_nested_reply(user_data, reply);
    } else {
        yoke_call_fail(user_data, status->code, "the nested call ended so");
    }
}

static void nested(struct yoke_call *call, const Probe__NestedRequest *request, void *user_data) {
    struct stream_service *service = user_data;
    const Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
    const Probe__Number zero = PROBE__NUMBER__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = request->timeout_us,
                                              .independent = request->independent};
    int error = request->wait ? probe_streams_wait(service->master, &zero, &options, on_number, call)
                              : probe_streams_remaining(service->master, &empty, &options, on_number, call);
    if (error != 0) {
        abort();
    }
}

const struct probe_stream_driver_handlers stream_driver_handlers = {.drive = drive, .nested = nested};
