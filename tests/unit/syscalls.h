/*
 * syscalls.h: the kernel as the tests want it. Programs that link this send, receive and make shared memory through it, and it
 * can cut transfers short, fail one, or fail them all, as kernels do at their leisure.
 */
#ifndef YOKE_TESTS_UNIT_SYSCALLS_H
#define YOKE_TESTS_UNIT_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>

/* Calls of sendmsg() and recvmsg() since the last reset. */
size_t syscalls_count(void);

/* Forget all plans and counts. */
void syscalls_reset(void);

/* Transfer at most so many bytes at once. */
void syscalls_cut(size_t bytes);

/* Fail call number `nth` from now on, 0 being the next, with this errno; those of the other kind are counted, too. */
void syscalls_fail_once(size_t nth, int error);

/* Fail every second call, with this errno: a call that is tried again succeeds. */
void syscalls_fail_alternately(int error);

/* Run this before each recvmsg(); NULL: nothing. */
void syscalls_before_receiving(void (*hook)(void));

/* Only the next recvmsg() transfers at most so many bytes. */
void syscalls_cut_next_receiving(size_t bytes);

/* The calls that make shared memory, and a sendmsg() that passes a descriptor. */
enum syscalls_kind {
    SYSCALLS_MEMFD_CREATE,
    SYSCALLS_FTRUNCATE,
    SYSCALLS_FCNTL,
    SYSCALLS_MMAP,
    SYSCALLS_MADVISE,
    SYSCALLS_PASS,
    SYSCALLS_KINDS
};

/* Fail all calls of a kind from now on, with this errno; 0: none any more. How many there have been is told, too. */
void syscalls_refuse(enum syscalls_kind kind, int error);
size_t syscalls_count_of(enum syscalls_kind kind);

/* Whether the failure that was asked for has happened. */
bool syscalls_have_failed(void);

#endif
