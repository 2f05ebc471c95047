/* child.h: one place in a pool, which workers fill one after the other. */
#ifndef YOKE_MASTER_CHILD_H
#define YOKE_MASTER_CHILD_H

#include "master/life.h"

struct yoke_child {
    struct yoke_pool *pool;
    unsigned index;
    enum yoke_child_state state; /* of `life`; DEAD without */
    struct yoke__single_channel channel;
    struct yoke__life *life; /* the worker in it; NULL: none */
    struct yoke__life *next; /* the one that will replace it when it is ready; NULL: none */
    uint64_t id, generation; /* of the worker in it, or of the last that was */
    bool is_due; /* the place will be filled when the timer ends; or its worker is dead, and that is still open */
    Yoke__V1__StartReason due_reason;
    struct yoke__activity activity;
    uint32_t deaths_in_a_row; /* without a healthy worker in between; failed attempts to spawn one count */
    ev_timer timer;           /* ends the pause before the next spawn */
};

/* A place without a worker. NULL when out of memory. */
struct yoke_child *yoke__child_create(struct yoke_pool *pool, unsigned index);
void yoke__child_destroy(struct yoke_child *child);

/* Fill an empty place; errors as yoke_pool_create(). */
int yoke__child_spawn(struct yoke_child *child, Yoke__V1__StartReason reason);

/* Spawn a worker that takes the place of the one in it as soon as it is ready. -EALREADY: one is on its way. */
int yoke__child_replace(struct yoke_child *child, Yoke__V1__StartReason reason);

/* Give that up again, for this reason: if one is on its way, it drains, and never has the place. */
void yoke__child_drop_next(struct yoke_child *child, Yoke__V1__DrainReason reason, const char *detail);

/* Its pool has given the place up: its workers drain, and it is empty. */
void yoke__child_vacate(struct yoke_child *child, Yoke__V1__DrainReason reason);

/* Has it a worker that takes calls, now or as soon as it is ready, or may it get one? */
bool yoke__child_is_expected(const struct yoke_child *child);

/* Tell its workers to stop once nothing is in flight; give up a restart that is pending. */
void yoke__child_stop(struct yoke_child *child, Yoke__V1__DrainReason reason);

/* Nobody will come for the calls that wait for its worker. */
void yoke__child_abandon(struct yoke_child *child);

/* What a worker is to the place for which it was spawned. */
enum yoke__role {
    YOKE__ROLE_SEATED, /* it is in it */
    YOKE__ROLE_NEXT,   /* it will be, when it is ready */
    YOKE__ROLE_LEFT    /* it was, and drains */
};
enum yoke__role yoke__child_role_of(const struct yoke_child *child, const struct yoke__life *life);

/* A worker that is dead, which has been told. */
struct yoke__loss {
    enum yoke__role role;
    uint64_t ready_us; /* when it became ready; 0: it never was */
    bool was_told;     /* to stop */
    bool has_left;     /* it has said that it stops; of its own accord, unless it was told */
    const Yoke__V1__WorkerDied *death;
};

/* What life.c reports of a worker of this place: its state has changed; it says that it is ready; that it stops, without having been
 * told to; it is dead. */
void yoke__child_on_state(struct yoke_child *child, const struct yoke__life *life);
void yoke__child_on_ready(struct yoke_child *child, struct yoke__life *life);
void yoke__child_on_leaving(struct yoke_child *child, const struct yoke__life *life);
void yoke__child_on_died(struct yoke_child *child, const struct yoke__loss *loss);

#endif
