/*
 * arena.h: memory for one decoded message: allocation is a pointer increment, release frees everything at once, and a
 * budget bounds what the bytes of a peer can make us spend (docs/protocol.md, "Limits").
 */
#ifndef YOKE_RPC_ARENA_H
#define YOKE_RPC_ARENA_H

#include <yoke/rpc.h>

#include <stdalign.h>

struct yoke__loan;

struct yoke__arena_block {
    struct yoke__arena_block *next;
    size_t size;
    alignas(max_align_t) char data[];
};

struct yoke_arena {
    struct yoke_arena *next;          /* in the engine's list of idle arenas */
    struct yoke__arena_block *blocks; /* newest first; the oldest is kept across resets */
    char *at;                         /* in the newest block: what is free */
    size_t room;                      /* bytes from there to the block's end */
    size_t used, budget;
    size_t heap;             /* bytes of all blocks */
    size_t failures;         /* allocations refused since the last reset */
    struct yoke__loan *loan; /* the peer's memory that the message lies in, too; NULL: none */
};

/* A new arena with a budget of 0, or NULL. */
struct yoke_arena *yoke__arena_create(void);

void yoke__arena_destroy(struct yoke_arena *arena);

/* Free all blocks but the first, and let go of the loan. */
void yoke__arena_let_go(struct yoke_arena *arena);

/* Give back what the message took beyond the first block. The arena is to be reset then. */
static inline void yoke__arena_trim(struct yoke_arena *arena) {
    if (arena->blocks->next != NULL || arena->loan != NULL) {
        yoke__arena_let_go(arena);
    }
}

/* Forget all allocations and allow `budget` bytes for the next ones. */
static inline void yoke__arena_reset(struct yoke_arena *arena, size_t budget) {
    yoke__arena_trim(arena);
    arena->at = arena->blocks->data;
    arena->room = arena->blocks->size;
    arena->used = 0;
    arena->budget = budget;
    arena->failures = 0;
}

/* `size` bytes rounded up to the alignment. */
static inline size_t yoke__arena_round(size_t size) {
    return (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

/* Take what the newest block has room for and the budget allows. */
static inline void *yoke__arena_take(struct yoke_arena *arena, size_t rounded) {
    const size_t left = arena->budget - arena->used;
    void *memory = arena->at;
    arena->at += rounded;
    arena->room -= rounded;
    /* Rounding up may pass the budget by less than the alignment; it must not wrap the next comparison. */
    arena->used = rounded < left ? arena->used + rounded : arena->budget;
    return memory;
}

/* Take from a new block, or say that it cannot be. */
void *yoke__arena_take_from_next(struct yoke_arena *arena, size_t size);

/* Keep a loan until the next reset. */
void yoke__arena_keep(struct yoke_arena *arena, struct yoke__loan *loan);

/* `size` bytes, aligned for any type, valid until the next reset; NULL over budget or out of memory. */
static inline void *yoke__arena_alloc(struct yoke_arena *arena, size_t size) {
    const size_t rounded = yoke__arena_round(size);
    return size <= arena->budget - arena->used && rounded <= arena->room ? yoke__arena_take(arena, rounded)
                                                                         : yoke__arena_take_from_next(arena, size);
}

#endif
