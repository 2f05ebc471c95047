/* tree.h: trees of files to count, in a directory of their own under TMPDIR. What fails in here ends the case. */
#ifndef YOKE_TESTS_TREE_H
#define YOKE_TESTS_TREE_H

#include <stddef.h>
#include <stdint.h>

/* Makes an empty directory. */
void tree_create(char *ret_path, size_t size);

/* Removes it and all that is in it, whatever its modes. */
void tree_destroy(const char *path);

/* `name` below `root`, into a buffer that the next call but three reuses. */
const char *tree_path(const char *root, const char *name);

/* A directory; a file with these bytes; a file with this text. */
void tree_add_dir(const char *root, const char *name);
void tree_add_file(const char *root, const char *name, const void *bytes, size_t length);
void tree_add_text(const char *root, const char *name, const char *text);

/* A file of `length` bytes of what looks like prose. */
void tree_add_prose(const char *root, const char *name, uint64_t length);

/* A file of `length` zero bytes that takes no room. */
void tree_add_hole(const char *root, const char *name, uint64_t length);

/*
 * A file of `length` bytes that `seed` alone determines. `spread` of 256 takes all bytes alike; a smaller one prefers
 * letters, blanks and control characters, so that words, gaps and bytes that are neither meet in every way.
 */
void tree_add_noise(const char *root, const char *name, size_t length, uint64_t seed, unsigned spread);

/* `count` files with a line each, in directories of 1,000. */
void tree_add_many(const char *root, size_t count);

#endif
