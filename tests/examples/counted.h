/* counted.h: what treecount makes of a tree, and what find and wc make of it. What fails in here ends the case. */
#ifndef YOKE_TESTS_COUNTED_H
#define YOKE_TESTS_COUNTED_H

#include "program.h"

struct counted {
    struct program_run run; /* of treecount --json */
    unsigned long long files, lines, words, bytes;
    unsigned long long errors, workers, deaths, redone;
};

/* Run `treecount --json … path`; `flags` is a NULL-terminated list, or NULL for none. Give the result back. */
void counted_take(const char *path, const char *const *flags, const struct program_options *options,
                  struct counted *ret_counted);
void counted_release(struct counted *counted);

/* Check that lines, words and bytes are those of `find path -type f -print0 | LC_ALL=C wc --files0-from=-`. */
void counted_check_totals(const struct counted *counted, const char *path);

/* The same, and that nothing else is to be told: all files that find sees, no error, nobody died. */
void counted_check(const char *path, const char *const *flags);

#endif
