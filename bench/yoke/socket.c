/* Yoke without shared memory: what large messages take when they go through the socket, as all smaller ones do. */
#include "yoke/side.h"

static int run(const struct bench_job *job) {
    return job->kind == BENCH_PUT ? run_calls(job, WAY_SOCKET) : BENCH_UNSUPPORTED;
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "Yoke " BENCH_YOKE_VERSION ", no shared memory", run);
}
