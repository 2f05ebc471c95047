/* oom_test.c: workers that the kernel kills for want of memory, in a cgroup made for the purpose, where that may be made. */
#include "lab.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNT "/sys/fs/cgroup"
#define LIMIT_BYTES "268435456"
#define TOO_MUCH (900u << 20)

static bool put(const char *directory, const char *name, const char *text) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool is_written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    close(fd);
    return is_written;
}

static bool move_to(const char *directory) {
    char pid[20];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    return put(directory, "cgroup.procs", pid);
}

/* Where this process is, as a directory. */
static void find_own(const char *mount, bool is_v1, char *ret_directory, size_t capacity) {
    char line[PATH_MAX];
    FILE *file = fopen("/proc/self/cgroup", "re");
    REQUIRE(file != NULL);
    ret_directory[0] = '\0';
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *found = is_v1 ? strstr(line, ":memory:") : strncmp(line, "0::", 3) == 0 ? line + 2 : NULL;
        if (found != NULL) {
            snprintf(ret_directory, capacity, "%s%s", mount, strchr(found + 1, '/'));
        }
    }
    fclose(file);
}

static void a_worker_that_takes_too_much_memory_is_found_out(void) {
    const bool is_v1 = access(MOUNT "/memory/memory.limit_in_bytes", F_OK) == 0;
    const char *mount = is_v1 ? MOUNT "/memory" : MOUNT;
    char own[PATH_MAX];
    char directory[PATH_MAX];
    find_own(mount, is_v1, own, sizeof own);
    snprintf(directory, sizeof directory, "%s/yoke-test-%d", mount, (int)getpid());
    if (own[0] == '\0' || mkdir(directory, 0700) != 0) {
        test_skip("no memory cgroup can be made here");
        return;
    }
    if (!put(directory, is_v1 ? "memory.limit_in_bytes" : "memory.max", LIMIT_BYTES) || !move_to(directory)) {
        test_skip("no memory cgroup can be used here");
        CHECK_INT(rmdir(directory), 0);
        return;
    }
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    Probe__SpendRequest request = PROBE__SPEND_REQUEST__INIT;
    request.memory_bytes = TOO_MUCH;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(probe_worker_spend(lab_channel(&lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.deaths[0].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_OUT_OF_MEMORY);
    CHECK_INT(lab.deaths[0].signal, SIGKILL);
    CHECK_CONTAINS(lab.deaths[0].detail, "out of memory");
    /* What we kill ourselves is not taken for it. */
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 2);
    CHECK_INT(lab.deaths[1].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED);
    lab_release(&result);
    lab_close(&lab);
    CHECK(move_to(own));
    CHECK_INT(rmdir(directory), 0);
}

static const struct test_case cases[] = {
    {.name = "a worker that takes too much memory is found out",
     .run = a_worker_that_takes_too_much_memory_is_found_out},
    {.name = NULL},
};

LAB_MAIN(cases)
