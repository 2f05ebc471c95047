/* offers.h: listening sockets that are open already, until a listener asks for them: systemd's, and those of the master before. */
#ifndef YOKE_MASTER_OFFERS_H
#define YOKE_MASTER_OFFERS_H

#include "master/address.h"
#include "rpc/list.h"

struct yoke__offers {
    struct yoke__link list;
};

void yoke__offers_init(struct yoke__offers *offers);

/* Close those that nobody has asked for. The files of Unix sockets are removed if this is wanted. */
void yoke__offers_release(struct yoke__offers *offers, bool removes_files);

/* Offer the socket, which belongs to `offers` if that succeeds, to a listener that asks for this address. -ENOMEM. */
int yoke__offers_add(struct yoke__offers *offers, const char *address, bool reuse_port, int fd);

/*
 * The oldest socket that was asked for by this address, or else the oldest that is bound to it; its descriptor belongs to the
 * caller then. -ENOENT: there is none.
 */
int yoke__offers_take(struct yoke__offers *offers, const char *address, bool reuse_port);

#endif
