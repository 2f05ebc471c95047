/*
 * io.h: a master's or worker's share of the loop. Right before the loop would sleep, the callbacks that are due run, what
 * they and others queued is sent in one go per connection, and the timer is set to the next deadline. Other threads hand
 * over functions to be run in it, and blocking calls run it until they have ended.
 */
#ifndef YOKE_RPC_IO_H
#define YOKE_RPC_IO_H

#include "rpc/busy_poll.h"
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
    struct yoke__busy_poll busy_poll;
    ev_idle lookout;          /* keeps the loop from sleeping, and looks at sockets, while bytes are expected soon */
    struct yoke__link recent; /* sockets that have had traffic since the last rest, the latest first */
    bool is_stirred;          /* some of it since the timer below fired or was started */
    ev_timer rest; /* tells when there has been none for a while; active while there is something to give back */
};

/* Must not move afterwards. Does not keep the loop running, but for the sake of a deadline. -EMFILE, -ENFILE, -ENOMEM: the
 * kernel's. */
int yoke__io_init(struct yoke__io *io, struct ev_loop *loop, struct yoke__engine *engine);
void yoke__io_release(struct yoke__io *io);

/* Look out for bytes so long before sleeping; 0: sleep at once, as after yoke__io_init(). */
void yoke__io_set_busy_poll(struct yoke__io *io, uint32_t patience_us);

/* Let a timer of one shot end after so many seconds from now, whether it runs or not. */
static inline void yoke__timer_start(struct ev_loop *loop, ev_timer *timer, double seconds) {
    ev_timer_stop(loop, timer);
    /* The loop's idea of now may be old when we are called from outside of it. */
    ev_now_update(loop);
    ev_timer_set(timer, seconds, 0.);
    ev_timer_start(loop, timer);
}

/* Bytes have come to, or gone from, the socket that has this link. */
void yoke__io_received(struct yoke__io *io, struct yoke__link *recent);
void yoke__io_sent(struct yoke__io *io, struct yoke__link *recent);

/* Keep the loop running while callbacks are due. For who has just stopped what may have been its last watcher. */
void yoke__io_remain(struct yoke__io *io);

/* From any thread: run(user_data) in the loop. -EINVAL: no function; -ENOMEM; -ECHILD: in a forked copy. */
int yoke__io_post(struct yoke__io *io, yoke__post_run *run, void *user_data);

#endif
