/* See result.h. */
#include "runner/result.h"

void result_add(struct result *result, enum program_outcome outcome, double us_per_op) {
    if (outcome > result->outcome) {
        result->outcome = outcome;
    }
    if (outcome != PROGRAM_MEASURED || result->count == REPETITIONS_MAX) {
        return;
    }
    unsigned at = result->count++;
    for (; at && result->us_per_op[at - 1] > us_per_op; at--) {
        result->us_per_op[at] = result->us_per_op[at - 1];
    }
    result->us_per_op[at] = us_per_op;
}

double result_median(const struct result *result) {
    const double *middle = result->us_per_op + result->count / 2;
    return result->count % 2 ? *middle : (middle[-1] + *middle) / 2;
}

double result_min(const struct result *result) {
    return result->us_per_op[0];
}

double result_max(const struct result *result) {
    return result->us_per_op[result->count - 1];
}
