/* child.c: see child.h. */
#include "master/child.h"

#include "rpc/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void start_timer(struct yoke_child *child, uint64_t microseconds) {
    yoke__timer_start(child->pool->master->io.loop, &child->timer, (double)microseconds / 1e6);
}

bool yoke__child_is_expected(const struct yoke_child *child) {
    if (child->pool->stopping) {
        return false;
    }
    if (child->is_due || child->next != NULL || yoke__life_is_serving(child->life)) {
        return true;
    }
    /* One that ends: how, and so whether it is replaced, may still be open. */
    return child->life != NULL && !yoke__life_was_told(child->life) &&
           child->pool->options.restart.when != YOKE_RESTART_NEVER;
}

/* Tell the channels that lead to it whether a worker may still come, so that calls that wait can be sent, or end. */
static void attend_channels(struct yoke_child *child) {
    child->channel.channel.expects_peer = yoke__child_is_expected(child);
    yoke__channel_attend(&child->channel.channel);
    yoke__pool_attend(child->pool);
}

/* The worker in the place, or that there is none, is as it is now. */
static void reflect(struct yoke_child *child) {
    struct yoke__life *life = child->life;
    child->state = life != NULL ? life->state : YOKE_CHILD_DEAD;
    child->channel.connection = yoke__life_is_serving(life) ? &life->socket.connection : NULL;
}

/* Put this worker in the place. */
static void seat(struct yoke_child *child, struct yoke__life *life) {
    child->life = life;
    child->id = life->id;
    child->generation = life->generation;
    child->is_due = false;
    ev_timer_stop(child->pool->master->io.loop, &child->timer);
    if (child->next == life) {
        child->next = NULL;
    }
    reflect(child);
}

/* ---- What life.c reports ------------------------------------------------------------------------------------------ */

enum yoke__role yoke__child_role_of(const struct yoke_child *child, const struct yoke__life *life) {
    return life == child->life ? YOKE__ROLE_SEATED : life == child->next ? YOKE__ROLE_NEXT : YOKE__ROLE_LEFT;
}

void yoke__child_on_state(struct yoke_child *child, const struct yoke__life *life) {
    enum yoke__role role = yoke__child_role_of(child, life);
    if (role == YOKE__ROLE_NEXT && life->state == YOKE_CHILD_DEAD) {
        child->next = NULL;
    }
    if (role != YOKE__ROLE_SEATED) {
        return;
    }
    if (life->state == YOKE_CHILD_DEAD) {
        child->life = NULL;
        if (child->next != NULL) {
            seat(child, child->next);
        } else if (!yoke__life_was_told(life) && child->pool->options.restart.when != YOKE_RESTART_NEVER) {
            child->is_due = true;
        }
    }
    reflect(child);
    if (life->state != YOKE_CHILD_READY) {
        attend_channels(child);
    }
}

void yoke__child_on_ready(struct yoke_child *child, struct yoke__life *life) {
    if (life->state != YOKE_CHILD_READY) {
        /* It has said so, and is dead or to die by now: nobody goes for it. */
        return;
    }
    if (life == child->next) {
        struct yoke__life *old = child->life;
        seat(child, life);
        if (life->start_reason == YOKE__V1__START_REASON__START_REASON_RELOAD) {
            yoke__life_drain(old, YOKE__V1__DRAIN_REASON__DRAIN_REASON_RELOAD, NULL);
        } else {
            yoke__life_drain(old, YOKE__V1__DRAIN_REASON__DRAIN_REASON_RECYCLE, old->renew_why);
        }
    }
    attend_channels(child);
    yoke__renew_on_ready(life);
}

/* ---- Filling the place again -------------------------------------------------------------------------------------- */

/* Fill it after this pause. */
static void make_due(struct yoke_child *child, Yoke__V1__StartReason reason, uint64_t pause_us) {
    child->is_due = true;
    child->due_reason = reason;
    start_timer(child, pause_us);
}

static uint64_t find_pause_us(const struct yoke_child *child) {
    const struct yoke_pool *pool = child->pool;
    return yoke__restart_pause_us(&pool->options.restart, &pool->restarts, child->deaths_in_a_row,
                                  yoke__master_random(pool->master));
}

