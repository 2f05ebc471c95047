/* io.c: see io.h. */
#include "rpc/io.h"

#include "rpc/cancel.h"
#include "rpc/cpus.h"
#include "rpc/socket.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    yoke__timer_start(io->loop, &io->timer, (double)wait_ns / 1e9);
    io->timer_ns = due_ns;
}

static void run_due(struct yoke__io *io) {
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
    has_run |= io->engine->is_turn_due;
    io->engine->is_turn_due = false;
    /* What ran may be what the loop's user runs it for, so it turns once more instead of sleeping. */
    set_timer(io, has_run);
}

/* ---- Busy-polling ------------------------------------------------------------------------------------------------ */

/*
 * Looks at sockets before the loop turns. A turn costs as much as one or two looks, and is what everybody else's watchers
 * wait for meanwhile: some microseconds.
 */
#define LOOKS_PER_TURN 16

/* Sockets that are looked at. The loop sees all of them in its turns. */
#define LOOKED_AT_MAX 4

static bool is_busy_polling(const struct yoke__io *io) {
    return io->busy_poll.patience_ns > 0;
}

/* Looks once at each of the sockets with the latest traffic. Returns how many looks that took, or 0 when something came. */
static unsigned look_around(struct yoke__io *io) {
    unsigned looks = 0;
    for (struct yoke__link *at = io->recent.next; at != &io->recent && looks < LOOKED_AT_MAX; at = at->next) {
        looks++;
        if (yoke__socket_poll(YOKE__CONTAINER(at, struct yoke__socket, recent))) {
            return 0;
        }
    }
    return looks > 0 ? looks : LOOKS_PER_TURN;
}

/*
 * libev calls this only in turns in which nothing else is to be done. After each arrival it returns, because a callback may have
 * told the loop to stop; what is to be sent leaves first, so that the peer works while the loop turns.
 */
static void on_lookout(struct ev_loop *loop, ev_idle *watcher, int events) {
    struct yoke__io *io = YOKE__CONTAINER(watcher, struct yoke__io, lookout);
    (void)loop;
    (void)events;
    for (unsigned looks = 0; looks < LOOKS_PER_TURN;) {
        unsigned more = look_around(io);
        if (more == 0) {
            run_due(io);
            return;
        }
        looks += more;
    }
}

static void stop_lookout(struct yoke__io *io) {
    if (ev_is_active(&io->lookout)) {
        ev_ref(io->loop);
        ev_idle_stop(io->loop, &io->lookout);
    }
}

static void set_lookout(struct yoke__io *io) {
    if (!yoke__busy_poll_wants(&io->busy_poll, io->engine->clock_ns())) {
        stop_lookout(io);
    } else if (!ev_is_active(&io->lookout)) {
        ev_idle_start(io->loop, &io->lookout);
        ev_unref(io->loop);
    }
}

static void stir(struct yoke__io *io, struct yoke__link *recent) {
    io->is_stirred = true;
    if (io->recent.next != recent) {
        yoke__link_remove(recent);
        yoke__link_append(io->recent.next, recent);
    }
}

void yoke__io_received(struct yoke__io *io, struct yoke__link *recent) {
    stir(io, recent);
    if (is_busy_polling(io)) {
        yoke__busy_poll_received(&io->busy_poll, io->engine->clock_ns());
    }
}

void yoke__io_sent(struct yoke__io *io, struct yoke__link *recent) {
    stir(io, recent);
    yoke__busy_poll_sent(&io->busy_poll);
}

void yoke__io_set_busy_poll(struct yoke__io *io, uint32_t patience_us) {
    yoke__busy_poll_init(&io->busy_poll, patience_us);
}

/* ---- Rest -------------------------------------------------------------------------------------------------------- */

/* After one to two times so long without traffic a process gives back what it keeps to be fast. */
#define REST_SECONDS 1.

static void stop_rest(struct yoke__io *io) {
    if (ev_is_active(&io->rest)) {
        ev_ref(io->loop);
        ev_timer_stop(io->loop, &io->rest);
    }
}

static void on_rest(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke__io *io = YOKE__CONTAINER(watcher, struct yoke__io, rest);
    (void)loop;
    (void)events;
    /* While a callback runs the loop, its connection is best left alone. */
    if (io->is_stirred || io->engine->callback_depth > 0) {
        io->is_stirred = false;
        return;
    }
    stop_rest(io);
    while (!yoke__link_is_alone(&io->recent)) {
        struct yoke__socket *socket = YOKE__CONTAINER(io->recent.next, struct yoke__socket, recent);
        yoke__link_remove(&socket->recent);
        yoke__connection_trim(&socket->connection);
    }
    yoke__engine_trim(io->engine);
}

/* The timer fires once a second at most, and not at all in a process that has given everything back. */
static void set_rest(struct yoke__io *io) {
    if (io->is_stirred && !ev_is_active(&io->rest)) {
        io->is_stirred = false;
        ev_timer_start(io->loop, &io->rest);
        ev_unref(io->loop);
    }
}

/* ---- Before sleeping --------------------------------------------------------------------------------------------- */

static void before_sleep(struct ev_loop *loop, ev_prepare *watcher, int events) {
    struct yoke__io *io = YOKE__CONTAINER(watcher, struct yoke__io, before_sleep);
    (void)loop;
    (void)events;
    run_due(io);
    set_rest(io);
    if (is_busy_polling(io)) {
        set_lookout(io);
    }
}

