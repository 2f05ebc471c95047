/* run.h: what the programs of the guide do around their subjects. */
#ifndef GUIDE_RUN_H
#define GUIDE_RUN_H

#include <yoke/yoke.h>

/*
 * Make an event loop, and a master with these options, which may be NULL, on it; let start() give it work; run the loop
 * until all pools have stopped. Returns what main() does.
 */
int guide_run(const struct yoke_master_options *options, int (*start)(struct yoke_master *master));

#endif
