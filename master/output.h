/* output.h: what a worker prints, as its pool's options want it told. */
#ifndef YOKE_MASTER_OUTPUT_H
#define YOKE_MASTER_OUTPUT_H

#include "master/capture.h"
#include "master/life.h"

/*
 * Before the spawn. `ret_ends` are what become the worker's stdout and stderr, to be closed by yoke__worker_output_spawned(), or -1 when
 * those are the master's. Errors as yoke__capture_open().
 */
int yoke__worker_output_begin(struct yoke__life *life, int ret_ends[2]);
void yoke__worker_output_spawned(const int ends[2]);

/* The worker is dead: tell what is left, and fill in its last lines, which live until the caller destroys the result. */
struct yoke__capture *yoke__worker_output_end(struct yoke__life *life, Yoke__V1__WorkerDied *event);

#endif
