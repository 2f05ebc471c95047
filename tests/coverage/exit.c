/*
 * exit.c: _exit() of a coverage build. Cases and forked workers end by _exit(), which runs no exit handlers, so it must
 * itself write what gcov has counted. What a process counts before a signal ends it is lost.
 */
#include <gcov.h>
#include <sys/syscall.h>
#include <unistd.h>

void _exit(int status) {
    __gcov_dump();
    /* A child of vfork() shares its counters with its parent, which goes on counting. */
    __gcov_reset();
    for (;;) {
        (void)syscall(SYS_exit_group, status);
    }
}
