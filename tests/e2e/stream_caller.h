/* stream_caller.h: a call of probe.Streams that follows a plan and remembers how it went, in masters and in workers. */
#ifndef YOKE_TESTS_STREAM_CALLER_H
#define YOKE_TESTS_STREAM_CALLER_H

#include "probe.yoke.h"

struct stream_caller {
    Probe__StreamPlan plan; /* its strings are not used after the start */
    Probe__StreamResult result;
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    struct yoke_call *call; /* until it has ended */
    uint32_t sent;
    bool is_sum;
    void (*on_end)(struct stream_caller *caller, void *user_data); /* NULL: nobody */
    void *user_data;
};

/* The caller is zeroed, but for its callback. on_end() runs also when the call cannot be made. */
void stream_caller_start(struct stream_caller *caller, struct yoke_channel *channel, const Probe__StreamPlan *plan);

/* Sends what is still to be sent; by itself it does so when it may. */
void stream_caller_send(struct stream_caller *caller);

/* Data of `size` bytes that begin with a number, if there is room; to be freed. */
uint8_t *stream_data(uint32_t number, size_t size);

/* The number and the command in such data. False when there is no room for a number. */
bool stream_read(const uint8_t *data, size_t size, uint32_t *ret_number, char *ret_command);

#endif
