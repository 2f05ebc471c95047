/*
 * harness.h: how Yoke's tests run. Each case runs in a process and session of its own, under a timeout, and passes only
 * if every assertion held, it ended as expected, and it left nothing behind: no descriptor, no process, no memory.
 *
 * A test program is a table of suites and `int main(argc, argv) { return test_main(argc, argv, suites); }`.
 */
#ifndef YOKE_TESTS_HARNESS_H
#define YOKE_TESTS_HARNESS_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* One case. The last of a table has no name. */
struct test_case {
    const char *name;     /* reads as the promise it checks */
    void (*run)(void);    /* the body; may use CU_ASSERT…, CHECK… and REQUIRE… */
    int exit_code;        /* the exit code it must end with */
    int signal;           /* the signal it must die of; 0: none. Leaks are not checked then */
    unsigned timeout_ms;  /* a guard against hangs, not a measure of speed; 0: TEST_TIMEOUT_MS */
    bool leaves_children; /* its children may outlive it; they are killed all the same */
};

#define TEST_TIMEOUT_MS 60000

/* Several cases that share a configuration. The last of a table has no name. */
struct test_suite {
    const char *name;
    const struct test_case *cases;
    const void *config; /* what test_config() gives to its cases */
};

/* Runs the suites, or those named on the command line; what a test program's main() returns. */
int test_main(int argc, char **argv, const struct test_suite *suites);

/* The config of the suite that is running. */
const void *test_config(void);

/* The directory of the program that is running, for helper programs that are built beside it. */
const char *test_program_dir(void);

/* ---- Assertions ----------------------------------------------------------------------------------------------- *
 * CUnit's own macros work too. A failure in any process forked inside a case, for example a forked worker, fails the
 * case. A fatal one ends the case, or, in another process than the case's own, that process with exit code 99.
 */

#define TEST_EXIT_FATAL 99

/* Both sides as numbers; both are shown when they differ. */
#define CHECK_INT(actual, expected) \
    test_check_int((long long)(actual), (long long)(expected), #actual " == " #expected, __FILE__, __LINE__, false)
#define REQUIRE_INT(actual, expected) \
    test_check_int((long long)(actual), (long long)(expected), #actual " == " #expected, __FILE__, __LINE__, true)

/* Both sides as strings; NULL equals NULL only. */
#define CHECK_STR(actual, expected) \
    test_check_str((actual), (expected), #actual " equals " #expected, __FILE__, __LINE__)

/* `text` contains `part`. */
#define CHECK_CONTAINS(text, part) test_check_contains((text), (part), #text " contains " #part, __FILE__, __LINE__)

#define CHECK(condition) test_check((condition), #condition, __FILE__, __LINE__, false)
#define REQUIRE(condition) test_check((condition), #condition, __FILE__, __LINE__, true)

void test_check(bool holds, const char *what, const char *file, unsigned line, bool fatal);
void test_check_int(long long actual, long long expected, const char *what, const char *file, unsigned line,
                    bool fatal);
void test_check_str(const char *actual, const char *expected, const char *what, const char *file, unsigned line);
void test_check_contains(const char *text, const char *part, const char *what, const char *file, unsigned line);

/* CUnit's macros call CU_assertImplementation(); inside cases they must record across processes instead. */
CU_BOOL test_cunit_assert(CU_BOOL holds, unsigned line, const char *what, const char *file, const char *function,
                          CU_BOOL fatal);
#define CU_assertImplementation test_cunit_assert

/* Says why the case cannot be run here; it returns then, and counts as passed unless something else fails. */
void test_skip(const char *why);

/* ---- Tools for cases ------------------------------------------------------------------------------------------ */

/* Children of this process, zombies included, orphans that it inherited included; up to `capacity`. Gives the count. */
size_t test_children(pid_t *ret_pids, size_t capacity);

/* Waits until this process has no children but for zombies, reaps those, and gives how many were left at the end. */
size_t test_await_no_children(unsigned timeout_ms);

/* True when a process of this id exists and is no zombie. */
bool test_process_lives(pid_t pid);

/* CLOCK_MONOTONIC in milliseconds, for hang guards only. */
unsigned long long test_now_ms(void);

/* True when the program is built with AddressSanitizer. */
bool test_has_asan(void);

/*
 * Programs that are executed from now on do not look for leaks when they exit. One that is killed while it does, as a worker is by a
 * master that is destroyed, leaves behind the process by which it looks: a zombie that is nobody's fault.
 */
void test_skip_leak_checks(void);

/* ---- One case by itself, for tests of the harness ------------------------------------------------------------- */

enum test_verdict {
    TEST_PASSED = 0,
    TEST_FAILED_ASSERTION = 1 << 0,
    TEST_WRONG_END = 1 << 1, /* exit code or signal not as expected */
    TEST_TIMED_OUT = 1 << 2,
    TEST_LEAKED_FD = 1 << 3, /* opened without closing, or closed what it had not opened */
    TEST_LEAKED_PROCESS = 1 << 4,
    TEST_LEAKED_MEMORY = 1 << 5
};

struct test_result {
    unsigned verdict; /* of enum test_verdict; 0 is a pass */
    unsigned long long elapsed_ms;
    size_t failure_count;
    const struct test_failure *failures;
    const char *skipped;       /* why the case could not run here; NULL: it could */
    char *output;              /* what the case wrote to stdout and stderr */
    struct test_report *owned; /* memory behind the failures */
};

struct test_failure {
    char file[96];
    unsigned line;
    char text[600];
};

/* Runs one case. Give the result back with test_result_release(). */
void test_run_case(const struct test_case *test, struct test_result *ret_result);
void test_result_release(struct test_result *result);

#endif
