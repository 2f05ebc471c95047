/*
 * neighbour.h: a worker that has done nothing wrong: it makes small calls to its master, one after the other with a
 * pause of a millisecond between, and notes how long each took, while others misbehave.
 */
#ifndef YOKE_TESTS_SOAK_NEIGHBOUR_H
#define YOKE_TESTS_SOAK_NEIGHBOUR_H

#include "soak.h"

#include <stdatomic.h>

enum neighbour_phase { PHASE_WARM, PHASE_QUIET, PHASE_BUSY, PHASE_OVER, PHASE_COUNT };

/* Calls that are not counted, and that suffice for a percentile. */
#define NEIGHBOUR_WARM_CALLS 100
#define NEIGHBOUR_CALLS_MAX 2000

#define NEIGHBOUR_SAMPLES_MAX (1u << 18)

/* Shared by the master, which sets the phase, and the worker, which fills the rest. */
struct neighbour {
    atomic_int phase;
    atomic_uint failed;
    struct {
        atomic_uint count;
        uint32_t samples_ns[NEIGHBOUR_SAMPLES_MAX];
    } phases[PHASE_COUNT];
};

/* So many calls, but no more than are of use. */
static inline uint64_t neighbour_calls(uint64_t wanted) {
    return wanted < NEIGHBOUR_CALLS_MAX ? wanted : NEIGHBOUR_CALLS_MAX;
}

/* The entry of its worker; user_data: struct neighbour. */
int neighbour_entry(struct yoke_worker *worker, void *user_data);

/* Print the percentiles of the quiet and of the busy phase; check that every call succeeded. */
void neighbour_report(struct neighbour *neighbour);

#endif
