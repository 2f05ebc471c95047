/* trace.h: what happens to the workers, pools and master of a program, as a line for each event. */
#ifndef GUIDE_TRACE_H
#define GUIDE_TRACE_H

#include <yoke/yoke.h>

/*
 * Print each event of yoke/v1/lifecycle.proto: its name, the pool and the place, the generation, and why. Pids, times and figures
 * are left out, so that each run prints the same. -ENOMEM.
 */
int guide_trace(struct yoke_master *master);

/* No more of it. What follows may come in any order, as deaths of several workers do. */
void guide_trace_end(struct yoke_master *master);

#endif
