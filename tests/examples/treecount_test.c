/*
 * treecount: its totals are those of GNU wc whatever is in the tree. Each tree is counted by both, wc being fed by find,
 * and the figures are compared exactly.
 */
#include "counted.h"
#include "harness.h"
#include "program.h"
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The sizes that are promised; a build with sanitizers, a good ten times slower, gets a tenth. */
#define LARGE_FILE (UINT64_C(300) << 20)
#define MANY_FILES 100000

static uint64_t scaled(uint64_t size) {
    return test_has_asan() ? size / 10 : size;
}

static void a_real_tree(void) {
    counted_check("/usr/include", NULL);
}

static void an_empty_folder(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    counted_check(root, NULL);
    tree_add_dir(root, "a");
    tree_add_dir(root, "a/b");
    counted_check(root, NULL);
    tree_add_text(root, "a/b/empty", "");
    counted_check(root, NULL);
    tree_destroy(root);
}

static void any_bytes(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    for (unsigned byte = 0; byte < 256; byte++) {
        const uint8_t middle[] = {'x', (uint8_t)byte, 'x', ' ', (uint8_t)byte, ' ', (uint8_t)byte, 'x'};
        char name[16];
        snprintf(name, sizeof(name), "alone%u", byte);
        tree_add_file(root, name, &middle[1], 1);
        snprintf(name, sizeof(name), "among%u", byte);
        tree_add_file(root, name, middle, sizeof(middle));
    }
    for (unsigned seed = 0; seed < 64; seed++) {
        char name[16];
        snprintf(name, sizeof(name), "noise%u", seed);
        tree_add_noise(root, name, 1000 + 997 * seed, seed, seed % 4 == 0 ? 256 : seed % 4);
    }
    counted_check(root, NULL);
    tree_destroy(root);
}

/* Words and lines that go on beyond any read buffer, of which sizes are powers of two. */
static void long_lines_and_words(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    for (unsigned power = 12; power <= 20; power++) {
        size_t length = (size_t)1 << power;
        char *bytes = malloc(length + 2);
        char name[16];
        REQUIRE(bytes != NULL);
        memset(bytes, 'w', length + 2);
        snprintf(name, sizeof(name), "word%u", power);
        tree_add_file(root, name, bytes, length + 2);
        bytes[length] = '\n';
        snprintf(name, sizeof(name), "ends%u", power);
        tree_add_file(root, name, bytes, length + 2);
        bytes[length - 1] = '\001';
        snprintf(name, sizeof(name), "holds%u", power);
        tree_add_file(root, name, bytes, length + 2);
        free(bytes);
    }
    counted_check(root, NULL);
    tree_destroy(root);
}

static void any_names(void) {
    static const char *const names[] = {
        "a b",       "new\nline", "\n", "tab\t",    "'quote'",  "\"",       "\\", "-n",
        "--workers", "$(x)",      "*",  "\377\376", "\303\244", "\033[31m", "~",
    };
    char root[PATH_MAX];
    char name[NAME_MAX + 1];
    tree_create(root, sizeof(root));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tree_add_text(root, names[i], "one two\n");
    }
    memset(name, 'n', NAME_MAX);
    name[NAME_MAX] = '\0';
    tree_add_text(root, name, "a long name\n");
    tree_add_dir(root, "dir\nwith a line");
    tree_add_text(root, "dir\nwith a line/f\n", "three\n");
    counted_check(root, NULL);
    tree_destroy(root);
}

static void what_is_no_regular_file_is_left_out(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_dir(root, "dir");
    tree_add_text(root, "dir/file", "a line\n");
    REQUIRE_INT(symlink("dir", tree_path(root, "link to dir")), 0);
    REQUIRE_INT(symlink("dir/file", tree_path(root, "link to file")), 0);
    REQUIRE_INT(symlink("..", tree_path(root, "dir/link up")), 0);
    REQUIRE_INT(symlink("nowhere", tree_path(root, "broken")), 0);
    REQUIRE_INT(mkfifo(tree_path(root, "fifo"), 0600), 0);
    REQUIRE_INT(link(tree_path(root, "dir/file"), tree_path(root, "hard link")), 0);
    counted_check(root, NULL);

    /* DIR itself is not followed either, unless a slash says so; and it may be a file. */
    counted_check(tree_path(root, "link to dir"), NULL);
    counted_check(tree_path(root, "link to dir/"), NULL);
    counted_check(tree_path(root, "dir//"), NULL);
    counted_check(tree_path(root, "dir/file"), NULL);
    tree_destroy(root);
}

static void check_errors(const char *path, unsigned long long files, unsigned long long errors) {
    struct counted counted;
    counted_take(path, NULL, NULL, &counted);
    CHECK_INT(counted.run.exit_code, 1);
    CHECK_INT(counted.files, files);
    CHECK_INT(counted.errors, errors);
    CHECK_INT(program_count(counted.run.err, "\n"), errors);
    counted_check_totals(&counted, path);
    counted_release(&counted);
}

