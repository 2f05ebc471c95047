/*
 * prepare.h: what a child does between its first moment and its own life. In exec mode this runs in the master's memory while the
 * master waits: it makes system calls, and changes nothing but its plan.
 */
#ifndef YOKE_MASTER_PREPARE_H
#define YOKE_MASTER_PREPARE_H

#include "master/identity.h"
#include "worker/boot.h"

/* No sanitizer marks on a stack that goes away. */
#define YOKE__IN_CHILD __attribute__((no_sanitize("address")))

/* The exit code of a child that could not even begin; nobody but us sees it. */
#define YOKE__EXIT_NOT_STARTED 127

/* Beside the listening sockets: the channel, a worker's notice, and where a forked child reports. */
#define YOKE__CHILD_FDS_MAX (YOKE_LISTENERS_MAX + 3)

struct yoke__child_plan {
    pid_t master_pid;
    unsigned index; /* of the worker's place */
    bool will_exec;
    const struct yoke__identity *identity; /* NULL: the master's */
    int output[2];                         /* what become stdout and stderr; -1: the master's are */
    int fds[YOKE__CHILD_FDS_MAX];          /* what become the descriptors YOKE__CHANNEL_FD and so on, and then those */
    unsigned fd_count;
};

/* Become what process.h promises of the child. 0 or a negative errno value. */
int yoke__prepare_child(struct yoke__child_plan *plan);

#endif
