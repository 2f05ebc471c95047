/* route.h: a pool's channel: which worker gets the next call. */
#ifndef YOKE_MASTER_ROUTE_H
#define YOKE_MASTER_ROUTE_H

#include "master/master.h"

/* Make the channel of a pool whose master is set. */
void yoke__route_init(struct yoke_pool *pool);

#endif
