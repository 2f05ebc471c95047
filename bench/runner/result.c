/* See result.h. */
#include "runner/result.h"

#include <stdlib.h>
#include <string.h>

void result_add(struct result *result, enum program_outcome outcome, const double *figures) {
    if (outcome > result->outcome) {
        result->outcome = outcome;
    }
    if (outcome == PROGRAM_MEASURED && result->count < REPETITIONS_MAX) {
        for (size_t i = 0; i < FIGURES_MAX; i++) {
            result->figures[i][result->count] = figures[i];
        }
        result->count++;
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

double result_median(const struct result *result, enum program_figure figure) {
    double values[REPETITIONS_MAX];
    memcpy(values, result->figures[figure], result->count * sizeof *values);
    return median_of(values, result->count);
}

double result_min(const struct result *result, enum program_figure figure) {
    const double *values = result->figures[figure];
    double least = values[0];
    for (unsigned i = 1; i < result->count; i++) {
        least = values[i] < least ? values[i] : least;
    }
    return least;
}

double result_max(const struct result *result, enum program_figure figure) {
    const double *values = result->figures[figure];
    double most = values[0];
    for (unsigned i = 1; i < result->count; i++) {
        most = values[i] > most ? values[i] : most;
    }
    return most;
}

double result_ratio(const struct result *result, const struct result *base) {
    unsigned count = result->count < base->count ? result->count : base->count;
    double ratios[REPETITIONS_MAX];
    for (unsigned i = 0; i < count; i++) {
        ratios[i] = result->figures[FIGURE_MAIN][i] / base->figures[FIGURE_MAIN][i];
    }
    return median_of(ratios, count);
}

const struct result *result_find(const struct result *results, size_t count, const char *system) {
    for (size_t i = 0; i < count; i++) {
        if (results[i].outcome == PROGRAM_MEASURED && results[i].count &&
            strcmp(results[i].system->name, system) == 0) {
            return &results[i];
        }
    }
    return NULL;
}

const struct result *results_of_case(const struct results *results, const char *label) {
    for (size_t i = 0; i < results->count; i += results->system_count) {
        if (strcmp(results->all[i].bench_case->label, label) == 0) {
            return &results->all[i];
        }
    }
    return NULL;
}
