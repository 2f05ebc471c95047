/* memory.h: what idle workers cost. */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A process's proportional set size in bytes: its own pages, and its part of those that it shares with others. From
 * /proc/PID/smaps_rollup. Ends the program when it cannot be read.
 */
uint64_t bench_pss(pid_t pid);

/* Gives the workers a tenth of a second to come to rest, and prints the result line: the mean of their PSS. */
void bench_memory_print(const pid_t *pids, size_t count);

#ifdef __cplusplus
}
#endif

#endif
