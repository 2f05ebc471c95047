/*
 * ZeroMQ: a DEALER in each process. ZeroMQ moves whole messages but knows no calls: nothing is encoded, and no reply is
 * matched to its request.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bench.h"
#include "zeromq/answerer.h"
#include "zeromq/caller.h"
#include "zeromq/socket.h"

/* In a master: a worker has ended too early. ZeroMQ would wait for it to come back. */
static void on_worker_ended(int signal_number) {
    (void)signal_number;
    static const char message[] = "ZeroMQ: a worker has ended\n";
    ssize_t ignored = write(STDERR_FILENO, message, sizeof message - 1);
    (void)ignored;
    _exit(EXIT_FAILURE);
}

static int call(const struct bench_job *job, void *endpoint) {
    signal(SIGCHLD, on_worker_ended);
    switch (job->kind) {
    case BENCH_STREAM:
        receive_stream(job, endpoint);
        break;
    case BENCH_LATENCY:
        call_open_loop(job, endpoint);
        break;
    default:
        call_closed_loop(job, endpoint);
    }
    signal(SIGCHLD, SIG_DFL);
    return EXIT_SUCCESS;
}

static int answer(const struct bench_job *job, void *endpoint) {
    if (job->kind == BENCH_STREAM) {
        send_stream(job, endpoint);
    }
    answer_requests(job, endpoint);
}

static int run_worker(const struct bench_job *job, unsigned index, void *endpoint) {
    (void)index;
    return answer(job, endpoint);
}

static int run(const struct bench_job *job) {
    struct endpoint endpoint;
    endpoint_init(&endpoint, job);
    int code = BENCH_UNSUPPORTED;
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_PUT:
    case BENCH_STREAM:
    case BENCH_WORKERS:
    case BENCH_LATENCY:
        code = bench_run_workers(job, call, run_worker, &endpoint);
        break;
    case BENCH_UNARY_UP:
        code = bench_run_pair(job, call, answer, &endpoint);
        break;
    default:
        break;
    }
    endpoint_release(&endpoint);
    return code;
}

int main(int argc, char **argv) {
    int major, minor, patch;
    zmq_version(&major, &minor, &patch);
    static char version[64];
    snprintf(version, sizeof version, "ZeroMQ %d.%d.%d, DEALER to DEALER over ipc", major, minor, patch);
    return bench_main(argc, argv, version, run);
}
