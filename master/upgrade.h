/*
 * upgrade.h: the master that comes after this one: started, waited for until it is ready, told to go, and reaped when it dies while this
 * one is there. Its end of it: predecessor.h.
 */
#ifndef YOKE_MASTER_UPGRADE_H
#define YOKE_MASTER_UPGRADE_H

#include <yoke/master.h>

struct yoke__upgrade;

/* This master stops, by itself: an upgrade that is under way fails. */
void yoke__upgrade_on_stop(struct yoke_master *master);

/* Kill and reap the new master, unless it is in charge. */
void yoke__upgrade_release(struct yoke_master *master);

#endif
