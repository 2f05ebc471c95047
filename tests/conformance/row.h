/*
 * row.h: the configurations, of which each is a suite of all cases. A new transport, codec or driver is a new row.
 */
#ifndef YOKE_TESTS_CONFORMANCE_ROW_H
#define YOKE_TESTS_CONFORMANCE_ROW_H

#include "cases.h"
#include "service.h"

#include <yoke/yoke.h>

struct row {
    const char *name;
    bool exec;                   /* workers are programs, not copies of the master */
    bool upward;                 /* the worker calls its master, not the master its worker */
    uint32_t busy_poll_us;       /* of both sides */
    const struct driver *driver; /* how the side that calls does it */
};

struct conformance_case {
    const char *name;
    case_body *body;
};

/* The rows and the cases; each table ends with one without a name. */
extern const struct row rows[];
extern const struct conformance_case all_cases[];

/* The limits of both sides: so large that neither the largest message nor a thousand calls at once meet them. */
extern const struct yoke_limits row_limits;

/* Runs a case in the configuration of the suite that is running, so many times. */
void run_case(const struct conformance_case *test, unsigned rounds);

/* What the worker does: it serves; and if it is given a case, it runs that and exits with 1 if anything went wrong. */
struct worker_job {
    const struct row *row;
    const struct conformance_case *test; /* NULL: none */
};

yoke_worker_entry row_worker_entry; /* user_data: struct worker_job */

/* The exit codes of workers. */
#define EXIT_CASE_FAILED 1
#define EXIT_CALLS_LEFT 2

#endif
