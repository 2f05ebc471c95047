/*
 * site.h: where the rows are played: a master with a good worker, whose calls go on all the while, and a hostile one;
 * or a worker with a hostile master.
 */
#ifndef YOKE_TESTS_HOSTILE_SITE_H
#define YOKE_TESTS_HOSTILE_SITE_H

#include "fdlist.h"
#include "harness.h"
#include "honest.h"

#include <ev.h>

/* How the hostile side, or its victim, is started, and which of both is hostile; the config of each suite. */
struct site_mode {
    bool exec;
    bool hostile_master;
};

bool site_is_exec(void);

/* The program that exec mode starts; see program.c. */
const char *site_program(void);

struct site_death {
    unsigned count;
    pid_t pid;
    int reason, exit_code; /* of the last one */
    unsigned calls_in_flight;
    unsigned ends; /* of the honest side's calls, when the death was told */
    char detail[400];
};

struct site {
    struct ev_loop *loop;
    struct yoke_master *master;
    struct honest honest;
    struct yoke_pool *neighbours;
    struct site_death death;
    unsigned stopped; /* PoolStopped events */

    /* The neighbour's calls: one follows the other. */
    unsigned asked, answered;
    bool quiet;
    size_t pool_blocks, pool_bytes; /* what a pool that has come and gone leaves until the master is destroyed */
};

void site_open(struct site *site);
void site_close(struct site *site);

/* Runs the loop until the condition holds. */
#define SITE_WAIT(site, condition)        \
    while (!(condition)) {                \
        ev_run((site)->loop, EVRUN_ONCE); \
    }

/* Waits until the neighbour's last call is answered; makes it call again. */
void site_quiet(struct site *site);
void site_resume(struct site *site);

/* One life of a hostile worker, from its spawn to its death, with what it left. */
struct site_life {
    struct honest_record record;
    struct site_death death;
    size_t left_blocks, left_bytes, peak_bytes;
    unsigned neighbour_calls; /* answered meanwhile */
};

/* A hostile worker: fork mode runs `entry`, exec mode the program with `argument`. */
void site_live(struct site *site, yoke_worker_entry *entry, const void *user_data, const char *argument,
               struct site_life *ret_life);

#endif
