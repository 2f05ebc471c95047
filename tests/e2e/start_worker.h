/* start_worker.h: workers that take their time to be ready. */
#ifndef YOKE_TESTS_START_WORKER_H
#define YOKE_TESTS_START_WORKER_H

#include <yoke/worker.h>

/*
 * Postpone being ready until a Tick with the number START_WORKER_READY comes. Notices "postponed" at once, and what
 * yoke_worker_ready() returned as "ready" for each such Tick. Before anything is sent. What went wrong, or 0.
 */
#define START_WORKER_READY 1000
int start_worker_postpone(struct yoke_worker *worker);

#endif
