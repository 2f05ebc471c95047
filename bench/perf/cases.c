/* cases.c: see cases.h. What a user would write is called user_…, and not counted. */
#include "cases.h"

#include "perf.yoke.h"

#define BATCH 64

static uint8_t data[64];
static unsigned finished;

static const Perf__Payload payload = {.base = PROTOBUF_C_MESSAGE_INIT(&perf__payload__descriptor),
                                      .data = {.len = sizeof data, .data = data}};
static const Perf__Note note = {.base = PROTOBUF_C_MESSAGE_INIT(&perf__note__descriptor),
                                .data = {.len = sizeof data, .data = data}};

unsigned cases_finished(void) {
    unsigned count = finished;
    finished = 0;
    return count;
}

/* ---- The service ------------------------------------------------------------------------------------------------- */

/* The stream that the messages of a case go on, at the side that sends them. */
static struct yoke_call *stream;

/* A call that the worker has not answered. */
static struct yoke_call *unanswered;

static void user_unary(struct yoke_call *call, const Perf__Payload *request, void *user_data) {
    (void)user_data;
    must(perf_echo_unary_reply(call, request), "perf_echo_unary_reply");
}

static void user_down(struct yoke_call *call, const Perf__Payload *request, void *user_data) {
    (void)request;
    (void)user_data;
    stream = call;
    unanswered = call;
}

static void user_up(struct yoke_call *call, void *user_data) {
    (void)user_data;
    unanswered = call;
}

static void user_message(struct yoke_call *call, const Perf__Payload *message, void *user_data) {
    (void)call;
    (void)user_data;
    finished += message->data.len == sizeof data;
}

static void user_note(const struct yoke_peer *peer, const Perf__Note *event, void *user_data) {
    (void)peer;
    (void)user_data;
    finished += event->data.len == sizeof data;
}

void cases_serve(struct side *worker) {
    static const struct perf_echo_handlers handlers = {
        .unary = user_unary, .down = user_down, .up = user_up, .up_message = user_message};
    must(perf_echo_serve(&worker->server, &handlers, NULL), "perf_echo_serve");
    must(perf_note_on(&worker->events, user_note, NULL), "perf_note_on");
}

void cases_end(void) {
    if (unanswered != NULL) {
        must(yoke_call_fail(unanswered, YOKE_ABORTED, NULL), "yoke_call_fail");
        unanswered = NULL;
    }
}

/* ---- Unary calls ------------------------------------------------------------------------------------------------- */

static void user_done(struct yoke_call *call, const struct yoke_status *status, const Perf__Payload *reply,
                      void *user_data) {
    (void)call;
    (void)user_data;
    finished += status->code == YOKE_OK && reply->data.len == sizeof data;
}

static void user_calls(struct side *side, unsigned batch, const struct yoke_call_options *options) {
    for (unsigned i = 0; i < batch; i++) {
        must(perf_echo_unary(side_channel(side), &payload, options, user_done, NULL), "perf_echo_unary");
    }
}

static void call_plainly(struct side *side, unsigned batch) {
    user_calls(side, batch, NULL);
}

static void call_with_deadline(struct side *side, unsigned batch) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 1000000};
    user_calls(side, batch, &options);
}

static struct yoke_metadata *metadata;

static void add_metadata(struct side *master, struct side *worker) {
    (void)master;
    (void)worker;
    must(yoke_metadata_create(&metadata), "yoke_metadata_create");
    must(yoke_metadata_add(metadata, "trace-id", "4bf92f3577b34da6a3ce929d0e0e4736"), "yoke_metadata_add");
    must(yoke_metadata_add(metadata, "tenant", "blue"), "yoke_metadata_add");
}

static void call_with_metadata(struct side *side, unsigned batch) {
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
    user_calls(side, batch, &options);
}

static void user_pass(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)status;
    (void)call_data;
    (void)user_data;
}

static void intercept(struct side *master, struct side *worker) {
    static const struct yoke_interceptor interceptor = {.start = user_pass, .finish = user_pass};
    must(yoke_channel_intercept(side_channel(master), &interceptor, NULL), "yoke_channel_intercept");
    must(yoke_server_intercept(&worker->server, &interceptor, NULL), "yoke_server_intercept");
}

/* As a pool's channel does by default. */
static void keep_requests(struct side *master, struct side *worker) {
    struct yoke_channel *channel = side_channel(master);
    (void)worker;
    channel->retry = (struct yoke__retry){.max_attempts = 3, .max_request_bytes = 64 * 1024, .budget_percent = 10};
    channel->is_routed = true;
    yoke__retry_init(&channel->retry, 1);
}

/* ---- Streams and events ------------------------------------------------------------------------------------------ */

static void user_down_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    (void)status;
    (void)user_data;
}

static void open_down(struct side *master, struct side *worker) {
    (void)worker;
    must(perf_echo_down(side_channel(master), &payload, NULL, user_message, user_down_done, NULL), "perf_echo_down");
}

static void send_down(struct side *side, unsigned batch) {
    (void)side;
    for (unsigned i = 0; i < batch; i++) {
        must(perf_echo_down_reply(stream, &payload), "perf_echo_down_reply");
    }
}

static void open_up(struct side *master, struct side *worker) {
    (void)worker;
    must(perf_echo_up(side_channel(master), NULL, user_done, NULL, &stream), "perf_echo_up");
}

static void send_up(struct side *side, unsigned batch) {
    (void)side;
    for (unsigned i = 0; i < batch; i++) {
        must(perf_echo_up_send(stream, &payload), "perf_echo_up_send");
    }
}

static void emit(struct side *side, unsigned batch) {
    for (unsigned i = 0; i < batch; i++) {
        must(perf_note_emit(side_channel(side), &note), "perf_note_emit");
    }
}

/* ---- All --------------------------------------------------------------------------------------------------------- */

const struct perf_case perf_cases[] = {
    {.name = "unary", .batch = BATCH, .master = call_plainly},
    {.name = "unary-alone", .batch = 1, .master = call_plainly},
    {.name = "unary-deadline", .batch = BATCH, .master = call_with_deadline},
    {.name = "unary-interceptor", .batch = BATCH, .prepare = intercept, .master = call_plainly},
    {.name = "unary-metadata", .batch = BATCH, .prepare = add_metadata, .master = call_with_metadata},
    {.name = "unary-retry", .batch = BATCH, .prepare = keep_requests, .master = call_plainly},
    {.name = "stream-down", .batch = BATCH, .prepare = open_down, .worker = send_down},
    {.name = "stream-up", .batch = BATCH, .prepare = open_up, .master = send_up},
    {.name = "event", .batch = BATCH, .master = emit},
    {.name = NULL},
};
