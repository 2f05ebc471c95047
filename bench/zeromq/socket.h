/* socket.h: DEALER sockets over ipc:// (a Unix socket), with ZeroMQ's default options. */
#ifndef BENCH_ZEROMQ_SOCKET_H
#define BENCH_ZEROMQ_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <zmq.h>

#include "common/bench.h"

/* What all processes know; no process uses ZeroMQ before it has forked. */
struct endpoint {
    char address[64];
    unsigned char *payload;
};

struct socket {
    void *context;
    void *dealer;
};

void endpoint_init(struct endpoint *endpoint, const struct bench_job *job);
void endpoint_release(struct endpoint *endpoint);

/* The caller binds, before the others connect or after. */
struct socket socket_bind(const struct endpoint *endpoint);
struct socket socket_connect(const struct endpoint *endpoint);

/* Drops what has not been sent or received. */
void socket_close(struct socket *socket);

/* Sends one message, after those that are queued. Waits while there are as many as the high-water mark allows. */
void socket_send(struct socket *socket, const void *data, size_t size);

/* False when it would have to wait. */
bool socket_try_send(struct socket *socket, const void *data, size_t size);

/* Waits for a message, which replaces that in `message` and is to have `size` bytes. */
void socket_receive(struct socket *socket, zmq_msg_t *message, size_t size);

/* False when there is none. */
bool socket_try_receive(struct socket *socket, zmq_msg_t *message, size_t size);

#endif
