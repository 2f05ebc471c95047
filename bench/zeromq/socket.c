/* See socket.h. */
#include "zeromq/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void endpoint_init(struct endpoint *endpoint, const struct bench_job *job) {
    endpoint->payload = bench_payload(job->size);
    snprintf(endpoint->address, sizeof endpoint->address, "ipc://@yoke-bench-%d", (int)getpid());
}

void endpoint_release(struct endpoint *endpoint) {
    free(endpoint->payload);
}

static struct socket open_socket(void) {
    struct socket socket = {.context = zmq_ctx_new()};
    socket.dealer = socket.context ? zmq_socket(socket.context, ZMQ_DEALER) : NULL;
    if (!socket.dealer) {
        bench_die("zmq_socket");
    }
    return socket;
}

struct socket socket_bind(const struct endpoint *endpoint) {
    struct socket socket = open_socket();
    if (zmq_bind(socket.dealer, endpoint->address)) {
        bench_die("zmq_bind");
    }
    return socket;
}

struct socket socket_connect(const struct endpoint *endpoint) {
    struct socket socket = open_socket();
    if (zmq_connect(socket.dealer, endpoint->address)) {
        bench_die("zmq_connect");
    }
    return socket;
}

void socket_close(struct socket *socket) {
    int linger = 0;
    if (zmq_setsockopt(socket->dealer, ZMQ_LINGER, &linger, sizeof linger) || zmq_close(socket->dealer) ||
        zmq_ctx_term(socket->context)) {
        bench_die("zmq_close");
    }
}

void socket_send(struct socket *socket, const void *data, size_t size) {
    if (zmq_send(socket->dealer, data, size, 0) < 0) {
        bench_die("zmq_send");
    }
}

bool socket_try_send(struct socket *socket, const void *data, size_t size) {
    if (zmq_send(socket->dealer, data, size, ZMQ_DONTWAIT) >= 0) {
        return true;
    }
    if (errno != EAGAIN) {
        bench_die("zmq_send");
    }
    return false;
}

static void check_size(zmq_msg_t *message, size_t size) {
    if (zmq_msg_size(message) != size) {
        fprintf(stderr, "ZeroMQ: %zu bytes of %zu\n", zmq_msg_size(message), size);
        exit(EXIT_FAILURE);
    }
}

void socket_receive(struct socket *socket, zmq_msg_t *message, size_t size) {
    if (zmq_msg_recv(message, socket->dealer, 0) < 0) {
        bench_die("zmq_msg_recv");
    }
    check_size(message, size);
}

bool socket_try_receive(struct socket *socket, zmq_msg_t *message, size_t size) {
    if (zmq_msg_recv(message, socket->dealer, ZMQ_DONTWAIT) >= 0) {
        check_size(message, size);
        return true;
    }
    if (errno != EAGAIN) {
        bench_die("zmq_msg_recv");
    }
    return false;
}
