/* recycle.h: when a worker has done enough: it has answered so many calls, is so old, or uses so much memory. */
#ifndef YOKE_MASTER_RECYCLE_H
#define YOKE_MASTER_RECYCLE_H

#include <yoke/pool.h>

#include <ev.h>

struct yoke__life;

#define YOKE__RECYCLE_WHY_MAX 96

/* What a worker may reach; 0: however much. */
struct yoke__recycle_bounds {
    uint64_t calls, age_us;
};

/* What it has reached; only what has a bound is looked at. */
struct yoke__recycle_facts {
    uint64_t calls, age_us, rss_bytes, pss_bytes;
};

/* The bounds of one worker: each longer than the option by a part of the jitter, which `chances` decides. */
struct yoke__recycle_bounds yoke__recycle_bounds_of(const struct yoke_recycle_options *options,
                                                    const uint64_t chances[2]);

/* Has it done enough? Then `why` says so, to follow "because ". */
bool yoke__recycle_is_due(const struct yoke_recycle_options *options, const struct yoke__recycle_bounds *bounds,
                          const struct yoke__recycle_facts *facts, char why[YOKE__RECYCLE_WHY_MAX]);

/* ---- In a pool ------------------------------------------------------------------------------------------------------ */

struct yoke__recycling {
    ev_timer timer;  /* looks at all workers; active only if there is something to look at */
    bool has_warned; /* that memory cannot be looked at */
};

void yoke__recycling_init(struct yoke_pool *pool);
void yoke__recycling_begin(struct yoke_pool *pool);
void yoke__recycling_end(struct yoke_pool *pool);

/* A worker is being spawned: give it its bounds. */
void yoke__recycle_welcome(struct yoke__life *life);

#endif
