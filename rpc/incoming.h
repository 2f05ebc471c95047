/*
 * incoming.h: the calls that the peer makes: from the OPEN that we receive through the handler to the END that answers them.
 * What is declared here is for connection.c; answering is yoke__connection_answer().
 */
#ifndef YOKE_RPC_INCOMING_H
#define YOKE_RPC_INCOMING_H

#include "rpc/connection.h"

/* Handle an OPEN or a CANCEL whose header has been checked. `payload` is NULL when it is too large to be taken. */
void yoke__incoming_receive_open(struct yoke__connection *connection, const struct yoke__frame *frame,
                                 const uint8_t *payload);
void yoke__incoming_receive_cancel(struct yoke__connection *connection, const struct yoke__frame *frame);

#endif
