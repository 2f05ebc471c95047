/* Batches. The paths are kept in the form in which the request wants them, so that sending a batch copies nothing. */
#include "batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void batch_destroy(struct batch *batch) {
    if (batch == NULL) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->paths[i].data);
    }
    free(batch);
}

const char *batch_path(const struct batch *batch, size_t index) {
    return (const char *)batch->paths[index].data;
}

static bool has_room(const struct batch *batch, uint64_t size) {
    return batch->count == 0 || (batch->count < BATCH_FILES && batch->bytes + size <= BATCH_BYTES);
}

static int add(struct batch *batch, const struct walk_file *file) {
    char *path = strdup(file->path);
    if (path == NULL) {
        return -ENOMEM;
    }
    batch->paths[batch->count++] = (ProtobufCBinaryData){.len = strlen(path), .data = (uint8_t *)path};
    batch->bytes += file->size;
    return 0;
}

/* Add files until one does not fit: 1; 0 at the end of the walk; -ENOMEM. */
static int fill(struct batcher *batcher, struct batch *batch) {
    for (;;) {
        if (!batcher->file_waits) {
            int found = walk_next(batcher->walk, &batcher->file);
            if (found <= 0) {
                return found;
            }
            batcher->file_waits = true;
        }
        if (!has_room(batch, batcher->file.size)) {
            return 1;
        }
        int error = add(batch, &batcher->file);
        if (error < 0) {
            return error;
        }
        batcher->file_waits = false;
    }
}

int batcher_next(struct batcher *batcher, struct batch **ret_batch) {
    struct batch *batch = calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return -ENOMEM;
    }

    int filled = fill(batcher, batch);
    if (filled < 0 || batch->count == 0) {
        batch_destroy(batch);
        return filled;
    }
    *ret_batch = batch;
    return 1;
}
