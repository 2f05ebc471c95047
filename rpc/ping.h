/* ping.h: is the peer there, and how fast does it answer? A ping is a unary call that every process answers. */
#ifndef YOKE_RPC_PING_H
#define YOKE_RPC_PING_H

#include "rpc/connection.h"
#include "rpc/server.h"

/* Where pings go, in every server. */
extern const struct yoke__route yoke__ping_route;

/*
 * Ping this peer, without a deadline; `done` is told when it has answered or never will. For the steady heartbeat: unlike
 * yoke_channel_ping() it takes nothing but a call. Errors as yoke_channel_ping().
 */
typedef void yoke__pong(const struct yoke_peer *peer, void *user_data);
int yoke__ping(struct yoke__connection *connection, yoke__pong *done, void *user_data);

#endif
