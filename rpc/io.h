/*
 * io.h: a master's or worker's share of the loop. What was queued while callbacks ran is sent in one go per connection
 * right before the loop would sleep.
 */
#ifndef YOKE_RPC_IO_H
#define YOKE_RPC_IO_H

#include "rpc/list.h"

#include <ev.h>

struct yoke__io {
    struct ev_loop *loop;
    ev_prepare before_sleep;
    struct yoke__link dirty; /* sockets with something to send or a failure to report */
};

/* Must not move afterwards. Does not keep the loop running. */
void yoke__io_init(struct yoke__io *io, struct ev_loop *loop);
void yoke__io_release(struct yoke__io *io);

#endif
