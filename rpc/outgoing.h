/*
 * outgoing.h: the calls that we make: from the OPEN that we send to the END that completes them. What is declared here is
 * for connection.c; starting a call is yoke__call_start().
 */
#ifndef YOKE_RPC_OUTGOING_H
#define YOKE_RPC_OUTGOING_H

#include "rpc/connection.h"

/* Handle an END whose header has been checked. `payload` is NULL when it is too large to be taken. */
void yoke__outgoing_receive_end(struct yoke__connection *connection, const struct yoke__frame *frame,
                                const uint8_t *payload);

/* The same for HEADERS and GOAWAY. */
void yoke__outgoing_receive_headers(struct yoke__connection *connection, const struct yoke__frame *frame,
                                    const uint8_t *payload);
void yoke__outgoing_receive_goaway(struct yoke__connection *connection, const uint8_t *payload);

#endif
