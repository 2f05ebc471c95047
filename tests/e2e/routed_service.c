/* routed_service.c: see routed_service.h. */
#include "routed_service.h"

#include <string.h>

static Probe__Number place_of(const struct routed_service *service) {
    Probe__Number place = PROBE__NUMBER__INIT;
    place.value = yoke_worker_index(service->worker);
    return place;
}

static void where(struct yoke_call *call, const Probe__Keyed *request, void *user_data) {
    (void)request;
    const Probe__Number place = place_of(user_data);
    (void)probe_routed_where_reply(call, &place);
}

static void keep_for(struct routed_service *service, struct yoke_call *call,
                     int (*answer)(struct yoke_call *call, const Probe__Number *place)) {
    if (service->kept_count == sizeof(service->kept) / sizeof(service->kept[0])) {
        (void)yoke_call_fail(call, YOKE_ABORTED, "the test keeps too many calls");
        return;
    }
    service->kept[service->kept_count++] = (struct kept_call){call, answer};
    Probe__Noticed noticed = PROBE__NOTICED__INIT;
    noticed.what = (char[]){"kept"};
    noticed.value = yoke_worker_index(service->worker);
    (void)probe_noticed_emit(yoke_worker_master(service->worker), &noticed);
}

static void keep(struct yoke_call *call, const Probe__Keyed *request, void *user_data) {
    (void)request;
    keep_for(user_data, call, probe_routed_keep_reply);
}

static void keep_once(struct yoke_call *call, const Probe__Keyed *request, void *user_data) {
    (void)request;
    keep_for(user_data, call, probe_routed_keep_once_reply);
}

static int answer_stream(struct yoke_call *call, const Probe__Number *place) {
    int error = probe_routed_keep_stream_reply(call, place);
    return error != 0 ? error : yoke_call_finish(call);
}

static void keep_stream(struct yoke_call *call, const Probe__Keyed *request, void *user_data) {
    (void)request;
    keep_for(user_data, call, answer_stream);
}

static void let_go(struct yoke_call *call, const Google__Protobuf__Empty *request, void *user_data) {
    (void)request;
    struct routed_service *service = user_data;
    Probe__Number left = PROBE__NUMBER__INIT;
    if (service->kept_count > 0) {
        const struct kept_call kept = service->kept[0];
        const Probe__Number place = place_of(service);
        service->kept_count--;
        memmove(&service->kept[0], &service->kept[1], service->kept_count * sizeof(service->kept[0]));
        (void)kept.answer(kept.call, &place);
    }
    left.value = (int64_t)service->kept_count;
    (void)probe_routed_let_go_reply(call, &left);
}

static const struct probe_routed_handlers handlers = {
    .where = where, .keep = keep, .keep_once = keep_once, .keep_stream = keep_stream, .let_go = let_go};

int routed_service_serve(struct routed_service *service, struct yoke_worker *worker) {
    service->worker = worker;
    service->kept_count = 0;
    return probe_routed_serve(yoke_worker_server(worker), &handlers, service);
}
