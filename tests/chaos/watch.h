/*
 * watch.h: what the master is told of its workers, and whether that is right: each is born, ready, dead in this order and
 * once, and dies of what was done to it.
 */
#ifndef YOKE_TESTS_CHAOS_WATCH_H
#define YOKE_TESTS_CHAOS_WATCH_H

#include "chaos.h"

#include <sys/types.h>
#include <yoke/yoke.h>

struct run;

#define WATCH_LIVE_MAX 256
#define WATCH_REASONS 16

struct watch_worker {
    uint64_t generation, started_ns;
    pid_t pid;
    unsigned pool, place;
    uint32_t drained; /* 1 << DrainReason, for which it was told to stop */
    uint32_t noises;  /* that came */
    uint32_t lines;   /* the next that can come */
    bool is_started, is_ready, is_hung, is_dead;
};

struct watch_pool {
    unsigned live;     /* workers */
    unsigned gone;     /* places that nobody fills again */
    bool is_reloading; /* it was told to, and has not said how that ended */
    bool is_uneven;    /* the latest reload has failed */
    uint64_t reloaded, failed_reloads, failures, scalings, recyclings;
    unsigned stopped;
};

struct watch {
    struct run *run;
    struct watch_worker *workers; /* CHAOS_WORKERS, by id */
    uint64_t live[WATCH_LIVE_MAX];
    unsigned live_count;
    struct watch_pool pools[CHAOS_POOLS];
    uint64_t deaths[WATCH_REASONS];
    uint64_t births, ready, noises, lines, lost_lines, drains, restarts;
    uint64_t starved; /* taken for hung because the machine gave them no time */
    uint64_t worst_hang_ns, worst_start_ns, worst_ready_ns;
    uint64_t worst_death_ns[ACT_COUNT]; /* from the act to the WorkerDied */
};

void watch_start(struct watch *watch, struct run *run);
void watch_release(struct watch *watch);

/* How many live workers should have died of what was done to them. */
unsigned watch_doomed(const struct watch *watch);

/* Is this process a worker that is not known to be dead? */
bool watch_lives(const struct watch *watch, pid_t pid);

#endif
