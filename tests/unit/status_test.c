/* status_test.c: the names of the status codes. */
#include "harness.h"

#include <limits.h>
#include <yoke/rpc.h>

static void each_code_has_grpcs_name(void) {
    static const char *const names[] = {
        "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
        "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
        "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    };
    CHECK_INT(sizeof(names) / sizeof(*names), YOKE_UNAUTHENTICATED + 1);
    for (unsigned code = 0; code <= YOKE_UNAUTHENTICATED; code++) {
        CHECK_STR(yoke_code_name((enum yoke_code)code), names[code]);
    }
}

static void what_is_no_code_is_unknown(void) {
    static const int numbers[] = {-1, 17, 1000, INT_MAX, INT_MIN};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        /* Read through an int, because a number that the enum does not hold is what this is about. */
        enum yoke_code code;
        *(int *)(void *)&code = numbers[i];
        CHECK_STR(yoke_code_name(code), "UNKNOWN");
    }
}

static const struct test_case cases[] = {
    {.name = "each code has gRPC's name", .run = each_code_has_grpcs_name},
    {.name = "a number that is no code is UNKNOWN", .run = what_is_no_code_is_unknown},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "status", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
