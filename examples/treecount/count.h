/* Lines, words and bytes of a text, as GNU wc counts them in the C locale. */
#ifndef TREECOUNT_COUNT_H
#define TREECOUNT_COUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct count {
    uint64_t lines;
    uint64_t words;
    uint64_t bytes;
    bool in_word;
};

/* Count the next `length` bytes of a file. The first time, *count is all zero. */
void count_text(struct count *count, const uint8_t *text, size_t length);

/* The file is at its end: the next text starts a new one. */
void count_end_of_file(struct count *count);

#endif
