/*
 * activation.h: the sockets that systemd has opened for this process: sd_listen_fds(3). The protocol is three variables and the
 * descriptors from 3 on; it is read here and not by libsystemd.
 */
#ifndef YOKE_MASTER_ACTIVATION_H
#define YOKE_MASTER_ACTIVATION_H

#include "master/offers.h"

/*
 * Offer them as "systemd:NAME" and unset the variables, so that no other program takes them for its own. All become close-on-exec;
 * what is no listening stream socket stays otherwise as it is. Does nothing when there are none, or when what the variables say is
 * not true. -ENOMEM.
 */
int yoke__activation_take(struct yoke__offers *offers);

/* Is this, "NAME=value", one of the variables? */
bool yoke__activation_is_variable(const char *variable);

#endif
