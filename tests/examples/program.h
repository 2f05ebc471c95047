/* program.h: run a program to its end and keep what it said. What fails in here ends the case. */
#ifndef YOKE_TESTS_PROGRAM_H
#define YOKE_TESTS_PROGRAM_H

#include <stddef.h>

struct program_run {
    int exit_code; /* 128 + the signal, when one killed it */
    char *out;     /* its stdout */
    char *err;     /* its stderr */
};

/* How to run it; all zero is fine. */
struct program_options {
    unsigned cpu_seconds; /* RLIMIT_CPU for it and its children; 0: as it is */
    int err_fd;           /* a copy of this is its stderr, and `err` stays empty; 0: none */
};

/* argv[0] is a path, or a name to be found in PATH. `options` may be NULL. Give the result back. */
void program_run(const char *const *argv, const struct program_options *options, struct program_run *ret_run);
void program_run_release(struct program_run *run);

/* How often `part` occurs in `text`. */
size_t program_count(const char *text, const char *part);

#endif
