/* title.c: see title.h. */
#include "worker/title.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numbers of /proc/self/stat that say where things lie in memory; see proc(5). */
enum {
    STAT_STARTCODE = 26,
    STAT_ENDCODE = 27,
    STAT_STARTSTACK = 28,
    STAT_START_DATA = 45,
    STAT_END_DATA = 46,
    STAT_START_BRK = 47,
    STAT_ENV_START = 50,
    STAT_ENV_END = 51,
    STAT_COUNT = 52
};

void yoke__title_set_comm(const char *name) {
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

static bool read_stat(unsigned long long fields[STAT_COUNT]) {
    char text[2048];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[size > 0 ? size : 0] = '\0';
    /* The second field, a name in parentheses, can contain anything; the third is a letter. */
    char *at = strrchr(text, ')');
    if (at == NULL || strlen(at) < 4) {
        return false;
    }
    at += 3;
    for (int i = 4; i < STAT_COUNT; i++) {
        char *end;
        fields[i] = strtoull(at, &end, 10);
        if (end == at) {
            return false;
        }
        at = end;
    }
    return true;
}

/*
 * Point the kernel to another place. Overwriting the old one, as is often done, would pull the arguments and the environment from
 * under whoever has kept a pointer to them.
 */
void yoke__title_set(const char *text) {
    unsigned long long fields[STAT_COUNT];
    const size_t size = strlen(text) + 1;
    if (!read_stat(fields)) {
        return;
    }
    char *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) {
        return;
    }
    memcpy(copy, text, size);
    struct prctl_mm_map map = {
        .start_code = fields[STAT_STARTCODE],
        .end_code = fields[STAT_ENDCODE],
        .start_data = fields[STAT_START_DATA],
        .end_data = fields[STAT_END_DATA],
        .start_brk = fields[STAT_START_BRK],
        .brk = (uint64_t)syscall(SYS_brk, 0),
        .start_stack = fields[STAT_STARTSTACK],
        .arg_start = (uintptr_t)copy,
        .arg_end = (uintptr_t)copy + size,
        .env_start = fields[STAT_ENV_START],
        .env_end = fields[STAT_ENV_END],
        .exe_fd = (uint32_t)-1,
    };
    if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) != 0) {
        (void)munmap(copy, size);
    }
}
