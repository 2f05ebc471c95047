/* See end.h. */
#include "raw/end.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/bench.h"

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
    (void)loop, (void)events;
    struct end *end = watcher->data;
    ssize_t n = recv(watcher->fd, end->in_buffer + end->in_partial, end->in_capacity - end->in_partial, 0);
    if (n < 0 && errno == EAGAIN) {
        return;
    }
    if (n <= 0) {
        bench_die("recv");
    }
    size_t out = 0;
    for (end->in_partial += (size_t)n; end->in_partial >= end->in_unit; end->in_partial -= end->in_unit) {
        out += end->on_unit(end) ? end->out_unit : 0;
    }
    end_send(end, out);
}

void end_init(struct end *end, struct ev_loop *loop, int fd, size_t in_unit, size_t out_unit, size_t buffer,
              end_hook *on_unit, void *user_data) {
    *end = (struct end){
        .loop = loop,
        .in_unit = in_unit,
        .out_unit = out_unit,
        .on_unit = on_unit,
        .user_data = user_data,
        .in_capacity = at_least(in_unit, buffer),
        .out_capacity = at_least(out_unit, buffer),
    };
    end->in_buffer = malloc(end->in_capacity);
    end->out_buffer = bench_payload(end->out_capacity);
    if (!end->in_buffer) {
        bench_die("malloc");
    }
    ev_io_init(&end->readable, on_readable, fd, EV_READ);
    ev_io_init(&end->writable, on_writable, fd, EV_WRITE);
    end->readable.data = end->writable.data = end;
    ev_io_start(loop, &end->readable);
}

void end_release(struct end *end) {
    ev_io_stop(end->loop, &end->readable);
    ev_io_stop(end->loop, &end->writable);
    free(end->in_buffer);
    free(end->out_buffer);
}

void end_send(struct end *end, size_t size) {
    end->out_pending += size;
    if (end->out_pending && !ev_is_active(&end->writable)) {
        flush_end(end);
    }
}

static bool on_unit_to_answer(struct end *end) {
    (void)end;
    return true;
}

_Noreturn void end_answer(int fd, size_t in_unit, size_t out_unit, size_t buffer) {
    struct end end;
    end_init(&end, end_loop_new(), fd, in_unit, out_unit, buffer, on_unit_to_answer, NULL);
    ev_run(end.loop, 0);
    abort();
}

struct ev_loop *end_loop_new(void) {
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    if (!loop) {
        bench_die("ev_loop_new");
    }
    return loop;
}

void end_socketpair(int fds[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds)) {
        bench_die("socketpair");
    }
}
