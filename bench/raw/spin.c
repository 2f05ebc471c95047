/*
 * The floor for who does not sleep: two processes, a Unix socketpair, sends and receives that are tried again and again
 * until they work. One operation at a time. It keeps two CPUs busy, and where there is one, it is slow.
 */
#include <sys/socket.h>

#include "raw/turns.h"

static int run(const struct bench_job *job) {
    return turns_run(job, MSG_DONTWAIT);
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, "socketpair, busy-polled", run);
}
