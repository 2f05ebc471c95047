/*
 * program.c: what exec mode starts: a hostile worker, or the worker of a hostile master.
 *
 * Usage: hostile_program leave | victim | ROW
 */
#include "harness.h"
#include "row.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    static struct honest honest;
    const char *what = argc > 1 ? argv[1] : "";
    if (test_has_asan()) {
        row_flood /= 10;
    }
    if (strcmp(what, "leave") == 0) {
        return 0;
    }
    if (strcmp(what, "victim") == 0) {
        const struct yoke_worker_options options = {YOKE_WORKER_OPTIONS_INIT, .limits = honest_limits,
                                                    .log = honest_log, .log_user_data = &honest};
        return yoke_worker_main(honest_victim, &options, &honest);
    }
    const struct row *row = row_find(what);
    if (row == NULL) {
        fprintf(stderr, "hostile_program: there is no row \"%s\"\n", what);
        return 1;
    }
    row_play(row, 3, false);
}
