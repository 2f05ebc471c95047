/* channel.h: where calls and events go. An owner (a child, a pool, a worker) embeds one and says who its peers are. */
#ifndef YOKE_RPC_CHANNEL_H
#define YOKE_RPC_CHANNEL_H

#include "rpc/connection.h"

struct yoke__channel_class {
    /* The connection for the next call; NULL when no peer can take it. */
    struct yoke__connection *(*pick)(struct yoke_channel *channel);

    /* Peer number `index` of those who get events; NULL when that one is dead. */
    size_t (*peer_count)(const struct yoke_channel *channel);
    struct yoke__connection *(*peer_at)(const struct yoke_channel *channel, size_t index);
};

struct yoke_channel {
    const struct yoke__channel_class *class;
    struct yoke__engine *engine;
};

/* A channel to one peer. */
struct yoke__single_channel {
    struct yoke_channel channel;
    struct yoke__connection *connection; /* NULL while there is none */
};

void yoke__single_channel_init(struct yoke__single_channel *single, struct yoke__engine *engine);

#endif