/* After a worker that stopped of its own accord there is no pause, but for those that do as soon as they have begun. */
static uint64_t find_delay_us(const struct yoke_child *child, uint64_t age_us) {
    uint64_t pause_us = child->pool->options.restart.pause_ms * UINT64_C(1000);
    return age_us < pause_us ? pause_us - age_us : 0;
}

static void announce_restart(struct yoke_child *child, uint64_t pause_us, uint32_t deaths_in_period) {
    Yoke__V1__WorkerRestarting event = YOKE__V1__WORKER_RESTARTING__INIT;
    event.pool = (char *)child->pool->options.name;
    event.index = child->index;
    event.pause_us = pause_us;
    event.deaths_in_a_row = child->deaths_in_a_row;
    event.deaths_in_period = deaths_in_period;
    yoke__master_emit(child->pool->master, &yoke_v1_worker_restarting_event, &event);
}

/* Its worker is dead: is there to be another, and when? */
static void decide_restart(struct yoke_child *child, const struct yoke__loss *loss) {
    struct yoke_pool *pool = child->pool;
    bool is_due = !loss->was_told && child->index < pool->child_count &&
                  yoke__restart_is_due(&pool->options.restart, loss->death->exit_code);
    uint32_t deaths_in_period = 0;
    if (is_due && !loss->has_left) {
        child->deaths_in_a_row++;
        if (yoke__pool_count_death(pool, &deaths_in_period)) {
            return;
        }
    }
    if (!is_due || child->life != NULL || pool->stopping) {
        child->is_due = false;
    } else if (loss->has_left) {
        make_due(child, YOKE__V1__START_REASON__START_REASON_RECYCLE, find_delay_us(child, loss->death->uptime_us));
    } else {
        uint64_t pause_us = find_pause_us(child);
        make_due(child, YOKE__V1__START_REASON__START_REASON_RESTART, pause_us);
        announce_restart(child, pause_us, deaths_in_period);
    }
    attend_channels(child);
}

/* Does a worker still live that has left the place of its own accord? */
static bool has_leaver(const struct yoke_child *child) {
    const struct yoke__link *lives = &child->pool->lives;
    for (const struct yoke__link *at = lives->next; at != lives; at = at->next) {
        const struct yoke__life *life = YOKE__CONTAINER(at, struct yoke__life, link);
        if (life->child == child && life != child->life && life->has_left && !yoke__life_was_told(life)) {
            return true;
        }
    }
    return false;
}

/* Its place is filled at once, but one at a time: workers that say that they stop, and live on, must not become ever more. */
void yoke__child_on_leaving(struct yoke_child *child, const struct yoke__life *life) {
    if (life != child->life || yoke__life_was_told(life) || child->pool->stopping) {
        return;
    }
    if (child->next != NULL) {
        seat(child, child->next);
    } else if (yoke__restart_is_certain(&child->pool->options.restart) && !has_leaver(child)) {
        make_due(child, YOKE__V1__START_REASON__START_REASON_RECYCLE,
                 find_delay_us(child, yoke__master_now_us(child->pool->master) - life->started_us));
    }
    attend_channels(child);
}

