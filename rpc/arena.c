/* arena.c: see arena.h. */
#include "rpc/arena.h"

#include <stdalign.h>
#include <stdlib.h>

/* The block that an arena keeps. Holds the messages of nearly all calls. */
#define FIRST_BLOCK_SIZE 4000u
#define NEXT_BLOCK_SIZE (64u * 1024u)

struct yoke__arena_block {
    struct yoke__arena_block *next;
    size_t size, used;
    alignas(max_align_t) char data[];
};

static struct yoke__arena_block *push_block(struct yoke_arena *arena, size_t size) {
    struct yoke__arena_block *block = malloc(sizeof *block + size);
    if (block != NULL) {
        *block = (struct yoke__arena_block){.next = arena->blocks, .size = size};
        arena->blocks = block;
    }
    return block;
}

struct yoke_arena *yoke__arena_create(void) {
    struct yoke_arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL && push_block(arena, FIRST_BLOCK_SIZE) == NULL) {
        free(arena);
        return NULL;
    }
    return arena;
}

void yoke__arena_destroy(struct yoke_arena *arena) {
    if (arena == NULL) {
        return;
    }
    yoke__arena_reset(arena, 0);
    free(arena->blocks);
    free(arena);
}

void yoke__arena_reset(struct yoke_arena *arena, size_t budget) {
    while (arena->blocks->next != NULL) {
        struct yoke__arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->blocks->used = 0;
    arena->used = 0;
    arena->budget = budget;
    arena->failures = 0;
}

void *yoke__arena_alloc(struct yoke_arena *arena, size_t size) {
    const size_t alignment = alignof(max_align_t);
    if (size > arena->budget - arena->used) {
        arena->failures++;
        return NULL;
    }
    size = (size + alignment - 1) & ~(alignment - 1);
    struct yoke__arena_block *block = arena->blocks;
    if (size > block->size - block->used) {
        block = push_block(arena, size > NEXT_BLOCK_SIZE ? size : NEXT_BLOCK_SIZE);
        if (block == NULL) {
            arena->failures++;
            return NULL;
        }
    }
    void *memory = block->data + block->used;
    block->used += size;
    /* Rounding up may pass the budget by less than the alignment; it must not wrap the next comparison. */
    arena->used += size;
    if (arena->used > arena->budget) {
        arena->used = arena->budget;
    }
    return memory;
}
