/*
 * seccomp.h: what a worker may ask of the kernel. What it may not is not done and kills it by SIGSYS; before, its last word names
 * the system call, in memory that its master made. A worker can lie there: it is for people to read.
 */
#ifndef YOKE_WORKER_SECCOMP_H
#define YOKE_WORKER_SECCOMP_H

#include <linux/filter.h>
#include <stdint.h>
#include <yoke/pool.h>

/* The memory for the last word: a descriptor of this many bytes. */
struct yoke__last_word {
    volatile uint32_t refused; /* the number of the system call and one; 0: none was */
};

/*
 * The program that the kernel runs for each system call of a worker of this profile. Free its `filter`. -ENOMEM, -EMFILE, …; what
 * the kernel says when it knows no seccomp: -EINVAL, -ENOSYS, -EOPNOTSUPP.
 */
int yoke__seccomp_compile(enum yoke_seccomp profile, struct sock_fprog *ret_program);

/*
 * From now on. The process has given up new privileges. `last_word_fd` is closed. A negative errno value on failure.
 */
int yoke__seccomp_enter(enum yoke_seccomp profile, const struct sock_fprog *program, int last_word_fd);

/* The name of a system call that this profile refuses, always or with some arguments; NULL when it refuses no such one. */
const char *yoke__seccomp_name(enum yoke_seccomp profile, uint32_t number);

#endif
