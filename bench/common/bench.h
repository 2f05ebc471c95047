/*
 * What all bench programs share: the command line, the cases, the clocks, the processes and the result line.
 *
 * A bench program measures one system. It is run once per case and repetition, as
 *
 *     PROGRAM NAME=VALUE…     measures, prints one line of JSON, exits 0
 *     PROGRAM --version       prints the name and version of the system on one line, exits 0
 *
 * and exits BENCH_UNSUPPORTED when its system has no such case. The names are those of struct bench_job, and `case`,
 * one of the cases at enum bench_kind:
 *
 *     bench-yoke case=unary size=64 depth=128 seconds=0.5
 *
 * The line is, by what the case measures,
 *
 *     time       {"ops": N, "ns": N}                                       meter.h
 *     latency    {"ops": N, "p50_ns": N, "p99_ns": N, "p999_ns": N}        latency.h
 *     memory     {"bytes": N}                                              memory.h
 */
#ifndef BENCH_H
#define BENCH_H

#include "common/job.h"
#include "common/latency.h"
#include "common/memory.h"
#include "common/meter.h"
#include "common/processes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The exit code of a program that cannot run a case. */
#define BENCH_UNSUPPORTED 3

/* A main(): handles the command line and calls `run`, whose result is the exit code. */
int bench_main(int argc, char **argv, const char *version, int (*run)(const struct bench_job *job));

/* `size` bytes that are not all alike, allocated. Ends the program when there is no memory. */
unsigned char *bench_payload(size_t size);

/* Says what failed, with errno, and ends the program. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void bench_die(const char *what);

#ifdef __cplusplus
}
#endif

#endif
