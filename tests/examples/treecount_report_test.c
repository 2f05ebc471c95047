/* treecount: what it says to people: common words, the report, the progress bar, wrong usage. */
#include "harness.h"
#include "program.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void run_treecount(const char *flag, const char *path, struct program_run *ret_run) {
    const char *const argv[] = {TREECOUNT_PROGRAM, flag, path, NULL};
    program_run(argv, NULL, ret_run);
}

static void common_words(void) {
    char root[PATH_MAX];
    struct program_run run;
    tree_create(root, sizeof(root));
    tree_add_text(root, "one", "Apple apple-APPLE, pear (pear) it it it it a\303\244pple");
    tree_add_text(root, "two", "apple\npear\nplum\nabcdefghijklmnopqrstuvwxyz abcdefghijklmnopqrstuvwxyz");

    run_treecount("--json", root, &run);
    CHECK_CONTAINS(run.out, "\"common_words\": [ { \"word\": \"apple\", \"count\": 4 }, "
                            "{ \"word\": \"pear\", \"count\": 3 }, { \"word\": \"plum\", \"count\": 1 }, "
                            "{ \"word\": \"pple\", \"count\": 1 } ]");
    program_run_release(&run);
    tree_destroy(root);
}

static void the_report_for_people(void) {
    char root[PATH_MAX];
    struct program_run run;
    tree_create(root, sizeof(root));
    tree_add_many(root, 1234);
    run_treecount("--workers=3", root, &run);
    CHECK_INT(run.exit_code, 0);
    CHECK_STR(run.err, "");
    CHECK_CONTAINS(run.out, "files                   1,234\n");
    CHECK_CONTAINS(run.out, "words                   6,170\n");
    CHECK_CONTAINS(run.out, "  number                           1,234\n");
    CHECK_CONTAINS(run.out, "\n3 workers, 0 deaths, 0 batches redone, 0 errors, ");
    program_run_release(&run);
    tree_destroy(root);
}

/* With a terminal for stderr there is a progress line, and at the end it is wiped. */
static void progress_on_a_terminal(void) {
    char root[PATH_MAX];
    char text[4096] = "";
    const char *const argv[] = {TREECOUNT_PROGRAM, root, NULL};
    struct program_run run;
    tree_create(root, sizeof(root));
    tree_add_many(root, 100);

    int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(terminal >= 0);
    REQUIRE_INT(grantpt(terminal), 0);
    REQUIRE_INT(unlockpt(terminal), 0);
    int stderr_fd = open(ptsname(terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    REQUIRE(stderr_fd >= 0);

    const struct program_options options = {.err_fd = stderr_fd};
    program_run(argv, &options, &run);
    CHECK_INT(run.exit_code, 0);
    REQUIRE(read(terminal, text, sizeof(text) - 1) > 0);
    CHECK_CONTAINS(text, " files, 0 MB");
    CHECK_STR(text + strlen(text) - 4, "\r\033[K");
    program_run_release(&run);
    close(stderr_fd);
    close(terminal);
    tree_destroy(root);
}

static void wrong_usage(void) {
    static const char *const wrong[] = {"--workers=x", "--workers=-1", "--workers=1025",
                                        "--workers=",  "--top=1001",   "--no"};
    struct program_run run;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        run_treecount(wrong[i], ".", &run);
        CHECK_INT(run.exit_code, 64);
        CHECK_STR(run.out, "");
        CHECK_CONTAINS(run.err, "treecount");
        program_run_release(&run);
    }
    run_treecount("a", "b", &run);
    CHECK_INT(run.exit_code, 64);
    program_run_release(&run);
    run_treecount("--json", NULL, &run);
    CHECK_INT(run.exit_code, 64);
    program_run_release(&run);
}

static void a_report_that_cannot_be_written_fails(void) {
    const char *const argv[] = {"sh", "-c", "exec \"$0\" /usr/share/doc/libc6 >/dev/full", TREECOUNT_PROGRAM, NULL};
    struct program_run run;
    program_run(argv, NULL, &run);
    CHECK_INT(run.exit_code, 2);
    CHECK_CONTAINS(run.err, "cannot write the report");
    program_run_release(&run);
}

static const struct test_case cases[] = {
    {.name = "common words", .run = common_words},
    {.name = "the report for people", .run = the_report_for_people},
    {.name = "progress on a terminal", .run = progress_on_a_terminal},
    {.name = "wrong usage", .run = wrong_usage},
    {.name = "a report that cannot be written fails", .run = a_report_that_cannot_be_written_fails},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"treecount report", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
