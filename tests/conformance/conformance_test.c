/* conformance_test.c: every case in every configuration. */
#include "row.h"

#include "harness.h"

#include <stddef.h>

/* The harness's cases take no argument, so each case has a function here. */
#define RUN(id, rounds, need)                                           \
    static void run_##id(void) {                                        \
        run_case(&(struct conformance_case){#id, case_##id}, (rounds)); \
    }
CASES(RUN)

#define ENTRY(id, rounds, need) {.name = #id, .run = run_##id},
static const struct test_case cases[] = {CASES(ENTRY){.name = NULL}};

/* Those of `cases` that a driver which blocks can run. */
#define NEED(id, rounds, need) need,
static const enum need needs[] = {CASES(NEED)};

#define CASE_COUNT (sizeof(needs) / sizeof(needs[0]))

static const struct test_case *cases_that_block(void) {
    static struct test_case kept[CASE_COUNT + 1];
    size_t count = 0;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        if (needs[i] == ANY_DRIVER) {
            kept[count++] = cases[i];
        }
    }
    return kept;
}

#define ROWS_MAX 32

int main(int argc, char **argv) {
    struct test_suite suites[ROWS_MAX + 1] = {0};
    for (size_t i = 0; rows[i].name != NULL && i < ROWS_MAX; i++) {
        suites[i] = (struct test_suite){rows[i].name, rows[i].driver->blocks ? cases_that_block() : cases, &rows[i]};
    }
    return test_main(argc, argv, suites);
}
