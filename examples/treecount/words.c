/*
 * Common words: an array of words and, to find them, a hash table of indexes into it with open addressing. When the
 * array is full it is thinned out: words seen once go first, then twice, four times and so on, until half is free.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * WORDS_MAX)
#define HASH_START 2166136261u

struct words {
    size_t count;
    struct word words[WORDS_MAX];
    uint16_t slots[SLOTS]; /* 1 + an index into words; 0: empty */

    /* The word that the text is in. Its letters beyond WORD_MAX_LENGTH are counted, not kept. */
    size_t length;
    uint32_t hash;
    char text[WORD_MAX_LENGTH + 1];
};

/* The lower case of an ASCII letter; 0 for every other byte. */
static uint8_t to_letter(uint8_t byte) {
    uint8_t lower = byte | 0x20;
    return lower >= 'a' && lower <= 'z' ? lower : 0;
}

struct words *words_create(void) {
    struct words *words = malloc(sizeof(*words));
    if (words != NULL) {
        words_clear(words);
    }
    return words;
}

void words_destroy(struct words *words) {
    free(words);
}

void words_clear(struct words *words) {
    words->count = 0;
    words->length = 0;
    words->hash = HASH_START;
    memset(words->slots, 0, sizeof(words->slots));
}

/* FNV-1a, one byte of it. */
static uint32_t hash_byte(uint32_t hash, uint8_t byte) {
    return (hash ^ byte) * 16777619u;
}

static uint32_t hash_text(const char *text) {
    uint32_t hash = HASH_START;
    for (; *text != '\0'; text++) {
        hash = hash_byte(hash, (uint8_t)*text);
    }
    return hash;
}

/* The slot that leads to this word, or the empty one where it belongs. There always is one: half are empty. */
static uint16_t *find_slot(struct words *words, const char *text, uint32_t hash) {
    size_t slot = (hash ^ hash >> 16) % SLOTS;
    while (words->slots[slot] != 0 && strcmp(words->words[words->slots[slot] - 1].text, text) != 0) {
        slot = (slot + 1) % SLOTS;
    }
    return &words->slots[slot];
}

static void thin_out(struct words *words) {
    for (uint64_t rare = 1; words->count > WORDS_MAX / 2; rare *= 2) {
        size_t kept = 0;
        for (size_t i = 0; i < words->count; i++) {
            if (words->words[i].count > rare) {
                words->words[kept++] = words->words[i];
            }
        }
        words->count = kept;
    }
    memset(words->slots, 0, sizeof(words->slots));
    for (size_t i = 0; i < words->count; i++) {
        *find_slot(words, words->words[i].text, hash_text(words->words[i].text)) = (uint16_t)(i + 1);
    }
}

static void add(struct words *words, const char *text, uint32_t hash, uint64_t count) {
    uint16_t *slot = find_slot(words, text, hash);
    if (*slot == 0) {
        if (words->count == WORDS_MAX) {
            thin_out(words);
            slot = find_slot(words, text, hash);
        }
        struct word *word = &words->words[words->count++];
        word->count = 0;
        memcpy(word->text, text, strlen(text) + 1);
        *slot = (uint16_t)words->count;
    }
    words->words[*slot - 1].count += count;
}

void words_add(struct words *words, const char *text, uint64_t count) {
    size_t length = strlen(text);
    if (length >= WORD_MIN_LENGTH && length <= WORD_MAX_LENGTH) {
        add(words, text, hash_text(text), count);
    }
}

static void end_word(struct words *words, size_t length, uint32_t hash) {
    if (length >= WORD_MIN_LENGTH && length <= WORD_MAX_LENGTH) {
        words->text[length] = '\0';
        add(words, words->text, hash, 1);
    }
}

void words_text(struct words *words, const uint8_t *text, size_t text_length) {
    size_t length = words->length;
    uint32_t hash = words->hash;

    for (size_t i = 0; i < text_length; i++) {
        uint8_t byte = to_letter(text[i]);
        if (byte != 0) {
            if (length < WORD_MAX_LENGTH) {
                words->text[length] = (char)byte;
            }
            length++;
            hash = hash_byte(hash, byte);
        } else if (length != 0) {
            end_word(words, length, hash);
            length = 0;
            hash = HASH_START;
        }
    }
    words->length = length;
    words->hash = hash;
}

void words_end_of_file(struct words *words) {
    end_word(words, words->length, words->hash);
    words->length = 0;
    words->hash = HASH_START;
}

/* True when a goes before b. */
static int goes_before(const struct word *a, const struct word *b) {
    return a->count != b->count ? a->count > b->count : strcmp(a->text, b->text) < 0;
}

size_t words_top(const struct words *words, struct word *ret_top, size_t max) {
    size_t top = 0;
    for (size_t i = 0; i < words->count; i++) {
        const struct word *word = &words->words[i];
        size_t place = top;
        while (place > 0 && goes_before(word, &ret_top[place - 1])) {
            place--;
        }
        if (place == max) {
            continue;
        }
        if (top < max) {
            top++;
        }
        memmove(&ret_top[place + 1], &ret_top[place], (top - 1 - place) * sizeof(*ret_top));
        ret_top[place] = *word;
    }
    return top;
}
