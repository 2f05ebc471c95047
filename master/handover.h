/*
 * handover.h: what a master leaves to the next: descriptors, a list of them, and the program's state.
 *
 * The next one finds, from descriptor 3 on, a socketpair's end for what the two have to say to each other, a sealed memory file, and the
 * listening sockets; and a variable, "1:PID:SOCKETS", that says so. The file begins with lines, "socket REUSE_PORT ADDRESS" for each
 * socket, in order, and then "state OFFSET SIZE".
 */
#ifndef YOKE_MASTER_HANDOVER_H
#define YOKE_MASTER_HANDOVER_H

#include "master/offers.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define YOKE__UPGRADE_VARIABLE "YOKE_UPGRADE"

#define YOKE__HANDOVER_STATE_MAX ((size_t)64 << 20)

/* The descriptors that the new master finds. */
enum { YOKE__HANDOVER_TALK = 3, YOKE__HANDOVER_FILE = 4, YOKE__HANDOVER_SOCKETS = 5 };

/* What is said: the new master is ready; it is the master from now on. */
enum { YOKE__HANDOVER_READY = 'R', YOKE__HANDOVER_GO = 'G' };

struct yoke_master;

/* ---- Giving */

struct yoke__handover {
    int file;
    int *sockets; /* the listeners' own */
    size_t count;
};

/* Of all listeners that there are. -ENOMEM, -EMFILE, …: nothing to release then. */
int yoke__handover_make(struct yoke_master *master, const void *state, size_t size,
                        struct yoke__handover *ret_handover);
void yoke__handover_release(struct yoke__handover *handover);

/* ---- Taking */

struct yoke__legacy {
    pid_t pid; /* of the master before; 0: there was none */
    const char *map;
    size_t map_size;
    const void *state; /* within the map; NULL: none */
    size_t state_size;
};

/*
 * Take what the variable says, which is unset. The sockets are offered; all descriptors become close-on-exec. Without the variable, or
 * if what it says is not true, there was no master before. -ENOMEM.
 */
int yoke__legacy_take(struct yoke__offers *offers, struct yoke__legacy *ret_legacy);
void yoke__legacy_release(struct yoke__legacy *legacy);

#endif
