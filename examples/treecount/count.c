/*
 * Counting as GNU wc does in the C locale, where bytes come in three kinds. The 94 visible ASCII characters start a
 * word or go on with it; the six white-space characters end it; the other 156 do neither, so that "a\001b" is one word
 * and "\001" is none. A line is a newline: text after the last one is not a line.
 */
#include "count.h"

static const uint8_t starts_word[256] = {['!' ... '~'] = 1};
static const uint8_t keeps_word[256] = {[0 ... '\t' - 1] = 1, ['\r' + 1 ... ' ' - 1] = 1, [' ' + 1 ... 255] = 1};

void count_text(struct count *count, const uint8_t *text, size_t length) {
    uint64_t lines = 0;
    uint64_t words = 0;
    unsigned in_word = count->in_word;

    /* Without branches: in mixed text the processor would guess every other one wrong. */
    for (size_t i = 0; i < length; i++) {
        unsigned starts = starts_word[text[i]];
        lines += text[i] == '\n';
        words += starts & ~in_word;
        in_word = (in_word & keeps_word[text[i]]) | starts;
    }
    count->lines += lines;
    count->words += words;
    count->bytes += length;
    count->in_word = in_word != 0;
}

void count_end_of_file(struct count *count) {
    count->in_word = false;
}
