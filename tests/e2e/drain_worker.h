/* drain_worker.h: workers that drain: told to stop, they call the master again and again before they do. */
#ifndef YOKE_TESTS_DRAIN_WORKER_H
#define YOKE_TESTS_DRAIN_WORKER_H

#include <yoke/worker.h>

/* Calls of Common.Echo that one makes when it is told, one after the other, each in a turn of the loop of its own. */
#define DRAIN_CALLS 100

/* It then emits Noticed "drained", with the number of calls that were answered, and exits with this code. */
#define DRAIN_EXIT_CODE 4

/* Have the worker drain so, or only emit Noticed "told" and never stop. What yoke_worker_on_drain() says. */
int drain_worker_start(struct yoke_worker *worker, bool is_endless);

#endif
