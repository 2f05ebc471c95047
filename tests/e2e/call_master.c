/* call_master.c: see call_master.h. */
#include "call_master.h"

#include "worker_state.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The calls that one CallMaster makes, and how they went. */
struct outgoing {
    struct yoke_call *call; /* to answer when all have completed */
    uint32_t wanted;
    uint32_t completed;
    uint32_t ok;
    bool from_master;
    enum yoke_code code;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    uint8_t *data;
    size_t size;
};

static void answer(struct outgoing *outgoing, int error) {
    Probe__CallMasterReply reply = PROBE__CALL_MASTER_REPLY__INIT;
    reply.error = error;
    reply.completed = outgoing->completed;
    reply.ok = outgoing->ok;
    reply.code = (int32_t)outgoing->code;
    reply.message = outgoing->message;
    reply.data.data = outgoing->data;
    reply.data.len = outgoing->size;
    reply.from_master = outgoing->from_master;
    probe_worker_call_master_reply(outgoing->call, &reply);
    free(outgoing->data);
    free(outgoing);
}

static void complete(struct outgoing *outgoing, const struct yoke_call *call, const struct yoke_status *status) {
    const struct yoke_peer *peer = yoke_call_peer(call);
    outgoing->from_master = peer->worker_id == 0 && peer->pid == getppid();
    outgoing->code = status->code;
    strcpy(outgoing->message, status->message); /* as long as YOKE_STATUS_MESSAGE_MAX holds, it fits */
    outgoing->completed++;
    outgoing->ok += status->code == YOKE_OK;
    if (outgoing->completed == outgoing->wanted) {
        answer(outgoing, 0);
    }
}

static void on_payload(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                       void *user_data) {
    struct outgoing *outgoing = user_data;
    free(outgoing->data);
    outgoing->data = NULL;
    outgoing->size = 0;
    if (reply != NULL && reply->data.len > 0) {
        outgoing->size = reply->data.len;
        outgoing->data = malloc(outgoing->size);
        if (outgoing->data == NULL) {
            abort();
        }
        memcpy(outgoing->data, reply->data.data, outgoing->size);
    }
    complete(outgoing, call, status);
}

static void on_empty(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                     void *user_data) {
    (void)reply;
    complete(user_data, call, status);
}

static int call_once(struct yoke_channel *master, const Probe__CallMasterRequest *request, struct outgoing *outgoing) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .max_reply_bytes = request->max_reply_bytes};
    const Google__Protobuf__Empty nothing = GOOGLE__PROTOBUF__EMPTY__INIT;
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    Probe__Number number = PROBE__NUMBER__INIT;
    payload.data = request->data;
    number.value = request->number;
    if (strcmp(request->method, "Echo") == 0) {
        return probe_common_echo(master, &payload, &options, on_payload, outgoing);
    }
    if (strcmp(request->method, "Hold") == 0) {
        return probe_common_hold(master, &payload, &options, on_payload, outgoing);
    }
    if (strcmp(request->method, "EchoZeros") == 0) {
        payload.data.len = (size_t)request->number;
        payload.data.data = calloc(payload.data.len + 1, 1);
        int error =
            payload.data.data != NULL ? probe_common_echo(master, &payload, &options, on_payload, outgoing) : -1;
        free(payload.data.data);
        return error;
    }
    if (strcmp(request->method, "Make") == 0) {
        return probe_common_make(master, &number, &options, on_payload, outgoing);
    }
    if (strcmp(request->method, "Fail") == 0) {
        return probe_common_fail(master, request->fail, &options, on_empty, outgoing);
    }
    if (strcmp(request->method, "Never") == 0) {
        return probe_common_never(master, &nothing, &options, on_empty, outgoing);
    }
    if (strcmp(request->method, "NoHandler") == 0) {
        return probe_common_no_handler(master, &nothing, &options, on_empty, outgoing);
    }
    return probe_nowhere_call(master, &nothing, &options, on_empty, outgoing);
}

void call_master(struct yoke_call *call, const Probe__CallMasterRequest *request, void *user_data) {
    struct worker_state *state = user_data;
    struct outgoing *outgoing = calloc(1, sizeof(*outgoing));
    if (outgoing == NULL) {
        abort();
    }
    outgoing->call = call;
    outgoing->wanted = request->count != 0 ? request->count : 1;
    for (uint32_t i = 0; i < outgoing->wanted; i++) {
        int error = call_once(yoke_worker_master(state->worker), request, outgoing);
        if (error != 0) {
            outgoing->wanted = i;
            if (i == 0) {
                answer(outgoing, error);
            }
            return;
        }
    }
}
