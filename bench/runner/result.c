/* See result.h. */
#include "runner/result.h"

#include <stdlib.h>
#include <string.h>

void result_add(struct result *result, enum program_outcome outcome, double us_per_op) {
    if (outcome > result->outcome) {
        result->outcome = outcome;
    }
    if (outcome == PROGRAM_MEASURED && result->count < REPETITIONS_MAX) {
        result->us_per_op[result->count++] = us_per_op;
    }
}

static int compare(const void *left, const void *right) {
    double a = *(const double *)left;
    double b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Sorts the values. */
static double median_of(double *values, unsigned count) {
    qsort(values, count, sizeof *values, compare);
    const double *middle = values + count / 2;
    return count % 2 ? *middle : (middle[-1] + *middle) / 2;
}

double result_median(const struct result *result) {
    double values[REPETITIONS_MAX];
    memcpy(values, result->us_per_op, result->count * sizeof *values);
    return median_of(values, result->count);
}

double result_min(const struct result *result) {
    double least = result->us_per_op[0];
    for (unsigned i = 1; i < result->count; i++) {
        least = result->us_per_op[i] < least ? result->us_per_op[i] : least;
    }
    return least;
}

double result_max(const struct result *result) {
    double most = result->us_per_op[0];
    for (unsigned i = 1; i < result->count; i++) {
        most = result->us_per_op[i] > most ? result->us_per_op[i] : most;
    }
    return most;
}

double result_ratio(const struct result *result, const struct result *base) {
    unsigned count = result->count < base->count ? result->count : base->count;
    double ratios[REPETITIONS_MAX];
    for (unsigned i = 0; i < count; i++) {
        ratios[i] = result->us_per_op[i] / base->us_per_op[i];
    }
    return median_of(ratios, count);
}
