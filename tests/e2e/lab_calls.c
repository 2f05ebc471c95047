/* lab_calls.c: calls of probe.Common and probe.Worker that remember how they ended. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>

void lab_release(struct lab_result *result) {
    free(result->data);
    *result = (struct lab_result){0};
}

static void complete(struct lab_result *result, const struct yoke_call *call, const struct yoke_status *status,
                     bool has_reply) {
    result->count++;
    result->order = ++result->lab->order;
    result->code = status->code;
    result->peer = *yoke_call_peer(call);
    result->has_reply = has_reply;
    CHECK(status->message != NULL);
    CHECK_INT(has_reply, status->code == YOKE_OK);
    CHECK(strlen(status->message) <= YOKE_STATUS_MESSAGE_MAX);
    strncpy(result->message, status->message, sizeof(result->message) - 1);
    if (result->also != NULL) {
        result->also(result);
    }
}

void lab_on_payload(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                    void *user_data) {
    struct lab_result *result = user_data;
    if (reply != NULL) {
        free(result->data);
        result->size = reply->data.len;
        result->data = malloc(reply->data.len + 1);
        REQUIRE(result->data != NULL);
        if (reply->data.len > 0) {
            memcpy(result->data, reply->data.data, reply->data.len);
        }
        /* So text can be read as a string. */
        result->data[reply->data.len] = '\0';
    }
    complete(result, call, status, reply != NULL);
}

void lab_on_empty(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                  void *user_data) {
    complete(user_data, call, status, reply != NULL);
}

void lab_on_number(struct yoke_call *call, const struct yoke_status *status, const Probe__Number *reply,
                   void *user_data) {
    struct lab_result *result = user_data;
    result->number = reply != NULL ? reply->value : 0;
    complete(result, call, status, reply != NULL);
}

void lab_on_tree(struct yoke_call *call, const struct yoke_status *status, const Probe__Tree *reply, void *user_data) {
    complete(user_data, call, status, reply != NULL);
}

static void prepare(struct lab *lab, struct lab_result *result) {
    lab_release(result);
    result->lab = lab;
}

static Probe__Payload payload_of(const void *data, size_t size) {
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    payload.data.data = (uint8_t *)(uintptr_t)data; /* protobuf-c has no const here and does not write */
    payload.data.len = size;
    return payload;
}

int lab_echo(struct lab *lab, struct yoke_channel *channel, const void *data, size_t size, struct lab_result *result) {
    const Probe__Payload request = payload_of(data, size);
    prepare(lab, result);
    return probe_common_echo(channel, &request, NULL, lab_on_payload, result);
}

int lab_hold(struct lab *lab, struct yoke_channel *channel, const void *data, size_t size, struct lab_result *result) {
    const Probe__Payload request = payload_of(data, size);
    prepare(lab, result);
    return probe_common_hold(channel, &request, NULL, lab_on_payload, result);
}

int lab_make(struct lab *lab, struct yoke_channel *channel, size_t size, uint32_t max_reply_bytes,
             struct lab_result *result) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = max_reply_bytes};
    Probe__Number request = PROBE__NUMBER__INIT;
    request.value = (int64_t)size;
    prepare(lab, result);
    return probe_common_make(channel, &request, &options, lab_on_payload, result);
}

int lab_fail(struct lab *lab, struct yoke_channel *channel, int code, const char *message, struct lab_result *result) {
    Probe__FailRequest request = PROBE__FAIL_REQUEST__INIT;
    request.code = code;
    request.message = (char *)(uintptr_t)message;
    prepare(lab, result);
    return probe_common_fail(channel, &request, NULL, lab_on_empty, result);
}

int lab_never(struct lab *lab, struct yoke_channel *channel, struct lab_result *result) {
    return lab_call_empty(lab, probe_common_never, channel, result);
}

int lab_slow(struct lab *lab, struct yoke_channel *channel, int64_t milliseconds, struct lab_result *result) {
    Probe__Number request = PROBE__NUMBER__INIT;
    request.value = milliseconds;
    prepare(lab, result);
    return probe_worker_slow(channel, &request, NULL, lab_on_number, result);
}

