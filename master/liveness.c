/* liveness.c: see liveness.h. */
#include "master/liveness.h"

#include "master/life.h"
#include "rpc/ping.h"

#define NS_PER_MS UINT64_C(1000000)

/* The timer may be so late without it meaning that we could not look. */
#define LATENESS_NS (20 * NS_PER_MS)

static struct yoke__life *life_at(struct yoke__link *link) {
    return YOKE__CONTAINER(link, struct yoke__life, link);
}

static uint64_t now_ns(const struct yoke_pool *pool) {
    return pool->master->engine.clock_ns();
}

static uint64_t after_ms(uint64_t from_ns, uint32_t milliseconds) {
    return milliseconds == YOKE_NEVER ? UINT64_MAX : from_ns + milliseconds * NS_PER_MS;
}

/* ---- The timer ----------------------------------------------------------------------------------------------------- */

void yoke__liveness_rest(struct yoke_pool *pool) {
    ev_timer_stop(pool->master->io.loop, &pool->liveness.timer);
    pool->liveness.due_ns = pool->liveness.beat_ns = UINT64_MAX;
}

static void wake_at(struct yoke_pool *pool, uint64_t due_ns) {
    struct yoke__liveness *liveness = &pool->liveness;
    struct ev_loop *loop = pool->master->io.loop;
    uint64_t now = now_ns(pool);
    ev_timer_stop(loop, &liveness->timer);
    liveness->due_ns = due_ns;
    if (due_ns == UINT64_MAX) {
        return;
    }
    yoke__timer_start(loop, &liveness->timer, due_ns > now ? (double)(due_ns - now) / 1e9 : 0.);
}

static void wake_by(struct yoke_pool *pool, uint64_t due_ns) {
    if (due_ns < pool->liveness.due_ns) {
        wake_at(pool, due_ns);
    }
}

/* When is there something to do about this worker? */
static uint64_t due_of(struct yoke__life *life) {
    return life->pulse.asked_ns != 0 ? after_ms(life->pulse.asked_ns, life->pool->options.liveness.patience_ms)
                                     : yoke__connection_overdue_ns(&life->socket.connection);
}

/* ---- Asking -------------------------------------------------------------------------------------------------------- */

/* However the ping ended: its loop turns, or it is no longer ours to ask. */
static void on_pong(const struct yoke_peer *peer, void *user_data) {
    struct yoke__life *life = user_data;
    if (life->id != peer->worker_id) {
        return; /* another one has its memory by now */
    }
    life->pulse = (struct yoke__pulse){0};
    if (life->state == YOKE_CHILD_READY) {
        yoke__connection_excuse(&life->socket.connection, now_ns(life->pool));
        wake_by(life->pool, due_of(life));
    }
}

static void ask(struct yoke__life *life, uint64_t now) {
    struct yoke__connection *connection = &life->socket.connection;
    int error = yoke__ping(connection, on_pong, life);
    life->pulse = (struct yoke__pulse){.asked_ns = now, .is_sent = error == 0, .heard = connection->input_offset};
}

/* There was no room to ask it. That is its fault when there is still none, and it has not said anything either. */
static bool is_stuck(struct yoke__life *life, uint64_t now) {
    const struct yoke__pulse before = life->pulse;
    ask(life, now);
    if (life->pulse.is_sent || life->pulse.heard != before.heard ||
        !yoke__connection_is_congested(&life->socket.connection)) {
        return false;
    }
    life->pulse = before;
    return true;
}

static bool is_overdue(const struct yoke__life *life, uint64_t now, struct yoke__overdue *ret_overdue) {
    return yoke__connection_overdue(&life->socket.connection, now, ret_overdue);
}

static void ask_if_due(struct yoke__life *life, uint64_t now, bool is_beat) {
    struct yoke__overdue overdue;
    if (life->pulse.asked_ns == 0 && (is_beat || is_overdue(life, now, &overdue))) {
        ask(life, now);
    }
}

/* ---- Judging ------------------------------------------------------------------------------------------------------- */

/*
 * Its time is over. Is it hung? What it has sent is looked at first, because timers come before sockets; that may be more than
 * its answer, so it has until the next turn. Callbacks may run here: nothing may be assumed afterwards unless it is hung.
 */
