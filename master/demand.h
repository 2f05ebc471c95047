/*
 * demand.h: pools on demand: one worker more when calls have waited for too long, one fewer when a worker had nothing to do for
 * long. Timers run only while there is something to decide.
 */
#ifndef YOKE_MASTER_DEMAND_H
#define YOKE_MASTER_DEMAND_H

#include <yoke/pool.h>

#include <ev.h>

/* What was last seen of a place: how many calls its worker had been given, and when that was other than before. */
struct yoke__activity {
    uint64_t worker_id;
    uint64_t calls;
    uint64_t since_ns;
};

/*
 * Look again, at this time. `is_busy`: calls are unanswered. Gives how long nothing has happened.
 */
uint64_t yoke__activity_look(struct yoke__activity *activity, uint64_t worker_id, uint64_t calls, bool is_busy,
                             uint64_t now_ns);

/* Workers are looked at so many times within shrink_after_ms. */
#define YOKE__DEMAND_LOOKS 4

struct yoke__demand {
    bool is_on;      /* it is a pool on demand */
    ev_timer grow;   /* active while calls wait and it can grow */
    ev_timer shrink; /* active while it can shrink */
};

void yoke__demand_init(struct yoke_pool *pool);
void yoke__demand_begin(struct yoke_pool *pool); /* its options are known */
void yoke__demand_end(struct yoke_pool *pool);

/* It may have more workers than the least now, so that it can shrink. */
void yoke__demand_on_scaled(struct yoke_pool *pool);

#endif
