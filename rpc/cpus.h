/* cpus.h: how many CPUs this process may use. */
#ifndef YOKE_RPC_CPUS_H
#define YOKE_RPC_CPUS_H

/*
 * How many CPUs worth of time the cgroups of this process allow, rounded up; 0 when they set no quota. `cgroup_file` is
 * its /proc/self/cgroup and `mount` where the cgroup file systems are mounted, /sys/fs/cgroup.
 */
unsigned yoke__cgroup_cpus(const char *cgroup_file, const char *mount);

/* How many CPUs the affinity mask of this thread allows; >= 1. Takes one system call, where yoke_usable_cpus() reads files. */
unsigned yoke__affinity_cpus(void);

#endif
