/* The worker: serves treecount.Counter. */
#ifndef TREECOUNT_COUNTER_H
#define TREECOUNT_COUNTER_H

#include <yoke/worker.h>

/* A yoke_worker_entry; takes no user_data. */
int counter_main(struct yoke_worker *worker, void *user_data);

#endif
