/* load.c: see load.h. */
#include "load.h"

#include <errno.h>

static void open_call(struct load_service *service) {
    atomic_fetch_add(&service->counts->opened, 1);
}

/* Answer a call in vain, which frees it. */
static void free_call(struct load_service *service, struct yoke_call *call) {
    int error = yoke_call_fail(call, YOKE_CANCELLED, NULL);
    soak_check(error == -ECANCELED || error == -ENOTCONN, "a cancelled call was answered: %d", error);
    atomic_fetch_add(&service->counts->freed, 1);
}

static void on_cancelled(struct yoke_call *call, void *user_data) {
    free_call(user_data, call);
}

static void on_echo(struct yoke_call *call, const Soak__Packet *request, void *user_data) {
    struct load_service *service = user_data;
    (void)soak_load_echo_reply(call, request);
    service->echo_count++;
    if (service->on_echo != NULL) {
        service->on_echo(service->echo_count, service->on_echo_data);
    }
}

static void on_wait(struct yoke_call *call, const Soak__Packet *request, void *user_data) {
    (void)request;
    open_call(user_data);
    (void)yoke_call_on_cancel(call, on_cancelled, user_data);
}

static void pour(struct pour *pour) {
    static uint8_t data[POUR_MESSAGE_BYTES];
    Soak__Packet packet = SOAK__PACKET__INIT;
    packet.data = (ProtobufCBinaryData){.len = sizeof data, .data = data};
    int error = 0;
    while (pour->call != NULL && (error = soak_load_pour_reply(pour->call, &packet)) == 0) {
        pour->accepted_bytes += sizeof data;
    }
    pour->refused += error == -EAGAIN;
}

static void on_pour_cancelled(struct yoke_call *call, void *user_data) {
    struct load_service *service = user_data;
    for (unsigned i = 0; i < service->pour_count; i++) {
        if (service->pours[i].call == call) {
            service->pours[i].call = NULL;
        }
    }
    free_call(service, call);
}

static void on_pour_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    pour(user_data);
}

static void on_pour(struct yoke_call *call, const Soak__Packet *request, void *user_data) {
    (void)request;
    struct load_service *service = user_data;
    if (!soak_check(service->pour_count < POURS_MAX, "too many streams")) {
        return;
    }
    struct pour *own = &service->pours[service->pour_count++];
    *own = (struct pour){.call = call};
    open_call(service);
    (void)yoke_call_on_cancel(call, on_pour_cancelled, service);
    yoke_call_on_writable(call, on_pour_writable, own);
    pour(own);
}

static void on_ignore(struct yoke_call *call, void *user_data) {
    open_call(user_data);
    (void)yoke_call_on_cancel(call, on_cancelled, user_data);
    (void)yoke_call_hold(call);
}

const struct soak_load_handlers load_handlers = {
    .echo = on_echo, .wait = on_wait, .pour = on_pour, .ignore = on_ignore};

void load_pour_all(struct load_service *service) {
    for (unsigned i = 0; i < service->pour_count; i++) {
        pour(&service->pours[i]);
    }
}

bool load_is_full(const struct load_service *service) {
    for (unsigned i = 0; i < service->pour_count; i++) {
        if (service->pours[i].refused == 0) {
            return false;
        }
    }
    return service->pour_count > 0;
}
