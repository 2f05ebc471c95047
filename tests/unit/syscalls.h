/*
 * syscalls.h: the kernel as the tests want it. Programs that link this send and receive through it, and it can cut
 * transfers short, fail one, or fail them all, as kernels do at their leisure.
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

/* Whether the failure that was asked for has happened. */
bool syscalls_have_failed(void);

#endif
