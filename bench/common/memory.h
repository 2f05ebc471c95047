/* memory.h: what idle workers cost, and masters that hold much. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "common/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A process's proportional set size in bytes: its own pages, and its part of those that it shares with others. From
 * /proc/PID/smaps_rollup. Ends the program when it cannot be read.
 */
uint64_t bench_pss(pid_t pid);

/*
 * Gives the workers three times the job's seconds to come to rest, and prints the result line: the mean of the PSS of
 * the job's workers. `pids` are these.
 */
void bench_memory_print(const struct bench_job *job, const pid_t *pids);

/* Has so many bytes resident in this process from now on. Ends the program when they are not to be had. */
void bench_memory_hold(size_t size);

#ifdef __cplusplus
}
#endif

#endif
