/* x */
#include "load.h"
#include "trace.h"
static void nothing(void) {}
static const struct test_case cases[] = {{.name = "x", .run = nothing},{.name = NULL}};
LAB_MAIN(cases)
