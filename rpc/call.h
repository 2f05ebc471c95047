/*
 * call.h: one call at one side. A client call lives from its OPEN to its completion. A server call lives until the
 * handler has returned and the call is answered, even when its connection is gone by then.
 */
#ifndef YOKE_RPC_CALL_H
#define YOKE_RPC_CALL_H

#include "rpc/list.h"

#include <yoke/rpc.h>

struct yoke__connection;
struct yoke__engine;

struct yoke_call {
    struct yoke__connection *connection; /* NULL when it is gone */
    struct yoke__engine *engine;         /* NULL when it is gone, too */
    struct yoke_call *next_idle;         /* in the engine's free list */
    struct yoke__link link;              /* in the connection's list of live calls, or among the engine's orphans */
    const struct yoke_method *method;
    struct yoke_peer peer;
    uint32_t stream;
    bool is_client;

    /* Client side. */
    yoke_function *done;
    void *user_data;
    uint32_t max_reply_bytes;

    /* Server side. */
    struct yoke_arena *arena; /* holds the request */
    bool in_handler, answered;
};

#endif
