/*
 * Yoke with busy_poll_us at both sides: before a process sleeps it looks out for bytes for a while. That is for calls that
 * are made alone, so only those are here: with more in flight there is something to do anyway.
 */
#include "yoke/side.h"

static int run(const struct bench_job *job) {
    if (job->depth != 1) {
        return BENCH_UNSUPPORTED;
    }
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_UNARY_UP:
        return run_calls(job, WAY_POLL);
    case BENCH_BIDI:
        return run_talk(job, WAY_POLL);
    default:
        return BENCH_UNSUPPORTED;
    }
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "Yoke " BENCH_YOKE_VERSION ", busy-polling", run);
}
