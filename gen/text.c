/* text.c: see text.h. */
#include "gen/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gen_pool_block {
    struct gen_pool_block *next;
    max_align_t bytes[];
};

static void out_of_memory(void) {
    fputs("protoc-gen-yoke: out of memory\n", stderr);
    exit(EXIT_FAILURE);
}

void *gen_alloc(struct gen_pool *pool, size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - sizeof(struct gen_pool_block)) / size) {
        out_of_memory();
    }
    struct gen_pool_block *block = calloc(1, sizeof(*block) + count * size);
    if (!block) {
        out_of_memory();
        return NULL;
    }
    block->next = pool->blocks;
    pool->blocks = block;
    return block->bytes;
}

void gen_pool_release(struct gen_pool *pool) {
    while (pool->blocks) {
        struct gen_pool_block *block = pool->blocks;
        pool->blocks = block->next;
        free(block);
    }
}

char *gen_format_list(struct gen_pool *pool, const char *format, va_list arguments) {
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0) {
        out_of_memory();
    }
    size_t size = (size_t)length + 1;
    char *string = gen_alloc(pool, size, 1);
    vsnprintf(string, size, format, arguments);
    return string;
}

char *gen_format(struct gen_pool *pool, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char *string = gen_format_list(pool, format, arguments);
    va_end(arguments);
    return string;
}

void gen_text_add(struct gen_text *text, const char *bytes, size_t length) {
    if (text->capacity - text->length <= length) {
        /* The old bytes stay in the pool: doubling keeps that below the size of the text itself. */
        size_t capacity = (text->length + length + 64) * 2;
        char *grown = gen_alloc(text->pool, capacity, 1);
        if (text->length > 0) {
            memcpy(grown, text->bytes, text->length);
        }
        text->bytes = grown;
        text->capacity = capacity;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
}

void gen_text_printf(struct gen_text *text, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *string = gen_format_list(text->pool, format, arguments);
    va_end(arguments);
    gen_text_add(text, string, strlen(string));
}

const char *gen_text_string(const struct gen_text *text) {
    return text->bytes ? text->bytes : "";
}
