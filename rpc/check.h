/* check.h: what is wrong with a frame, judged by its header and by what the connection knows: the violations. */
#ifndef YOKE_RPC_CHECK_H
#define YOKE_RPC_CHECK_H

#include "rpc/connection.h"

/* What is wrong, in words for the death event; NULL when nothing is. */
const char *yoke__frame_check(const struct yoke__connection *connection, const struct yoke__frame *frame);

/* Is this the id of a call that we made, now or before? */
bool yoke__stream_is_ours(const struct yoke__connection *connection, uint32_t stream);

#endif
