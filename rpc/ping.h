/* ping.h: is the peer there, and how fast does it answer? A ping is a unary call that every process answers. */
#ifndef YOKE_RPC_PING_H
#define YOKE_RPC_PING_H

#include "rpc/server.h"

/* Where pings go, in every server. */
extern const struct yoke__route yoke__ping_route;

#endif
