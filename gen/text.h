/*
 * text.h: memory and text for a short-lived program. Everything is taken from one pool and given back in one go, so
 * nothing else in the generator frees. Running out of memory ends the program with a message.
 */
#ifndef GEN_TEXT_H
#define GEN_TEXT_H

#include <stdarg.h>
#include <stddef.h>

#define GEN_PRINTF(text, first) __attribute__((format(printf, text, first)))

struct gen_pool_block;

/* Zero-initialise it; gen_pool_release() frees all that was taken from it. */
struct gen_pool {
    struct gen_pool_block *blocks;
};

/* Zeroed memory for `count` objects of `size` bytes, aligned for any type. Never NULL. */
void *gen_alloc(struct gen_pool *pool, size_t count, size_t size);
void gen_pool_release(struct gen_pool *pool);

char *gen_format(struct gen_pool *pool, const char *format, ...) GEN_PRINTF(2, 3);
char *gen_format_list(struct gen_pool *pool, const char *format, va_list arguments) GEN_PRINTF(2, 0);

/* A text that grows at its end. Zero-initialise it but for the pool. */
struct gen_text {
    struct gen_pool *pool;
    char *bytes; /* NUL-terminated once something was added */
    size_t length;
    size_t capacity;
};

void gen_text_add(struct gen_text *text, const char *bytes, size_t length);
void gen_text_printf(struct gen_text *text, const char *format, ...) GEN_PRINTF(2, 3);

/* What was added so far; "" when that is nothing. */
const char *gen_text_string(const struct gen_text *text);

#endif
