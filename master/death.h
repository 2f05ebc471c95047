/* death.h: what is told of a worker that is dead: why, in an enum and in words, and what it has cost. */
#ifndef YOKE_MASTER_DEATH_H
#define YOKE_MASTER_DEATH_H

#include "master/life.h"

#define YOKE__DEATH_DETAIL_MAX 320

/* Fill the event for a worker that has been reaped and whose connection is still open. It points to `detail` and into the life. */
void yoke__death_describe(const struct yoke__life *life, const struct yoke__exit *exit, uint64_t now_us,
                          char detail[YOKE__DEATH_DETAIL_MAX], Yoke__V1__WorkerDied *event);

#endif
