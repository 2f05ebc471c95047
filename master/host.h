/* host.h: what surrounds a master: signals, and systemd. */
#ifndef YOKE_MASTER_HOST_H
#define YOKE_MASTER_HOST_H

#include <yoke/master.h>

struct yoke__host;

/* Something has changed that systemd may want to know; from master.c, right before the loop sleeps. */
void yoke__host_look(struct yoke_master *master);

/* The master stops. */
void yoke__host_on_stop(struct yoke_master *master);

/* Another process is the service's main process from now on, and tells systemd what is to be told. */
void yoke__host_pass_on(struct yoke_master *master, pid_t successor);

/* It is not, after all. */
void yoke__host_take_back(struct yoke_master *master);

/* In a forked worker: the master's signals are not watched here, so that the worker can watch them on its own loop. */
void yoke__host_forget_signals(struct yoke_master *master);

void yoke__host_release(struct yoke_master *master);

#endif
