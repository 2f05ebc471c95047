/*
 * nng: REQ and REP over its Unix socket transport, with a context and an asynchronous operation for each call in flight,
 * which is how nng has many of them on one socket. A stream is nng's pipeline, PUSH to PULL. nng matches replies to
 * requests and encodes nothing.
 */
#include <stdio.h>
#include <unistd.h>

#include "common/bench.h"
#include "nng/answerer.h"
#include "nng/caller.h"
#include "nng/meeting.h"

static int call(const struct bench_job *job, void *meeting) {
    switch (job->kind) {
    case BENCH_STREAM:
        return pull_stream(job, meeting);
    case BENCH_LATENCY:
        return call_open_loop(job, meeting);
    default:
        return call_closed_loop(job, meeting);
    }
}

static int run_worker(const struct bench_job *job, unsigned index, void *meeting) {
    return job->kind == BENCH_STREAM ? push_stream(job, meeting) : answer_calls(job, index, meeting);
}

/* The master of unary-up. */
static int answer(const struct bench_job *job, void *meeting) {
    return answer_calls(job, 0, meeting);
}

static int run_case(const struct bench_job *job) {
    struct meeting meeting;
    meeting_init(&meeting, job);
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_PUT:
    case BENCH_STREAM:
    case BENCH_WORKERS:
    case BENCH_LATENCY:
        return bench_run_workers(job, call, run_worker, &meeting);
    case BENCH_UNARY_UP:
        return bench_run_pair(job, call, answer, &meeting);
    default:
        return BENCH_UNSUPPORTED;
    }
}

static int run(const struct bench_job *job) {
    int code = run_case(job);
    /* Not by exit(), which would close nng's sockets under the calls that are still in flight. */
    _exit(code);
}

int main(int argc, char **argv) {
    static char version[64];
    snprintf(version, sizeof version, "nng %s, REQ to REP over a Unix socket", nng_version());
    return bench_main(argc, argv, version, run);
}
