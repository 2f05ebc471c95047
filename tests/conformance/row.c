/* row.c: the tables of row.h. */
#include "row.h"

const struct row rows[] = {
    {.name = "fork, master to worker, async", .driver = &async_driver},
    {.name = "fork, worker to master, async", .upward = true, .driver = &async_driver},
    {.name = "exec, master to worker, async", .exec = true, .driver = &async_driver},
    {.name = "exec, worker to master, async", .exec = true, .upward = true, .driver = &async_driver},
    {.name = "fork, master to worker, sync", .driver = &sync_driver},
    {.name = "fork, worker to master, sync", .upward = true, .driver = &sync_driver},
    {.name = "exec, master to worker, sync", .exec = true, .driver = &sync_driver},
    {.name = "exec, worker to master, sync", .exec = true, .upward = true, .driver = &sync_driver},
    {.name = "fork, master to worker, async, busy-polling", .busy_poll_us = 500, .driver = &async_driver},
    {.name = "exec, worker to master, sync, busy-polling",
     .exec = true,
     .upward = true,
     .busy_poll_us = 500,
     .driver = &sync_driver},
    {.name = NULL},
};

#define ENTRY(id, rounds, need) {#id, case_##id},
const struct conformance_case all_cases[] = {CASES(ENTRY){.name = NULL}};
#undef ENTRY

const struct yoke_limits row_limits = {.max_message_bytes = 17u << 20, .max_queued_bytes = 512u << 20};
