/*
 * The floor: two processes, a Unix socketpair, blocking sends and receives, nothing else. One operation at a time.
 */
#include "common/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

/* What acknowledges a put. */
#define ACK_SIZE 8

struct blocking {
    int fds[2]; /* the caller's, the answerer's */
    unsigned char *buffer;
    size_t reply_size;
};

static void send_all(int fd, const unsigned char *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = send(fd, bytes + done, size - done, MSG_NOSIGNAL);
        if (n < 0) {
            bench_die("send");
        }
        done += (size_t)n;
    }
}

static bool receive_all(int fd, unsigned char *bytes, size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(fd, bytes + done, size - done, 0);
        if (n < 0) {
            bench_die("recv");
        }
        if (n == 0) {
            return false;
        }
        done += (size_t)n;
    }
    return true;
}

static int call(const struct bench_job *job, void *user_data) {
    struct blocking *blocking = user_data;
    struct bench_meter meter;
    bench_meter_start(&meter, job);
    do {
        send_all(blocking->fds[0], blocking->buffer, job->size);
        if (!receive_all(blocking->fds[0], blocking->buffer, blocking->reply_size)) {
            return EXIT_FAILURE;
        }
    } while (!bench_meter_tick(&meter));
    bench_meter_print(&meter);
    return EXIT_SUCCESS;
}

static int answer(const struct bench_job *job, void *user_data) {
    struct blocking *blocking = user_data;
    while (receive_all(blocking->fds[1], blocking->buffer, job->size)) {
        send_all(blocking->fds[1], blocking->buffer, blocking->reply_size);
    }
    return EXIT_SUCCESS;
}

static int run(const struct bench_job *job) {
    if (job->depth != 1 || (job->kind != BENCH_UNARY && job->kind != BENCH_UNARY_UP && job->kind != BENCH_PUT)) {
        return BENCH_UNSUPPORTED;
    }
    struct blocking blocking = {
        .buffer = bench_payload(job->size > ACK_SIZE ? job->size : ACK_SIZE),
        .reply_size = job->kind == BENCH_PUT ? ACK_SIZE : job->size,
    };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, blocking.fds)) {
        bench_die("socketpair");
    }
    int code = bench_run_pair(job, call, answer, &blocking);
    free(blocking.buffer);
    return code;
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "socketpair, blocking", run);
}
