/* processes.h: the master and its workers, for systems that do not fork by themselves. */
#ifndef BENCH_PROCESSES_H
#define BENCH_PROCESSES_H

#include <sys/types.h>

#include "common/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- A pair --------------------------------------------------------------------------------------------------- */

/* One side's work. Returns an exit code. */
typedef int bench_side(const struct bench_job *job, void *user_data);

/*
 * Forks, and runs `caller` in one process and `answerer` in the other. The caller is the parent, except in
 * BENCH_UNARY_UP. The caller measures and prints; when it returns, both processes end, with the caller's exit code. The
 * answerer need not return. Where it is the parent it may, when it sees that the caller has gone, which can be before
 * SIGCHLD comes.
 */
int bench_run_pair(const struct bench_job *job, bench_side *caller, bench_side *answerer, void *user_data);

/* ---- Several workers ------------------------------------------------------------------------------------------ */

/* A worker's work; `index` is its place, from 0. Returns an exit code. */
typedef int bench_worker(const struct bench_job *job, unsigned index, void *user_data);

/* Forks a worker, which dies with this process. Ends the program when it cannot. The worker leaves by _exit(). */
pid_t bench_fork_worker(const struct bench_job *job, unsigned index, bench_worker *worker, void *user_data);

/* Kills workers and reaps them. */
void bench_end_workers(const pid_t *pids, unsigned count);

/*
 * Forks job->workers workers, and runs `caller` in this process; when it returns, they all end. A worker does not
 * return.
 */
int bench_run_workers(const struct bench_job *job, bench_side *caller, bench_worker *worker, void *user_data);

#ifdef __cplusplus
}
#endif

#endif
