/*
 * io.h: a master's or worker's share of the loop. Right before the loop would sleep, the callbacks that are due run, what
 * they and others queued is sent in one go per connection, and the timer is set to the next deadline. Other threads hand
 * over functions to be run in it, and blocking calls run it until they have ended.
 */
#ifndef YOKE_RPC_IO_H
#define YOKE_RPC_IO_H

#include "rpc/engine.h"
#include "rpc/list.h"
#include "rpc/post.h"

#include <ev.h>

struct yoke__io {
    struct ev_loop *loop;
    struct yoke__engine *engine;
    ev_prepare before_sleep;
    ev_timer timer;          /* wakes the loop for the earliest deadline */
    uint64_t timer_ns;       /* when that is, if the timer is active */
    struct yoke__link dirty; /* sockets with something to send or a failure to report */
    struct yoke__posts posts;
    ev_async door; /* wakes the loop for posts */
    bool is_alone; /* this process and its peers share one CPU */
};

/* Must not move afterwards. Does not keep the loop running, but for the sake of a deadline. -EMFILE, -ENFILE, -ENOMEM: the
 * kernel's. */
int yoke__io_init(struct yoke__io *io, struct ev_loop *loop, struct yoke__engine *engine);
void yoke__io_release(struct yoke__io *io);

/* Keep the loop running while callbacks are due. For who has just stopped what may have been its last watcher. */
void yoke__io_remain(struct yoke__io *io);

/* From any thread: run(user_data) in the loop. -EINVAL: no function; -ENOMEM; -ECHILD: in a forked copy. */
int yoke__io_post(struct yoke__io *io, yoke__post_run *run, void *user_data);

#endif
