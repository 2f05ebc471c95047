/* fdlist.c: reads /proc/self/fd, so it sees every descriptor whoever opened it. */
#include "fdlist.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_number(const void *left, const void *right) {
    const struct test_fd *a = left;
    const struct test_fd *b = right;
    return (a->number > b->number) - (a->number < b->number);
}

static void append(struct test_fdlist *list, int number, const char *name) {
    if (list->count % 64 == 0) {
        void *grown = realloc(list->fds, (list->count + 64) * sizeof(struct test_fd));
        if (grown == NULL) {
            abort();
        }
        list->fds = grown;
    }
    struct test_fd *fd = &list->fds[list->count++];
    char path[300];
    snprintf(path, sizeof(path), "/proc/self/fd/%s", name);
    ssize_t length = readlink(path, fd->target, sizeof(fd->target) - 1);
    fd->number = number;
    fd->target[length > 0 ? length : 0] = '\0';
}

void test_fdlist_take(struct test_fdlist *ret_list) {
    *ret_list = (struct test_fdlist){0};
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        perror("harness: /proc/self/fd");
        abort();
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int number = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && number != dirfd(directory)) {
            append(ret_list, number, entry->d_name);
        }
    }
    closedir(directory);
    if (ret_list->count > 0) {
        qsort(ret_list->fds, ret_list->count, sizeof(struct test_fd), by_number);
    }
}

void test_fdlist_release(struct test_fdlist *list) {
    free(list->fds);
    *list = (struct test_fdlist){0};
}

void test_fdlist_compare(const struct test_fdlist *before, const struct test_fdlist *after,
                         void (*differs)(const char *text)) {
    char text[300];
    size_t old = 0;
    size_t new = 0;
    while (old < before->count || new < after->count) {
        const struct test_fd *was = old < before->count ? &before->fds[old] : NULL;
        const struct test_fd *is = new < after->count ? &after->fds[new] : NULL;
        if (was == NULL || (is != NULL && is->number < was->number)) {
            snprintf(text, sizeof(text), "descriptor %d left open: %s", is->number, is->target);
            differs(text);
            new ++;
        } else if (is == NULL || was->number < is->number) {
            snprintf(text, sizeof(text), "descriptor %d closed, which the case had not opened: %s", was->number,
                     was->target);
            differs(text);
            old++;
        } else {
            if (strcmp(was->target, is->target) != 0) {
                snprintf(text, sizeof(text), "descriptor %d was %s and is now %s", is->number, was->target, is->target);
                differs(text);
            }
            old++;
            new ++;
        }
    }
}
