/* conformance_test.c: every case in every configuration. */
#include "row.h"

#include "harness.h"

#include <stddef.h>

/* The harness's cases take no argument, so each case has a function here. */
#define RUN(name, rounds)                                                   \
    static void run_##name(void) {                                          \
        run_case(&(struct conformance_case){#name, case_##name, (rounds)}); \
    }
CASES(RUN)

#define ENTRY(id, rounds) {.name = #id, .run = run_##id},
static const struct test_case cases[] = {CASES(ENTRY){.name = NULL}};

#define ROWS_MAX 32

int main(int argc, char **argv) {
    struct test_suite suites[ROWS_MAX + 1] = {0};
    for (unsigned i = 0; rows[i].name != NULL && i < ROWS_MAX; i++) {
        suites[i] = (struct test_suite){rows[i].name, cases, &rows[i]};
    }
    return test_main(argc, argv, suites);
}
