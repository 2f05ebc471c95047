/*
 * main.c: what a test program's main() does: registers the tables with CUnit, runs them, and prints one line for each
 * case, with the failures and the output of those that failed.
 *
 * Usage: PROGRAM [--list] [PATTERN...]. A pattern is a part of "suite/case", or a shell pattern for all of it.
 */
#include "harness.h"

#undef CU_assertImplementation
#include <CUnit/TestRun.h>
#include <fnmatch.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CASES_MAX 512

struct entry {
    CU_pTest cunit;
    const struct test_case *test;
    const struct test_suite *suite;
};

static struct entry entries[CASES_MAX];
static size_t entry_count;
static const struct test_suite *running;
static unsigned failed;

const void *test_config(void) {
    return running != NULL ? running->config : NULL;
}

const char *test_program_dir(void) {
    static char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length <= 0) {
        perror("harness: /proc/self/exe");
        abort();
    }
    path[length] = '\0';
    return dirname(path);
}

static void print_output(const char *output) {
    for (const char *line = output; *line != '\0';) {
        int length = (int)strcspn(line, "\n");
        printf("        | %.*s\n", length, line);
        line += length;
        line += *line == '\n';
    }
}

static bool is_same(const struct test_failure *left, const struct test_failure *right) {
    return left->line == right->line && strcmp(left->file, right->file) == 0 && strcmp(left->text, right->text) == 0;
}

static void print_result(const struct test_case *test, const struct test_result *result) {
    if (result->skipped != NULL && result->verdict == TEST_PASSED) {
        printf("  skip  %s: %s\n", test->name, result->skipped);
        return;
    }
    printf("  %s  %s (%llu ms)\n", result->verdict == TEST_PASSED ? "ok  " : "FAIL", test->name, result->elapsed_ms);
    for (size_t i = 0; i < result->failure_count; i++) {
        const struct test_failure *failure = &result->failures[i];
        size_t times = 1;
        while (i + 1 < result->failure_count && is_same(failure, &result->failures[i + 1])) {
            times++;
            i++;
        }
        printf("        ");
        if (failure->line != 0) {
            printf("%s:%u: ", failure->file, failure->line);
        }
        printf("%s", failure->text);
        printf(times > 1 ? " (%zu times)\n" : "\n", times);
    }
    if (result->verdict != TEST_PASSED) {
        print_output(result->output);
    }
    fflush(stdout);
}

static const struct entry *running_entry(void) {
    for (size_t i = 0; i < entry_count; i++) {
        if (entries[i].cunit == CU_get_current_test()) {
            return &entries[i];
        }
    }
    abort(); /* CUnit runs only what was added */
}

static void run_one(void) {
    const struct entry *entry = running_entry();
    if (entry->suite != running) {
        running = entry->suite;
        printf("%s\n", running->name);
    }
    struct test_result result;
    test_run_case(entry->test, &result);
    print_result(entry->test, &result);
    failed += result.verdict != TEST_PASSED;
    CU_assertImplementation(result.verdict == TEST_PASSED, 0, entry->test->name, "", "", CU_FALSE);
    for (size_t i = 0; i < result.failure_count; i++) {
        CU_assertImplementation(CU_FALSE, result.failures[i].line, result.failures[i].text, result.failures[i].file, "",
                                CU_FALSE);
    }
    test_result_release(&result);
}

static bool is_wanted(const struct test_suite *suite, const struct test_case *test, char **patterns) {
    if (*patterns == NULL) {
        return true;
    }
    char name[512];
    snprintf(name, sizeof(name), "%s/%s", suite->name, test->name);
    for (; *patterns != NULL; patterns++) {
        if (strstr(name, *patterns) != NULL || fnmatch(*patterns, name, 0) == 0) {
            return true;
        }
    }
    return false;
}

static void add_case(CU_pSuite cunit_suite, const struct test_suite *suite, const struct test_case *test) {
    CU_pTest cunit_test = CU_add_test(cunit_suite, test->name, run_one);
    if (cunit_test == NULL || CU_get_error() != CUE_SUCCESS || entry_count == CASES_MAX) {
        fprintf(stderr, "harness: cannot add %s/%s: %s\n", suite->name, test->name, CU_get_error_msg());
        exit(EXIT_FAILURE);
    }
    entries[entry_count++] = (struct entry){cunit_test, test, suite};
}

static void add_suites(const struct test_suite *suites, char **patterns, bool list) {
    for (const struct test_suite *suite = suites; suite->name != NULL; suite++) {
        CU_pSuite cunit_suite = NULL;
        for (const struct test_case *test = suite->cases; test->name != NULL; test++) {
            if (!is_wanted(suite, test, patterns)) {
                continue;
            }
            if (list) {
                printf("%s/%s\n", suite->name, test->name);
                continue;
            }
            if (cunit_suite == NULL) {
                cunit_suite = CU_add_suite(suite->name, NULL, NULL);
            }
            add_case(cunit_suite, suite, test);
        }
    }
}

int test_main(int argc, char **argv, const struct test_suite *suites) {
    bool list = argc > 1 && strcmp(argv[1], "--list") == 0;
    /* What whoever runs the tests has left open is none of theirs, and they look at descriptors. */
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    if (CU_initialize_registry() != CUE_SUCCESS) {
        fprintf(stderr, "harness: %s\n", CU_get_error_msg());
        return EXIT_FAILURE;
    }
    add_suites(suites, argv + (argc > 0) + list, list);
    if (list) {
        CU_cleanup_registry();
        return EXIT_SUCCESS;
    }
    CU_ErrorCode error = CU_run_all_tests();
    unsigned cunit_failed = CU_get_number_of_tests_failed();
    printf("%zu cases, %u failed\n", entry_count, failed);
    if (entry_count == 0) {
        fprintf(stderr, "harness: no case matches\n");
    }
    CU_cleanup_registry();
    return error == CUE_SUCCESS && entry_count > 0 && failed == 0 && cunit_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
