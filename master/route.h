/* route.h: a pool's channel: which worker gets the next call. */
#ifndef YOKE_MASTER_ROUTE_H
#define YOKE_MASTER_ROUTE_H

#include "master/master.h"
#include "rpc/queue.h"

/* Make the channel of a pool whose master is set. */
void yoke__route_init(struct yoke_pool *pool);

/* Let it do as the pool's options say, which have been read. */
void yoke__route_configure(struct yoke_pool *pool);

/* A worker of the pool, for this place, has this connection. */
void yoke__route_join(struct yoke_pool *pool, struct yoke__connection *connection, unsigned place);

/* Since when, roughly, the call that has waited for a worker for longest does; 0: none waits. `pool->crowded` is told when the first
 * one begins to, and when none does any more. */
static inline uint64_t yoke__route_oldest_ns(const struct yoke_pool *pool) {
    return yoke__queue_oldest_ns(&pool->channel);
}

/* No call goes through it any more. */
void yoke__route_release(struct yoke_pool *pool);

/*
 * How much a place wants the requests of a key, for rendezvous hashing: of the places that there are, each key goes to the one that
 * wants it most. So when one goes only its keys move, to all others alike; and one that is added takes its share from each.
 */
uint64_t yoke__route_rank(uint64_t key, unsigned place);

#endif