static void a_missing_dir_is_an_error(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_text(root, "file", "a line\n");
    check_errors(tree_path(root, "missing"), 0, 1);
    check_errors(tree_path(root, "file/"), 0, 1);
    check_errors("", 0, 1);
    tree_destroy(root);
}

/* Programs that this process starts are denied what is denied to others, even when they belong to root. */
static void obey_file_modes(void) {
    static const int capabilities[] = {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH};
    for (size_t i = 0; i < 2; i++) {
        if (geteuid() == 0) {
            REQUIRE_INT(prctl(PR_CAPBSET_DROP, capabilities[i], 0, 0, 0), 0);
        }
    }
}

static void what_cannot_be_read_is_told_and_left_out(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_text(root, "good", "a line\n");
    tree_add_text(root, "bad", "another line\n");
    tree_add_text(root, "bad\nname", "another line\n");
    REQUIRE_INT(chmod(tree_path(root, "bad"), 0), 0);
    REQUIRE_INT(chmod(tree_path(root, "bad\nname"), 0), 0);
    tree_add_dir(root, "closed");
    tree_add_text(root, "closed/file", "a third line\n");
    REQUIRE_INT(chmod(tree_path(root, "closed"), 0), 0);
    /* Its names can be listed, and nothing else. */
    tree_add_dir(root, "listed");
    tree_add_text(root, "listed/file", "a fourth line\n");
    tree_add_dir(root, "listed/dir");
    REQUIRE_INT(chmod(tree_path(root, "listed"), 0444), 0);

    obey_file_modes();
    check_errors(root, 1, 5);

    struct counted counted;
    counted_take(root, NULL, NULL, &counted);
    CHECK_CONTAINS(counted.run.err, "/bad: Permission denied\n");
    CHECK_CONTAINS(counted.run.err, "/bad\\012name: Permission denied\n");
    CHECK_CONTAINS(counted.run.err, "/closed: Permission denied\n");
    CHECK_CONTAINS(counted.run.err, "/listed/file: Permission denied\n");
    CHECK_CONTAINS(counted.run.err, "/listed/dir: Permission denied\n");
    counted_release(&counted);
    tree_destroy(root);
}

/* Down to where names of files are too long for open(), which is as far as wc comes. */
static void a_deep_tree(void) {
    char root[PATH_MAX];
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    tree_create(root, sizeof(root));

    int dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t length = strlen(root); length < PATH_MAX + 400; length += 201) {
        int file = openat(dir, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        REQUIRE_INT(write(file, "a line\n", 7), 7);
        close(file);
        REQUIRE_INT(mkdirat(dir, name, 0700), 0);
        int below = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        REQUIRE(below >= 0);
        close(dir);
        dir = below;
    }
    close(dir);

    struct counted counted;
    counted_take(root, NULL, NULL, &counted);
    CHECK_INT(counted.run.exit_code, 1);
    CHECK_INT(counted.files, counted.lines);
    CHECK(counted.files >= 20);
    CHECK(counted.errors >= 2);
    CHECK_INT(program_count(counted.run.err, "File name too long"), counted.errors);
    counted_check_totals(&counted, root);
    counted_release(&counted);
    tree_destroy(root);
}

static void a_large_file(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_prose(root, "large", scaled(LARGE_FILE));
    tree_add_text(root, "small", "a line\n");
    counted_check(root, NULL);
    tree_destroy(root);
}

static void many_small_files(void) {
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_many(root, (size_t)scaled(MANY_FILES));
    counted_check(root, NULL);
    tree_destroy(root);
}

static void as_many_workers_as_asked_for(void) {
    static const char *const numbers[] = {"1", "2", "3", "7", "16"};
    char root[PATH_MAX];
    tree_create(root, sizeof(root));
    tree_add_many(root, 3000);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const char *const flags[] = {"--workers", numbers[i], NULL};
        struct counted counted;
        counted_check(root, flags);
        counted_take(root, flags, NULL, &counted);
        CHECK_INT(counted.workers, atoi(numbers[i]));
        counted_release(&counted);
    }
    tree_destroy(root);
}

static const struct test_case cases[] = {
    {.name = "a real tree", .run = a_real_tree},
    {.name = "an empty folder", .run = an_empty_folder},
    {.name = "any bytes", .run = any_bytes},
    {.name = "long lines and words", .run = long_lines_and_words},
    {.name = "any names", .run = any_names},
    {.name = "what is no regular file is left out", .run = what_is_no_regular_file_is_left_out},
    {.name = "a missing DIR is an error", .run = a_missing_dir_is_an_error},
    {.name = "what cannot be read is told and left out", .run = what_cannot_be_read_is_told_and_left_out},
    {.name = "a deep tree", .run = a_deep_tree},
    {.name = "a large file", .run = a_large_file, .timeout_ms = 240000},
    {.name = "many small files", .run = many_small_files, .timeout_ms = 240000},
    {.name = "as many workers as asked for", .run = as_many_workers_as_asked_for},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"treecount", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