/* The loop may end now, when nothing else keeps it running, and not come by before_sleep again. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop;
    (void)events;
    run_due(YOKE__CONTAINER(watcher, struct yoke__io, timer));
}

void yoke__io_remain(struct yoke__io *io) {
    set_timer(io, false);
}

/* ---- Posts ------------------------------------------------------------------------------------------------------ */

static void on_door(struct ev_loop *loop, ev_async *watcher, int events) {
    struct yoke__io *io = YOKE__CONTAINER(watcher, struct yoke__io, door);
    (void)loop;
    (void)events;
    io->engine->callback_depth++;
    yoke__posts_run(&io->posts);
    io->engine->callback_depth--;
}

int yoke__io_post(struct yoke__io *io, yoke__post_run *run, void *user_data) {
    /* First: in a forked copy the mutex may be held by a thread that is not there. */
    if (yoke__engine_is_foreign(io->engine)) {
        return -ECHILD;
    }
    if (run == NULL) {
        return -EINVAL;
    }
    bool must_wake;
    int error = yoke__posts_add(&io->posts, run, user_data, &must_wake);
    if (error == 0 && must_wake) {
        ev_async_send(io->loop, &io->door);
    }
    return error;
}

/* libev takes a descriptor for its first ev_async, and aborts the program when it gets none. See first whether one is left. */
static int check_descriptor_left(void) {
    int fd = eventfd(0, EFD_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    (void)close(fd);
    return 0;
}

/* ---- Waiting ---------------------------------------------------------------------------------------------------- */

struct waiting {
    ev_prepare each_turn;
    struct yoke__engine *engine;
    unsigned depth; /* of the loop that this is about: callbacks may run others within it */
    bool (*is_over)(const struct yoke_call *call);
    const struct yoke_call *call;
    bool has_turned;
};

/*
 * Each turn begins here, before anything in it can tell the loop to stop; if it had been told in the turn before, it would not
 * have come here. So nobody's ev_break() is overridden.
 */
static void on_each_turn(struct ev_loop *loop, ev_prepare *watcher, int events) {
    struct waiting *waiting = YOKE__CONTAINER(watcher, struct waiting, each_turn);
    (void)events;
    if (ev_depth(loop) != waiting->depth) {
        return;
    }
    bool is_over = waiting->is_over(waiting->call);
    if (is_over && waiting->has_turned) {
        ev_break(loop, EVBREAK_ONE);
    } else {
        /* Of the first turn it is not true: events that were pending before it have been handled already. */
        waiting->engine->is_turn_due |= is_over;
    }
    waiting->has_turned = true;
}

static int wait_for_call(struct yoke__engine *engine, const struct yoke_call *call,
                         bool (*is_over)(const struct yoke_call *call)) {
    struct yoke__io *io = engine->wait_data;
    struct waiting waiting = {
        .engine = engine, .depth = ev_depth(io->loop) + 1, .is_over = is_over, .call = call, .has_turned = false};
    if (is_over(call)) {
        return 0;
    }
    ev_prepare_init(&waiting.each_turn, on_each_turn);
    ev_set_priority(&waiting.each_turn, EV_MAXPRI);
    ev_prepare_start(io->loop, &waiting.each_turn);
    ev_unref(io->loop);
    int active = ev_run(io->loop, 0);
    ev_ref(io->loop);
    ev_prepare_stop(io->loop, &waiting.each_turn);
    if (is_over(call)) {
        return 0;
    }
    return active != 0 ? -EINTR : -ENOTCONN;
}

/* ---- Life ------------------------------------------------------------------------------------------------------- */

int yoke__io_init(struct yoke__io *io, struct ev_loop *loop, struct yoke__engine *engine) {
    int error = check_descriptor_left();
    if (error != 0) {
        return error;
    }
    *io = (struct yoke__io){.loop = loop, .engine = engine, .is_alone = yoke__affinity_cpus() == 1};
    yoke__link_init(&io->dirty);
    yoke__link_init(&io->recent);
    yoke__posts_init(&io->posts);
    ev_timer_init(&io->timer, on_timer, 0., 0.);
    ev_prepare_init(&io->before_sleep, before_sleep);
    /* After the user's own prepare watchers, which may make calls. */
    ev_set_priority(&io->before_sleep, EV_MINPRI);
    ev_prepare_start(loop, &io->before_sleep);
    ev_unref(loop);
    ev_timer_init(&io->rest, on_rest, REST_SECONDS, REST_SECONDS);
    ev_idle_init(&io->lookout, on_lookout);
    /* After everything else: whoever has an idle watcher keeps the loop from sleeping already. */
    ev_set_priority(&io->lookout, EV_MINPRI);
    ev_async_init(&io->door, on_door);
    ev_async_start(loop, &io->door);
    ev_unref(loop);
    engine->wait = wait_for_call;
    engine->wait_data = io;
    return 0;
}

void yoke__io_release(struct yoke__io *io) {
    ev_timer_stop(io->loop, &io->timer);
    ev_ref(io->loop);
    ev_async_stop(io->loop, &io->door);
    ev_ref(io->loop);
    ev_prepare_stop(io->loop, &io->before_sleep);
    stop_lookout(io);
    stop_rest(io);
    yoke__posts_release(&io->posts);
}
