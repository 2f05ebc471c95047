/* flow: a reader that holds a stream stops its writer at the end of the credit, and lets it go on. */
#include "guide.yoke.h"
#include "run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS 128u
#define BLOCK_BYTES (64u << 10)

/* What the credit of 2 MiB lets through: 31 blocks and their headers fit whole, and of one more a part is sent. */
#define CREDIT_BLOCKS 32u

/* ---- The worker: writes --------------------------------------------------------------------------------------- */

struct download {
    struct yoke_worker *worker;
    uint32_t next, last;
};

static void forget(struct yoke_call *call, void *user_data) {
    free(user_data);
    yoke_call_fail(call, YOKE_CANCELLED, NULL);
}

static void tell_progress(const struct download *download) {
    Guide__Progress progress = GUIDE__PROGRESS__INIT;
    progress.job = "download";
    progress.done = download->next - 1;
    guide_progress_emit(yoke_worker_master(download->worker), &progress);
}

/* Sends what is taken now. Runs again when more is. */
static void send_blocks(struct yoke_call *call, void *user_data) {
    static uint8_t bytes[BLOCK_BYTES];
    struct download *download = user_data;
    Guide__Block block = GUIDE__BLOCK__INIT;
    block.bytes = (ProtobufCBinaryData){.len = sizeof bytes, .data = bytes};

    int error = 0;
    while (error == 0 && download->next <= download->last) {
        block.number = download->next;
        error = guide_blocks_download_reply(call, &block);
        download->next += error == 0;
    }
    if (error == -EAGAIN) {
        tell_progress(download);
        return;
    }
    free(download);
    if (error == 0) {
        yoke_call_finish(call);
    } else {
        yoke_call_fail(call, YOKE_ABORTED, strerror(-error));
    }
}

static void download(struct yoke_call *call, const Guide__Range *range, void *user_data) {
    struct download *download = malloc(sizeof *download);
    if (download == NULL) {
        yoke_call_fail(call, YOKE_RESOURCE_EXHAUSTED, "out of memory");
        return;
    }
    *download = (struct download){user_data, (uint32_t)range->first, (uint32_t)range->last};
    yoke_call_on_cancel(call, forget, download);
    yoke_call_on_writable(call, send_blocks, download);
    send_blocks(call, download);
}

static int worker_main(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    static const struct guide_blocks_handlers handlers = {.download = download};
    return guide_blocks_serve(yoke_worker_server(worker), &handlers, worker) < 0 ? 1 : yoke_worker_run(worker);
}

/* ---- The master: reads ---------------------------------------------------------------------------------------- */

struct reader {
    struct yoke_call *call;
    uint32_t blocks;
};

static void on_block(struct yoke_call *call, const Guide__Block *block, void *user_data) {
    (void)call;
    struct reader *reader = user_data;
    reader->blocks += block->number == reader->blocks + 1;
}

static void on_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    struct reader *reader = user_data;
    printf("%s, with %u blocks in order\n", yoke_code_name(status->code), reader->blocks);
}

/* Events do not wait for the stream. */
static void on_progress(const struct yoke_peer *peer, const Guide__Progress *progress, void *user_data) {
    (void)peer;
    struct reader *reader = user_data;
    if (progress->done == CREDIT_BLOCKS) {
        printf("the worker was stopped behind block %u; %u have been read\n", progress->done, reader->blocks);
        yoke_call_resume(reader->call);
    }
}

static int start(struct yoke_master *master) {
    static struct reader reader;
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = worker_main};
    struct yoke_pool *pool;
    struct yoke_call_options keep = {YOKE_CALL_OPTIONS_INIT, .ret_call = &reader.call};
    Guide__Range range = GUIDE__RANGE__INIT;
    range.first = 1;
    range.last = BLOCKS;

    int error = guide_progress_on(yoke_master_events(master), on_progress, &reader);
    if (error == 0) {
        error = yoke_pool_create(master, &options, &pool);
    }
    if (error == 0) {
        error = guide_blocks_download(yoke_pool_channel(pool), &range, &keep, on_block, on_end, &reader);
    }
    if (error == 0) {
        error = yoke_call_hold(reader.call);
    }
    yoke_master_stop(master); /* when the call has ended */
    return error;
}

int main(void) {
    return guide_run(NULL, start);
}
