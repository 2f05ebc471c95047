/* See turns.h. */
#include "raw/turns.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

struct turns {
    int fds[2]; /* the caller's, the answerer's */
    int flags;
    unsigned char *buffer;
    size_t reply_size;
};

static void send_all(const struct turns *turns, int fd, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = send(fd, turns->buffer + done, size - done, turns->flags | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            bench_die("send");
        }
        done += n < 0 ? 0 : (size_t)n;
    }
}

static bool receive_all(const struct turns *turns, int fd, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(fd, turns->buffer + done, size - done, turns->flags);
        if (n < 0 && errno != EAGAIN) {
            bench_die("recv");
        }
        if (n == 0) {
            return false;
        }
        done += n < 0 ? 0 : (size_t)n;
    }
    return true;
}

static int call(const struct bench_job *job, void *user_data) {
    const struct turns *turns = user_data;
    struct bench_meter meter;
    bench_meter_start(&meter, job);
    do {
        send_all(turns, turns->fds[0], job->size);
        if (!receive_all(turns, turns->fds[0], turns->reply_size)) {
            return EXIT_FAILURE;
        }
    } while (!bench_meter_tick(&meter));
    bench_meter_print(&meter);
    return EXIT_SUCCESS;
}

static int answer(const struct bench_job *job, void *user_data) {
    const struct turns *turns = user_data;
    while (receive_all(turns, turns->fds[1], job->size)) {
        send_all(turns, turns->fds[1], turns->reply_size);
    }
    return EXIT_SUCCESS;
}

static bool is_supported(const struct bench_job *job) {
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_UNARY_UP:
    case BENCH_PUT:
    case BENCH_BIDI:
        return job->depth == 1;
    default:
        return false;
    }
}

int turns_run(const struct bench_job *job, int flags) {
    if (!is_supported(job)) {
        return BENCH_UNSUPPORTED;
    }
    struct turns turns = {
        .flags = flags,
        .buffer = bench_payload(job->size > ACK_SIZE ? job->size : ACK_SIZE),
        .reply_size = job->kind == BENCH_PUT ? ACK_SIZE : job->size,
    };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, turns.fds)) {
        bench_die("socketpair");
    }
    int code = bench_run_pair(job, call, answer, &turns);
    free(turns.buffer);
    return code;
}
