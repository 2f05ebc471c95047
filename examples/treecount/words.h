/*
 * The most common words of a text, in bounded memory. A word here is a run of ASCII letters, in lower case, of at least
 * WORD_MIN_LENGTH; of longer ones than WORD_MAX_LENGTH nothing is kept.
 *
 * The table holds WORDS_MAX different words. When it is full the rarest are forgotten, so with more variety than that
 * the counts are approximate, and too small: never too large. The common words of ordinary text are exact.
 */
#ifndef TREECOUNT_WORDS_H
#define TREECOUNT_WORDS_H

#include <stddef.h>
#include <stdint.h>

#define WORD_MIN_LENGTH 3
#define WORD_MAX_LENGTH 23
#define WORDS_MAX 32768

struct word {
    uint64_t count; /* 0: this slot of a table is empty */
    char text[WORD_MAX_LENGTH + 1];
};

struct words;

/* NULL when there is no memory. */
struct words *words_create(void);
void words_destroy(struct words *words);

/* Forget everything. */
void words_clear(struct words *words);

/* Count the words in the next `text_length` bytes of a file; a word may begin in one piece and end in the next. */
void words_text(struct words *words, const uint8_t *text, size_t text_length);

/* The file is at its end, and so is its last word. */
void words_end_of_file(struct words *words);

/* Add a word that was counted elsewhere. One that words_text() would not count is left out. */
void words_add(struct words *words, const char *text, uint64_t count);

/* The most common words, at most `max` of them, most common first, equals in alphabetical order. Gives how many. */
size_t words_top(const struct words *words, struct word *ret_top, size_t max);

#endif
