/* channel.h: where calls and events go. An owner (a child, a pool, a worker) embeds one and says who its peers are. */
#ifndef YOKE_RPC_CHANNEL_H
#define YOKE_RPC_CHANNEL_H

#include "rpc/connection.h"
#include "rpc/intercept.h"

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
    struct yoke__chain chain;
    bool expects_peer;         /* there may be a peer later when there is none now; the owner's to say */
    struct yoke__link waiting; /* calls that wait for a peer that is ready */
    size_t waiting_bytes;      /* of their requests, and what goes around these */
};

void yoke__channel_init(struct yoke_channel *channel, const struct yoke__channel_class *class,
                        struct yoke__engine *engine);

/*
 * Send a call to a peer, or, if it may, let it wait for one that is ready. `request` is NULL when requests stream.
 * Errors as yoke_channel_open(); the call is the caller's to discard then.
 */
int yoke__channel_launch(struct yoke_channel *channel, struct yoke_call *call, const struct yoke__body *request,
                         bool may_wait);

/* The peers have changed: send the calls that wait to one that is ready; end them if none is to be expected any more. */
void yoke__channel_attend(struct yoke_channel *channel);

/* Is this a call of ours that waits for a peer? Take it out. */
bool yoke__call_is_waiting(const struct yoke_call *call);
void yoke__channel_forget(struct yoke_call *call);

/* A channel to one peer. */
struct yoke__single_channel {
    struct yoke_channel channel;
    struct yoke__connection *connection; /* NULL while there is none */
};

void yoke__single_channel_init(struct yoke__single_channel *single, struct yoke__engine *engine);

#endif
