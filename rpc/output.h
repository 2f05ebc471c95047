/*
 * output.h: the bytes that wait to be written, as a queue of chunks. Frames are encoded in place: reserve the frame's
 * size, write into it, commit. One vectored send takes many of them.
 */
#ifndef YOKE_RPC_OUTPUT_H
#define YOKE_RPC_OUTPUT_H

#include "rpc/chunk.h"

#include <sys/uio.h>

struct yoke__output {
    struct yoke__chunk_pool *pool;
    struct yoke__chunk *head, *tail;
    size_t queued;     /* committed bytes */
    size_t commits;    /* since it was last empty */
    uint64_t consumed; /* bytes, ever */
};

void yoke__output_init(struct yoke__output *output, struct yoke__chunk_pool *pool);

/* Drop what is queued. */
void yoke__output_release(struct yoke__output *output);

/* The same room in a new chunk. */
uint8_t *yoke__output_reserve_chunk(struct yoke__output *output, size_t size);

/* Room for `size` contiguous bytes at the end of the queue; NULL when out of memory. Not queued until committed. */
static inline uint8_t *yoke__output_reserve(struct yoke__output *output, size_t size) {
    struct yoke__chunk *tail = output->tail;
    return tail != NULL && tail->capacity - tail->end >= size ? tail->data + tail->end
                                                              : yoke__output_reserve_chunk(output, size);
}

/* Queue the `size` bytes last reserved. */
static inline void yoke__output_commit(struct yoke__output *output, size_t size) {
    output->tail->end += size;
    output->queued += size;
    output->commits++;
}

/* Where the queue ends, in all bytes that have ever been queued and were not dropped. */
static inline uint64_t yoke__output_end(const struct yoke__output *output) {
    return output->consumed + output->queued;
}

/* Describe the front of the queue in at most `max` vectors. Returns how many it filled. */
size_t yoke__output_vector(const struct yoke__output *output, struct iovec *vector, size_t max);

/* Remove `size` bytes from the front, at most `queued`. */
void yoke__output_consume(struct yoke__output *output, size_t size);

#endif
