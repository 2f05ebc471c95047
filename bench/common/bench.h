/*
 * What all bench programs share: the command line, the clock, the two processes and the result line.
 *
 * A bench program measures one system. It is run once per case and repetition, as
 *
 *     PROGRAM CASE SIZE DEPTH SECONDS     measures, prints {"ops": N, "ns": N} on one line, exits 0
 *     PROGRAM --version                   prints the name and version of the system on one line, exits 0
 *
 * and exits BENCH_UNSUPPORTED when its system has no such case. The cases are listed at enum bench_kind.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The exit code of a program that cannot run a case. */
#define BENCH_UNSUPPORTED 3

/* What one operation is. DEPTH operations are in flight at any time. */
enum bench_kind {
    BENCH_UNARY,    /* "unary": the master sends SIZE bytes to the worker, which sends as many back */
    BENCH_UNARY_UP, /* "unary-up": the same, started by the worker and answered by the master */
    BENCH_PUT       /* "put": the master sends SIZE bytes to the worker, which sends a small acknowledgement back */
};

struct bench_job {
    enum bench_kind kind;
    size_t size;
    unsigned depth;
    double seconds;
};

/* ---- The clock ------------------------------------------------------------------------------------------------ */

/*
 * Counts finished operations and says when to stop. The time begins when the first operation has finished, so the
 * processes' start is not in it. A fifth of the time is warm-up and is not counted either. The clock is read only about
 * every millisecond, so that reading it costs nothing.
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

/* One operation has finished. True when the time is up: start no more. */
static inline bool bench_meter_tick(struct bench_meter *meter) {
    return ++meter->ops >= meter->next_look && bench_meter_look(meter);
}

/* Prints the result line. */
void bench_meter_print(const struct bench_meter *meter);

/* ---- The processes -------------------------------------------------------------------------------------------- */

/* One side's work. Returns an exit code. */
typedef int bench_side(const struct bench_job *job, void *user_data);

/*
 * Forks, and runs `caller` in one process and `answerer` in the other. The caller is the parent, except in
 * BENCH_UNARY_UP. The caller measures and prints; when it returns, both processes end. The answerer never returns.
 */
int bench_run_pair(const struct bench_job *job, bench_side *caller, bench_side *answerer, void *user_data);

/* ---- The program ---------------------------------------------------------------------------------------------- */

/* A main(): handles the command line and calls `run`, whose result is the exit code. */
int bench_main(int argc, char **argv, const char *version, int (*run)(const struct bench_job *job));

/* `size` bytes that are not all alike, allocated. Ends the program when there is no memory. */
unsigned char *bench_payload(size_t size);

/* Says what failed, with errno, and ends the program. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void bench_die(const char *what);

#ifdef __cplusplus
}
#endif

#endif
