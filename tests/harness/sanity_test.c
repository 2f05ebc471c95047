/* sanity_test.c: proves that the harness itself catches what it is there to catch, and passes what is clean. */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The name under which this program runs itself. */
#define INNER "sanity-inner"

/* Runs a case that misbehaves, and checks that it gets this verdict, exactly, and a failure that says `text`. */
static void expect(const struct test_case *test, unsigned verdict, const char *text) {
    struct test_result result;
    test_run_case(test, &result);
    CHECK_INT(result.verdict, verdict);
    if (text != NULL) {
        REQUIRE(result.failure_count > 0);
        CHECK_CONTAINS(result.failures[0].text, text);
    } else {
        CHECK_INT(result.failure_count, 0);
    }
    test_result_release(&result);
}

static void do_nothing(void) {
}

static void hang(void) {
    for (;;) {
        pause();
    }
}

static void passes_a_clean_case(void) {
    expect(&(struct test_case){.name = "clean", .run = do_nothing}, TEST_PASSED, NULL);
}

/* ---- Descriptors */

static void leak_fd(void) {
    CHECK(open("/dev/zero", O_RDONLY) >= 0);
}

static void close_stranger(void) {
    close(2);
}

static void replace_stranger(void) {
    int fd = open("/dev/zero", O_RDONLY);
    dup2(fd, 0);
    close(fd);
}

static void catches_an_fd_leak_and_names_it(void) {
    expect(&(struct test_case){.name = "leak", .run = leak_fd}, TEST_LEAKED_FD, "left open: /dev/zero");
}

static void catches_a_closed_stranger(void) {
    expect(&(struct test_case){.name = "close", .run = close_stranger}, TEST_LEAKED_FD, "descriptor 2 closed");
}

static void catches_a_replaced_fd(void) {
    expect(&(struct test_case){.name = "replace", .run = replace_stranger}, TEST_LEAKED_FD, "is now /dev/zero");
}

/* ---- Ends */

static void crash(void) {
    signal(SIGSEGV, SIG_DFL); /* sanitizers make an exit code of it otherwise */
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
}

static void exit_3(void) {
    exit(3);
}

static void exit_0_early(void) {
    exit(0);
}

static void catches_a_crash(void) {
    expect(&(struct test_case){.name = "crash", .run = crash}, TEST_WRONG_END, "signal 11");
}

static void passes_an_expected_crash(void) {
    expect(&(struct test_case){.name = "crash", .run = crash, .signal = SIGSEGV}, TEST_PASSED, NULL);
}

static void catches_a_wrong_signal(void) {
    expect(&(struct test_case){.name = "crash", .run = crash, .signal = SIGBUS}, TEST_WRONG_END, "signal 11");
}

static void catches_a_missing_crash(void) {
    expect(&(struct test_case){.name = "none", .run = do_nothing, .signal = SIGSEGV}, TEST_WRONG_END, "code 0");
}

static void catches_a_wrong_exit_code(void) {
    expect(&(struct test_case){.name = "exit", .run = exit_3}, TEST_WRONG_END, "exited with code 3");
    expect(&(struct test_case){.name = "exit", .run = exit_3, .exit_code = 4}, TEST_WRONG_END, "with code 4");
}

static void passes_an_expected_exit_code(void) {
    expect(&(struct test_case){.name = "exit", .run = exit_3, .exit_code = 3}, TEST_PASSED, NULL);
}

static void catches_an_early_exit_0(void) {
    expect(&(struct test_case){.name = "exit", .run = exit_0_early}, TEST_WRONG_END, "before the end");
}

static void catches_a_hang(void) {
    expect(&(struct test_case){.name = "hang", .run = hang, .timeout_ms = 50}, TEST_TIMED_OUT, "still ran");
    CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
}

static void fork_and_hang(void) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            hang();
        }
        hang();
    }
    hang();
}

static void catches_a_hang_with_descendants_in_other_sessions(void) {
    expect(&(struct test_case){.name = "hang", .run = fork_and_hang, .timeout_ms = 200}, TEST_TIMED_OUT, "still ran");
    CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
}

/* ---- Processes */

static void leave_child(void) {
    if (fork() == 0) {
        hang();
    }
}

