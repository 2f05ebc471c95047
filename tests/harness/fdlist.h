/* fdlist.h: the open descriptors of this process, what each one is, and how two such lists differ. */
#ifndef YOKE_TESTS_FDLIST_H
#define YOKE_TESTS_FDLIST_H

#include <stddef.h>

struct test_fd {
    int number;
    char target[120]; /* "socket:[123]", "/tmp/x", … */
};

struct test_fdlist {
    struct test_fd *fds;
    size_t count;
};

/* Lists what is open now, in ascending order, without the descriptor used for looking. */
void test_fdlist_take(struct test_fdlist *ret_list);
void test_fdlist_release(struct test_fdlist *list);

/* Calls `differs` for each descriptor that was opened, closed or replaced between the two. */
void test_fdlist_compare(const struct test_fdlist *before, const struct test_fdlist *after,
                         void (*differs)(const char *text));

#endif
