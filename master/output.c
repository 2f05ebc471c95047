/* output.c: see output.h. */
#include "master/output.h"

#include "master/child.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* ---- Lines as events --------------------------------------------------------------------------------------------- */

static void emit_line(struct yoke__life *life, const struct yoke__printed *printed) {
    Yoke__V1__WorkerOutput event = YOKE__V1__WORKER_OUTPUT__INIT;
    YOKE__LIFE_NAME(life, &event);
    event.is_stderr = printed->is_stderr;
    event.line = (ProtobufCBinaryData){.len = printed->size, .data = (uint8_t *)printed->line};
    event.cut = printed->is_cut;
    event.lost_lines = printed->lost;
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    yoke__events_deliver(&life->pool->master->events, &yoke_v1_worker_output_event, &worker, &event);
}

/* ---- Lines passed on --------------------------------------------------------------------------------------------- */

/* Write one line as a whole. False when nobody can take it now; a reader that is gone is no reason to die by SIGPIPE. */
static bool write_line(int fd, struct iovec *parts, int count) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    if (poll(&room, 1, 0) != 1 || room.revents != POLLOUT) {
        return false;
    }
    sigset_t pipe_signal, pending, before;
    (void)sigemptyset(&pipe_signal);
    (void)sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    (void)sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    bool is_written = writev(fd, parts, count) >= 0;
    if (!is_written && errno == EPIPE && !was_pending) {
        (void)sigtimedwait(&pipe_signal, NULL, &(struct timespec){0});
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return is_written;
}

/* The end of a line that is not whole. */
#define CUT " (cut)\n"

static bool pass_line_on(const struct yoke__life *life, const struct yoke__printed *printed) {
    char prefix[160];
    char lost[48] = "";
    (void)snprintf(prefix, sizeof prefix, "%.100s/%u[%d]: ", life->pool->options.name, life->child->index,
                   (int)life->process.pid);
    if (printed->lost > 0) {
        (void)snprintf(lost, sizeof lost, "(%" PRIu64 " lines lost) ", printed->lost);
    }
    size_t room = PIPE_BUF - strlen(prefix) - strlen(lost) - strlen(CUT);
    /* What is longer than that, a pipe that poll() says has room may still make us wait for. */
    bool is_too_long = printed->size > room && life->pool->options.output.max_line_bytes <= PIPE_BUF;
    const char *end = printed->is_cut || is_too_long ? CUT : "\n";
    struct iovec parts[] = {
        {prefix, strlen(prefix)},
        {lost, strlen(lost)},
        {(char *)printed->line, is_too_long ? room : printed->size},
        {(char *)end, strlen(end)},
    };
    return write_line(printed->is_stderr ? STDERR_FILENO : STDOUT_FILENO, parts, 4);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void on_printed(const struct yoke__printed *printed, void *user_data) {
    struct yoke__life *life = user_data;
    yoke__life_announce(life);
    if (life->pool->options.output.mode == YOKE_OUTPUT_EVENTS) {
        emit_line(life, printed);
    } else if (!pass_line_on(life, printed)) {
        life->capture->lost += printed->lost + 1;
    }
}

int yoke__worker_output_begin(struct yoke__life *life, int ret_ends[2]) {
    const struct yoke_output_options *options = &life->pool->options.output;
    const struct yoke_master *master = life->pool->master;
    ret_ends[0] = ret_ends[1] = -1;
    return options->mode == YOKE_OUTPUT_INHERIT ? 0
                                                : yoke__capture_open(master->io.loop, options, master->engine.clock_ns,
                                                                     on_printed, life, &life->capture, ret_ends);
}

void yoke__worker_output_spawned(const int ends[2]) {
    for (size_t i = 0; i < 2; i++) {
        if (ends[i] >= 0) {
            (void)close(ends[i]);
        }
    }
}

struct yoke__capture *yoke__worker_output_end(struct yoke__life *life, Yoke__V1__WorkerDied *event) {
    struct yoke__capture *capture = life->capture;
    if (capture != NULL) {
        yoke__capture_finish(capture);
        event->n_last_lines = yoke__capture_last_lines(capture, &event->last_lines);
        life->capture = NULL;
    }
    return capture;
}
