/* boot.h: how a fresh process becomes a worker, and how it ends. The master's fork calls the first; exec'd programs the
 * second, yoke_worker_main(). */
#ifndef YOKE_WORKER_BOOT_H
#define YOKE_WORKER_BOOT_H

#include <linux/filter.h>
#include <yoke/pool.h>
#include <yoke/worker.h>

/* The channel's descriptor in every worker: the first after the standard ones. */
#define YOKE__CHANNEL_FD 3

/*
 * Tells an exec'd program that it is a worker:
 * "<worker id>:<index in its pool>:<generation>:<the master's pid>:<listening sockets>:<1: stdout is captured>:<seccomp profile>:<title>".
 */
#define YOKE__WORKER_VARIABLE "YOKE_WORKER"

/* Where a worker with a seccomp profile finds the memory for its last word: behind its listening sockets. */
#define YOKE__LAST_WORD_FD(setup) (YOKE__CHANNEL_FD + 1 + (int)(setup)->listener_count)

/* Who a worker is and how it is set up. */
struct yoke__worker_setup {
    uint64_t id;
    unsigned index;
    uint64_t generation;
    pid_t master_pid;
    unsigned listener_count; /* descriptors behind the channel's that are listening sockets */
    enum yoke_seccomp seccomp;
    const struct sock_fprog *filter; /* of a forked one: what comes of `seccomp` */
    bool is_captured;                /* stdout is a pipe that the master reads line by line */
    const char *comm;                /* what ps shows, in short; NULL: as it is */
    struct yoke_limits limits;
    struct yoke_tuning tuning; /* resolved */
    yoke_log_hook *log;
    void *log_user_data;
};

/*
 * Live a forked worker's life, in a process whose only descriptors are the standard ones and the channel. Does not
 * return.
 */
_Noreturn void yoke__worker_live(const struct yoke__worker_setup *setup, yoke_worker_entry *entry, void *user_data);

#endif
