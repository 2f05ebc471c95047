/*
 * worker_main.c: the worker as a program, for exec mode.
 *
 * Usage: conformance_worker ROW [CASE]
 */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row *find_row(const char *name) {
    const struct row *row = rows;
    while (row->name != NULL && strcmp(row->name, name) != 0) {
        row++;
    }
    return row->name != NULL ? row : NULL;
}

static const struct conformance_case *find_case(const char *name) {
    const struct conformance_case *test = all_cases;
    while (test->name != NULL && strcmp(test->name, name) != 0) {
        test++;
    }
    return test->name != NULL ? test : NULL;
}

int main(int argc, char **argv) {
    struct worker_job job = {.row = argc > 1 ? find_row(argv[1]) : NULL, .test = argc > 2 ? find_case(argv[2]) : NULL};
    if (job.row == NULL || (argc > 2 && job.test == NULL)) {
        fprintf(stderr, "usage: conformance_worker ROW [CASE]\n");
        return EXIT_FAILURE;
    }
    const struct yoke_worker_options options = {YOKE_WORKER_OPTIONS_INIT, .limits = row_limits,
                                                .tuning = {.busy_poll_us = job.row->busy_poll_us}};
    int result = yoke_worker_main(row_worker_entry, &options, &job);
    if (result < 0) {
        fprintf(stderr, "conformance_worker: %s\n", strerror(-result));
        return EXIT_FAILURE;
    }
    return result;
}
