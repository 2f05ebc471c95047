/*
 * scale.h: how many places a pool has. It grows at its end and shrinks from there. Places that it gives up are kept, because a
 * child lives as long as its pool; it fills them again when it grows.
 */
#ifndef YOKE_MASTER_SCALE_H
#define YOKE_MASTER_SCALE_H

#include <yoke/master.h>

#include <ev.h>

struct yoke__scaling {
    ev_timer timer;     /* tells it, from the loop */
    unsigned told_size; /* what was told last */
    Yoke__V1__ScaleReason reason;
};

void yoke__scaling_init(struct yoke_pool *pool);
void yoke__scaling_begin(struct yoke_pool *pool); /* it is made, and this size needs not be told */
void yoke__scaling_end(struct yoke_pool *pool);

/* Add places at the end, and spawn workers for them. Errors as yoke_pool_create(); those that were added before stay. */
int yoke__scale_up(struct yoke_pool *pool, unsigned workers, Yoke__V1__StartReason start_reason);

/* Have so many places, and tell it. Errors as yoke_pool_scale(). */
int yoke__scale_to(struct yoke_pool *pool, unsigned workers, Yoke__V1__ScaleReason reason);

#endif
