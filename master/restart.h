/*
 * restart.h: is a worker that died replaced, after which pause, and when do a pool's workers die too often? Logic only: whoever asks
 * says what time it is, and draws the lots.
 */
#ifndef YOKE_MASTER_RESTART_H
#define YOKE_MASTER_RESTART_H

#include <yoke/pool.h>

/* What a pool keeps of its deaths: as many as it may have in a period, whatever the period. */
struct yoke__restart_record {
    uint64_t *deaths_us; /* a ring; NULL: there is no bound */
    uint32_t count, next;
    bool has_failed;    /* and no worker that became ready since was healthy */
    uint64_t failed_us; /* then */
};

/* -ENOMEM. */
int yoke__restart_record_init(struct yoke__restart_record *record, const struct yoke_restart_options *options);
void yoke__restart_record_release(struct yoke__restart_record *record);

/* Shall there be another after one that exited with this code, or did not exit (-1)? */
bool yoke__restart_is_due(const struct yoke_restart_options *options, int exit_code);

/* Can that be said of a worker before it is known how it ends? */
bool yoke__restart_is_certain(const struct yoke_restart_options *options);

/* Has a worker that became ready then been healthy? 0: it never became ready. */
bool yoke__restart_was_healthy(const struct yoke_restart_options *options, uint64_t ready_us, uint64_t now_us);

/* The pause before the next attempt after so many deaths in a row, at least 1. `lot` is any number, by chance. */
uint64_t yoke__restart_pause_us(const struct yoke_restart_options *options, const struct yoke__restart_record *record,
                                uint32_t deaths_in_a_row, uint64_t lot);

/* A worker died. True when that is one too many, which is told once: not again before one has been healthy. `ret_deaths`: within
 * the period, this one included; 0 when there is no bound. */
bool yoke__restart_count(struct yoke__restart_record *record, const struct yoke_restart_options *options,
                         uint64_t now_us, uint32_t *ret_deaths);

/* A worker that became ready then was healthy: if that is since the pool has failed, it has recovered. */
void yoke__restart_recover(struct yoke__restart_record *record, uint64_t ready_us);

#endif
