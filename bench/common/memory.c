/* See memory.h. */
#include "common/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>

#include "common/bench.h"

/* For what a worker still does when it has answered, in times of the job's seconds. */
#define REST 3

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

void bench_memory_hold(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
        bench_die("mmap");
    }
}

static void sleep_for(double seconds) {
    struct timespec time = {.tv_sec = (time_t)seconds};
    time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
    nanosleep(&time, NULL);
}

void bench_memory_print(const struct bench_job *job, const pid_t *pids) {
    uint64_t bytes = 0;
    sleep_for(REST * job->seconds);
    unsigned count = 0;
    do {
        bytes += bench_pss(pids[count++]);
    } while (count < job->workers);
    printf("{\"bytes\": %" PRIu64 "}\n", bytes / count);
    fflush(stdout);
}
