/* stream_caller.c: see stream_caller.h. */
#include "stream_caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint8_t *stream_data(uint32_t number, size_t size) {
    uint8_t *data = calloc(size + 1, 1);
    if (data == NULL) {
        abort();
    }
    if (size >= sizeof(number)) {
        memcpy(data, &number, sizeof(number));
    }
    return data;
}

bool stream_read(const uint8_t *data, size_t size, uint32_t *ret_number, char *ret_command) {
    if (size < sizeof(*ret_number)) {
        return false;
    }
    memcpy(ret_number, data, sizeof(*ret_number));
    *ret_command = size > sizeof(*ret_number) ? (char)data[sizeof(*ret_number)] : 0;
    return true;
}

static void on_message(struct yoke_call *call, const Probe__Payload *message, void *user_data) {
    struct stream_caller *caller = user_data;
    Probe__StreamResult *result = &caller->result;
    uint32_t number = 0;
    char command;
    result->late += result->done > 0;
    if (stream_read(message->data.data, message->data.len, &number, &command)) {
        result->out_of_order += number != result->messages;
    }
    result->messages++;
    result->bytes += message->data.len;
    if (result->messages == caller->plan.cancel_at) {
        yoke_call_cancel(call);
    }
    if (result->messages == caller->plan.hold_at) {
        yoke_call_hold(call);
    }
}

static void end(struct stream_caller *caller, const struct yoke_status *status) {
    Probe__StreamResult *result = &caller->result;
    caller->call = NULL;
    result->done++;
    result->code = (int32_t)status->code;
    strncpy(caller->message, status->message, sizeof(caller->message) - 1);
    result->message = caller->message;
    if (caller->on_end != NULL) {
        caller->on_end(caller, caller->user_data);
    }
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    end(user_data, status);
}

static void on_sum(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                   void *user_data) {
    (void)call;
    struct stream_caller *caller = user_data;
    caller->result.value = reply != NULL ? reply->value : -1;
    end(caller, status);
}

static int send_one(struct stream_caller *caller) {
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    payload.data.len = caller->plan.send_bytes;
    payload.data.data = stream_data(caller->sent, payload.data.len);
    if (caller->plan.command != 0 && caller->sent == caller->plan.command_at && payload.data.len > 4) {
        payload.data.data[4] = (uint8_t)caller->plan.command;
    }
    int error = caller->is_sum ? probe_streams_sum_send(caller->call, &payload)
                               : probe_streams_chat_send(caller->call, &payload);
    free(payload.data.data);
    return error;
}

void stream_caller_send(struct stream_caller *caller) {
    while (caller->call != NULL && caller->sent < caller->plan.send) {
        int error = send_one(caller);
        if (error == -EAGAIN) {
            caller->result.refused++;
            return;
        }
        if (error != 0) {
            /* It has ended; how, its callback will tell. */
            return;
        }
        if (++caller->sent == caller->plan.send && !caller->plan.keep_open) {
            yoke_call_half_close(caller->call);
        }
    }
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    stream_caller_send(user_data);
}

static int open_call(struct stream_caller *caller, struct yoke_channel *channel, const Probe__StreamPlan *plan) {
    struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = plan->timeout_us};
    if (strcmp(plan->method, "Count") == 0) {
        options.ret_call = &caller->call;
        return probe_streams_count(channel, plan, &options, on_message, on_done, caller);
    }
    if (strcmp(plan->method, "Sum") == 0) {
        caller->is_sum = true;
        return probe_streams_sum(channel, &options, on_sum, caller, &caller->call);
    }
    if (strcmp(plan->method, "Chat") == 0) {
        return probe_streams_chat(channel, &options, on_message, on_done, caller, &caller->call);
    }
    return probe_streams_unserved(channel, &options, on_message, on_done, caller, &caller->call);
}

void stream_caller_start(struct stream_caller *caller, struct yoke_channel *channel, const Probe__StreamPlan *plan) {
    caller->plan = *plan;
    probe__stream_result__init(&caller->result);
    caller->result.error = open_call(caller, channel, plan);
    if (caller->result.error != 0) {
        if (caller->on_end != NULL) {
            caller->on_end(caller, caller->user_data);
        }
        return;
    }
    if (strcmp(plan->method, "Count") == 0) {
        return;
    }
    yoke_call_on_writable(caller->call, on_writable, caller);
    if (plan->send == 0 && !plan->keep_open) {
        yoke_call_half_close(caller->call);
    }
    stream_caller_send(caller);
}
