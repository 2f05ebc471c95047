/* treecount: the totals stay those of wc when workers are killed, and a batch that kills workers ends. */
#include "counted.h"
#include "harness.h"
#include "program.h"
#include "tree.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS 10

/* Count with a kill: one worker was killed, it had a batch, and there is no error. */
static void take_with_kill(const char *path, const char *workers, struct counted *ret_counted) {
    const char *const flags[] = {"--kill-one", "--workers", workers, NULL};
    counted_take(path, flags, NULL, ret_counted);
    CHECK_INT(ret_counted->run.exit_code, 0);
    CHECK_STR(ret_counted->run.err, "");
    CHECK_INT(ret_counted->deaths, 1);
    CHECK(ret_counted->redone >= 1);
    CHECK_INT(ret_counted->errors, 0);
}

static void check_kill(const char *path, const char *workers) {
    struct counted counted;
    take_with_kill(path, workers, &counted);
    counted_check_totals(&counted, path);
    counted_release(&counted);
}

static void ten_kills_ten_equal_totals(void) {
    /* A build with sanitizers is slow, so it gets less to do. */
    const char *path = test_has_asan() ? "/usr/include/linux" : "/usr/include";
    struct counted first;
    take_with_kill(path, "0", &first);
    counted_check_totals(&first, path);
    for (unsigned i = 1; i < RUNS; i++) {
        struct counted next;
        take_with_kill(path, "0", &next);
        CHECK_INT(next.files, first.files);
        CHECK_INT(next.lines, first.lines);
        CHECK_INT(next.words, first.words);
        CHECK_INT(next.bytes, first.bytes);
        counted_release(&next);
    }
    counted_release(&first);
}

static void kills_among_any_number_of_workers(void) {
    static const char *const numbers[] = {"1", "2", "3", "16"};
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_many(root, 5000);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        check_kill(root, numbers[i]);
    }
    tree_destroy(root);
}

static void there_is_a_kill_when_there_is_a_batch(void) {
    static const char *const flags[] = {"--kill-one", NULL};
    char root[PATH_MAX];
    struct counted counted;
    tree_create(root, sizeof(root));

    counted_take(root, flags, NULL, &counted);
    CHECK_INT(counted.run.exit_code, 0);
    CHECK_INT(counted.deaths, 0);
    CHECK_INT(counted.redone, 0);
    counted_release(&counted);

    tree_add_text(root, "file", "one line\n");
    check_kill(root, "1");
    check_kill(root, "2");
    tree_destroy(root);
}

/* A worker may use one second of CPU time; a file of a terabyte takes more, in every worker that is given it. */
static void a_file_that_kills_workers_is_given_up(void) {
    static const char *const flags[] = {"--workers", "2", "--top", "0", NULL};
    static const struct program_options options = {.cpu_seconds = 1};
    char root[PATH_MAX];
    struct counted counted;
    tree_create(root, sizeof(root));
    tree_add_many(root, 1000);
    tree_add_hole(root, "deadly", UINT64_C(1) << 40);

    counted_take(root, flags, &options, &counted);
    CHECK_INT(counted.run.exit_code, 1);
    CHECK_INT(counted.deaths, 3);
    CHECK_INT(counted.errors, 1);
    CHECK_INT(counted.files, 1000);
    CHECK_CONTAINS(counted.run.err, "/deadly: ");
    CHECK_CONTAINS(counted.run.err, "was killed by signal 9 (SIGKILL); the request may have been handled\n");
    counted_release(&counted);
    tree_destroy(root);
}

static void the_death_is_told_once(void) {
    static const char *const argv[] = {TREECOUNT_PROGRAM, "--kill-one", "/usr/include", NULL};
    struct program_run run;
    program_run(argv, NULL, &run);
    CHECK_INT(run.exit_code, 0);
    CHECK_INT(program_count(run.out, " died: signal 9 (Killed) after "), 1);
    CHECK_INT(program_count(run.out, ", 1 death, "), 1);
    CHECK_INT(program_count(run.out, "\nbytes "), 1);
    program_run_release(&run);
}

static const struct test_case cases[] = {
    {.name = "ten kills, ten equal totals", .run = ten_kills_ten_equal_totals, .timeout_ms = 240000},
    {.name = "kills among any number of workers", .run = kills_among_any_number_of_workers},
    {.name = "there is a kill when there is a batch", .run = there_is_a_kill_when_there_is_a_batch},
    {.name = "a file that kills workers is given up", .run = a_file_that_kills_workers_is_given_up},
    {.name = "the death is told once", .run = the_death_is_told_once},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"treecount kill", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
