/* successor.h: starts a program that is to be the next master, with what it finds there: see handover.h. */
#ifndef YOKE_MASTER_SUCCESSOR_H
#define YOKE_MASTER_SUCCESSOR_H

#include "master/handover.h"
#include "master/process.h"

/*
 * Besides the standard descriptors and what is handed over it has none; no signal is blocked and every handler is the default. It has our
 * environment, and does not die with us. `channel_fd` is our end of the talk. What posix_spawn() gives; nothing is left then.
 */
int yoke__successor_spawn(const char *path, char *const *argv, const struct yoke__handover *handover,
                          struct yoke__process *ret_process);

#endif
