/*
 * oom.h: whether the kernel has killed a process for want of memory, as the master's cgroup counts it. Workers are in that cgroup
 * too, or in one below it. The count does not say who was killed: a worker that somebody else kills by SIGKILL within a second of
 * such a kill is taken for its victim.
 */
#ifndef YOKE_MASTER_OOM_H
#define YOKE_MASTER_OOM_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct yoke__oom {
    char path[PATH_MAX]; /* the file that counts; empty: there is none */
    uint64_t count;      /* when it was last read */
    uint64_t unclaimed;  /* kills that no death has been put down to, and when they were seen: */
    uint64_t seen_us;
};

/* `cgroup_file` is /proc/self/cgroup, and `mount` where the cgroup file systems are mounted, /sys/fs/cgroup. */
void yoke__oom_init(struct yoke__oom *oom, const char *cgroup_file, const char *mount);

/* A process has died by a SIGKILL of unknown origin: was that it? */
bool yoke__oom_claim(struct yoke__oom *oom, uint64_t now_us);

#endif
