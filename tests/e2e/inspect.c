/* inspect.c: see inspect.h. */
#include "inspect.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void inspect_descriptors(struct inspection *inspection) {
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int number = atoi(entry->d_name);
        size_t slot = inspection->descriptor_count;
        if (entry->d_name[0] == '.' || number == dirfd(directory) || slot == 64) {
            continue;
        }
        char *target = inspection->descriptors[slot].target;
        ssize_t length =
            readlinkat(dirfd(directory), entry->d_name, target, sizeof(inspection->descriptors[slot].target) - 1);
        target[length > 0 ? length : 0] = '\0';
        inspection->descriptors[slot].number = number;
        inspection->descriptor_count++;
    }
    closedir(directory);
}

static uint64_t read_status(const char *status, const char *name, int base) {
    const char *line = strstr(status, name);
    return line != NULL ? strtoull(line + strlen(name), NULL, base) : UINT64_MAX;
}

void inspect_self(struct inspection *ret_inspection) {
    *ret_inspection = (struct inspection){0};
    inspect_descriptors(ret_inspection);
    char status[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd >= 0 ? read(fd, status, sizeof(status) - 1) : -1;
    close(fd);
    status[length > 0 ? length : 0] = '\0';
    ret_inspection->blocked_signals = read_status(status, "\nSigBlk:", 16);
    ret_inspection->ignored_signals = read_status(status, "\nSigIgn:", 16);
    ret_inspection->caught_signals = read_status(status, "\nSigCgt:", 16);
    ret_inspection->umask = (unsigned)read_status(status, "\nUmask:", 8);
}
