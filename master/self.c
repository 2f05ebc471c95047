/* self.c: see self.h. */
#include "master/self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 4096

/* What the kernel adds when the file has been replaced already. */
#define DELETED " (deleted)"

static int read_path(struct yoke__self *self) {
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    if (length <= 0) {
        return 0;
    }
    path[length] = '\0';
    const size_t suffix = sizeof DELETED - 1;
    if ((size_t)length > suffix && strcmp(path + (size_t)length - suffix, DELETED) == 0 && access(path, F_OK) != 0) {
        path[(size_t)length - suffix] = '\0';
    }
    self->path = strdup(path);
    return self->path != NULL ? 0 : -ENOMEM;
}

/* All of it, with a zero behind. No file is no error; *ret_text is NULL then. */
static int read_all(const char *path, char **ret_text, size_t *ret_size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    char *text = NULL;
    size_t size = 0;
    ssize_t got;
    do {
        char *larger = reallocarray(text, size + BLOCK_BYTES + 1, 1);
        if (larger == NULL) {
            free(text);
            (void)close(fd);
            return -ENOMEM;
        }
        text = larger;
        got = read(fd, text + size, BLOCK_BYTES);
        size += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    (void)close(fd);
    text[size] = '\0';
    *ret_text = text;
    *ret_size = size;
    return 0;
}

static int read_arguments(struct yoke__self *self) {
    size_t size = 0;
    int error = read_all("/proc/self/cmdline", &self->arguments, &size);
    if (error != 0 || size == 0) {
        return error;
    }
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        count += self->arguments[i] == '\0';
    }
    /* The last one may lack its zero. */
    self->argv = calloc(count + 2, sizeof *self->argv);
    if (self->argv == NULL) {
        return -ENOMEM;
    }
    count = 0;
    for (char *at = self->arguments; at < self->arguments + size; at += strlen(at) + 1) {
        self->argv[count++] = at;
    }
    return 0;
}

int yoke__self_read(struct yoke__self *self) {
    *self = (struct yoke__self){.path = NULL};
    int error = read_path(self);
    error = error != 0 ? error : read_arguments(self);
    if (error != 0) {
        yoke__self_release(self);
    }
    return error;
}

void yoke__self_release(struct yoke__self *self) {
    free(self->path);
    free(self->argv);
    free(self->arguments);
    *self = (struct yoke__self){.path = NULL};
}
