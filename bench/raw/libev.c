/*
 * The floor for anything on an event loop: two processes, a Unix socketpair, libev on both sides. It counts bytes and
 * never looks at them: no frames, no encoding, no calls. Answers to what one read brought leave in one send.
 */
#include "common/bench.h"

#include <errno.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What acknowledges a put. */
#define ACK_SIZE 8

/* The least that a read asks for and that a send may carry. */
#define BUFFER_MIN 65536

/* One process's end: for every `in_unit` bytes that arrive, `out_unit` bytes leave. */
struct end {
    struct ev_loop *loop;
    ev_io readable;
    ev_io writable;
    size_t in_unit;
    size_t out_unit;
    size_t in_partial; /* bytes of an incomplete unit */
    size_t out_pending;
    unsigned char *in_buffer;
    unsigned char *out_buffer;
    size_t in_capacity;
    size_t out_capacity;
    struct bench_meter *meter; /* the caller's; the answerer has none */
};

struct pair {
    int fds[2]; /* the caller's, the answerer's */
    size_t reply_size;
};

static size_t at_least(size_t size, size_t minimum) {
    return size > minimum ? size : minimum;
}

static void flush_end(struct end *end) {
    while (end->out_pending) {
        size_t size = end->out_pending < end->out_capacity ? end->out_pending : end->out_capacity;
        ssize_t n = send(end->readable.fd, end->out_buffer, size, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN) {
                bench_die("send");
            }
            ev_io_start(end->loop, &end->writable);
            return;
        }
        end->out_pending -= (size_t)n;
    }
    ev_io_stop(end->loop, &end->writable);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop, (void)events;
    flush_end(watcher->data);
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    struct end *end = watcher->data;
    ssize_t n = recv(watcher->fd, end->in_buffer + end->in_partial, end->in_capacity - end->in_partial, 0);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        bench_die("recv");
    }
    for (end->in_partial += (size_t)n; end->in_partial >= end->in_unit; end->in_partial -= end->in_unit) {
        if (end->meter && bench_meter_tick(end->meter)) {
            ev_break(loop, EVBREAK_ALL);
            return;
        }
        end->out_pending += end->out_unit;
    }
    if (!ev_is_active(&end->writable)) {
        flush_end(end);
    }
}

static void run_end(int fd, size_t in_unit, size_t out_unit, size_t out_first, struct bench_meter *meter) {
    struct end end = {
        .loop = ev_loop_new(EVFLAG_AUTO),
        .in_unit = in_unit,
        .out_unit = out_unit,
        .out_pending = out_first,
        .in_capacity = at_least(in_unit, BUFFER_MIN),
        .out_capacity = at_least(out_unit, BUFFER_MIN),
        .meter = meter,
    };
    if (!end.loop) {
        bench_die("ev_loop_new");
    }
    end.in_buffer = bench_payload(end.in_capacity);
    end.out_buffer = bench_payload(end.out_capacity);
    ev_io_init(&end.readable, on_readable, fd, EV_READ);
    ev_io_init(&end.writable, on_writable, fd, EV_WRITE);
    end.readable.data = end.writable.data = &end;
    ev_io_start(end.loop, &end.readable);
    flush_end(&end);
    ev_run(end.loop, 0);
    ev_loop_destroy(end.loop);
    free(end.in_buffer);
    free(end.out_buffer);
}

static int call(const struct bench_job *job, void *user_data) {
    struct pair *pair = user_data;
    struct bench_meter meter;
    bench_meter_start(&meter, job);
    run_end(pair->fds[0], pair->reply_size, job->size, job->size * job->depth, &meter);
    bench_meter_print(&meter);
    return EXIT_SUCCESS;
}

static int answer(const struct bench_job *job, void *user_data) {
    struct pair *pair = user_data;
    run_end(pair->fds[1], job->size, pair->reply_size, 0, NULL);
    return EXIT_SUCCESS;
}

static int run(const struct bench_job *job) {
    if (job->kind != BENCH_UNARY && job->kind != BENCH_UNARY_UP && job->kind != BENCH_PUT) {
        return BENCH_UNSUPPORTED;
    }
    struct pair pair = {.reply_size = job->kind == BENCH_PUT ? ACK_SIZE : job->size};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.fds)) {
        bench_die("socketpair");
    }
    return bench_run_pair(job, call, answer, &pair);
}

int main(int argc, char **argv) {
    static char version[64];
    snprintf(version, sizeof version, "socketpair, libev %d.%d", ev_version_major(), ev_version_minor());
    return bench_main(argc, argv, version, run);
}
