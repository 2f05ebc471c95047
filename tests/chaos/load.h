/* load.h: calls of all kinds over the channels of all pools, so many at a time. */
#ifndef YOKE_TESTS_CHAOS_LOAD_H
#define YOKE_TESTS_CHAOS_LOAD_H

#include "account.h"

#include <ev.h>

struct run;

#define LOAD_VICTIMS 64
#define LOAD_KEYS 64

/* A call that is to be cancelled soon. */
struct load_victim {
    struct account_call *call;
    uint32_t serial;
};

struct load {
    struct run *run;
    ev_timer tick;
    uint64_t random;
    struct load_victim victims[LOAD_VICTIMS];
    unsigned victim_count;
    bool is_off;

    /* Where the keys of the sticky pool go, while nothing should move them: place + 1; 0: not known. */
    bool is_sticky;
    unsigned places[LOAD_KEYS];
    uint64_t compared; /* places */
};

void load_start(struct load *load, struct run *run, uint64_t seed);
void load_stop(struct load *load);

/* From now on each key should go where it goes; or not. */
void load_expect_sticky(struct load *load, bool is_sticky);

/* Order a worker. False: it takes no calls. */
bool load_order(struct load *load, unsigned pool, struct yoke_child *child, enum chaos_act act, uint32_t amount);

/* Ask all workers of a pool. False: there is none. */
bool load_broadcast(struct load *load, unsigned pool);

/* Calls that were made before a stop, and so have to be answered. */
void load_last_calls(struct load *load, unsigned pool);

#endif
