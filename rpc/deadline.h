/*
 * deadline.h: the calls that have a deadline, earliest first. Most come in the order of their deadlines, because most have the
 * same timeout: these are in a list, to which adding takes a step or two. The others are in a binary heap. All
 * know their place, so that the end of a call takes it out without a search.
 */
#ifndef YOKE_RPC_DEADLINE_H
#define YOKE_RPC_DEADLINE_H

#include <yoke/rpc.h>

/* The deadline_index of a call in the list. */
#define YOKE__DEADLINE_LISTED SIZE_MAX

/* A zeroed one is empty. */
struct yoke__deadlines {
    size_t count;                   /* of all */
    struct yoke_call *first, *last; /* the list */
    struct yoke_call **heap;
    size_t heap_count, heap_capacity;
};

void yoke__deadlines_release(struct yoke__deadlines *deadlines);

/* Make room for more. -ENOMEM. */
int yoke__deadlines_grow(struct yoke__deadlines *deadlines);

/* Make room for one more, in the heap even if it will be in the list: whoever is in has its room as long as it is, and can be taken
 * out and added again with another deadline. -ENOMEM. */
static inline int yoke__deadlines_reserve(struct yoke__deadlines *deadlines) {
    return deadlines->count < deadlines->heap_capacity ? 0 : yoke__deadlines_grow(deadlines);
}

/* Add a call whose deadline_ns is set. Room must have been reserved. */
void yoke__deadlines_add(struct yoke__deadlines *deadlines, struct yoke_call *call);

/* Take a call out. Harmless when it is not there. */
void yoke__deadlines_remove(struct yoke__deadlines *deadlines, struct yoke_call *call);

/* The call with the earliest deadline, or NULL. */
struct yoke_call *yoke__deadlines_first(const struct yoke__deadlines *deadlines);

#endif
