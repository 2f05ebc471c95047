/* The job: hand every file of a tree to the workers of a pool, and add up what they answer. */
#ifndef TREECOUNT_JOB_H
#define TREECOUNT_JOB_H

#include "figures.h"

#include <stdbool.h>

struct ev_loop;

struct options {
    const char *root;
    unsigned workers; /* 0: the library's default */
    unsigned top;     /* how many of the most common words to find; 0: none */
    bool kill_one;    /* SIGKILL a worker that has an unfinished batch */
    bool json;
};

/*
 * Do it, in the loop given. What could not be read is reported as it is met and counted in figures->errors. 0 when the
 * whole tree was gone through; when not, a negative errno value, after the failure was reported.
 */
int job_run(struct ev_loop *loop, const struct options *options, struct figures *figures);

#endif
