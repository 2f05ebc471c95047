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
    double figures[FIGURES_MAX][REPETITIONS_MAX]; /* of each repetition, in their order */
};

/* All cases on all systems: `system_count` results for each case, in one array. */
struct results {
    struct result *all;
    size_t count;
    size_t system_count;
};

/* Adds a repetition. `figures` are looked at only when it was measured. */
void result_add(struct result *result, enum program_outcome outcome, const double *figures);

/* Of one figure, over the repetitions. There must be one. */
double result_median(const struct result *result, enum program_figure figure);
double result_min(const struct result *result, enum program_figure figure);
double result_max(const struct result *result, enum program_figure figure);

/* The median, over the repetitions, of the main figure of a repetition divided by that of the same one of `base`. */
double result_ratio(const struct result *result, const struct result *base);

/* The measured result of a system among the `count` of a case. NULL: there is none. */
const struct result *result_find(const struct result *results, size_t count, const char *system);

/* The first of a case's results. NULL: the case was not run. */
const struct result *results_of_case(const struct results *results, const char *label);

#endif
