/* server.h: the services that a process offers: from a method's id to its handler in one look-up. */
#ifndef YOKE_RPC_SERVER_H
#define YOKE_RPC_SERVER_H

#include "rpc/control.h"
#include "rpc/intercept.h"

#include <yoke/rpc.h>

/* A method that is served. */
struct yoke__route {
    const struct yoke_method *method; /* NULL: an empty slot */
    const void *handlers;
    void *user_data;
};

struct yoke_server {
    struct yoke__route *slots; /* open addressing by method id */
    size_t capacity;           /* a power of two, or 0 */
    size_t count;
    struct yoke__hello services; /* the ids that our HELLO carries */
    bool announced;              /* a HELLO has been sent; the services are fixed */
    struct yoke__chain chain;
};

/* A zeroed server is an empty one. */
void yoke__server_release(struct yoke_server *server);

/* The route of this method id, or NULL. Pings have one everywhere. */
const struct yoke__route *yoke__server_find(const struct yoke_server *server, uint32_t method_id);

#endif
