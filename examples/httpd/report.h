/* report.h: what happens to the master and its workers, line by line. */
#ifndef HTTPD_REPORT_H
#define HTTPD_REPORT_H

#include <stdbool.h>
#include <yoke/master.h>

/* Failures go to stderr; with `verbose`, everything else to stdout. Errors as yoke_events_on(). */
int report_init(struct yoke_master *master, bool verbose);

#endif
