/* How results are shown: tables for people, a JSON object a line for programs. plot.h has the third way. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdio.h>

#include "runner/result.h"

/* The table of one case: `count` results, one per system. Systems without the case are left out. */
void report_table(FILE *out, const struct result *results, size_t count);

/* The same as JSON lines. */
void report_json(FILE *out, const struct result *results, size_t count);

#endif
