/*
 * latency.h: an open loop. Operations are due evenly spaced, and each is started when it is due, or as soon after as
 * the program can. Its latency counts from the instant at which it was due, so being late to start counts, too.
 *
 * A program starts the schedule when a first operation has shown that everything is up, then watches `fd` in its loop
 * (or calls bench_latency_wait() in a thread):
 *
 *     for (uint64_t n = bench_latency_due(latency); n > 0; n--) start_call(bench_latency_take(latency));
 *
 * and at each call's end: if (bench_latency_finish(latency, due_ns)) all is over.
 *
 * One thread may start the operations while another finishes them; several that finish need a lock.
 */
#ifndef BENCH_LATENCY_H
#define BENCH_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/job.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A histogram of 128 buckets for each power of two, so a value is known to within 0.4 %; below 128 ns, exactly.
 */
#define BENCH_LATENCY_SUB_BUCKETS 128
#define BENCH_LATENCY_BUCKETS (58 * BENCH_LATENCY_SUB_BUCKETS)

struct bench_latency {
    int fd; /* a timerfd, non-blocking: readable when an operation is due */
    double interval_ns;
    uint64_t start_ns;
    uint64_t total;    /* operations of the whole schedule */
    uint64_t measured; /* those among them that count; the ones before are warm-up, a fifth of the job's time */
    uint64_t started;
    uint64_t finished;
    uint64_t recorded;
    uint64_t counts[BENCH_LATENCY_BUCKETS];
};

/* Starts the schedule. Ends the program when it cannot. */
void bench_latency_start(struct bench_latency *latency, const struct bench_job *job);

/* How many operations are to be started now. Takes note of what made `fd` readable. */
uint64_t bench_latency_due(struct bench_latency *latency);

/* Sleeps until the next operation is due. Not when all have been started. */
void bench_latency_wait(struct bench_latency *latency);

/* True when all operations of the schedule have been started. */
bool bench_latency_all_started(const struct bench_latency *latency);

/* An operation is being started. The instant at which it was due, for bench_latency_finish(). */
uint64_t bench_latency_take(struct bench_latency *latency);

/* An operation has finished. True when it was the last of the schedule. */
bool bench_latency_finish(struct bench_latency *latency, uint64_t due_ns);

/* Prints the result line, and closes `fd`. */
void bench_latency_print(struct bench_latency *latency);

#ifdef __cplusplus
}
#endif

#endif
