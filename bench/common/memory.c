/* See memory.h. */
#include "common/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/bench.h"

/* For what a worker still does when it has answered. */
#define REST_NS 100000000

uint64_t bench_pss(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        bench_die(path);
    }
    char line[256];
    uint64_t kib = 0;
    while (!kib && fgets(line, sizeof line, file)) {
        sscanf(line, "Pss: %" SCNu64 " kB", &kib);
    }
    fclose(file);
    if (!kib) {
        errno = ESRCH;
        bench_die(path);
    }
    return kib * 1024;
}

void bench_memory_print(const pid_t *pids, size_t count) {
    uint64_t bytes = 0;
    nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
    for (size_t i = 0; i < count; i++) {
        bytes += bench_pss(pids[i]);
    }
    printf("{\"bytes\": %" PRIu64 "}\n", bytes / count);
    fflush(stdout);
}
