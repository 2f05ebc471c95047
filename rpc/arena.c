/* arena.c: see arena.h. */
#include "rpc/arena.h"

#include "rpc/borrow.h"

#include <stdlib.h>

/* The block that an arena keeps. Holds the messages of nearly all calls. */
#define FIRST_BLOCK_SIZE 4000u
#define NEXT_BLOCK_SIZE (64u * 1024u)

/* Begin a block. False when out of memory. */
static bool push_block(struct yoke_arena *arena, size_t size) {
    struct yoke__arena_block *block = malloc(sizeof *block + size);
    if (block == NULL) {
        return false;
    }
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->at = block->data;
    arena->room = size;
    arena->heap += size;
    return true;
}

struct yoke_arena *yoke__arena_create(void) {
    struct yoke_arena *arena = calloc(1, sizeof *arena);
    if (arena != NULL && !push_block(arena, FIRST_BLOCK_SIZE)) {
        free(arena);
        return NULL;
    }
    return arena;
}

void yoke__arena_destroy(struct yoke_arena *arena) {
    if (arena == NULL) {
        return;
    }
    yoke__arena_trim(arena);
    free(arena->blocks);
    free(arena);
}

void yoke__arena_let_go(struct yoke_arena *arena) {
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
}

void yoke__arena_keep(struct yoke_arena *arena, struct yoke__loan *loan) {
    yoke__loan_keep(loan);
    arena->loan = loan;
}

void *yoke__arena_take_from_next(struct yoke_arena *arena, size_t size) {
    /* What is left of a block is lost, and so counts, or a peer could make us lose as much as the budget. The first block is
     * there anyway. */
    const size_t lost = arena->blocks->next != NULL ? arena->room : 0;
    size_t left = arena->budget - arena->used;
    left = lost < left ? left - lost : 0;
    const size_t usual = left < NEXT_BLOCK_SIZE ? left & ~(alignof(max_align_t) - 1) : NEXT_BLOCK_SIZE;
    const size_t rounded = yoke__arena_round(size);
    if (size > left || !push_block(arena, rounded > usual ? rounded : usual)) {
        arena->failures++;
        return NULL;
    }
    arena->used = arena->budget - left;
    return yoke__arena_take(arena, rounded);
}
