/* soak.c: see soak.h. */
#include "soak.h"

#include "harness.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* After so many, failures are only counted. */
#define FAILURES_SHOWN 20

static atomic_uint *failure_count;

static _Noreturn void die(const char *what) {
    perror(what);
    abort();
}

void *soak_share(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        die("soak: mmap");
    }
    return memory;
}

void soak_unshare(void *memory, size_t size) {
    (void)munmap(memory, size);
}

void soak_init(void) {
    failure_count = soak_share(sizeof *failure_count);
}

bool soak_check(bool holds, const char *format, ...) {
    if (holds || atomic_fetch_add(failure_count, 1) >= FAILURES_SHOWN) {
        return holds;
    }
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "WRONG in process %d: %s\n", (int)getpid(), text);
    return false;
}

unsigned soak_failure_count(void) {
    return atomic_load(failure_count);
}

size_t soak_memory(void) {
    FILE *file = fopen("/proc/self/statm", "re");
    size_t size;
    size_t resident;
    size_t shared;
    if (file == NULL || fscanf(file, "%zu %zu %zu", &size, &resident, &shared) != 3) {
        die("soak: /proc/self/statm");
    }
    (void)fclose(file);
    return (resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

size_t soak_heap(void) {
    const struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

void soak_check_growth(const char *what, size_t before, size_t after, size_t allowance) {
    if (!test_has_asan()) {
        soak_check(after <= before + allowance, "%s: memory grew from %zu to %zu KiB, by more than %zu", what,
                   before / KIB, after / KIB, allowance / KIB);
    }
}

uint64_t soak_now_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- A master ---------------------------------------------------------------------------------------------------- */

static void on_log(enum yoke_log_level level, const char *message, void *user_data) {
    (void)user_data;
    if (level <= YOKE_LOG_WARNING) {
        soak_check(false, "log: %s", message);
    }
}

void soak_open(struct soak_host *host, const struct yoke_limits *limits) {
    test_fdlist_take(&host->fds);
    host->loop = ev_loop_new(EVFLAG_AUTO);
    struct yoke_master_options options = {YOKE_MASTER_OPTIONS_INIT, .log = on_log};
    if (limits != NULL) {
        options.limits = *limits;
    }
    if (host->loop == NULL || yoke_master_create(host->loop, &options, &host->master) != 0) {
        die("soak: master");
    }
}

static void report_fd(const char *text) {
    soak_check(false, "left over: %s", text);
}

void soak_close(struct soak_host *host) {
    (void)yoke_master_destroy(host->master);
    ev_loop_destroy(host->loop);
    struct test_fdlist fds;
    test_fdlist_take(&fds);
    test_fdlist_compare(&host->fds, &fds, report_fd);
    test_fdlist_release(&fds);
    test_fdlist_release(&host->fds);
    pid_t pids[16];
    size_t count = test_children(pids, sizeof pids / sizeof *pids);
    soak_check(count == 0, "%zu processes are left, dead or alive", count);
}

struct yoke_pool *soak_pool(struct soak_host *host, const char *name, unsigned workers, yoke_worker_entry *entry,
                            void *user_data) {
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .name = name, .workers = workers, .entry = entry,
                                              .user_data = user_data};
    struct yoke_pool *pool;
    int error = yoke_pool_create(host->master, &options, &pool);
    if (error != 0) {
        fprintf(stderr, "soak: cannot create a pool: %d\n", error);
        abort();
    }
    return pool;
}
