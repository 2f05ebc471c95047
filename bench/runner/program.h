/* Runs the bench programs, each in a process of its own, and reads what they print. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stddef.h>

#include "runner/tables.h"

enum program_outcome {
    PROGRAM_MEASURED,
    PROGRAM_UNSUPPORTED, /* the system has no such case */
    PROGRAM_FAILED       /* what went wrong is on stderr */
};

/* The system's name and version. False, and nothing on stderr, when its program is missing or does not start. */
bool program_version(const struct bench_system *system, char *ret_version, size_t capacity);

/* One repetition of one case. */
enum program_outcome program_measure(const struct bench_system *system, const struct bench_case *bench_case,
                                     double seconds, double *ret_us_per_op);

#endif