static void leave_zombie(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

static void leave_orphan(void) {
    pid_t pid = fork();
    if (pid == 0) {
        setsid();
        leave_child();
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

static void leave_child_and_exit_3(void) {
    leave_child();
    exit_3();
}

static void return_twice(void) {
    pid_t pid = fork();
    if (pid > 0) {
        waitpid(pid, NULL, 0);
    }
}

static void catches_a_left_over_child(void) {
    expect(&(struct test_case){.name = "child", .run = leave_child}, TEST_LEAKED_PROCESS, "left behind: process");
    CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
}

static void catches_a_zombie(void) {
    expect(&(struct test_case){.name = "zombie", .run = leave_zombie}, TEST_LEAKED_PROCESS, "zombie");
}

static void catches_an_orphan_in_another_session(void) {
    expect(&(struct test_case){.name = "orphan", .run = leave_orphan}, TEST_LEAKED_PROCESS, "left behind: process");
    CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
}

static void catches_a_child_left_at_an_expected_exit(void) {
    expect(&(struct test_case){.name = "child", .run = leave_child_and_exit_3, .exit_code = 3}, TEST_LEAKED_PROCESS,
           "left behind: process");
}

static void kills_what_a_case_may_leave(void) {
    expect(&(struct test_case){.name = "child", .run = leave_child, .leaves_children = true}, TEST_PASSED, NULL);
    CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
}

static void catches_a_copy_that_runs_on(void) {
    expect(&(struct test_case){.name = "twice", .run = return_twice}, TEST_FAILED_ASSERTION, "forked copy");
}

/* ---- Assertions */

static void fail_cunit(void) {
    CU_ASSERT_EQUAL(1, 2);
    CU_ASSERT_EQUAL(3, 4);
}

static void fail_cunit_fatal(void) {
    CU_FAIL_FATAL("stop here");
    exit(3);
}

static void fail_in_fork(void) {
    pid_t pid = fork();
    if (pid == 0) {
        REQUIRE(pid > 0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    CHECK_INT(WEXITSTATUS(status), TEST_EXIT_FATAL);
}

static void fail_and_crash(void) {
    CHECK_INT(5, 6);
    crash();
}

static void catches_failed_cunit_assertions_with_file_and_line(void) {
    struct test_result result;
    test_run_case(&(struct test_case){.name = "cunit", .run = fail_cunit}, &result);
    CHECK_INT(result.verdict, TEST_FAILED_ASSERTION);
    REQUIRE_INT(result.failure_count, 2);
    CHECK_STR(result.failures[0].file, "sanity_test.c");
    CHECK_INT(result.failures[1].line, result.failures[0].line + 1);
    CHECK_STR(result.failures[1].text, "CU_ASSERT_EQUAL(3,4)");
    test_result_release(&result);
}

static void a_fatal_assertion_ends_the_case(void) {
    expect(&(struct test_case){.name = "fatal", .run = fail_cunit_fatal}, TEST_FAILED_ASSERTION, "stop here");
}

static void catches_an_assertion_in_a_forked_process(void) {
    expect(&(struct test_case){.name = "fork", .run = fail_in_fork}, TEST_FAILED_ASSERTION, "[in process");
}

static void keeps_failures_of_a_case_that_crashed(void) {
    expect(&(struct test_case){.name = "crash", .run = fail_and_crash}, TEST_FAILED_ASSERTION | TEST_WRONG_END,
           "it is 5, not 6");
}

static void check_kinds(void) {
    CHECK_STR("a", "b");
    CHECK_STR(NULL, "b");
    CHECK_CONTAINS("abc", "d");
    CHECK_STR(NULL, NULL);
    CHECK_STR("a", "a");
    CHECK_CONTAINS("abc", "b");
}

static void checks_say_both_sides(void) {
    struct test_result result;
    test_run_case(&(struct test_case){.name = "checks", .run = check_kinds}, &result);
    REQUIRE_INT(result.failure_count, 3);
    CHECK_CONTAINS(result.failures[0].text, "it is \"a\", not \"b\"");
    CHECK_CONTAINS(result.failures[1].text, "it is \"(null)\", not \"b\"");
    CHECK_CONTAINS(result.failures[2].text, "it is \"abc\", without \"d\"");
    test_result_release(&result);
}

/* ---- Skipping */

static void skip(void) {
    test_skip("not here");
}

static void skip_and_fail(void) {
    test_skip("not here");
    CHECK(false);
}

static void says_why_a_case_is_skipped(void) {
    struct test_result result;
    test_run_case(&(struct test_case){.name = "skip", .run = skip}, &result);
    CHECK_INT(result.verdict, TEST_PASSED);
    CHECK_STR(result.skipped, "not here");
    test_result_release(&result);
    test_run_case(&(struct test_case){.name = "clean", .run = do_nothing}, &result);
    CHECK_STR(result.skipped, NULL);
    test_result_release(&result);
}

static void skipping_excuses_no_failure(void) {
    expect(&(struct test_case){.name = "skip", .run = skip_and_fail}, TEST_FAILED_ASSERTION, "false");
}

/* ---- Output and memory */

static void talk(void) {
    printf("to stdout\n");
    fprintf(stderr, "to stderr\n");
}

static void keeps_the_output(void) {
    struct test_result result;
    test_run_case(&(struct test_case){.name = "talk", .run = talk}, &result);
    CHECK_INT(result.verdict, TEST_PASSED);
    CHECK_CONTAINS(result.output, "to stdout\n");
    CHECK_CONTAINS(result.output, "to stderr\n");
    test_result_release(&result);
}

/* Many blocks, because one whose address is still in a register or a dead stack slot does not count as leaked. */
static void leak_memory(void) {
    for (size_t i = 0; i < 64; i++) {
        char *volatile block = malloc(100 + i);
        memset(block, 1, 100);
    }
}

static void catches_a_memory_leak(void) {
    if (test_has_asan()) {
        expect(&(struct test_case){.name = "memory", .run = leak_memory}, TEST_LEAKED_MEMORY, "memory leaked");
    }
}

/* ---- test_main() */

static void fail(void) {
    CHECK(false);
}

static const struct test_case passing[] = {{.name = "passes", .run = do_nothing}, {.name = NULL}};
static const struct test_case failing[] = {{.name = "fails", .run = fail}, {.name = NULL}};
static const struct test_suite inner_suites[] = {{"good", passing, NULL}, {"bad", failing, NULL}, {.name = NULL}};

/* CUnit runs once in a process, so this program runs itself with the suites above; gives the exit code. */
static int run_main(const char *pattern) {
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", INNER, pattern, NULL);
        _exit(127);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void main_fails_when_a_case_does(void) {
    CHECK_INT(run_main(NULL), EXIT_FAILURE);
}

static void main_runs_what_is_named(void) {
    CHECK_INT(run_main("good/passes"), EXIT_SUCCESS);
    CHECK_INT(run_main("g*/p*s"), EXIT_SUCCESS);
    CHECK_INT(run_main("bad"), EXIT_FAILURE);
}

static void main_fails_when_nothing_matches(void) {
    CHECK_INT(run_main("no such case"), EXIT_FAILURE);
}

static const struct test_case cases[] = {
    {.name = "passes a clean case", .run = passes_a_clean_case},
    {.name = "catches an fd leak and names it", .run = catches_an_fd_leak_and_names_it},
    {.name = "catches the closing of an fd that is not the case's", .run = catches_a_closed_stranger},
    {.name = "catches a replaced fd", .run = catches_a_replaced_fd},
    {.name = "catches a crash", .run = catches_a_crash},
    {.name = "passes an expected crash", .run = passes_an_expected_crash},
    {.name = "catches a wrong signal", .run = catches_a_wrong_signal},
    {.name = "catches a missing crash", .run = catches_a_missing_crash},
    {.name = "catches a wrong exit code", .run = catches_a_wrong_exit_code},
    {.name = "passes an expected exit code", .run = passes_an_expected_exit_code},
    {.name = "catches an exit(0) before the case is over", .run = catches_an_early_exit_0},
    {.name = "catches a hang", .run = catches_a_hang},
    {.name = "catches a hang with descendants in other sessions",
     .run = catches_a_hang_with_descendants_in_other_sessions},
    {.name = "catches a left-over child", .run = catches_a_left_over_child},
    {.name = "catches a zombie", .run = catches_a_zombie},
    {.name = "catches an orphan in another session", .run = catches_an_orphan_in_another_session},
    {.name = "catches a child left at an expected exit", .run = catches_a_child_left_at_an_expected_exit},
    {.name = "kills what a case may leave", .run = kills_what_a_case_may_leave},
    {.name = "catches a forked copy that runs on", .run = catches_a_copy_that_runs_on},
    {.name = "catches failed CUnit assertions with file and line",
     .run = catches_failed_cunit_assertions_with_file_and_line},
    {.name = "a fatal assertion ends the case", .run = a_fatal_assertion_ends_the_case},
    {.name = "catches an assertion in a forked process", .run = catches_an_assertion_in_a_forked_process},
    {.name = "keeps the failures of a case that crashed", .run = keeps_failures_of_a_case_that_crashed},
    {.name = "checks say both sides", .run = checks_say_both_sides},
    {.name = "says why a case is skipped", .run = says_why_a_case_is_skipped},
    {.name = "skipping excuses no failure", .run = skipping_excuses_no_failure},
    {.name = "keeps the output", .run = keeps_the_output},
    {.name = "catches a memory leak (with AddressSanitizer)", .run = catches_a_memory_leak},
    {.name = "the program fails when a case does", .run = main_fails_when_a_case_does},
    {.name = "the program runs what is named", .run = main_runs_what_is_named},
    {.name = "the program fails when nothing matches", .run = main_fails_when_nothing_matches},
    {.name = NULL},
};

static const struct test_suite suites[] = {{"sanity", cases, NULL}, {.name = NULL}};

int main(int argc, char **argv) {
    return test_main(argc, argv, strcmp(argv[0], INNER) == 0 ? inner_suites : suites);
}
