/* seccomp.h: why a confined worker died, in its own words. */
#ifndef YOKE_MASTER_SECCOMP_H
#define YOKE_MASTER_SECCOMP_H

#include <yoke/pool.h>

/* A descriptor of memory for a worker's last word, which nobody can resize. A negative errno value on failure. */
int yoke__last_word_open(void);

/* The name of the system call that the worker was refused; NULL when it says none that its profile refuses. */
const char *yoke__last_word_read(int fd, enum yoke_seccomp profile);

#endif
