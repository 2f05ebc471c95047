/*
 * cpus.c: see cpus.h. A quota is "this many µs of CPU time in each period", in cpu.max (cgroup v2) or in
 * cpu.cfs_quota_us and cpu.cfs_period_us (v1); a process is bound by those of all its cgroup's ancestors.
 */
#include "rpc/cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yoke/rpc.h>

/* Machines with more CPUs need a larger mask than cpu_set_t; this is the most that we ask for. */
#define CPUS_MAX 65536

unsigned yoke__affinity_cpus(void) {
    for (int cpus = CPU_SETSIZE; cpus <= CPUS_MAX; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (set == NULL) {
            break;
        }
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) {
            return (unsigned)count;
        }
    }
    return 1;
}

/* The first line of a file, without its newline. False when it cannot be read. */
static bool read_line(const char *directory, const char *name, char *line, int size) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path) {
        return false;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool is_read = fgets(line, size, file) != NULL;
    (void)fclose(file);
    line[is_read ? strcspn(line, "\n") : 0] = '\0';
    return is_read;
}

/* The CPUs that one cgroup allows, rounded up; 0 when it sets no quota. */
static unsigned directory_cpus(const char *directory) {
    char line[128];
    long long quota = 0;
    long long period = 0;
    if (read_line(directory, "cpu.max", line, sizeof line)) {
        /* "max 100000" does not match, which is right: no quota. */
        (void)sscanf(line, "%lld %lld", &quota, &period);
    } else if (read_line(directory, "cpu.cfs_quota_us", line, sizeof line)) {
        quota = atoll(line);
        period = read_line(directory, "cpu.cfs_period_us", line, sizeof line) ? atoll(line) : 0;
    }
    if (quota <= 0 || period <= 0) {
        return 0;
    }
    long long cpus = quota / period + (quota % period != 0);
    return cpus < UINT_MAX ? (unsigned)cpus : UINT_MAX;
}

static unsigned lesser_quota(unsigned a, unsigned b) {
    return b == 0 || (a != 0 && a < b) ? a : b;
}

/* The least quota from `path`, a cgroup below `root`, up to `root` itself. */
static unsigned hierarchy_cpus(const char *root, const char *path) {
    char directory[PATH_MAX];
    size_t root_length = strlen(root);
    if (snprintf(directory, sizeof directory, "%s%s", root, path) >= (int)sizeof directory) {
        return 0;
    }
    unsigned cpus = 0;
    for (;;) {
        cpus = lesser_quota(cpus, directory_cpus(directory));
        char *slash = strrchr(directory, '/');
        if (slash == NULL || (size_t)(slash - directory) < root_length) {
            return cpus;
        }
        *slash = '\0';
    }
}

/* Is "cpu" among the controllers of a v1 line, "cpu,cpuacct"? */
static bool names_cpu(const char *controllers) {
    for (const char *at = controllers; *at != '\0'; at += strcspn(at, ",")) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0')) {
            return true;
        }
    }
    return false;
}

unsigned yoke__cgroup_cpus(const char *cgroup_file, const char *mount) {
    FILE *file = fopen(cgroup_file, "re");
    if (file == NULL) {
        return 0;
    }
    /* Each line is "hierarchy:controllers:path"; hierarchy 0 without controllers is cgroup v2. */
    unsigned cpus = 0;
    char line[PATH_MAX];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (path == NULL) {
            continue;
        }
        *controllers++ = '\0';
        *path++ = '\0';
        if (*controllers == '\0') {
            cpus = lesser_quota(cpus, hierarchy_cpus(mount, path));
        } else if (names_cpu(controllers)) {
            char root[PATH_MAX];
            if (snprintf(root, sizeof root, "%s/cpu", mount) < (int)sizeof root) {
                cpus = lesser_quota(cpus, hierarchy_cpus(root, path));
            }
        }
    }
    (void)fclose(file);
    return cpus;
}

unsigned yoke_usable_cpus(void) {
    unsigned quota = yoke__cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    unsigned cpus = yoke__affinity_cpus();
    return quota != 0 && quota < cpus ? quota : cpus;
}
