/*
 * chunk.h: the buffers behind all input and output, and the pool that recycles them. A connection holds chunks only
 * while bytes are in them, so idle connections cost none and busy ones share warm memory.
 */
#ifndef YOKE_RPC_CHUNK_H
#define YOKE_RPC_CHUNK_H

#include <stddef.h>
#include <stdint.h>

/* The usual capacity. A larger one is made when one frame needs it. */
#define YOKE__CHUNK_SIZE (64u * 1024u)

struct yoke__chunk {
    struct yoke__chunk *next;
    size_t capacity;
    size_t begin, end; /* the bytes in use are data[begin … end) */
    uint8_t data[];
};

/* Idle chunks, most recently used first. A zeroed pool is an empty one. */
struct yoke__chunk_pool {
    struct yoke__chunk *idle;
    size_t idle_bytes;
};

/* An empty chunk of at least `capacity` bytes; NULL when out of memory. */
struct yoke__chunk *yoke__chunk_get(struct yoke__chunk_pool *pool, size_t capacity);

/* Give a chunk back; NULL is fine. */
void yoke__chunk_put(struct yoke__chunk_pool *pool, struct yoke__chunk *chunk);

/* Free the idle chunks. */
void yoke__chunk_pool_release(struct yoke__chunk_pool *pool);

#endif
