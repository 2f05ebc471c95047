/*
 * process.h: one worker process: spawn it, wait for it, signal it. Uses pidfds, never SIGCHLD or wait() for any child,
 * so the children and handlers of the program around us stay its own.
 */
#ifndef YOKE_MASTER_PROCESS_H
#define YOKE_MASTER_PROCESS_H

#include "master/identity.h"
#include "worker/boot.h"

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct yoke__process {
    pid_t pid;
    int pidfd;
    int channel_fd; /* our end of the socketpair, non-blocking */
};

/* What to run: exactly one of `entry` and `path` is set. */
struct yoke__program {
    yoke_worker_entry *entry;
    void *user_data;
    const char *path;
    char *const *argv;
    const int *listeners; /* descriptors, as many as the setup says; they become 4, 5, … */
    int last_word;        /* a descriptor, if the setup says seccomp */
    const int *output;    /* two descriptors, which become its stdout and stderr; NULL: the master's are */
    const struct yoke__identity *identity; /* NULL: the master's */
};

/*
 * Spawn a worker. In the child: it dies with our thread; descriptors 0, 1, 2, the channel and the listening sockets are all it has; no signal
 * is blocked, every handler is the default. A negative errno value on failure, and no process is left.
 */
int yoke__process_spawn(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                        struct yoke__process *ret_process);

/* How a process ended. */
struct yoke__exit {
    bool known;    /* false: somebody else reaped it */
    int exit_code; /* -1 unless it exited */
    int signal;    /* 0 unless a signal killed it */
    bool core_dumped;
    struct rusage usage;
};

/* Reap it, waiting until it is dead. */
void yoke__process_wait(const struct yoke__process *process, struct yoke__exit *ret_exit);

/* Reap it if it is dead; false when it is not. */
bool yoke__process_reap(const struct yoke__process *process, struct yoke__exit *ret_exit);

/* -ESRCH, -EINVAL. */
int yoke__process_signal(const struct yoke__process *process, int signal);

#endif
