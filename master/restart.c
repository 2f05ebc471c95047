/* restart.c: see restart.h. */
#include "master/restart.h"

#include <errno.h>
#include <stdlib.h>

#define US_PER_MS UINT64_C(1000)

int yoke__restart_record_init(struct yoke__restart_record *record, const struct yoke_restart_options *options) {
    *record = (struct yoke__restart_record){0};
    if (options->when == YOKE_RESTART_NEVER || options->max_restarts == UINT32_MAX) {
        return 0;
    }
    record->deaths_us = calloc(options->max_restarts, sizeof *record->deaths_us);
    return record->deaths_us != NULL ? 0 : -ENOMEM;
}

void yoke__restart_record_release(struct yoke__restart_record *record) {
    free(record->deaths_us);
    record->deaths_us = NULL;
}

bool yoke__restart_is_due(const struct yoke_restart_options *options, int exit_code) {
    if (options->final_exit_code != 0 && exit_code == options->final_exit_code) {
        return false;
    }
    return options->when == YOKE_RESTART_ALWAYS || (options->when == YOKE_RESTART_ON_FAILURE && exit_code != 0);
}

bool yoke__restart_is_certain(const struct yoke_restart_options *options) {
    return options->when == YOKE_RESTART_ALWAYS && options->final_exit_code == 0;
}

bool yoke__restart_was_healthy(const struct yoke_restart_options *options, uint64_t ready_us, uint64_t now_us) {
    return ready_us != 0 && now_us - ready_us >= options->healthy_ms * US_PER_MS;
}

uint64_t yoke__restart_pause_us(const struct yoke_restart_options *options, const struct yoke__restart_record *record,
                                uint32_t deaths_in_a_row, uint64_t lot) {
    const uint64_t most_us = options->max_pause_ms * US_PER_MS;
    uint64_t pause_us = record->has_failed ? most_us : options->pause_ms * US_PER_MS;
    for (uint32_t i = 1; i < deaths_in_a_row && pause_us < most_us; i++) {
        pause_us *= 2;
    }
    if (pause_us > most_us) {
        pause_us = most_us;
    }
    return pause_us + lot % (pause_us * options->jitter_percent / 100 + 1);
}

/* Deaths in the ring that are within the period. */
static uint32_t count_recent(const struct yoke__restart_record *record, const struct yoke_restart_options *options,
                             uint64_t now_us) {
    uint32_t recent = 0;
    for (uint32_t i = 0; i < record->count; i++) {
        recent += now_us - record->deaths_us[i] < options->period_ms * US_PER_MS;
    }
    return recent;
}

bool yoke__restart_count(struct yoke__restart_record *record, const struct yoke_restart_options *options,
                         uint64_t now_us, uint32_t *ret_deaths) {
    *ret_deaths = 0;
    if (record->deaths_us == NULL) {
        return false;
    }
    uint32_t recent = count_recent(record, options, now_us);
    *ret_deaths = recent + 1;
    record->deaths_us[record->next] = now_us;
    record->next = record->next + 1 == options->max_restarts ? 0 : record->next + 1;
    if (record->count < options->max_restarts) {
        record->count++;
    }
    if (recent < options->max_restarts || record->has_failed) {
        return false;
    }
    record->has_failed = true;
    record->failed_us = now_us;
    return true;
}

void yoke__restart_recover(struct yoke__restart_record *record, uint64_t ready_us) {
    if (record->has_failed && ready_us > record->failed_us) {
        record->has_failed = false;
        record->count = record->next = 0;
    }
}
