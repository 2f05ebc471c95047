/*
 * Yoke with workers in exec mode: each is this program once more. Calls are the same as between forked ones, so only
 * the cases of workers' lives and of their memory are here.
 */
#include <stdlib.h>
#include <string.h>

#include "yoke/side.h"

static int run(const struct bench_job *job) {
    switch (job->kind) {
    case BENCH_SPAWN:
    case BENCH_SPAWN_LARGE:
    case BENCH_KILL:
        return run_lives(job, WAY_EXEC);
    case BENCH_IDLE:
        return run_idle(job, WAY_EXEC);
    default:
        return BENCH_UNSUPPORTED;
    }
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], WORKER_ARGUMENT) == 0) {
        struct bench_job job = {.size = strtoul(argv[2], NULL, 10)};
        int code = yoke_worker_main(serve_as_worker, NULL, &job);
        if (code < 0) {
            die_of_error("yoke_worker_main", code);
        }
        return code;
    }
    return bench_main(argc, argv, "Yoke " BENCH_YOKE_VERSION ", exec mode", run);
}
