/* kinds.c: see kinds.h. */
#include "kinds.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[PATH_MAX], path[PATH_MAX + 16], new_path[PATH_MAX + 16];

static void write_script(const char *text) {
    FILE *file = fopen(new_path, "w");
    REQUIRE(file != NULL);
    fputs(text, file);
    fclose(file);
    REQUIRE_INT(chmod(new_path, 0700), 0);
}

void spawn_as(enum kind kind) {
    static const enum probe_scenario scenarios[] = {
        [GOOD] = PROBE_SERVE, [EXITS] = PROBE_RETURN, [SILENT] = PROBE_SILENT};
    lab_set_scenario(scenarios[kind]);
    if (kind == GOOD) {
        REQUIRE_INT(symlink(lab_worker_path(), new_path), 0);
    } else {
        write_script(kind == EXITS ? "#!/bin/sh\nexit 5\n" : "#!/bin/sh\nexec sleep 3600\n");
    }
    REQUIRE_INT(rename(new_path, path), 0);
}

void kinds_remove_program(void) {
    REQUIRE_INT(unlink(path), 0);
}

void kinds_open_pool(struct lab *lab, struct trace *trace, const struct lab_options *options) {
    struct lab_options own = *options;
    own.worker_path = path;
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
