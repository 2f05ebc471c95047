/* io.c: see io.h. */
#include "rpc/io.h"

#include "rpc/socket.h"

static void flush_dirty(struct ev_loop *loop, ev_prepare *watcher, int events) {
    struct yoke__io *io = YOKE__CONTAINER(watcher, struct yoke__io, before_sleep);
    (void)loop;
    (void)events;
    /* Flushing can end a connection, whose user's callbacks can queue more elsewhere. */
    while (!yoke__link_is_alone(&io->dirty)) {
        struct yoke__socket *socket = YOKE__CONTAINER(io->dirty.next, struct yoke__socket, dirty);
        yoke__link_remove(&socket->dirty);
        yoke__socket_attend(socket);
    }
}

void yoke__io_init(struct yoke__io *io, struct ev_loop *loop) {
    io->loop = loop;
    yoke__link_init(&io->dirty);
    ev_prepare_init(&io->before_sleep, flush_dirty);
    /* After the user's own prepare watchers, which may make calls. */
    ev_set_priority(&io->before_sleep, EV_MINPRI);
    ev_prepare_start(loop, &io->before_sleep);
    ev_unref(loop);
}

void yoke__io_release(struct yoke__io *io) {
    ev_ref(io->loop);
    ev_prepare_stop(io->loop, &io->before_sleep);
}