static Probe__EndRequest end_of(Probe__End how, int code) {
    Probe__EndRequest end = PROBE__END_REQUEST__INIT;
    end.how = how;
    end.code = code;
    return end;
}

int lab_finish(struct lab *lab, struct yoke_channel *channel, Probe__End how, int code, struct lab_result *result) {
    const Probe__EndRequest request = end_of(how, code);
    prepare(lab, result);
    return probe_worker_finish(channel, &request, NULL, lab_on_empty, result);
}

int lab_burst(struct lab *lab, struct yoke_channel *channel, uint32_t events, uint32_t bytes, Probe__End how, int code,
              struct lab_result *result) {
    Probe__EndRequest end = end_of(how, code);
    Probe__BurstRequest request = PROBE__BURST_REQUEST__INIT;
    request.events = events;
    request.bytes = bytes;
    request.end = &end;
    prepare(lab, result);
    return probe_worker_burst(channel, &request, NULL, lab_on_empty, result);
}

int lab_send_raw(struct lab *lab, struct yoke_channel *channel, const void *data, size_t size, Probe__End how, int code,
                 struct lab_result *result) {
    Probe__EndRequest end = end_of(how, code);
    Probe__RawRequest request = PROBE__RAW_REQUEST__INIT;
    request.data = payload_of(data, size).data;
    request.end = &end;
    prepare(lab, result);
    return probe_worker_send_raw(channel, &request, NULL, lab_on_empty, result);
}

int lab_call_empty(struct lab *lab, lab_empty_stub *stub, struct yoke_channel *channel, struct lab_result *result) {
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    prepare(lab, result);
    return stub(channel, &request, NULL, lab_on_empty, result);
}

int lab_call_number(struct lab *lab, lab_number_stub *stub, struct yoke_channel *channel, struct lab_result *result) {
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    prepare(lab, result);
    return stub(channel, &request, NULL, lab_on_number, result);
}

void lab_check_echo(struct lab *lab, struct yoke_channel *channel) {
    struct lab_result result = {0};
    REQUIRE_INT(lab_echo(lab, channel, "still here", 10, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.size, 10);
    CHECK(result.size == 10 && memcmp(result.data, "still here", 10) == 0);
    lab_release(&result);
}

static void on_master_call(struct yoke_call *call, const struct yoke_status *status,
                           const Probe__CallMasterReply *reply, void *user_data) {
    struct lab_master_call *told = user_data;
    if (reply != NULL) {
        told->error = reply->error;
        told->completed = reply->completed;
        told->ok = reply->ok;
        told->code = (enum yoke_code)reply->code;
        told->from_master = reply->from_master;
        strncpy(told->message, reply->message, sizeof(told->message) - 1);
        told->size = reply->data.len;
        told->data = malloc(reply->data.len + 1);
        REQUIRE(told->data != NULL);
        if (reply->data.len > 0) {
            memcpy(told->data, reply->data.data, reply->data.len);
        }
    }
    complete(&told->result, call, status, reply != NULL);
}

int lab_call_master(struct lab *lab, struct yoke_channel *channel, const Probe__CallMasterRequest *request,
                    struct lab_master_call *call) {
    lab_master_call_release(call);
    call->result.lab = lab;
    return probe_worker_call_master(channel, request, NULL, on_master_call, call);
}

void lab_master_call_release(struct lab_master_call *call) {
    free(call->data);
    *call = (struct lab_master_call){0};
}

/* ---- What a worker has seen */

struct seen {
    bool known;
    Probe__StreamState state;
};

static void on_state(struct yoke_call *call, const struct yoke_status *status, const Probe__StreamState *reply,
                     void *user_data) {
    (void)call;
    (void)status;
    struct seen *seen = user_data;
    REQUIRE(reply != NULL);
    seen->state = *reply;
    seen->known = true;
}

Probe__StreamState lab_streams_state(struct lab *lab) {
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct seen seen = {0};
    REQUIRE_INT(probe_streams_state(lab_channel(lab), &request, NULL, on_state, &seen), 0);
    LAB_WAIT(lab, seen.known);
    return seen.state;
}
