/*
 * probe_worker.h: the worker of the end-to-end tests. The same code runs in a forked worker, as its entry function, and
 * in the program that exec mode starts.
 */
#ifndef YOKE_TESTS_PROBE_WORKER_H
#define YOKE_TESTS_PROBE_WORKER_H

#include "inspect.h"

#include <yoke/worker.h>

enum probe_scenario {
    PROBE_SERVE,           /* serve until told to end */
    PROBE_RETURN,          /* return 5 at once, without yoke_worker_run() */
    PROBE_RETURN_AT_FIRST, /* the same, if it is one of its master's first four workers */
    PROBE_EMIT_AND_RETURN, /* emit 1,024 Ticks of 1 KiB and return 5, without yoke_worker_run() */
    PROBE_EMIT_BEFORE_RUN, /* emit 1,024 Ticks of 1 KiB, call the master, then serve */
    PROBE_SYNC,            /* before it serves: calls that block; Noticed tells how they went */
    PROBE_SYNC_AND_RETURN, /* the same, and return 5 within a stream, without yoke_worker_run() */
    PROBE_SILENT,          /* never run, never read: sleep for ever */
    PROBE_INTERCEPT,       /* serve, with interceptors: "w1" and "w2" on the server, "W" on the master's channel */
    PROBE_POSTPONE,        /* serve, and say later that it is ready: see start_worker.h */
    PROBE_STUBBORN,        /* serve, and ignore SIGTERM and SIGABRT */
    PROBE_DRAIN,           /* serve, and drain: see drain_worker.h */
    PROBE_DRAIN_ENDLESSLY  /* the same, without an end */
};

struct probe_setup {
    enum probe_scenario scenario;
    const struct inspection *inspection; /* made before Yoke started; NULL: the entry makes one first */
    int argc;
    char **argv;
};

int probe_worker_entry(struct yoke_worker *worker, void *user_data); /* user_data: const struct probe_setup */

/* The channel that Worker.UseForeignChannel uses; set by a master before it forks. */
extern struct yoke_channel *probe_foreign_channel;

#endif
