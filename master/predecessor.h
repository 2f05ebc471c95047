/*
 * predecessor.h: the master before this one, from the other's upgrade until this one is in charge: when it has said that it is ready and was
 * told to go, or when the other is dead.
 */
#ifndef YOKE_MASTER_PREDECESSOR_H
#define YOKE_MASTER_PREDECESSOR_H

#include "master/handover.h"

#include <ev.h>
#include <stdbool.h>

struct yoke__predecessor {
    struct yoke__legacy legacy;
    ev_io talk; /* active until this master is in charge */
    bool has_heard_ready;
};

/* Is there one, and if so: what has it left? -ENOMEM. */
int yoke__predecessor_find(struct yoke_master *master);

/* Is this master in charge: has it none before it? */
bool yoke__predecessor_is_over(const struct yoke_master *master);

/* Tell it, once, if this master is ready. */
void yoke__predecessor_look(struct yoke_master *master);

void yoke__predecessor_release(struct yoke_master *master);

#endif
