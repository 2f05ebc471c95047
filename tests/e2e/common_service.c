/* common_service.c: see common_service.h. */
#include "common_service.h"

#include <stdlib.h>

static void echo(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    struct common_service *service = user_data;
    service->last_peer = *yoke_call_peer(call);
    service->last_error = probe_common_echo_reply(call, request);
}

static void echo_tree(struct yoke_call *call, const Probe__Tree *request, void *user_data) {
    struct common_service *service = user_data;
    service->last_error = probe_common_echo_tree_reply(call, request);
}

static void echo_lists(struct yoke_call *call, const Probe__Lists *request, void *user_data) {
    struct common_service *service = user_data;
    service->last_error = probe_common_echo_lists_reply(call, request);
}

static void fail(struct yoke_call *call, const Probe__FailRequest *request, void *user_data) {
    struct common_service *service = user_data;
    const char *message = request->message[0] != '\0' ? request->message : NULL;
    service->last_error = yoke_call_fail(call, (enum yoke_code)request->code, message);
}

static void make(struct yoke_call *call, const Probe__Number *request, void *user_data) {
    struct common_service *service = user_data;
    size_t size = (size_t)request->value;
    Probe__Payload reply = PROBE__PAYLOAD__INIT;
    reply.data.data = calloc(size + 1, 1);
    reply.data.len = size;
    if (reply.data.data == NULL) {
        yoke_call_fail(call, YOKE_ABORTED, "the test is out of memory");
        return;
    }
    service->last_error = probe_common_make_reply(call, &reply);
    free(reply.data.data);
}

static void hold(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    struct common_service *service = user_data;
    if (service->held_count == sizeof(service->held) / sizeof(service->held[0])) {
        yoke_call_fail(call, YOKE_ABORTED, "the test holds too many calls");
        return;
    }
    service->held[service->held_count++] = (struct held_call){call, request};
}

void common_release(struct common_service *service, bool reverse) {
    size_t count = service->held_count;
    service->held_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct held_call *held = &service->held[reverse ? count - 1 - i : i];
        service->last_error = probe_common_hold_reply(held->call, held->request);
    }
}

static void release(struct yoke_call *call, const Probe__ReleaseRequest *request, void *user_data) {
    struct common_service *service = user_data;
    const Google__Protobuf__Empty reply = GOOGLE__PROTOBUF__EMPTY__INIT;
    common_release(service, request->reverse);
    service->last_error = probe_common_release_reply(call, &reply);
}

static void never(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    struct common_service *service = user_data;
    service->never = call;
    service->never_count++;
}

static void answer_wrongly(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    struct common_service *service = user_data;
    const Probe__Payload wrong = PROBE__PAYLOAD__INIT;
    Probe__Number reply = PROBE__NUMBER__INIT;
    int other_type = probe_common_echo_reply(call, &wrong);
    int other_method = probe_worker_count_ticks_reply(call, &reply);
    reply.value = other_type == other_method ? other_type : 1;
    service->last_error = probe_common_answer_wrongly_reply(call, &reply);
}

const struct probe_common_handlers common_handlers = {
    .echo = echo,
    .echo_tree = echo_tree,
    .echo_lists = echo_lists,
    .fail = fail,
    .make = make,
    .hold = hold,
    .release = release,
    .never = never,
    .no_handler = NULL,
    .answer_wrongly = answer_wrongly,
};
