/*
 * The floor: two processes, a Unix socketpair, blocking sends and receives, nothing else. One operation at a time.
 */
#include "raw/turns.h"

static int run(const struct bench_job *job) {
    return turns_run(job, 0);
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "socketpair, blocking", run);
}
