/*
 * trace.h: all that a master tells of its pool's workers, as lines in the order in which it came: "started 3 reload in 0, generation 2",
 * "draining 1 reload", "died 1 reloaded".
 */
#ifndef YOKE_TESTS_TRACE_H
#define YOKE_TESTS_TRACE_H

#include "lab.h"

#define TRACE_LINES_MAX 1024
#define TRACE_LINE_MAX 120

struct trace {
    char lines[TRACE_LINES_MAX][TRACE_LINE_MAX];
    unsigned count;
    unsigned started, ready, draining, died; /* events so far */
    unsigned reloaded, reload_failed, scaled;
    unsigned most_alive; /* workers that had started and not died, at most */
    /* Of the last event of each kind: */
    uint64_t generation, replaced, duration_us; /* PoolReloaded, PoolReloadFailed */
    unsigned workers, before;                   /* PoolScaled */
    char failure[300];                          /* PoolReloadFailed's detail */
    char drain[300];                            /* WorkerDraining's */
};

/* Listen to a master from now on. */
void trace_open(struct trace *trace, struct yoke_master *master);

/* How many lines begin with this. */
unsigned trace_count(const struct trace *trace, const char *line);

/* Checks that lines that begin with these came, in this order. The last is NULL. */
#define TRACE_CHECK(trace, ...) trace_check((trace), (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
void trace_check(const struct trace *trace, const char *const *lines, const char *file, unsigned line);

#endif
