/*
 * ZeroMQ: two processes, a DEALER in each, over ipc:// (a Unix socket). ZeroMQ moves whole messages but knows no calls:
 * nothing is encoded, and no reply is matched to its request.
 */
#include "common/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

struct endpoint {
    char address[64];
    unsigned char *payload;
};

static void *open_socket(void *context) {
    void *socket = context ? zmq_socket(context, ZMQ_DEALER) : NULL;
    if (!socket) {
        bench_die("zmq_socket");
    }
    return socket;
}

/* Waits for one message and gives its size. The message stays in `message`. */
static size_t receive(void *socket, zmq_msg_t *message) {
    if (zmq_msg_recv(message, socket, 0) < 0) {
        bench_die("zmq_msg_recv");
    }
    return zmq_msg_size(message);
}

static void send_request(void *socket, const struct bench_job *job, const struct endpoint *endpoint) {
    if (zmq_send(socket, endpoint->payload, job->size, 0) < 0) {
        bench_die("zmq_send");
    }
}

static int call(const struct bench_job *job, void *user_data) {
    const struct endpoint *endpoint = user_data;
    void *context = zmq_ctx_new();
    void *socket = open_socket(context);
    if (zmq_connect(socket, endpoint->address)) {
        bench_die("zmq_connect");
    }
    size_t reply_size = job->kind == BENCH_PUT ? 0 : job->size;
    zmq_msg_t reply;
    zmq_msg_init(&reply);
    struct bench_meter meter;
    bench_meter_start(&meter, job);
    for (unsigned i = 0; i < job->depth; i++) {
        send_request(socket, job, endpoint);
    }
    for (;;) {
        if (receive(socket, &reply) != reply_size) {
            return EXIT_FAILURE;
        }
        if (bench_meter_tick(&meter)) {
            break;
        }
        send_request(socket, job, endpoint);
    }
    bench_meter_print(&meter);
    return EXIT_SUCCESS;
}

static int answer(const struct bench_job *job, void *user_data) {
    const struct endpoint *endpoint = user_data;
    void *context = zmq_ctx_new();
    void *socket = open_socket(context);
    if (zmq_bind(socket, endpoint->address)) {
        bench_die("zmq_bind");
    }
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (;;) {
        if (receive(socket, &message) != job->size) {
            return EXIT_FAILURE;
        }
        if (job->kind == BENCH_PUT ? zmq_send(socket, "", 0, 0) < 0 : zmq_msg_send(&message, socket, 0) < 0) {
            bench_die("zmq_send");
        }
    }
}

static int run(const struct bench_job *job) {
    if (job->kind != BENCH_UNARY && job->kind != BENCH_UNARY_UP && job->kind != BENCH_PUT) {
        return BENCH_UNSUPPORTED;
    }
    struct endpoint endpoint = {.payload = bench_payload(job->size)};
    snprintf(endpoint.address, sizeof endpoint.address, "ipc://@yoke-bench-%d", (int)getpid());
    int code = bench_run_pair(job, call, answer, &endpoint);
    free(endpoint.payload);
    return code;
}

int main(int argc, char **argv) {
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    static char version[64];
    snprintf(version, sizeof version, "ZeroMQ %d.%d.%d, DEALER to DEALER over ipc", major, minor, patch);
    return bench_main(argc, argv, version, run);
}
