/*
 * plot.h: a chart of some cases: a panel for each, with a horizontal bar for each system. Bars are time or memory, so
 * the shorter one is the better in every panel.
 */
#ifndef BENCH_PLOT_H
#define BENCH_PLOT_H

#include <stdbool.h>

#include "runner/machine.h"
#include "runner/options.h"
#include "runner/result.h"

/* False, with a word on stderr, when gnuplot is missing or the file cannot be written. */
bool plot_can(const char *path);

/* Writes the chart, an SVG. False, with a word on stderr, when that fails. */
bool plot_draw(const char *path, const struct results *results, const struct machine *machine,
               const struct options *options);

#endif
