/* See answerer.h. */
#include "zeromq/answerer.h"

/* Connects, and says so with an empty message. */
static struct socket join(const struct endpoint *endpoint) {
    struct socket socket = socket_connect(endpoint);
    socket_send(&socket, "", 0);
    return socket;
}

void answer_requests(const struct bench_job *job, const struct endpoint *endpoint) {
    struct socket socket = join(endpoint);
    zmq_msg_t message;
    zmq_msg_init(&message);
    for (;;) {
        socket_receive(&socket, &message, job->size);
        if (job->kind == BENCH_PUT) {
            socket_send(&socket, "", 0);
        } else if (zmq_msg_send(&message, socket.dealer, 0) < 0) {
            bench_die("zmq_msg_send");
        }
    }
}

void send_stream(const struct bench_job *job, const struct endpoint *endpoint) {
    struct socket socket = join(endpoint);
    for (;;) {
        socket_send(&socket, endpoint->payload, job->size);
    }
}
