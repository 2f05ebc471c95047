/*
 * mixed.h: millions of calls of all kinds, both ways, between a master and workers that are killed at random: the
 * parts. mixed.c is the master, mixed_caller.c makes the calls, mixed_service.c answers them, at either side.
 */
#ifndef YOKE_TESTS_SOAK_MIXED_H
#define YOKE_TESTS_SOAK_MIXED_H

#include "mixed_plan.h"

#include <stdatomic.h>

#define MIXED_WORKER_IDS 65536

/* One call. Written at both sides. */
struct mixed_slot {
    atomic_uchar accepted, completed, handled; /* how often */
    uint32_t worker_id;                        /* of the worker that made it; 0: the master */
};

/* All calls of one direction. */
struct mixed_direction {
    uint64_t total;
    atomic_ullong next; /* the index of the next call to be made */
    atomic_ullong completed;
    atomic_ullong refused;                    /* times that a call could not be made then */
    atomic_ullong ends[MIXED_KIND_COUNT][17]; /* completions, by kind and status */
    struct mixed_slot *slots;
};

/* What all processes know. Shared. */
struct mixed_book {
    uint64_t seed;
    struct mixed_direction downwards, upwards; /* calls of the master, of workers */
    atomic_bool truce;                         /* no call is made and no worker is killed */
    atomic_ullong messages, bytes;             /* that were compared */
    atomic_uchar killed[MIXED_WORKER_IDS];     /* by us; by worker id */
    atomic_uint in_flight[MIXED_WORKER_IDS];   /* calls of this worker, or of the master */
};

/* ---- Making calls ------------------------------------------------------------------------------------------------ */

struct mixed_attempt;

struct mixed_caller {
    struct mixed_book *book;
    struct mixed_direction *direction;
    struct yoke_channel *channel;
    uint32_t worker_id; /* 0: the master */
    unsigned depth;     /* calls to keep in flight */
    unsigned in_flight;
    bool has_index; /* `index` is to be tried again */
    uint64_t index;
    struct mixed_attempt *victim;  /* to be cancelled soon */
    struct mixed_attempt *on_hold; /* to be resumed soon */
    ev_timer tick;
};

void mixed_caller_start(struct mixed_caller *caller, struct ev_loop *loop);
void mixed_caller_stop(struct mixed_caller *caller, struct ev_loop *loop);

/* ---- Answering them ---------------------------------------------------------------------------------------------- */

struct mixed_job;

struct mixed_service {
    struct mixed_book *book;
    struct mixed_direction *direction;        /* of the calls that it answers */
    uint64_t opened, answered;                /* calls that its handlers have had, and have let go of */
    struct mixed_job *first_kept, *last_kept; /* to be answered later */
    unsigned kept_count;
    ev_timer tick;
};

extern const struct soak_mixed_handlers mixed_handlers; /* user_data: struct mixed_service */

void mixed_service_start(struct mixed_service *service, struct ev_loop *loop);

/* Checks that every call was answered. */
void mixed_service_stop(struct mixed_service *service, struct ev_loop *loop);

#endif
