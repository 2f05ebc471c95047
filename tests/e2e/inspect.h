/* inspect.h: what this process looks like from inside: its descriptors and its signals. */
#ifndef YOKE_TESTS_INSPECT_H
#define YOKE_TESTS_INSPECT_H

#include <stddef.h>
#include <stdint.h>

struct inspection {
    struct {
        int number;
        char target[100];
    } descriptors[64];
    size_t descriptor_count;
    uint64_t blocked_signals, ignored_signals, caught_signals; /* bit n - 1 for signal n */
    unsigned umask;
};

/* Looks without changing anything. */
void inspect_self(struct inspection *ret_inspection);

#endif
