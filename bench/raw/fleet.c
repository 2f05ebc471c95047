/* Workers of the floor on libev; see libev.h. */
#include <stdlib.h>
#include <unistd.h>

#include "raw/end.h"
#include "raw/libev.h"

/* Where a worker has its end. */
#define WORKER_FD 3

/* Keeps of all descriptors, which are the master's, only its own. */
static int answer(const struct bench_job *job, unsigned index, void *user_data) {
    (void)index;
    const int *fd = user_data;
    if (*fd != WORKER_FD && dup2(*fd, WORKER_FD) < 0) {
        bench_die("dup2");
    }
    close_range(WORKER_FD + 1, ~0U, 0);
    /* An idle worker costs no more than it must. */
    end_answer(WORKER_FD, job->size, job->size, job->kind == BENCH_IDLE ? job->size : END_BUFFER);
}

void fleet_start(struct fleet *fleet, const struct bench_job *job, unsigned count) {
    *fleet = (struct fleet){
        .pids = calloc(count, sizeof *fleet->pids), .fds = calloc(count, sizeof *fleet->fds), .count = count};
    if (!fleet->pids || !fleet->fds) {
        bench_die("calloc");
    }
    for (unsigned i = 0; i < count; i++) {
        int fds[2];
        end_socketpair(fds);
        fleet->pids[i] = bench_fork_worker(job, i, answer, &fds[1]);
        fleet->fds[i] = fds[0];
        close(fds[1]);
    }
}

void fleet_end(struct fleet *fleet) {
    bench_end_workers(fleet->pids, fleet->count);
    for (unsigned i = 0; i < fleet->count; i++) {
        close(fleet->fds[i]);
    }
    free(fleet->pids);
    free(fleet->fds);
}
