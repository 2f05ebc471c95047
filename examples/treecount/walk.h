/*
 * Walking a directory tree one regular file at a time, as `find ROOT -type f` does: symbolic links are not followed,
 * whatever order the directories have is kept. Memory and descriptors grow with the depth of the tree, not its size.
 */
#ifndef TREECOUNT_WALK_H
#define TREECOUNT_WALK_H

#include <stdint.h>

struct walk;

struct walk_file {
    const char *path; /* ROOT/…/name; valid until the next call */
    uint64_t size;    /* in bytes, 0 when it cannot be told */
};

/* What could not be read, and the errno value that says why. The walk goes on with the rest. */
typedef void walk_error(const char *path, int error, void *user_data);

/* NULL when there is no memory. `root` is copied; `on_error` may be NULL. */
struct walk *walk_create(const char *root, walk_error *on_error, void *user_data);
void walk_destroy(struct walk *walk);

/* The next regular file: 1 and *ret_file; 0 at the end of the tree; -ENOMEM. */
int walk_next(struct walk *walk, struct walk_file *ret_file);

#endif
