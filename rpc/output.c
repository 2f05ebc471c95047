/* output.c: see output.h. */
#include "rpc/output.h"

void yoke__output_init(struct yoke__output *output, struct yoke__chunk_pool *pool) {
    *output = (struct yoke__output){.pool = pool};
}

static void pop(struct yoke__output *output) {
    struct yoke__chunk *chunk = output->head;
    output->head = chunk->next;
    if (output->head == NULL) {
        output->tail = NULL;
    }
    yoke__chunk_put(output->pool, chunk);
}

void yoke__output_release(struct yoke__output *output) {
    while (output->head != NULL) {
        pop(output);
    }
    output->queued = output->commits = 0;
}

uint8_t *yoke__output_reserve_chunk(struct yoke__output *output, size_t size) {
    struct yoke__chunk *chunk = yoke__chunk_get(output->pool, size);
    if (chunk == NULL) {
        return NULL;
    }
    if (output->tail == NULL) {
        output->head = chunk;
    } else {
        output->tail->next = chunk;
    }
    output->tail = chunk;
    return chunk->data;
}

size_t yoke__output_vector(const struct yoke__output *output, struct iovec *vector, size_t max) {
    size_t count = 0;
    for (struct yoke__chunk *chunk = output->head; chunk != NULL && count < max; chunk = chunk->next) {
        if (chunk->end > chunk->begin) {
            vector[count++] = (struct iovec){chunk->data + chunk->begin, chunk->end - chunk->begin};
        }
    }
    return count;
}

void yoke__output_consume(struct yoke__output *output, size_t size) {
    output->queued -= size;
    output->consumed += size;
    while (output->head != NULL) {
        struct yoke__chunk *chunk = output->head;
        size_t available = chunk->end - chunk->begin;
        if (size < available) {
            chunk->begin += size;
            return;
        }
        size -= available;
        pop(output);
    }
    output->commits = 0;
}