static bool is_hung(struct yoke__life *life, uint64_t now) {
    struct yoke__pulse *pulse = &life->pulse;
    if (life->socket.connection.is_receiving) {
        /* A callback of ours runs the loop, and until it is through nothing more of this worker is read. */
        pulse->asked_ns = now;
        return false;
    }
    if (!pulse->is_sent) {
        return is_stuck(life, now);
    }
    if (pulse->is_doubted) {
        return true;
    }
    pulse->is_doubted = true;
    return !yoke__socket_poll(&life->socket);
}

static void hang(struct yoke__life *life, uint64_t now) {
    struct yoke__overdue overdue;
    const char *method = is_overdue(life, now, &overdue) ? overdue.method->name : NULL;
    yoke__life_hang(life, (now - life->pulse.asked_ns) / 1000, method);
}

/* While we could not look, nobody could give us a sign of life: that time does not count. */
static void forgive(struct yoke_pool *pool, uint64_t late_ns) {
    for (struct yoke__link *at = pool->lives.next; at != &pool->lives; at = at->next) {
        if (life_at(at)->pulse.asked_ns != 0) {
            life_at(at)->pulse.asked_ns += late_ns;
        }
    }
}

/* One that is ready and whose patience has ended; NULL: there is none. */
static struct yoke__life *find_silent(struct yoke_pool *pool, uint64_t now) {
    for (struct yoke__link *at = pool->lives.next; at != &pool->lives; at = at->next) {
        struct yoke__life *life = life_at(at);
        if (life->state == YOKE_CHILD_READY && life->pulse.asked_ns != 0 && due_of(life) <= now) {
            return life;
        }
    }
    return NULL;
}

/* Ask whom there is to ask, and sleep until there is something to do again. */
static void look_after(struct yoke_pool *pool, uint64_t now) {
    struct yoke__liveness *liveness = &pool->liveness;
    bool is_beat = liveness->beat_ns <= now;
    bool has_ready = false;
    uint64_t due_ns = UINT64_MAX;
    for (struct yoke__link *at = pool->lives.next; at != &pool->lives; at = at->next) {
        struct yoke__life *life = life_at(at);
        if (life->state == YOKE_CHILD_READY) {
            has_ready = true;
            ask_if_due(life, now, is_beat);
            uint64_t own_ns = due_of(life);
            due_ns = own_ns < due_ns ? own_ns : due_ns;
        }
    }
    if (!has_ready) {
        liveness->beat_ns = UINT64_MAX;
    } else if (is_beat) {
        liveness->beat_ns = after_ms(now, pool->options.liveness.heartbeat_ms);
    }
    wake_at(pool, liveness->beat_ns < due_ns ? liveness->beat_ns : due_ns);
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_pool *pool = YOKE__CONTAINER(watcher, struct yoke_pool, liveness.timer);
    (void)loop;
    (void)events;
    uint64_t now = now_ns(pool);
    uint64_t late_ns = now > pool->liveness.due_ns ? now - pool->liveness.due_ns : 0;
    if (late_ns > LATENESS_NS) {
        forgive(pool, late_ns);
    }
    struct yoke__life *silent = find_silent(pool, now);
    if (silent == NULL) {
        look_after(pool, now);
        return;
    }
    /* The others have their turn right afterwards. */
    wake_at(pool, now);
    if (is_hung(silent, now)) {
        hang(silent, now);
    }
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

void yoke__liveness_init(struct yoke_pool *pool) {
    pool->liveness.due_ns = pool->liveness.beat_ns = UINT64_MAX;
    ev_timer_init(&pool->liveness.timer, on_timer, 0., 0.);
}

void yoke__liveness_attend(struct yoke__life *life) {
    struct yoke_pool *pool = life->pool;
    uint32_t heartbeat_ms = pool->options.liveness.heartbeat_ms;
    if (life->state != YOKE_CHILD_READY) {
        return;
    }
    if (heartbeat_ms != 0 && pool->liveness.beat_ns == UINT64_MAX) {
        pool->liveness.beat_ns = after_ms(now_ns(pool), heartbeat_ms);
        wake_by(pool, pool->liveness.beat_ns);
    }
    wake_by(pool, due_of(life));
}
