/* The answering side: bench.Echo, in a worker or in the master; see side.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "yoke/side.h"

/* True, and the call has failed, when a payload is not of the size that the case has. */
static bool is_refused(struct yoke_call *call, const Bench__Payload *payload, const void *user_data) {
    const struct bench_job *job = user_data;
    if (payload->data.len == job->size) {
        return false;
    }
    yoke_call_fail(call, YOKE_INVALID_ARGUMENT, "a payload of the wrong size");
    return true;
}

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

static void on_unary(struct yoke_call *call, const Bench__Payload *request, void *user_data) {
    if (!is_refused(call, request, user_data)) {
        bench_echo_unary_reply(call, request);
    }
}

static void on_put(struct yoke_call *call, const Bench__Payload *request, void *user_data) {
    if (!is_refused(call, request, user_data)) {
        Bench__Ack ack = BENCH__ACK__INIT;
        bench_echo_put_reply(call, &ack);
    }
}

/* ---- A stream of replies -------------------------------------------------------------------------------------- */

/* Sends until the stream takes no more; runs again when it does. The request lives as long as the call. */
static void send_stream(struct yoke_call *call, void *user_data) {
    (void)user_data;
    const Bench__Payload *request = yoke_call_data(call);
    int error;
    do {
        error = bench_echo_stream_reply(call, request);
    } while (!error);
    if (error != -EAGAIN) {
        yoke_call_fail(call, YOKE_ABORTED, strerror(-error));
    }
}

static void on_stream(struct yoke_call *call, const Bench__Payload *request, void *user_data) {
    if (is_refused(call, request, user_data)) {
        return;
    }
    yoke_call_set_data(call, (void *)request);
    yoke_call_on_writable(call, send_stream, NULL);
    send_stream(call, NULL);
}

/* ---- A stream both ways --------------------------------------------------------------------------------------- */

/* An answer that the stream did not take. The call is on hold until it does, so there is one at most. */
struct refused {
    size_t size;
    unsigned char bytes[];
};

static void finish_bidi(struct yoke_call *call) {
    free(yoke_call_data(call));
    yoke_call_finish(call);
}

static void on_bidi_cancelled(struct yoke_call *call, void *user_data) {
    (void)user_data;
    finish_bidi(call);
}

static void on_bidi_writable(struct yoke_call *call, void *user_data) {
    (void)user_data;
    struct refused *refused = yoke_call_data(call);
    Bench__Payload reply = BENCH__PAYLOAD__INIT;
    reply.data.len = refused->size;
    reply.data.data = refused->bytes;
    if (bench_echo_bidi_reply(call, &reply) == 0) {
        yoke_call_set_data(call, NULL);
        free(refused);
        yoke_call_resume(call);
    }
}

static void on_bidi(struct yoke_call *call, void *user_data) {
    (void)user_data;
    yoke_call_on_writable(call, on_bidi_writable, NULL);
    yoke_call_on_cancel(call, on_bidi_cancelled, NULL);
}

static void on_bidi_message(struct yoke_call *call, const Bench__Payload *message, void *user_data) {
    if (is_refused(call, message, user_data) || bench_echo_bidi_reply(call, message) != -EAGAIN) {
        return;
    }
    struct refused *refused = malloc(sizeof *refused + message->data.len);
    if (!refused) {
        bench_die("malloc");
    }
    refused->size = message->data.len;
    memcpy(refused->bytes, message->data.data, message->data.len);
    yoke_call_set_data(call, refused);
    yoke_call_hold(call);
}

static void on_bidi_end(struct yoke_call *call, void *user_data) {
    (void)user_data;
    finish_bidi(call);
}

/* ---- The service ---------------------------------------------------------------------------------------------- */

void serve(struct yoke_server *server, const struct bench_job *job) {
    static const struct bench_echo_handlers handlers = {
        .unary = on_unary,
        .put = on_put,
        .stream = on_stream,
        .bidi = on_bidi,
        .bidi_message = on_bidi_message,
        .bidi_end = on_bidi_end,
    };
    int error = bench_echo_serve(server, &handlers, (void *)job);
    if (error) {
        die_of_error("bench_echo_serve", error);
    }
}

int serve_as_worker(struct yoke_worker *worker, void *user_data) {
    serve(yoke_worker_server(worker), user_data);
    return yoke_worker_run(worker);
}
