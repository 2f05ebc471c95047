/* channel.h: where calls and events go. An owner (a child, a pool, a worker) embeds one and says who its peers are. */
#ifndef YOKE_RPC_CHANNEL_H
#define YOKE_RPC_CHANNEL_H

#include "rpc/connection.h"
#include "rpc/intercept.h"
#include "rpc/retry.h"

struct yoke__channel_class {
    /* The connection for the next call, of this method and with this key, 0: none; NULL when no peer can take it. */
    struct yoke__connection *(*pick)(struct yoke_channel *channel, const struct yoke_method *method, uint64_t key);

    /* Could any peer take a call? NULL unless the channel wants keys. */
    bool (*has_room)(const struct yoke_channel *channel);

    /* A peer has a call less. NULL: not interested. */
    void (*relieved)(struct yoke_channel *channel, const struct yoke__connection *connection);

    /* Calls begin to wait, or none does any more. Must not use the channel. NULL: not interested. */
    void (*crowded)(struct yoke_channel *channel, bool is_crowded);

    /* Peer number `index` of those who get events; NULL when that one is dead. */
    size_t (*peer_count)(const struct yoke_channel *channel);
    struct yoke__connection *(*peer_at)(const struct yoke_channel *channel, size_t index);
};

struct yoke_channel {
    const struct yoke__channel_class *class;
    struct yoke__engine *engine;
    struct yoke__chain chain;
    bool expects_peer; /* there may be a peer later when there is none now; the owner's to say */
    bool is_routed;    /* any of these three holds: */
    bool wants_key;    /* `pick` asks for keys */
    bool is_limited;   /* `pick` gives nobody while all have as many calls as they may; then calls wait */
    struct yoke__retry retry;
    size_t target; /* while calls to all are made: the peer that is called */

    /* See queue.h. */
    struct yoke__link waiting;         /* calls that wait for a peer: at first those that were sent before */
    struct yoke__link *last_returned;  /* of these; `waiting` itself: there are none */
    struct yoke__link pausing;         /* calls that wait for the time to be made again */
    struct yoke__link due;             /* among the engine's channels that are to be attended to */
    size_t waiting_count, max_waiting; /* 0: no bound */
    size_t waiting_bytes;              /* of their requests, and what goes around these */
};

void yoke__channel_init(struct yoke_channel *channel, const struct yoke__channel_class *class,
                        struct yoke__engine *engine);

/* No call goes through it any more. */
void yoke__channel_release(struct yoke_channel *channel);

/* Send a call to a peer. Errors as yoke_channel_open(); the call is the caller's to discard then. */
int yoke__channel_launch(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request);

/* A channel to one peer. */
struct yoke__single_channel {
    struct yoke_channel channel;
    struct yoke__connection *connection; /* NULL while there is none */
};

void yoke__single_channel_init(struct yoke__single_channel *single, struct yoke__engine *engine);

#endif
