/*
 * report.h: failures of one case, in memory that all its processes share, so that neither a fork, a crash nor closed
 * descriptors lose one. It does not survive exec: programs that a case execs report through their exit code.
 */
#ifndef YOKE_TESTS_REPORT_H
#define YOKE_TESTS_REPORT_H

#include "harness.h"

#include <setjmp.h>
#include <stdatomic.h>

#define TEST_FAILURES_MAX 64

struct test_report {
    atomic_uint verdict;
    atomic_uint count;    /* may exceed the array: the rest was dropped */
    atomic_bool finished; /* the body ran to its end */
    char skipped[200];    /* why it could not do so; empty: it could */
    struct test_failure failures[TEST_FAILURES_MAX];
};

struct test_report *test_report_create(void);
void test_report_destroy(struct test_report *report);

/* Makes `report` the one that assertions in this process and its forks go to, and says where a fatal one jumps. */
void test_report_use(struct test_report *report, jmp_buf *fatal_jump);

/* Which report is in use, and where fatal assertions jump. */
struct test_report_state {
    struct test_report *report;
    jmp_buf *fatal_jump;
    pid_t pid;
};

/* Uses `report` for a while, without a place to jump to; leave with what this gave. */
struct test_report_state test_report_enter(struct test_report *report);
void test_report_leave(struct test_report_state outer);

/* Adds a failure of kind `verdict` to the report in use. */
void test_report_add(unsigned verdict, const char *file, unsigned line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
