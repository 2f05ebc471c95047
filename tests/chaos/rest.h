/* rest.h: what a run must not use more of at its end than at its beginning: descriptors, processes, memory. */
#ifndef YOKE_TESTS_CHAOS_REST_H
#define YOKE_TESTS_CHAOS_REST_H

#include "fdlist.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct run;
struct watch;

struct rest {
    struct test_fdlist fds;          /* before there was a master */
    size_t idle_fds;                 /* of the master without workers */
    size_t heap, resident;           /* at the first truce */
    size_t last_heap, last_resident; /* at the latest */
    size_t most_fds;
    unsigned samples;

    /* How long the loop's longest turn took, without its sleep. */
    ev_prepare before_sleep;
    ev_check after_sleep;
    uint64_t woken_ns, longest_turn_ns;
};

/* Before and after there is a master. */
void rest_init(struct rest *rest);
void rest_start(struct rest *rest, struct ev_loop *loop);
void rest_stop(struct rest *rest, struct ev_loop *loop);

/* At any time: descriptors are bounded by the number of workers. */
void rest_watch_fds(struct rest *rest, const struct watch *watch);

/* In a truce. False, if `may_wait`, when something is still to be given back. */
bool rest_sample(struct rest *rest, const struct watch *watch, bool may_wait);

/* When the master is no more. */
void rest_settle(struct rest *rest);

#endif
