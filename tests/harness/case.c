/*
 * case.c: one case from fork to verdict. The case's process looks for its own leaks, because only it can see its
 * descriptors and its heap; its parent looks at how it ended and, as the subreaper, at the processes that it left.
 */
#include "fdlist.h"
#include "proclist.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN_MAX 256
#define OUTPUT_SHOWN 16384

/* Only there when LeakSanitizer is linked. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));
extern void __asan_init(void) __attribute__((weak));

bool test_has_asan(void) {
    return __asan_init != NULL;
}

void test_skip_leak_checks(void) {
    char options[1024];
    const char *own = getenv("ASAN_OPTIONS");
    snprintf(options, sizeof(options), "%s:detect_leaks=0", own != NULL ? own : "");
    setenv("ASAN_OPTIONS", options, 1);
}

static void die(const char *what) {
    perror(what);
    abort();
}

/* ---- In the case's process ------------------------------------------------------------------------------------ */

static void set_up_process(int output) {
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0) {
        die("harness: standard streams");
    }
    close(null);
    close(output);
    struct rlimit core;
    getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &core);
}

static void report_fd(const char *text) {
    test_report_add(TEST_LEAKED_FD, "", 0, "%s", text);
}

static void report_memory(void) {
    if (__lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0) {
        test_report_add(TEST_LEAKED_MEMORY, "", 0, "memory leaked; the output says from where");
    }
}

static void run_in_child(const struct test_case *test, struct test_report *report) {
    jmp_buf fatal_jump;
    pid_t self = getpid();
    struct test_fdlist before;
    struct test_fdlist after;
    test_fdlist_take(&before);
    test_report_use(report, &fatal_jump);
    if (setjmp(fatal_jump) == 0) {
        test->run();
        if (getpid() != self) {
            test_report_add(TEST_FAILED_ASSERTION, "", 0, "a forked copy of the case returned from the case's body");
            _exit(TEST_EXIT_FATAL);
        }
        atomic_store(&report->finished, true);
        test_fdlist_take(&after);
        test_fdlist_compare(&before, &after, report_fd);
        test_fdlist_release(&after);
        test_fdlist_release(&before);
        report_memory();
    }
    fflush(NULL);
    _exit(0);
}

/* ---- In the harness's process --------------------------------------------------------------------------------- */

/* Waits for the end of the case. False when it had to be killed. */
static bool await_end(pid_t pid, unsigned timeout_ms, int *ret_status) {
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0) {
        die("harness: pidfd_open");
    }
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    unsigned long long deadline = test_now_ms() + timeout_ms;
    int ready = 0;
    for (;;) {
        unsigned long long now = test_now_ms();
        ready = poll(&ended, 1, now < deadline ? (int)(deadline - now) : 0);
        if (ready > 0 || (ready == 0 && now >= deadline)) {
            break;
        }
    }
    close(pidfd);
    if (ready == 0) {
        kill(pid, SIGKILL);
    }
    while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR) {
    }
    return ready > 0;
}

static void describe_end(int status, char *ret_text, size_t capacity) {
    if (WIFSIGNALED(status)) {
        snprintf(ret_text, capacity, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    } else {
        snprintf(ret_text, capacity, "exited with code %d", WEXITSTATUS(status));
    }
}

static void judge_end(const struct test_case *test, const struct test_report *report, int status) {
    char ended[100];
    describe_end(status, ended, sizeof(ended));
    int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (test->signal != 0 ? signal != test->signal : exit_code != test->exit_code) {
        test_report_add(TEST_WRONG_END, "", 0, "the case %s; it was to %s %d", ended,
                        test->signal != 0 ? "die of signal" : "exit with code",
                        test->signal != 0 ? test->signal : test->exit_code);
    } else if (exit_code == 0 && !atomic_load(&report->finished) && atomic_load(&report->count) == 0) {
        test_report_add(TEST_WRONG_END, "", 0, "the case exited before the end of its body");
    }
}

/*
 * What the case had not reaped, dead or alive, has become a child of this process. It is reported unless the case was
 * cut short, which excuses it, or may leave it.
 */
static void clear_left_over(const struct test_case *test, const struct test_report *report, const pid_t *older,
                            size_t older_count) {
    const unsigned cut_short = TEST_FAILED_ASSERTION | TEST_WRONG_END | TEST_TIMED_OUT;
    bool excused = test->leaves_children || (atomic_load(&report->verdict) & cut_short) != 0;
    pid_t pids[CHILDREN_MAX];
    size_t count = test_children(pids, CHILDREN_MAX);
    for (size_t i = 0; i < count; i++) {
        bool is_older = false;
        for (size_t j = 0; j < older_count; j++) {
            is_older = is_older || older[j] == pids[i];
        }
        if (!is_older && !excused) {
            char text[200];
            test_process_describe(pids[i], text, sizeof(text));
            test_report_add(TEST_LEAKED_PROCESS, "", 0, "left behind: %s", text);
        }
    }
    test_kill_children(older, older_count);
}

static char *read_output(int output) {
    char *text = calloc(1, OUTPUT_SHOWN + 1);
    off_t size = lseek(output, 0, SEEK_END);
    off_t start = size > OUTPUT_SHOWN ? size - OUTPUT_SHOWN : 0;
    if (text == NULL || pread(output, text, OUTPUT_SHOWN, start) < 0) {
        die("harness: output");
    }
    return text;
}

void test_run_case(const struct test_case *test, struct test_result *ret_result) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t older[CHILDREN_MAX];
    size_t older_count = test_children(older, CHILDREN_MAX);
    struct test_report *report = test_report_create();
    int output = memfd_create("test output", MFD_CLOEXEC);
    unsigned long long start = test_now_ms();
    fflush(NULL);
    /* Several processes write, and such a file does not keep them from writing at the same offset. */
    pid_t pid = output >= 0 && fcntl(output, F_SETFL, O_APPEND) == 0 ? fork() : -1;
    if (pid < 0) {
        die("harness: fork");
    }
    if (pid == 0) {
        set_up_process(output);
        run_in_child(test, report);
    }

    /* In a case of the harness's own tests, that case's report is in use and comes back into use below. */
    struct test_report_state outer = test_report_enter(report);
    unsigned timeout_ms = test->timeout_ms != 0 ? test->timeout_ms : TEST_TIMEOUT_MS;
    int status = 0;
    if (await_end(pid, timeout_ms, &status)) {
        judge_end(test, report, status);
    } else {
        test_report_add(TEST_TIMED_OUT, "", 0, "the case still ran after %u ms and was killed", timeout_ms);
    }
    clear_left_over(test, report, older, older_count);
    test_report_leave(outer);

    unsigned count = atomic_load(&report->count);
    *ret_result = (struct test_result){
        .verdict = atomic_load(&report->verdict),
        .elapsed_ms = test_now_ms() - start,
        .failure_count = count < TEST_FAILURES_MAX ? count : TEST_FAILURES_MAX,
        .failures = report->failures,
        .skipped = report->skipped[0] != '\0' ? report->skipped : NULL,
        .output = read_output(output),
        .owned = report,
    };
    close(output);
}

void test_result_release(struct test_result *result) {
    free(result->output);
    test_report_destroy(result->owned);
    *result = (struct test_result){0};
}
