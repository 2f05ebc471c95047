/*
 * arena.h: memory for one decoded message: allocation is a pointer increment, release frees everything at once, and a
 * budget bounds what the bytes of a peer can make us spend (docs/protocol.md, "Limits").
 */
#ifndef YOKE_RPC_ARENA_H
#define YOKE_RPC_ARENA_H

#include <yoke/rpc.h>

struct yoke__arena_block;
struct yoke__loan;

struct yoke_arena {
    struct yoke_arena *next;          /* in the engine's list of idle arenas */
    struct yoke__arena_block *blocks; /* newest first; the oldest is kept across resets */
    size_t used, budget;
    size_t heap;             /* bytes of all blocks */
    size_t failures;         /* allocations refused since the last reset */
    struct yoke__loan *loan; /* the peer's memory that the message lies in, too; NULL: none */
};

/* A new arena with a budget of 0, or NULL. */
struct yoke_arena *yoke__arena_create(void);

void yoke__arena_destroy(struct yoke_arena *arena);

/* Forget all allocations and allow `budget` bytes for the next ones. */
void yoke__arena_reset(struct yoke_arena *arena, size_t budget);

/* Keep a loan until the next reset. */
void yoke__arena_keep(struct yoke_arena *arena, struct yoke__loan *loan);

/* `size` bytes, aligned for any type, valid until the next reset; NULL over budget or out of memory. */
void *yoke__arena_alloc(struct yoke_arena *arena, size_t size);

#endif
