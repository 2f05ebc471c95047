/* See caller.h. */
#include "zeromq/caller.h"

#include <stdlib.h>

static size_t reply_size(const struct bench_job *job) {
    return job->kind == BENCH_PUT ? 0 : job->size;
}

/* Binds, and waits until each worker has said that it is there: before, those that are would get all. */
static struct socket meet_workers(const struct bench_job *job, const struct endpoint *endpoint, zmq_msg_t *message) {
    struct socket socket = socket_bind(endpoint);
    zmq_msg_init(message);
    for (unsigned i = 0; i < job->workers; i++) {
        socket_receive(&socket, message, 0);
    }
    return socket;
}

static void leave(struct socket *socket, zmq_msg_t *message) {
    zmq_msg_close(message);
    socket_close(socket);
}

void call_closed_loop(const struct bench_job *job, const struct endpoint *endpoint) {
    zmq_msg_t reply;
    struct socket socket = meet_workers(job, endpoint, &reply);
    struct bench_meter meter;
    bench_meter_start(&meter, job);
    for (size_t i = 0; i < (size_t)job->workers * job->depth; i++) {
        socket_send(&socket, endpoint->payload, job->size);
    }
    for (;;) {
        socket_receive(&socket, &reply, reply_size(job));
        if (bench_meter_tick(&meter)) {
            break;
        }
        socket_send(&socket, endpoint->payload, job->size);
    }
    bench_meter_print(&meter);
    leave(&socket, &reply);
}

void receive_stream(const struct bench_job *job, const struct endpoint *endpoint) {
    zmq_msg_t message;
    struct socket socket = meet_workers(job, endpoint, &message);
    struct bench_meter meter;
    bench_meter_start(&meter, job);
    do {
        socket_receive(&socket, &message, job->size);
    } while (!bench_meter_tick(&meter));
    bench_meter_print(&meter);
    leave(&socket, &message);
}

/* ---- The open loop -------------------------------------------------------------------------------------------- */

struct open_loop {
    const struct bench_job *job;
    const struct endpoint *endpoint;
    struct socket socket;
    zmq_msg_t reply;
    struct bench_latency latency;
    uint64_t *due_ns; /* by request; replies come in the order of the requests */
    bool is_over;
};

/* Sends what is due. True when some of it has to wait: the peer must read first, for which this side must read, too. */
static bool send_due(struct open_loop *loop) {
    for (uint64_t n = bench_latency_due(&loop->latency); n > 0; n--) {
        if (!socket_try_send(&loop->socket, loop->endpoint->payload, loop->job->size)) {
            return true;
        }
        uint64_t index = loop->latency.started;
        loop->due_ns[index] = bench_latency_take(&loop->latency);
    }
    return false;
}

static void take_replies(struct open_loop *loop) {
    while (!loop->is_over && socket_try_receive(&loop->socket, &loop->reply, loop->job->size)) {
        loop->is_over = bench_latency_finish(&loop->latency, loop->due_ns[loop->latency.finished]);
    }
}

void call_open_loop(const struct bench_job *job, const struct endpoint *endpoint) {
    static struct open_loop loop;
    loop.job = job;
    loop.endpoint = endpoint;
    loop.socket = meet_workers(job, endpoint, &loop.reply);
    bench_latency_start(&loop.latency, job);
    loop.due_ns = malloc(loop.latency.total * sizeof *loop.due_ns);
    if (!loop.due_ns) {
        bench_die("malloc");
    }
    while (!loop.is_over) {
        bool blocked = send_due(&loop);
        take_replies(&loop);
        zmq_pollitem_t items[] = {
            {.socket = loop.socket.dealer, .events = blocked ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN},
            {.fd = loop.latency.fd, .events = ZMQ_POLLIN},
        };
        if (!loop.is_over && zmq_poll(items, 2, -1) < 0) {
            bench_die("zmq_poll");
        }
    }
    bench_latency_print(&loop.latency);
    free(loop.due_ns);
    leave(&loop.socket, &loop.reply);
}
