/* run.h: the master in chaos: what its parts know of each other. */
#ifndef YOKE_TESTS_CHAOS_RUN_H
#define YOKE_TESTS_CHAOS_RUN_H

#include "account.h"
#include "load.h"
#include "plan.h"
#include "pools.h"
#include "rest.h"
#include "watch.h"

#include <ev.h>

struct run_options {
    uint64_t seed;
    unsigned seconds;           /* no new storm begins after so long */
    unsigned storms;            /* and no more than so many; 0: no bound */
    bool is_traced;             /* print each step */
    const char *only, *without; /* acts; NULL: no matter */
};

/*
 * A storm, in which things are done to workers and master; settling, until all pools are as they should be; a calm, in which
 * the master is told things that no call may notice; a truce, in which no call is made, and all must be as it was at first. At
 * the end the master is stopped; or, if the seed is even, destroyed at the end of a last storm.
 */
enum run_phase { PHASE_STORM, PHASE_SETTLING, PHASE_CALM, PHASE_TRUCE, PHASE_STOPPING, PHASE_LAST_STORM };

#define RUN_PAUSED_MAX 64

/* A worker that is stopped and will be continued. */
struct run_paused {
    uint64_t id, until_ns;
};

struct run {
    struct run_options options;
    const char *program, *book; /* of exec mode */
    struct ev_loop *loop;
    struct yoke_master *master;
    struct yoke_pool *pools[CHAOS_POOLS];
    struct accounts accounts;
    struct load load;
    struct watch watch;
    struct rest rest;

    struct plan_deck storm, calm;
    enum run_phase phase;
    unsigned storms;     /* that are over */
    unsigned steps_left; /* in this phase */
    struct plan_step next;
    unsigned asked[CHAOS_POOLS]; /* workers */
    struct run_paused paused[RUN_PAUSED_MAX];
    unsigned paused_count;
    uint64_t done[ACT_COUNT], missed[ACT_COUNT]; /* missed: there was no worker that it could be done to */
    uint64_t started_ns, phase_ns;
    unsigned complaints_shown;
    bool is_given_up;
    bool is_destroyed; /* in the midst of it all */
    ev_timer tick, step;
};

/* run.c */
void run_chaos(struct run *run);

/* inject.c: do it. */
void inject(struct run *run, const struct plan_step *step);

/* Continue those whose time has come; or all. */
void inject_continue(struct run *run, bool all);

/* Workers that start from now on behave. */
void inject_disarm(void);

/* report.c */
void report_show_complaints(struct run *run);
void report_state(const struct run *run);
void report_summary(const struct run *run);

#endif
