/* kinds.c: see kinds.h. */
#include "kinds.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[PATH_MAX], path[PATH_MAX + 16], new_path[PATH_MAX + 16];

void spawn_as(enum kind kind) {
    static const enum probe_scenario scenarios[] = {
        [GOOD] = PROBE_SERVE, [EXITS] = PROBE_RETURN, [SILENT] = PROBE_SILENT};
    static const char *const programs[] = {[GOOD] = "probe_worker", [EXITS] = "kind_exits", [SILENT] = "kind_silent"};
    char program[PATH_MAX];
    lab_set_scenario(scenarios[kind]);
    snprintf(program, sizeof(program), "%s/%s", test_program_dir(), programs[kind]);
    REQUIRE_INT(symlink(program, new_path), 0);
    REQUIRE_INT(rename(new_path, path), 0);
}

void kinds_remove_program(void) {
    REQUIRE_INT(unlink(path), 0);
}

void kinds_open_pool(struct lab *lab, struct trace *trace, const struct lab_options *options) {
    struct lab_options own = *options;
    own.worker_path = path;
    test_skip_leak_checks();
    snprintf(folder, sizeof(folder), "%s/kinds-XXXXXX", test_program_dir());
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof(path), "%s/worker", folder);
    snprintf(new_path, sizeof(new_path), "%s/new", folder);
    spawn_as(GOOD);
    lab_open_master(lab, &own);
    trace_open(trace, lab->master);
    REQUIRE_INT(lab_create_pool(lab, &own, &lab->pool), 0);
    LAB_WAIT(lab, yoke_pool_ready(lab->pool) == yoke_pool_size(lab->pool));
}

void kinds_close_pool(struct lab *lab) {
    unlink(path);
    rmdir(folder);
    lab_close(lab);
}
