/*
 * probe_worker_main.c: the tests' worker as a program, for exec mode.
 *
 * Usage: probe_worker SCENARIO MAX_MESSAGE_BYTES MAX_INCOMING_CALLS BUSY_POLL_US [ANYTHING...]
 */
#include "probe_worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    struct inspection inspection;
    inspect_self(&inspection);
    struct yoke_worker_options options = {YOKE_WORKER_OPTIONS_INIT};
    struct probe_setup setup = {.inspection = &inspection, .argc = argc, .argv = argv};
    if (argc > 4) {
        setup.scenario = (enum probe_scenario)atoi(argv[1]);
        options.limits.max_message_bytes = (uint32_t)atol(argv[2]);
        options.limits.max_incoming_calls = (uint32_t)atol(argv[3]);
        options.tuning.busy_poll_us = (uint32_t)atol(argv[4]);
    }
    /* Sanitizers catch these; the tests are about what the signals do. */
    static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        signal(caught[i], SIG_DFL);
    }
    int result = yoke_worker_main(probe_worker_entry, &options, &setup);
    if (result < 0) {
        fprintf(stderr, "probe_worker: yoke_worker_main: %d\n", result);
        return EXIT_FAILURE;
    }
    return result;
}
