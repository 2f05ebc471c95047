/* Runs the bench programs, each in a process of its own, and reads what they print. */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "runner/tables.h"

enum program_outcome {
    PROGRAM_MEASURED,
    PROGRAM_UNSUPPORTED, /* the system has no such case */
    PROGRAM_FAILED       /* what went wrong is on stderr */
};

/* What a repetition gives, by what the case measures. */
enum program_figure {
    FIGURE_US_PER_OP = 0, /* time */
    FIGURE_P99_US = 0,    /* latency */
    FIGURE_P50_US = 1,
    FIGURE_P999_US = 2,
    FIGURE_RATE = 3,
    FIGURE_BYTES = 0, /* memory */
    /* The one that systems are compared by. */
    FIGURE_MAIN = 0,
    FIGURES_MAX = 4
};

/* The system's name and version. False, and nothing on stderr, when its program is missing or does not start. */
bool program_version(const struct bench_system *system, char *ret_version, size_t capacity);

/* One repetition of one case. `rate` is for latency only. `ret_figures` has room for FIGURES_MAX. */
enum program_outcome program_measure(const struct bench_system *system, const struct bench_case *bench_case,
                                     double seconds, double rate, double *ret_figures);

#endif
