/* meter.h: measures operations that follow each other without a gap (meter), or with gaps that do not count (spans). */
#ifndef BENCH_METER_H
#define BENCH_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t bench_now_ns(void);

/* ---- Without a gap -------------------------------------------------------------------------------------------- */

/*
 * Counts finished operations and says when to stop. The time begins when the first operation has finished, so the
 * processes' start is not in it. A fifth of the time is warm-up and is not counted either. The clock is read only about
 * every millisecond, so that reading it costs nothing. One thread at a time.
 */
struct bench_meter {
    uint64_t ops;
    uint64_t next_look; /* look at the clock when `ops` gets here */
    uint64_t last_look_ops;
    uint64_t last_look_ns;
    uint64_t start_ns; /* of the warm-up, then of the measurement; 0 before the first operation has finished */
    uint64_t warm_up_ns;
    uint64_t measure_ns;
    uint64_t elapsed_ns; /* the result, once done */
    bool warm;
};

void bench_meter_start(struct bench_meter *meter, const struct bench_job *job);

/* For bench_meter_tick(): looks at the clock. */
bool bench_meter_look(struct bench_meter *meter);

/* One operation has finished. True when the time is up: start no more; what still finishes is not counted. */
static inline bool bench_meter_tick(struct bench_meter *meter) {
    return ++meter->ops >= meter->next_look && bench_meter_look(meter);
}

/* Prints the result line. */
void bench_meter_print(const struct bench_meter *meter);

/* ---- With gaps ------------------------------------------------------------------------------------------------ */

/*
 * Sums the spans between bench_span_begin() and bench_span_end(), for spawn and kill. The time of the job is the
 * wall's, gaps included, so a program takes as long as any other. The first span is never counted, nor is one that
 * begins in the first fifth; one is always counted.
 */
struct bench_spans {
    uint64_t begin_ns;
    uint64_t count_from_ns; /* the warm-up's end; 0 before the first span has ended */
    uint64_t warm_up_ns;
    uint64_t measure_ns;
    uint64_t ops;
    uint64_t ns;
};

void bench_spans_start(struct bench_spans *spans, const struct bench_job *job);
void bench_span_begin(struct bench_spans *spans);

/* True when the time is up: start no more. */
bool bench_span_end(struct bench_spans *spans);

/* Prints the result line. */
void bench_spans_print(const struct bench_spans *spans);

#ifdef __cplusplus
}
#endif

#endif
