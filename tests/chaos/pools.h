/* pools.h: the pools of a chaos run, each of another kind, and what can be done to which. */
#ifndef YOKE_TESTS_CHAOS_POOLS_H
#define YOKE_TESTS_CHAOS_POOLS_H

#include "chaos.h"

#include <yoke/yoke.h>

#define POOLS_START_MS 5000u
#define POOLS_PATIENCE_MS 2000u
#define POOLS_HANDLER_US UINT64_C(1500000) /* handler_timeout_us of orders in a pool without a heartbeat */

struct pools_kind {
    const char *name;
    bool is_exec;
    unsigned workers, max_workers;
    enum yoke_route route;
    bool has_picker;
    unsigned max_calls_per_worker; /* its handlers block, if set */
    bool has_heartbeat;
    bool has_output; /* as events */
    bool recycles;   /* those that leak, have answered many calls, or are old */
    bool may_fail;   /* restarts are bounded, and tried all the same */
    bool ends;       /* workers that exit with 0 or EXIT_FINAL are not replaced */
    unsigned depth;  /* calls to keep in flight */
};

extern const struct pools_kind pools_kinds[CHAOS_POOLS];

/* Can this be done to the pool, or to a worker of it? */
bool pools_suit(unsigned pool, enum chaos_act act);

/* How many workers scaling may ask for. */
unsigned pools_least(unsigned pool);
unsigned pools_most(unsigned pool);

/* Make one. `program` is the worker as a program, `book` the path to the book. */
int pools_create(struct yoke_master *master, unsigned pool, const char *program, const char *book,
                 struct yoke_pool **ret_pool);

#endif
