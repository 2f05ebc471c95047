/* arena.c: see arena.h. */
#include "rpc/arena.h"

#include "rpc/borrow.h"

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
        arena->heap += size;
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
        arena->heap -= block->size;
        free(block);
    }
    if (arena->loan != NULL) {
        yoke__loan_release(arena->loan);
        arena->loan = NULL;
    }
    arena->blocks->used = 0;
    arena->used = 0;
    arena->budget = budget;
    arena->failures = 0;
}

void yoke__arena_keep(struct yoke_arena *arena, struct yoke__loan *loan) {
    yoke__loan_keep(loan);
    arena->loan = loan;
}

void *yoke__arena_alloc(struct yoke_arena *arena, size_t size) {
    const size_t alignment = alignof(max_align_t);
    struct yoke__arena_block *block = arena->blocks;
    size_t left = arena->budget - arena->used;
    if (size > left) {
        arena->failures++;
        return NULL;
    }
    size = (size + alignment - 1) & ~(alignment - 1);
    if (size > block->size - block->used) {
        /* What is left of a block is lost, and so counts, or a peer could make us lose as much as the budget. The first
         * block is there anyway. */
        size_t lost = block->next != NULL ? block->size - block->used : 0;
        left = lost < left ? left - lost : 0;
        size_t usual = left < NEXT_BLOCK_SIZE ? left & ~(alignment - 1) : NEXT_BLOCK_SIZE;
        block = size < left + alignment ? push_block(arena, size > usual ? size : usual) : NULL;
        if (block == NULL) {
            arena->failures++;
            return NULL;
        }
        arena->used = arena->budget - left;
    }
    void *memory = block->data + block->used;
    block->used += size;
    /* Rounding up may pass the budget by less than the alignment; it must not wrap the next comparison. */
    arena->used = size < left ? arena->used + size : arena->budget;
    return memory;
}
