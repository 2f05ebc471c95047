/*
 * Files that go to a worker in one call. A batch is full at BATCH_FILES files or BATCH_BYTES bytes, whichever comes
 * first; a file larger than that is alone in its batch.
 */
#ifndef TREECOUNT_BATCH_H
#define TREECOUNT_BATCH_H

#include "treecount.pb-c.h"
#include "walk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BATCH_FILES 256
#define BATCH_BYTES (4u << 20)

struct job;

struct batch {
    struct batch *next; /* in a queue */
    struct job *job;    /* that it is part of */
    unsigned failures;  /* workers that died on it */
    uint64_t bytes;
    size_t count;
    ProtobufCBinaryData paths[BATCH_FILES]; /* each also ends with a NUL that is not in its length */
};

void batch_destroy(struct batch *batch);

/* The path of a file of the batch, as a string. */
const char *batch_path(const struct batch *batch, size_t index);

/* Makes batches of what a walk finds, one when asked for one. */
struct batcher {
    struct walk *walk;
    struct walk_file file; /* the walk's latest, when it did not fit in the batch before */
    bool file_waits;
};

/* The next batch, which is then the caller's: 1 and *ret_batch; 0 at the end of the walk; -ENOMEM. */
int batcher_next(struct batcher *batcher, struct batch **ret_batch);

#endif
