/* counted.c: see counted.h. */
#include "counted.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FLAGS_MAX 8

static unsigned long long number_of(const char *json, const char *key) {
    char quoted[32];
    snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
    const char *at = strstr(json, quoted);
    REQUIRE(at != NULL);
    return strtoull(at + strlen(quoted), NULL, 10);
}

void counted_take(const char *path, const char *const *flags, const struct program_options *options,
                  struct counted *ret_counted) {
    const char *argv[FLAGS_MAX + 4] = {TREECOUNT_PROGRAM, "--json"};
    size_t argc = 2;
    for (size_t i = 0; flags != NULL && flags[i] != NULL; i++) {
        REQUIRE(i < FLAGS_MAX);
        argv[argc++] = flags[i];
    }
    argv[argc] = path;

    struct counted counted;
    program_run(argv, options, &counted.run);
    const char *json = counted.run.out;
    CHECK_INT(program_count(json, "\n"), 1);
    counted.files = number_of(json, "files");
    counted.lines = number_of(json, "lines");
    counted.words = number_of(json, "words");
    counted.bytes = number_of(json, "bytes");
    counted.errors = number_of(json, "errors");
    counted.workers = number_of(json, "workers");
    counted.deaths = number_of(json, "deaths");
    counted.redone = number_of(json, "redone");
    number_of(json, "seconds");
    *ret_counted = counted;
}

void counted_release(struct counted *counted) {
    program_run_release(&counted->run);
}

static char *shell(const char *script, const char *path) {
    const char *const argv[] = {"sh", "-c", script, "sh", path, NULL};
    struct program_run run;
    program_run(argv, NULL, &run);
    free(run.err);
    return run.out;
}

void counted_check_totals(const struct counted *counted, const char *path) {
    unsigned long long lines = 0;
    unsigned long long words = 0;
    unsigned long long bytes = 0;
    char *out = shell("find \"$1\" -type f -print0 | LC_ALL=C wc --files0-from=- | tail -n 1", path);
    REQUIRE(out[0] == '\0' || sscanf(out, "%llu %llu %llu", &lines, &words, &bytes) == 3);
    CHECK_INT(counted->lines, lines);
    CHECK_INT(counted->words, words);
    CHECK_INT(counted->bytes, bytes);
    free(out);
}

void counted_check(const char *path, const char *const *flags) {
    struct counted counted;
    counted_take(path, flags, NULL, &counted);
    CHECK_INT(counted.run.exit_code, 0);
    CHECK_STR(counted.run.err, "");
    CHECK_INT(counted.errors, 0);
    CHECK_INT(counted.deaths, 0);
    CHECK_INT(counted.redone, 0);

    char *out = shell("find \"$1\" -type f -printf . | wc -c", path);
    CHECK_INT(counted.files, strtoull(out, NULL, 10));
    free(out);
    counted_check_totals(&counted, path);
    counted_release(&counted);
}
