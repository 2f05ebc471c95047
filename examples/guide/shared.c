/* shared: a large field that is built where the worker reads it: in memory that both share. */
#include "guide.yoke.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (3u << 20)
#define BLOCKS 6u

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void upload(struct yoke_call *call, const Guide__Block *block, void *user_data) {
    (void)user_data;
    Guide__Number reply = GUIDE__NUMBER__INIT;
    for (size_t i = 0; i < block->bytes.len; i++) {
        reply.value += block->bytes.data[i];
    }
    guide_blocks_upload_reply(call, &reply);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_blocks_handlers handlers = {.upload = upload};
    return guide_blocks_serve(yoke_worker_server(worker), &handlers, NULL) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static struct yoke_pool *pool;

static int upload_next(struct yoke_channel *channel);

static void on_reply(struct yoke_call *call, const struct yoke_status *status, const Guide__Number *reply,
                     void *user_data) {
    (void)call;
    if (status->code != YOKE_OK) {
        printf("%s\n", status->message);
        return;
    }
    printf("its bytes add up to %lld\n", (long long)reply->value);
    upload_next(user_data);
}

/* Where the block's bytes are made does not matter to what follows, only to how long it takes. */
static uint8_t *make_block(struct yoke_channel *channel, uint32_t number, bool *ret_is_shared) {
    void *bytes;
    *ret_is_shared = yoke_channel_take_buffer(channel, BLOCK_BYTES, &bytes) == 0;
    if (!*ret_is_shared) {
        bytes = malloc(BLOCK_BYTES);
    }
    if (bytes != NULL) {
        memset(bytes, (int)number, BLOCK_BYTES);
    }
    return bytes;
}

static int upload_next(struct yoke_channel *channel) {
    static uint32_t number;
    if (number == BLOCKS) {
        yoke_pool_stop(pool);
        return 0;
    }
    number++;
    bool is_shared;
    Guide__Block block = GUIDE__BLOCK__INIT;
    block.number = number;
    block.bytes = (ProtobufCBinaryData){.len = BLOCK_BYTES, .data = make_block(channel, number, &is_shared)};
    if (block.bytes.data == NULL) {
        return -ENOMEM;
    }
    printf("block %u is made in %s\n", number, is_shared ? "shared memory" : "memory of our own");
    int error = guide_blocks_upload(channel, &block, NULL, on_reply, channel);
    if (!is_shared) {
        free(block.bytes.data);
    } else if (error != 0) {
        yoke_channel_drop_buffer(channel, block.bytes.data);
    }
    return error;
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    int error = yoke_pool_create(master, &options, &pool);
    return error == 0 ? upload_next(yoke_child_channel(yoke_pool_child(pool, 0))) : error;
}

int main(void) {
    return guide_run(NULL, start);
}
