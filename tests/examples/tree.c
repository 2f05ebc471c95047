/* tree.c: see tree.h. */
#include "tree.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS 4

void tree_create(char *ret_path, size_t size) {
    const char *parent = getenv("TMPDIR");
    int length = snprintf(ret_path, size, "%s/yoke-tree-XXXXXX", parent != NULL ? parent : "/tmp");
    REQUIRE(length > 0 && (size_t)length < size);
    REQUIRE(mkdtemp(ret_path) != NULL);
}

void tree_destroy(const char *path) {
    /* rm gets along with modes, depths and lengths that nftw() does not. */
    char command[600];
    snprintf(command, sizeof(command), "chmod -R u+rwX '%s' && rm -rf '%s'", path, path);
    CHECK_INT(system(command), 0);
}

const char *tree_path(const char *root, const char *name) {
    static char paths[PATHS][1024];
    static unsigned next;
    char *path = paths[next++ % PATHS];
    int length = snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
    REQUIRE(length > 0 && (size_t)length < sizeof(paths[0]));
    return path;
}

void tree_add_dir(const char *root, const char *name) {
    REQUIRE_INT(mkdir(tree_path(root, name), 0755), 0);
}

static FILE *open_file(const char *root, const char *name) {
    FILE *file = fopen(tree_path(root, name), "wxe");
    REQUIRE(file != NULL);
    return file;
}

void tree_add_file(const char *root, const char *name, const void *bytes, size_t length) {
    FILE *file = open_file(root, name);
    REQUIRE_INT(fwrite(bytes, 1, length, file), length);
    REQUIRE_INT(fclose(file), 0);
}

void tree_add_text(const char *root, const char *name, const char *text) {
    tree_add_file(root, name, text, strlen(text));
}

void tree_add_prose(const char *root, const char *name, uint64_t length) {
    static const char sentence[] =
        "The quick brown fox, of whom one hears so much,\njumps over\tthe lazy dog -- again. ";
    char block[1 << 16];
    for (size_t i = 0; i < sizeof(block); i++) {
        block[i] = sentence[i % (sizeof(sentence) - 1)];
    }
    FILE *file = open_file(root, name);
    while (length > 0) {
        size_t part = length < sizeof(block) ? (size_t)length : sizeof(block);
        REQUIRE_INT(fwrite(block, 1, part, file), part);
        length -= part;
    }
    REQUIRE_INT(fclose(file), 0);
}

void tree_add_hole(const char *root, const char *name, uint64_t length) {
    FILE *file = open_file(root, name);
    REQUIRE_INT(ftruncate(fileno(file), (off_t)length), 0);
    REQUIRE_INT(fclose(file), 0);
}

/* Knuth's MMIX generator; its high bits are the good ones. */
static unsigned next_random(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 40);
}

void tree_add_noise(const char *root, const char *name, size_t length, uint64_t seed, unsigned spread) {
    static const char preferred[] = "aZ~! \n\t\v\f\r\001\177\240\377";
    uint8_t *bytes = malloc(length);
    REQUIRE(bytes != NULL);
    for (size_t i = 0; i < length; i++) {
        unsigned random = next_random(&seed);
        bool any = random % 256 < spread;
        bytes[i] = (uint8_t)(any ? random >> 8 : (unsigned)preferred[(random >> 8) % (sizeof(preferred) - 1)]);
    }
    tree_add_file(root, name, bytes, length);
    free(bytes);
}

void tree_add_many(const char *root, size_t count) {
    for (size_t i = 0; i < count; i++) {
        char name[64];
        char text[64];
        if (i % 1000 == 0) {
            snprintf(name, sizeof(name), "d%zu", i / 1000);
            tree_add_dir(root, name);
        }
        snprintf(name, sizeof(name), "d%zu/f%zu", i / 1000, i);
        snprintf(text, sizeof(text), "file number %zu of many%s", i, i % 3 == 0 ? "" : "\n");
        tree_add_text(root, name, text);
    }
}
