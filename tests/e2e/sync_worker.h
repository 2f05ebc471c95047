/* sync_worker.h: what a worker does with calls that block, before it serves. */
#ifndef YOKE_TESTS_SYNC_WORKER_H
#define YOKE_TESTS_SYNC_WORKER_H

#include <yoke/worker.h>

/*
 * Calls the master in every way. Noticed "sync" tells it how that went: 0, or the line of the first check that failed. One
 * call is a Hold, which the master is to release. The last is a stream that does not end; `release`: it is released.
 */
void sync_worker_check(struct yoke_worker *worker, bool release);

#endif
