/* What treecount says: errors as they come, and the figures at the end, for people or as JSON. */
#ifndef TREECOUNT_REPORT_H
#define TREECOUNT_REPORT_H

#include "figures.h"

/* A line to stderr: this file or directory could not be read, and why. */
void report_error(const char *path, const char *why);

/* A line to stdout about a worker that died. */
void report_death(const Yoke__V1__WorkerDied *death);

/* The figures with the `top` most common words, to stdout. -EIO when stdout takes them no more, or -ENOMEM. */
int report_figures(const struct figures *figures, unsigned top);
int report_json(const struct figures *figures, unsigned top);

#endif
