/* io.c: see io.h. */
#include "rpc/io.h"

#include "rpc/cancel.h"
#include "rpc/socket.h"

/* The loop only has to wake up; before_sleep does the work. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop;
    (void)watcher;
    (void)events;
}

/* Left alone while it is early enough: deadlines come and go with each call, and most are met. */
static void set_timer(struct yoke__io *io, bool at_once) {
    uint64_t due_ns = at_once ? 0 : yoke__calls_due_ns(io->engine);
    if (due_ns == UINT64_MAX) {
        ev_timer_stop(io->loop, &io->timer);
        return;
    }
    if (ev_is_active(&io->timer) && io->timer_ns <= due_ns) {
        return;
    }
    uint64_t now_ns = io->engine->clock_ns();
    uint64_t wait_ns = due_ns > now_ns ? due_ns - now_ns : 0;
    ev_timer_stop(io->loop, &io->timer);
    ev_now_update(io->loop);
    ev_timer_set(&io->timer, (double)wait_ns / 1e9, 0.);
    ev_timer_start(io->loop, &io->timer);
    io->timer_ns = due_ns;
}

static void before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events) {
    struct yoke__io *io = YOKE__CONTAINER(watcher, struct yoke__io, before_sleep);
    (void)loop;
    (void)events;
    bool has_run = yoke__calls_settle(io->engine);
    /* Flushing can end a connection, whose user's callbacks can queue more elsewhere, or settle more. Up to the last socket
     * that is dirty now: callbacks that make it dirty again must not keep the loop from turning. */
    const struct yoke__link *last = io->dirty.previous;
    bool is_last = false;
    while (!is_last && !yoke__link_is_alone(&io->dirty)) {
        struct yoke__socket *socket = YOKE__CONTAINER(io->dirty.next, struct yoke__socket, dirty);
        is_last = &socket->dirty == last;
        yoke__link_remove(&socket->dirty);
        yoke__socket_attend(socket);
        has_run |= yoke__calls_settle(io->engine);
    }
    has_run |= !yoke__link_is_alone(&io->dirty);
    /* What ran may be what the loop's user runs it for, so it turns once more instead of sleeping. */
    set_timer(io, has_run);
}

void yoke__io_init(struct yoke__io *io, struct ev_loop *loop, struct yoke__engine *engine) {
    *io = (struct yoke__io){.loop = loop, .engine = engine};
    yoke__link_init(&io->dirty);
    ev_timer_init(&io->timer, on_timer, 0., 0.);
    ev_prepare_init(&io->before_sleep, before_sleep);
    /* After the user's own prepare watchers, which may make calls. */
    ev_set_priority(&io->before_sleep, EV_MINPRI);
    ev_prepare_start(loop, &io->before_sleep);
    ev_unref(loop);
}

void yoke__io_release(struct yoke__io *io) {
    ev_timer_stop(io->loop, &io->timer);
    ev_ref(io->loop);
    ev_prepare_stop(io->loop, &io->before_sleep);
}
