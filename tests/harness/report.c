/* report.c: shared failure records and the assertions that write them. It keeps the first 64 failures of a case. */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct test_report_state current;

struct test_report *test_report_create(void) {
    void *memory = mmap(NULL, sizeof(struct test_report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("harness: mmap");
        abort();
    }
    return memory;
}

void test_report_destroy(struct test_report *report) {
    if (report != NULL) {
        munmap(report, sizeof(*report));
    }
}

void test_report_use(struct test_report *report, jmp_buf *fatal_jump) {
    current = (struct test_report_state){report, fatal_jump, getpid()};
}

struct test_report_state test_report_enter(struct test_report *report) {
    struct test_report_state outer = current;
    test_report_use(report, NULL);
    return outer;
}

void test_report_leave(struct test_report_state outer) {
    current = outer;
}

static void add(unsigned verdict, const char *file, unsigned line, const char *format, va_list arguments) {
    atomic_fetch_or(&current.report->verdict, verdict);
    unsigned slot = atomic_fetch_add(&current.report->count, 1);
    if (slot >= TEST_FAILURES_MAX) {
        return;
    }
    struct test_failure *failure = &current.report->failures[slot];
    const char *base = strrchr(file, '/');
    snprintf(failure->file, sizeof(failure->file), "%s", base != NULL ? base + 1 : file);
    failure->line = line;
    int length = vsnprintf(failure->text, sizeof(failure->text), format, arguments);
    if (getpid() != current.pid && length >= 0 && (size_t)length < sizeof(failure->text)) {
        snprintf(failure->text + length, sizeof(failure->text) - (size_t)length, " [in process %d]", (int)getpid());
    }
}

void test_report_add(unsigned verdict, const char *file, unsigned line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(verdict, file, line, format, arguments);
    va_end(arguments);
}

void test_skip(const char *why) {
    snprintf(current.report->skipped, sizeof(current.report->skipped), "%s", why);
}

/* Another process than the case's own has copies of its stack frames: jumping there would run the case's end twice. */
static void stop_if(bool fatal) {
    if (!fatal) {
        return;
    }
    if (getpid() != current.pid) {
        _exit(TEST_EXIT_FATAL);
    }
    longjmp(*current.fatal_jump, 1);
}

void test_check(bool holds, const char *what, const char *file, unsigned line, bool fatal) {
    if (!holds) {
        test_report_add(TEST_FAILED_ASSERTION, file, line, "%s", what);
        stop_if(fatal);
    }
}

void test_check_int(long long actual, long long expected, const char *what, const char *file, unsigned line,
                    bool fatal) {
    if (actual != expected) {
        test_report_add(TEST_FAILED_ASSERTION, file, line, "%s: it is %lld, not %lld", what, actual, expected);
        stop_if(fatal);
    }
}

void test_check_str(const char *actual, const char *expected, const char *what, const char *file, unsigned line) {
    if (actual == NULL && expected == NULL) {
        return;
    }
    if (actual == NULL || expected == NULL || strcmp(actual, expected) != 0) {
        test_report_add(TEST_FAILED_ASSERTION, file, line, "%s: it is \"%.200s\", not \"%.200s\"", what,
                        actual != NULL ? actual : "(null)", expected != NULL ? expected : "(null)");
    }
}

void test_check_contains(const char *text, const char *part, const char *what, const char *file, unsigned line) {
    if (text == NULL || strstr(text, part) == NULL) {
        test_report_add(TEST_FAILED_ASSERTION, file, line, "%s: it is \"%.200s\", without \"%.200s\"", what,
                        text != NULL ? text : "(null)", part);
    }
}

CU_BOOL test_cunit_assert(CU_BOOL holds, unsigned line, const char *what, const char *file, const char *function,
                          CU_BOOL fatal) {
    (void)function;
    test_check(holds != CU_FALSE, what, file, line, fatal != CU_FALSE);
    return holds;
}
