/* master.h: what a master and a pool consist of. */
#ifndef YOKE_MASTER_MASTER_H
#define YOKE_MASTER_MASTER_H

#include "master/demand.h"
#include "master/liveness.h"
#include "master/offers.h"
#include "master/oom.h"
#include "master/predecessor.h"
#include "master/process.h"
#include "master/recycle.h"
#include "master/renew.h"
#include "master/restart.h"
#include "master/scale.h"
#include "master/self.h"
#include "rpc/channel.h"
#include "rpc/io.h"
#include "rpc/list.h"

#include <yoke/master.h>

struct yoke_master {
    struct yoke__engine engine;
    struct yoke__io io;
    struct yoke_tuning tuning; /* resolved */
    struct yoke_server server;
    struct yoke_events events;
    struct yoke__link pools;
    struct yoke__link listeners;
    struct yoke__offers offers;   /* sockets that are open and have no listener yet */
    struct yoke__link idle_lives; /* memory of workers that are gone */
    uint64_t next_worker_id;
    pid_t pid;
    struct yoke__oom oom;
    uint64_t chance;        /* the state of yoke__master_random() */
    ev_prepare look;        /* active: something has changed that the host may want to know */
    struct yoke__self self; /* how this process was started */
    struct yoke__predecessor predecessor;
    struct yoke__upgrade *upgrade; /* to a new master; NULL: none is under way, nor has one succeeded */
    struct yoke__host *host;       /* NULL: the program looks after that itself */
    bool stopping;                 /* pools are stopped one after the other; there will be no new ones */
    int exit_code;                 /* what the program should exit with */
};

/* Any number below 2^53, by chance. Not for secrets. */
uint64_t yoke__master_random(struct yoke_master *master);

/* CLOCK_MONOTONIC, in microseconds. */
static inline uint64_t yoke__master_now_us(const struct yoke_master *master) {
    return master->engine.clock_ns() / 1000;
}

/* Tell an event that is the master's own. From the loop. */
void yoke__master_emit(struct yoke_master *master, const struct yoke_event_type *type, const void *event);

/* Stop for a failure: as yoke_master_stop(), and the program should exit with this code. The first one counts. */
void yoke__master_fail(struct yoke_master *master, int exit_code);

/* Stop, and do not wait for anything: all workers are killed, and their deaths told. */
void yoke__master_kill(struct yoke_master *master);

/* Workers have come or gone, or there is another reason to tell the host how things are, before the loop sleeps. */
void yoke__master_stir(struct yoke_master *master);

/* Has each of the pools had a worker that is ready in every place? */
bool yoke__master_is_ready(struct yoke_master *master);

/* A pool has stopped, and this has been told: if the master is stopping, it is the turn of the next. */
void yoke__master_pool_stopped(struct yoke_master *master);

struct yoke_pool {
    struct yoke_channel channel; /* first, so that a channel can be cast to its pool */
    struct yoke_master *master;
    struct yoke__link link;
    struct yoke_pool_options options; /* with every default filled in and copied with what it points to: */
    struct yoke__kept *kept;
    struct yoke__identity identity; /* of its workers */
    struct yoke_child **children;   /* `place_count` of them; the pool has, and others see, the first `child_count` */
    unsigned child_count, place_count;
    unsigned next_child;     /* whose turn it is */
    size_t least_load;       /* no child that takes calls has fewer; for choosing who has the fewest */
    uint64_t random;         /* for choosing by chance; see rpc/random.h */
    struct yoke__link lives; /* every worker that is not reaped, also those that have no place any more */
    unsigned untold_deaths;  /* of workers that are in `lives` no more */
    uint64_t generation;     /* of the workers that are spawned now */
    struct yoke__restart_record restarts;
    struct yoke__liveness liveness;
    struct yoke__renewal renewal;
    struct yoke__recycling recycling;
    struct yoke__scaling scaling;
    struct yoke__demand demand;

    /* Calls wait, or none does any more. Must make none. NULL: nobody asks. */
    void (*crowded)(struct yoke_pool *pool, bool is_crowded);
    bool has_been_ready; /* all places at once */
    bool stopping, stopped;
    bool is_killed; /* its workers were killed before their time to stop was over */
};

/* A child's state has changed: send the calls that wait for one that is ready, or end them if none is to be expected. */
void yoke__pool_attend(struct yoke_pool *pool);

/* A worker that was to stay up is dead. True when that was one too many and the pool is stopped for it. `ret_deaths`: those in the
 * period. From the loop. */
bool yoke__pool_count_death(struct yoke_pool *pool, uint32_t *ret_deaths);

/* A worker that became ready then was healthy when it died, if it was. */
void yoke__pool_recover(struct yoke_pool *pool, uint64_t ready_us);

/* Emit PoolStopped, once, if all children of this stopping pool are dead. From the loop. */
void yoke__pool_check_stopped(struct yoke_pool *pool);

/* Stop it, and kill whoever has not stopped yet. */
void yoke__pool_kill(struct yoke_pool *pool);

/* The end of all pools, in three steps, each for all of them before the next; see child.h. */
void yoke__pool_kill_now(struct yoke_pool *pool);
void yoke__pool_reap_now(struct yoke_pool *pool);
void yoke__pool_destroy(struct yoke_pool *pool);

#endif
