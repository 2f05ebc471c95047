/* cpus.h: how many CPUs this process may use. */
#ifndef YOKE_MASTER_CPUS_H
#define YOKE_MASTER_CPUS_H

/*
 * How many CPUs worth of time the cgroups of this process allow, rounded up; 0 when they set no quota. `cgroup_file` is
 * its /proc/self/cgroup and `mount` where the cgroup file systems are mounted, /sys/fs/cgroup.
 */
unsigned yoke__cgroup_cpus(const char *cgroup_file, const char *mount);

#endif
