/* around.c: see around.h. */
#include "around.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char raw[] = {0, (char)0xff, 'x', 0};

/* The values of a key, each with a bar behind it. */
static void join(const struct yoke_metadata *metadata, const char *key, char *text, size_t size) {
    struct yoke_metadata_entry entry = {0};
    size_t used = 0;
    text[0] = '\0';
    while (yoke_metadata_find(metadata, key, &entry) && used + entry.length + 2 <= size) {
        used += (size_t)snprintf(text + used, size - used, "%s|", entry.value);
    }
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

static void reflect(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    struct yoke_metadata_entry entry = {0};
    (void)user_data;
    int error = yoke_metadata_add_binary(yoke_call_headers(call), "raw-bin", raw, sizeof(raw));
    while (error == 0 && yoke_metadata_find(yoke_call_metadata(call), "trace", &entry)) {
        error = yoke_metadata_add(yoke_call_headers(call), "trace", entry.value);
    }
    if (error != 0) {
        (void)yoke_call_fail(call, YOKE_INTERNAL, "the headers cannot be added");
    } else if (request->data.len > 0) {
        Probe__Reason reason = PROBE__REASON__INIT;
        char text[] = "because";
        reason.text = text;
        (void)probe_reason_detail_add(call, &reason);
        (void)yoke_call_fail(call, YOKE_ABORTED, "it shall fail");
    } else {
        (void)probe_around_reflect_reply(call, request);
    }
}

const struct probe_around_handlers around_handlers = {.reflect = reflect};

/* ---- Interceptors ------------------------------------------------------------------------------------------------ */

static void count_start(struct around_interceptor *interceptor, void **call_data) {
    interceptor->started++;
    *call_data = interceptor;
}

static void count_finish(struct around_interceptor *interceptor, enum yoke_code code, void *const *call_data) {
    interceptor->finished += *call_data == interceptor;
    interceptor->code = code;
}

static void on_caller_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    struct around_interceptor *self = user_data;
    count_start(self, call_data);
    if (yoke_metadata_add(yoke_call_metadata(call), "trace", self->name) != 0) {
        *status = (struct yoke_status){YOKE_INTERNAL, "the metadata cannot be added"};
    }
}

static void on_caller_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    count_finish(user_data, status->code, call_data);
}

static void on_server_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    struct yoke_metadata_entry entry = {0};
    count_start(user_data, call_data);
    if (yoke_metadata_find(yoke_call_metadata(call), "refuse", &entry)) {
        *status = (struct yoke_status){YOKE_PERMISSION_DENIED, entry.value};
    }
}

static void on_server_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    struct around_interceptor *self = user_data;
    count_finish(self, status->code, call_data);
    (void)yoke_metadata_add(yoke_call_trailers(call), "by", self->name);
    if (status->code == YOKE_ABORTED) {
        status->code = YOKE_DATA_LOSS;
    }
}

const struct yoke_interceptor around_caller_interceptor = {.start = on_caller_start, .finish = on_caller_finish};
const struct yoke_interceptor around_server_interceptor = {.start = on_server_start, .finish = on_server_finish};

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

static void end(struct around_call *call) {
    if (call->on_end != NULL) {
        call->on_end(call, call->user_data);
    }
}

static void on_headers(struct yoke_call *call, void *user_data) {
    struct around_call *around = user_data;
    (void)call;
    around->result.header_hooks += around->result.done == 0;
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                    void *user_data) {
    struct around_call *around = user_data;
    (void)reply;
    around->result.done++;
    around->result.code = (int32_t)status->code;
    (void)snprintf(around->message, sizeof(around->message), "%s", status->message);
    join(yoke_call_headers(call), "trace", around->headers, sizeof(around->headers));
    join(yoke_call_trailers(call), "by", around->trailers, sizeof(around->trailers));
    struct yoke_metadata_entry entry = {0};
    around->result.is_raw_kept = yoke_metadata_find(yoke_call_headers(call), "raw-bin", &entry) &&
                                 entry.length == sizeof(raw) && memcmp(entry.value, raw, sizeof(raw)) == 0;
    const Probe__Reason *reason;
    if (probe_reason_detail_get(call, 0, &reason) == 0) {
        (void)snprintf(around->reason, sizeof(around->reason), "%s", reason->text);
    }
    end(around);
}

static struct yoke_metadata *make_metadata(const Probe__AroundRequest *request) {
    struct yoke_metadata *metadata;
    if (yoke_metadata_create(&metadata) != 0) {
        abort();
    }
    for (size_t i = 0; i < request->n_trace; i++) {
        (void)yoke_metadata_add(metadata, "trace", request->trace[i]);
    }
    if (request->refuse[0] != '\0') {
        (void)yoke_metadata_add(metadata, "refuse", request->refuse);
    }
    return metadata;
}

void around_call_start(struct around_call *around, struct yoke_channel *channel, const Probe__AroundRequest *request) {
    struct yoke_call *call;
    struct yoke_metadata *metadata = make_metadata(request);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata, .ret_call = &call};
    Probe__Payload payload = PROBE__PAYLOAD__INIT;
    payload.data.data = (uint8_t[]){'f'};
    payload.data.len = request->fail ? 1 : 0;
    probe__around_result__init(&around->result);
    around->result.message = around->message;
    around->result.headers = around->headers;
    around->result.trailers = around->trailers;
    around->result.reason = around->reason;
    around->result.error = probe_around_reflect(channel, &payload, &options, on_done, around);
    yoke_metadata_destroy(metadata);
    if (around->result.error != 0) {
        end(around);
    } else {
        (void)yoke_call_on_headers(call, on_headers, around);
    }
}
