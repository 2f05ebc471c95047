/* large: a call that is made behind one with 64 MiB is answered first. */
#include "guide.yoke.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LARGE (64u << 20)

/* ---- The worker ----------------------------------------------------------------------------------------------- */

static void upload(struct yoke_call *call, const Guide__Block *block, void *user_data) {
    (void)user_data;
    Guide__Number reply = GUIDE__NUMBER__INIT;
    reply.value = (int64_t)block->bytes.len;
    guide_blocks_upload_reply(call, &reply);
}

static void square(struct yoke_call *call, const Guide__Number *request, void *user_data) {
    (void)user_data;
    Guide__Number reply = GUIDE__NUMBER__INIT;
    reply.value = request->value * request->value;
    guide_math_square_reply(call, &reply);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_blocks_handlers blocks = {.upload = upload};
    static const struct guide_math_handlers math = {.square = square};
    struct yoke_server *server = yoke_worker_server(worker);
    if (guide_blocks_serve(server, &blocks, NULL) < 0 || guide_math_serve(server, &math, NULL) < 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

/* ---- The master ----------------------------------------------------------------------------------------------- */

static void on_reply(struct yoke_call *call, const struct yoke_status *status, const Guide__Number *reply,
                     void *user_data) {
    (void)user_data;
    if (status->code == YOKE_OK) {
        printf("%s: %u\n", yoke_call_method(call), (unsigned)reply->value);
    } else {
        printf("%s: %s\n", yoke_call_method(call), status->message);
    }
}

static int upload_block(struct yoke_channel *channel) {
    Guide__Block block = GUIDE__BLOCK__INIT;
    block.bytes = (ProtobufCBinaryData){.len = LARGE, .data = calloc(1, LARGE)};
    if (block.bytes.data == NULL) {
        return -ENOMEM;
    }
    int error = guide_blocks_upload(channel, &block, NULL, on_reply, NULL);
    free(block.bytes.data); /* it is encoded */
    return error;
}

static int start(struct yoke_master *master) {
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    int error = yoke_pool_create(master, &options, &pool);
    if (error == 0) {
        error = upload_block(yoke_pool_channel(pool));
    }
    if (error == 0) {
        Guide__Number seven = GUIDE__NUMBER__INIT;
        seven.value = 7;
        error = guide_math_square(yoke_pool_channel(pool), &seven, NULL, on_reply, NULL);
    }
    yoke_master_stop(master); /* when both are answered */
    return error;
}

int main(void) {
    const struct yoke_master_options options = {
        YOKE_MASTER_OPTIONS_INIT,
        .limits = {.max_message_bytes = 65u << 20, .max_queued_bytes = 128u << 20, .max_buffered_bytes = 256u << 20},
    };
    return guide_run(&options, start);
}
