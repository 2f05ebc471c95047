/*
 * Yoke: a master and its forked workers, generated stubs, a pool's channel downwards and the master's channel upwards.
 * All options are at their defaults, but for the limits that a case would exceed.
 */
#include "yoke/side.h"

static int run(const struct bench_job *job) {
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_UNARY_UP:
    case BENCH_UNARY_CHECKED:
    case BENCH_PUT:
    case BENCH_WORKERS:
        return run_calls(job, WAY_FORK);
    case BENCH_STREAM:
        return run_stream(job, WAY_FORK);
    case BENCH_BIDI:
    case BENCH_STREAMS:
        return run_talk(job, WAY_FORK);
    case BENCH_SPAWN:
    case BENCH_SPAWN_LARGE:
    case BENCH_KILL:
        return run_lives(job, WAY_FORK);
    case BENCH_IDLE:
        return run_idle(job, WAY_FORK);
    case BENCH_LATENCY:
        return run_schedule(job, WAY_FORK);
    }
    return BENCH_UNSUPPORTED;
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "Yoke " BENCH_YOKE_VERSION, run);
}
