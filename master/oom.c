/* oom.c: see oom.h. */
#include "master/oom.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Deaths that one want of memory brought about come within this time of each other. */
#define TOGETHER_US UINT64_C(1000000)

/* The number behind "oom_kill " in a file of such lines. False when there is none. */
static bool read_count(const char *path, uint64_t *ret_count) {
    char text[1024];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, text + 1, sizeof text - 2) : -1;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (size <= 0) {
        return false;
    }
    /* Each line has a newline before it then; "oom_kill_disable" does not match. */
    text[0] = '\n';
    text[size + 1] = '\0';
    const char *found = strstr(text, "\noom_kill ");
    if (found == NULL) {
        return false;
    }
    *ret_count = strtoull(found + strlen("\noom_kill "), NULL, 10);
    return true;
}

/* Is this the file? Then remember it. */
static bool try_file(struct yoke__oom *oom, const char *root, const char *cgroup, const char *name) {
    const char *below = strcmp(cgroup, "/") == 0 ? "" : cgroup;
    int length = snprintf(oom->path, sizeof oom->path, "%s%s/%s", root, below, name);
    if (length >= 0 && (size_t)length < sizeof oom->path && read_count(oom->path, &oom->count)) {
        return true;
    }
    oom->path[0] = '\0';
    return false;
}

/* In a container, what is mounted may be this very cgroup, whatever it is called outside. */
static bool try_cgroup(struct yoke__oom *oom, const char *root, const char *cgroup, const char *name) {
    return try_file(oom, root, cgroup, name) || try_file(oom, root, "", name);
}

/* Is "memory" among the controllers of a v1 line? */
static bool names_memory(const char *controllers) {
    const char *found = strstr(controllers, "memory");
    return found != NULL && (found == controllers || found[-1] == ',') &&
           (found[strlen("memory")] == ',' || found[strlen("memory")] == '\0');
}

void yoke__oom_init(struct yoke__oom *oom, const char *cgroup_file, const char *mount) {
    *oom = (struct yoke__oom){0};
    FILE *file = fopen(cgroup_file, "re");
    if (file == NULL) {
        return;
    }
    /* Each line is "hierarchy:controllers:path"; without controllers it is cgroup v2. */
    char line[PATH_MAX];
    bool is_found = false;
    while (!is_found && fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *cgroup = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (cgroup == NULL) {
            continue;
        }
        *cgroup++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            is_found = try_cgroup(oom, mount, cgroup, "memory.events");
        } else if (names_memory(controllers)) {
            char root[PATH_MAX];
            is_found = snprintf(root, sizeof root, "%s/memory", mount) < (int)sizeof root &&
                       try_cgroup(oom, root, cgroup, "memory.oom_control");
        }
    }
    (void)fclose(file);
}

bool yoke__oom_claim(struct yoke__oom *oom, uint64_t now_us) {
    uint64_t count;
    if (oom->path[0] == '\0' || !read_count(oom->path, &count)) {
        return false;
    }
    if (now_us - oom->seen_us > TOGETHER_US) {
        oom->unclaimed = 0;
    }
    if (count > oom->count) {
        oom->unclaimed += count - oom->count;
        oom->seen_us = now_us;
    }
    oom->count = count;
    if (oom->unclaimed == 0) {
        return false;
    }
    oom->unclaimed--;
    return true;
}
