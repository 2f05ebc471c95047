/*
 * The walk: a stack of open directories, from the root down to where it is, and the path to there. Every step is taken
 * from the open directory, so a link put in place of a directory meanwhile is not followed.
 */
#include "walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct level {
    DIR *dir;
    size_t path_length; /* of the directory's path */
};

struct walk {
    walk_error *on_error;
    void *user_data;

    char *path;
    size_t path_size;

    struct level *levels;
    size_t depth;
    size_t max_depth;

    bool started;
};

struct walk *walk_create(const char *root, walk_error *on_error, void *user_data) {
    struct walk *walk = calloc(1, sizeof(*walk));
    if (walk == NULL) {
        return NULL;
    }
    walk->on_error = on_error;
    walk->user_data = user_data;
    walk->path = strdup(root);
    walk->path_size = strlen(root) + 1;
    if (walk->path == NULL) {
        free(walk);
        return NULL;
    }
    return walk;
}

void walk_destroy(struct walk *walk) {
    if (walk == NULL) {
        return;
    }
    while (walk->depth > 0) {
        closedir(walk->levels[--walk->depth].dir);
    }
    free(walk->levels);
    free(walk->path);
    free(walk);
}

static void report(struct walk *walk, int error) {
    if (walk->on_error != NULL) {
        walk->on_error(walk->path, error, walk->user_data);
    }
}

/* Make the path that of `name` in the directory whose path is the first `length` bytes. */
static int set_path(struct walk *walk, size_t length, const char *name) {
    size_t name_size = strlen(name) + 1;
    size_t needed = length + 1 + name_size;
    if (needed > walk->path_size) {
        char *path = realloc(walk->path, 2 * needed);
        if (path == NULL) {
            return -ENOMEM;
        }
        walk->path = path;
        walk->path_size = 2 * needed;
    }
    if (walk->path[length - 1] != '/') {
        walk->path[length++] = '/';
    }
    memcpy(walk->path + length, name, name_size);
    return 0;
}

/* Go down into directory `name` of `parent`; one that cannot be opened is reported and passed by. */
static int enter(struct walk *walk, int parent, const char *name) {
    if (walk->depth == walk->max_depth) {
        size_t max_depth = walk->max_depth == 0 ? 16 : 2 * walk->max_depth;
        struct level *levels = realloc(walk->levels, max_depth * sizeof(*levels));
        if (levels == NULL) {
            return -ENOMEM;
        }
        walk->levels = levels;
        walk->max_depth = max_depth;
    }

    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        report(walk, errno);
        if (fd >= 0) {
            close(fd);
        }
        return 0;
    }
    walk->levels[walk->depth++] = (struct level){.dir = dir, .path_length = strlen(walk->path)};
    return 0;
}

/* Look at the entry `name` of `parent`, of this d_type: 1 when it is a file, 0 when it is not, -ENOMEM. */
static int visit(struct walk *walk, int parent, const char *name, unsigned char type, struct walk_file *ret_file) {
    struct stat status = {0};

    if (type == DT_REG || type == DT_UNKNOWN) {
        if (fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
            type = (unsigned char)IFTODT(status.st_mode);
        } else if (type == DT_UNKNOWN) {
            report(walk, errno);
            return 0;
        }
        /* A file that cannot be looked at is handed out all the same: who opens it will hear why. */
    }
    if (type == DT_DIR) {
        return enter(walk, parent, name);
    }
    if (type != DT_REG) {
        return 0;
    }
    *ret_file = (struct walk_file){.path = walk->path, .size = (uint64_t)status.st_size};
    return 1;
}

/* The next entry of the innermost directory but "." and ".."; NULL at its end, when it is closed. */
static struct dirent *next_entry(struct walk *walk) {
    struct level *level = &walk->levels[walk->depth - 1];
    struct dirent *entry;

    do {
        errno = 0;
        entry = readdir(level->dir);
    } while (entry != NULL && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));

    if (entry == NULL) {
        int error = errno;
        walk->path[level->path_length] = '\0';
        if (error != 0) {
            report(walk, error);
        }
        closedir(level->dir);
        walk->depth--;
    }
    return entry;
}

int walk_next(struct walk *walk, struct walk_file *ret_file) {
    int found = 0;

    if (!walk->started) {
        walk->started = true;
        found = visit(walk, AT_FDCWD, walk->path, DT_UNKNOWN, ret_file);
    }
    while (found == 0 && walk->depth > 0) {
        struct dirent *entry = next_entry(walk);
        if (entry == NULL) {
            continue;
        }
        const struct level *level = &walk->levels[walk->depth - 1];
        found = set_path(walk, level->path_length, entry->d_name);
        if (found == 0) {
            found = visit(walk, dirfd(level->dir), entry->d_name, entry->d_type, ret_file);
        }
    }
    return found;
}
