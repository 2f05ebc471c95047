/*
 * The floor for anything on an event loop: processes, Unix socketpairs, libev on both sides, and nothing that an RPC
 * system adds. A stream is bytes that keep coming; a new worker is a fork that sends a byte.
 */
#include "raw/libev.h"

#include <ev.h>
#include <stdio.h>

static int run(const struct bench_job *job) {
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_UNARY_UP:
    case BENCH_PUT:
    case BENCH_STREAM:
    case BENCH_BIDI:
        return libev_run_pair(job);
    case BENCH_WORKERS:
        return libev_run_workers(job);
    case BENCH_SPAWN:
    case BENCH_SPAWN_LARGE:
    case BENCH_KILL:
        return libev_run_lives(job);
    case BENCH_IDLE:
        return libev_run_idle(job);
    case BENCH_LATENCY:
        return libev_run_latency(job);
    case BENCH_UNARY_CHECKED:
    case BENCH_STREAMS:
        break;
    }
    return BENCH_UNSUPPORTED;
}

int main(int argc, char **argv) {
    static char version[64];
    snprintf(version, sizeof version, "socketpair, libev %d.%d", ev_version_major(), ev_version_minor());
    return bench_main(argc, argv, version, run);
}
