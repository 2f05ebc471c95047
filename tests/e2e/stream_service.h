/* stream_service.h: probe.Streams, as masters and workers serve it, and probe.StreamDriver, which workers serve. */
#ifndef YOKE_TESTS_STREAM_SERVICE_H
#define YOKE_TESTS_STREAM_SERVICE_H

#include "probe.yoke.h"

#define STREAM_WAITS_MAX 64

struct stream_service {
    struct yoke_channel *master; /* a worker's, for StreamDriver */
    uint32_t opened, live, cancelled, received, ends, sent, refused;
    struct yoke_call *ignored[STREAM_WAITS_MAX]; /* calls of Wait that are not answered */
    unsigned ignored_count;
    struct yoke_call *held; /* a Chat that a command put on hold */
};

extern const struct probe_streams_handlers stream_handlers;              /* user_data: struct stream_service */
extern const struct probe_stream_driver_handlers stream_driver_handlers; /* the same */

/* Answers the calls of Wait that were ignored. */
void stream_service_release(struct stream_service *service);

#endif