void yoke__child_on_died(struct yoke_child *child, const struct yoke__loss *loss) {
    struct yoke_pool *pool = child->pool;
    yoke__renew_on_died(child, loss);
    yoke__pool_recover(pool, loss->ready_us);
    if (loss->role == YOKE__ROLE_SEATED &&
        yoke__restart_was_healthy(&pool->options.restart, loss->ready_us, yoke__master_now_us(child->pool->master))) {
        child->deaths_in_a_row = 0;
    }
    if (pool->stopping) {
        yoke__pool_check_stopped(pool);
    } else if (loss->role == YOKE__ROLE_SEATED && !ev_is_active(&child->timer)) {
        decide_restart(child, loss);
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_child *child = YOKE__CONTAINER(watcher, struct yoke_child, timer);
    (void)loop;
    (void)events;
    if (child->pool->stopping) {
        yoke__pool_check_stopped(child->pool);
        return;
    }
    if (!child->is_due || child->next != NULL || child->index >= child->pool->child_count) {
        child->is_due = false;
        return;
    }
    int error = yoke__child_spawn(child, child->due_reason);
    if (error != 0) {
        child->deaths_in_a_row++;
        yoke__engine_log(&child->pool->master->engine, YOKE_LOG_ERROR, "pool %s: cannot restart a worker: %s",
                         child->pool->options.name, strerror(-error));
        make_due(child, child->due_reason, find_pause_us(child));
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

struct yoke_child *yoke__child_create(struct yoke_pool *pool, unsigned index) {
    struct yoke_child *child = calloc(1, sizeof *child);
    if (child == NULL) {
        return NULL;
    }
    child->pool = pool;
    child->index = index;
    child->state = YOKE_CHILD_DEAD;
    yoke__single_channel_init(&child->channel, &pool->master->engine);
    ev_timer_init(&child->timer, on_timer, 0., 0.);
    return child;
}

void yoke__child_destroy(struct yoke_child *child) {
    ev_timer_stop(child->pool->master->io.loop, &child->timer);
    free(child);
}

int yoke__child_spawn(struct yoke_child *child, Yoke__V1__StartReason reason) {
    struct yoke__life *life;
    int error = yoke__life_begin(child, reason, &life);
    if (error == 0) {
        seat(child, life);
        /* The place may have been given up before. */
        child->channel.channel.expects_peer = yoke__child_is_expected(child);
    }
    return error;
}

int yoke__child_replace(struct yoke_child *child, Yoke__V1__StartReason reason) {
    return child->next != NULL ? -EALREADY : yoke__life_begin(child, reason, &child->next);
}

void yoke__child_drop_next(struct yoke_child *child, Yoke__V1__DrainReason reason, const char *detail) {
    struct yoke__life *next = child->next;
    child->next = NULL;
    if (next != NULL) {
        yoke__life_drain(next, reason, detail);
    }
}

void yoke__child_vacate(struct yoke_child *child, Yoke__V1__DrainReason reason) {
    struct yoke__life *lives[] = {child->life, child->next};
    child->life = child->next = NULL;
    child->is_due = false;
    child->deaths_in_a_row = 0;
    ev_timer_stop(child->pool->master->io.loop, &child->timer);
    reflect(child);
    attend_channels(child);
    for (size_t i = 0; i < 2; i++) {
        if (lives[i] != NULL) {
            yoke__life_drain(lives[i], reason, NULL);
        }
    }
}

void yoke__child_abandon(struct yoke_child *child) {
    ev_timer_stop(child->pool->master->io.loop, &child->timer);
    attend_channels(child);
}

void yoke__child_stop(struct yoke_child *child, Yoke__V1__DrainReason reason) {
    child->is_due = false;
    /* It may run for one that leaves. */
    ev_timer_stop(child->pool->master->io.loop, &child->timer);
    if (child->next != NULL) {
        yoke__life_drain(child->next, reason, NULL);
    }
    if (child->life != NULL) {
        yoke__life_drain(child->life, reason, NULL);
        return;
    }
    /* Instead of a restart, the timer tells the pool, should all of it be dead. */
    start_timer(child, 0);
    attend_channels(child);
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

struct yoke_channel *yoke_child_channel(struct yoke_child *child) {
    return &child->channel.channel;
}

enum yoke_child_state yoke_child_state(const struct yoke_child *child) {
    return child->state;
}

unsigned yoke_child_index(const struct yoke_child *child) {
    return child->index;
}

uint64_t yoke_child_id(const struct yoke_child *child) {
    return child->id;
}

uint64_t yoke_child_generation(const struct yoke_child *child) {
    return child->generation;
}

pid_t yoke_child_pid(const struct yoke_child *child) {
    return child->life != NULL ? child->life->process.pid : 0;
}

bool yoke_child_serves(const struct yoke_child *child, const char *service) {
    return child->life != NULL && yoke__connection_peer_serves(&child->life->socket.connection, yoke_name_id(service));
}

size_t yoke_child_calls_in_flight(const struct yoke_child *child) {
    return child->life != NULL ? yoke__life_calls_in_flight(child->life) : 0;
}

int yoke_child_kill(struct yoke_child *child, int signal) {
    if (yoke__engine_is_foreign(&child->pool->master->engine)) {
        return -ECHILD;
    }
    return child->life != NULL ? yoke__process_signal(&child->life->process, signal) : -ESRCH;
}
