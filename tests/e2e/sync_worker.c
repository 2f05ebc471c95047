/* sync_worker.c: see sync_worker.h. A worker's checks must be heard by the test in exec mode, too, so they are values. */
#include "sync_worker.h"

#include "probe.yoke.h"
#include "stream_caller.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

static const Google__Protobuf__Empty nothing = GOOGLE__PROTOBUF__EMPTY__INIT;

static int check_unary(struct yoke_channel *master, struct yoke_sync *sync) {
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    const Probe__Payload *reply = NULL;
    request.data.data = (uint8_t[]){1, 2, 3};
    request.data.len = 3;
    EXPECT(probe_common_echo_sync(master, &request, NULL, sync, &reply) == 0);
    EXPECT(reply->data.len == 3 && memcmp(reply->data.data, request.data.data, 3) == 0);
    Probe__Number size = PROBE__NUMBER__INIT;
    size.value = 3000000;
    EXPECT(probe_common_make_sync(master, &size, NULL, sync, &reply) == 0);
    EXPECT(reply->data.len == 3000000);
    EXPECT(probe_common_hold_sync(master, &request, NULL, sync, &reply) == 0);
    EXPECT(reply->data.len == 3);
    return 0;
}

static int check_errors(struct yoke_channel *master, struct yoke_sync *sync) {
    Probe__FailRequest fail = PROBE__FAIL_REQUEST__INIT;
    const Google__Protobuf__Empty *reply = NULL;
    fail.code = YOKE_NOT_FOUND;
    fail.message = (char[]){"as asked"};
    EXPECT(probe_common_fail_sync(master, &fail, NULL, sync, &reply) == YOKE_NOT_FOUND);
    EXPECT(sync->status.code == YOKE_NOT_FOUND && strcmp(sync->status.message, "as asked") == 0);
    EXPECT(probe_nowhere_call_sync(master, &nothing, NULL, sync, &reply) == YOKE_UNIMPLEMENTED);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 20000};
    const Probe__Number zero = PROBE__NUMBER__INIT;
    const Probe__Number *number = NULL;
    EXPECT(probe_streams_wait_sync(master, &zero, &options, sync, &number) == YOKE_DEADLINE_EXCEEDED);
    EXPECT(probe_streams_brief_sync(master, &zero, NULL, sync, &number) == YOKE_DEADLINE_EXCEEDED);
    EXPECT(reply == NULL && number == NULL);
    return 0;
}

static int check_count(struct yoke_channel *master, struct yoke_sync *sync) {
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    plan.reply = 100;
    plan.reply_bytes = 100000;
    EXPECT(probe_streams_count_sync(master, &plan, NULL, sync) == 0);
    const Probe__Payload *message = NULL;
    for (uint32_t i = 0; i < plan.reply; i++) {
        uint32_t number = 0;
        char command;
        EXPECT(probe_streams_count_next(sync, &message) == 0 && message != NULL);
        EXPECT(stream_read(message->data.data, message->data.len, &number, &command) && number == i);
    }
    EXPECT(probe_streams_count_next(sync, &message) == 0 && message == NULL);
    return 0;
}

static int write_one(struct yoke_sync *sync, bool is_sum, uint32_t number, size_t size) {
    Probe__Payload message = PROBE__PAYLOAD__INIT;
    message.data.data = stream_data(number, size);
    message.data.len = size;
    int result = is_sum ? probe_streams_sum_write(sync, &message) : probe_streams_chat_write(sync, &message);
    free(message.data.data);
    return result;
}

static int check_sum_and_chat(struct yoke_channel *master, struct yoke_sync *sync) {
    EXPECT(probe_streams_sum_sync(master, NULL, sync) == 0);
    for (uint32_t i = 0; i < 1000; i++) {
        EXPECT(write_one(sync, true, i, 10000) == 0);
    }
    const Probe__Number *sum = NULL;
    EXPECT(probe_streams_sum_close(sync, &sum) == 0 && sum->value == 10000000);
    EXPECT(probe_streams_chat_sync(master, NULL, sync) == 0);
    const Probe__Payload *message = NULL;
    for (uint32_t i = 0; i < 100; i++) {
        EXPECT(write_one(sync, false, i, 100) == 0);
        EXPECT(probe_streams_chat_next(sync, &message) == 0 && message != NULL && message->data.len == 100);
    }
    EXPECT(yoke_sync_half_close(sync) == 0);
    EXPECT(probe_streams_chat_next(sync, &message) == 0 && message == NULL);
    return 0;
}

static int check_all(struct yoke_channel *master, bool release) {
    static struct yoke_sync sync = {YOKE_SYNC_INIT};
    int line = check_unary(master, &sync);
    line = line == 0 ? check_errors(master, &sync) : line;
    line = line == 0 ? check_count(master, &sync) : line;
    line = line == 0 ? check_sum_and_chat(master, &sync) : line;
    if (line == 0) {
        EXPECT(probe_streams_chat_sync(master, NULL, &sync) == 0);
        EXPECT(write_one(&sync, false, 0, 100) == 0);
        EXPECT(yoke_call_remaining_us(yoke_sync_call(&sync)) == UINT64_MAX);
    }
    if (release) {
        yoke_sync_release(&sync);
    }
    return line;
}

void sync_worker_check(struct yoke_worker *worker, bool release) {
    Probe__Noticed noticed = PROBE__NOTICED__INIT;
    noticed.what = (char[]){"sync"};
    noticed.value = check_all(yoke_worker_master(worker), release);
    probe_noticed_emit(yoke_worker_master(worker), &noticed);
}
