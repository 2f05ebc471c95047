/* The repetitions of one case on one system, and what is said about them. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include "runner/program.h"
#include "runner/tables.h"

#define REPETITIONS_MAX 101

struct result {
    const struct bench_system *system;
    const struct bench_case *bench_case;
    enum program_outcome outcome; /* the worst of the repetitions */
    unsigned count;
    double us_per_op[REPETITIONS_MAX]; /* in the order of the repetitions */
};

/* Adds a repetition. */
void result_add(struct result *result, enum program_outcome outcome, double us_per_op);

double result_median(const struct result *result);
double result_min(const struct result *result);
double result_max(const struct result *result);

/* The median, over the repetitions, of a repetition's time divided by that of the same repetition of `base`. */
double result_ratio(const struct result *result, const struct result *base);

#endif
