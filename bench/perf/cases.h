/* cases.h: what is counted: so many operations of one kind in each turn of the loops. */
#ifndef YOKE_BENCH_PERF_CASES_H
#define YOKE_BENCH_PERF_CASES_H

#include "side.h"

struct perf_case {
    const char *name;
    unsigned batch; /* operations in a turn */

    /* Once, before the first turn, at both sides; may be NULL. */
    void (*prepare)(struct side *master, struct side *worker);

    /* In each turn, at one side: ask for `batch` operations. The other is NULL. */
    void (*master)(struct side *side, unsigned batch);
    void (*worker)(struct side *side, unsigned batch);
};

/* The last one has no name. */
extern const struct perf_case perf_cases[];

/* Serve the calls and take the events that the cases make. */
void cases_serve(struct side *worker);

/* Let go of the call that the worker handles, if a case has left it one. */
void cases_end(void);

/* Operations that have arrived where they should since the last time; then, from 0 again. */
unsigned cases_finished(void);

#endif
