/* plot_value.h: figures as the text behind a bar, with three digits that count. */
#ifndef BENCH_PLOT_VALUE_H
#define BENCH_PLOT_VALUE_H

#include <stddef.h>

#include "runner/result.h"

enum plot_value { PLOT_TIME, PLOT_TIME_AND_RATE, PLOT_TIME_AND_BANDWIDTH, PLOT_LATENCY, PLOT_MEMORY };

/* In UTF-8; cut when there is no room. */
void plot_value_format(char *out, size_t capacity, const struct result *row, enum plot_value value);

#endif
