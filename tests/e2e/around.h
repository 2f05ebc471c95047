/* around.h: what goes around messages: a service that reflects metadata, who calls it, and interceptors. */
#ifndef YOKE_TESTS_AROUND_H
#define YOKE_TESTS_AROUND_H

#include "probe.yoke.h"

extern const struct probe_around_handlers around_handlers;

/* ---- Interceptors; user_data: struct around_interceptor ---------------------------------------------------------- */

struct around_interceptor {
    const char *name;
    unsigned started, finished;
    enum yoke_code code; /* of the last that finished */
};

/* Adds its name to the metadata "trace" of the request. */
extern const struct yoke_interceptor around_caller_interceptor;

/* Refuses calls with the metadata "refuse"; adds its name to the trailers "by"; makes DATA_LOSS of ABORTED. */
extern const struct yoke_interceptor around_server_interceptor;

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

struct around_call {
    Probe__AroundResult result; /* its strings are in here */
    char message[YOKE_STATUS_MESSAGE_MAX + 1], headers[256], trailers[256], reason[256];
    void (*on_end)(struct around_call *call, void *user_data); /* NULL: nobody */
    void *user_data;
};

/* The call is zeroed, but for its callback, which runs also when it cannot be made. */
void around_call_start(struct around_call *around, struct yoke_channel *channel, const Probe__AroundRequest *request);

#endif
