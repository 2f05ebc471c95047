/* routed_caller.h: calls of probe.Routed over a pool, for the tests of who gets a call, when, and again. */
#ifndef YOKE_TESTS_ROUTED_CALLER_H
#define YOKE_TESTS_ROUTED_CALLER_H

#include "lab.h"

/* How a call ended; zeroed by who makes it. */
struct routed {
    struct lab_result result;
    bool is_safe;   /* to retry */
    unsigned order; /* of the ends of all of them, from 1 */
    struct yoke_call *call;
};

typedef int routed_stub(struct yoke_channel *channel, const Probe__Keyed *request,
                        const struct yoke_call_options *options, probe_routed_where_done *done, void *user_data);

/* Makes a call over the channel, or the pool's if that is NULL. What the stub returns. `options` may be NULL. */
int routed_call(struct lab *lab, routed_stub *stub, struct yoke_channel *channel, const char *key,
                const struct yoke_call_options *options, struct routed *routed);

/* Makes a call of Where over the pool's channel and waits for its end; the place. */
int64_t routed_where(struct lab *lab, const char *key);

/* Lets the worker at this place answer the call that it has kept for longest, and waits until it has. */
void routed_let_go(struct lab *lab, unsigned place);

/* Waits until so many calls have been kept, by all workers together, since the lab was opened. */
void routed_wait_kept(struct lab *lab, unsigned count);

/* Kills the worker at this place and waits until that has been told. */
void routed_kill(struct lab *lab, unsigned place);

/* A pool of so many workers with these options, which are ready. */
void routed_open(struct lab *lab, unsigned workers, bool restart, const struct yoke_pool_options *pool);

#endif
