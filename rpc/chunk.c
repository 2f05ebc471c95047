/* chunk.c: see chunk.h. */
#include "rpc/chunk.h"

#include <stdlib.h>

/* What the pool may keep idle: enough for a large message each way plus a few usual chunks. */
#define IDLE_BYTES_MAX ((size_t)4 * 1024 * 1024)

struct yoke__chunk *yoke__chunk_get(struct yoke__chunk_pool *pool, size_t capacity) {
    struct yoke__chunk **link = &pool->idle;
    while (*link != NULL && (*link)->capacity < capacity) {
        link = &(*link)->next;
    }
    struct yoke__chunk *chunk = *link;
    if (chunk != NULL) {
        *link = chunk->next;
        pool->idle_bytes -= chunk->capacity;
    } else {
        if (capacity < YOKE__CHUNK_SIZE) {
            capacity = YOKE__CHUNK_SIZE;
        }
        chunk = malloc(sizeof *chunk + capacity);
        if (chunk == NULL) {
            return NULL;
        }
        chunk->capacity = capacity;
    }
    chunk->next = NULL;
    chunk->begin = chunk->end = 0;
    return chunk;
}

void yoke__chunk_put(struct yoke__chunk_pool *pool, struct yoke__chunk *chunk) {
    if (chunk == NULL) {
        return;
    }
    if (pool->idle_bytes + chunk->capacity > IDLE_BYTES_MAX) {
        free(chunk);
        return;
    }
    chunk->next = pool->idle;
    pool->idle = chunk;
    pool->idle_bytes += chunk->capacity;
}

void yoke__chunk_pool_release(struct yoke__chunk_pool *pool) {
    while (pool->idle != NULL) {
        struct yoke__chunk *chunk = pool->idle;
        pool->idle = chunk->next;
        free(chunk);
    }
    pool->idle_bytes = 0;
}
