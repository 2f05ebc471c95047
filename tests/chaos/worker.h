/*
 * worker.h: the worker in chaos: a service that answers, and does what it is ordered to. The same code runs forked and as a
 * program. worker.c is its life, questions.c answers, misdeeds.c obeys.
 */
#ifndef YOKE_TESTS_CHAOS_WORKER_H
#define YOKE_TESTS_CHAOS_WORKER_H

#include "chaos.h"

#include "chaos.yoke.h"

#include <ev.h>
#include <yoke/worker.h>

struct worker {
    struct yoke_worker *yoke;
    struct chaos_note *note;
    unsigned pool;
    bool blocks; /* its handlers do */
    ev_timer alive;
};

int worker_entry(struct yoke_worker *worker, void *user_data); /* user_data: const unsigned, the pool */

extern const struct chaos_work_handlers worker_handlers; /* user_data: struct worker */

/* A handler has begun a call. */
void worker_handles(uint32_t slot, uint32_t serial);

/* The answer to a call of this slot. */
Chaos__Answer worker_answer(const struct worker *worker, uint32_t slot, uint32_t serial, uint32_t number);

/* The handler of Work.Obey. */
void worker_obey(struct yoke_call *call, const Chaos__Order *order, void *user_data);

/* What a worker does that is to misbehave before it is ready. Returns if it is to go on. */
void worker_start_badly(enum chaos_act act);

#endif
