/* life.c: see life.h. */
#include "master/life.h"

#include "master/child.h"
#include "master/death.h"
#include "master/listener.h"
#include "master/route.h"
#include "rpc/cancel.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static struct yoke__life *life_of(struct yoke__socket *socket) {
    return YOKE__CONTAINER(socket, struct yoke__life, socket);
}

static struct yoke_master *master_of(const struct yoke__life *life) {
    return life->pool->master;
}

static uint64_t now_us(const struct yoke__life *life) {
    return master_of(life)->engine.clock_ns() / 1000;
}

static bool was_told(const struct yoke__life *life) {
    return life->drain != YOKE__V1__DRAIN_REASON__DRAIN_REASON_UNSPECIFIED;
}

static void start_timer(struct yoke__life *life, uint32_t milliseconds) {
    struct ev_loop *loop = master_of(life)->io.loop;
    ev_timer_stop(loop, &life->timer);
    if (milliseconds == YOKE_NEVER) {
        return;
    }
    /* The loop's idea of now may be old when we are called from outside of it. */
    ev_now_update(loop);
    ev_timer_set(&life->timer, milliseconds / 1e3, 0.);
    ev_timer_start(loop, &life->timer);
}

static void stop_timer(struct yoke__life *life) {
    ev_timer_stop(master_of(life)->io.loop, &life->timer);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void emit(struct yoke__life *life, const struct yoke_event_type *type, const void *event) {
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    yoke__events_deliver(&master_of(life)->events, type, &worker, event);
}

/* Once per worker, before anything else is told of it. */
static void announce_start(struct yoke__life *life) {
    if (life->announced) {
        return;
    }
    life->announced = true;
    Yoke__V1__WorkerStarted event = YOKE__V1__WORKER_STARTED__INIT;
    event.worker_id = life->id;
    event.pid = life->process.pid;
    event.pool = (char *)life->pool->options.name;
    event.index = life->child->index;
    event.generation = life->generation;
    event.reason = life->start_reason;
    emit(life, &yoke_v1_worker_started_event, &event);
}

static void announce_ready(struct yoke__life *life) {
    life->ready_us = now_us(life);
    Yoke__V1__WorkerReady event = YOKE__V1__WORKER_READY__INIT;
    event.worker_id = life->id;
    event.pid = life->process.pid;
    event.pool = (char *)life->pool->options.name;
    event.index = life->child->index;
    event.generation = life->generation;
    event.startup_us = life->ready_us - life->started_us;
    emit(life, &yoke_v1_worker_ready_event, &event);
}

/* ---- Death ------------------------------------------------------------------------------------------------------- */

static void set_state(struct yoke__life *life, enum yoke_child_state state) {
    life->state = state;
    yoke__child_on_state(life->child, life);
}

/* It takes no more calls. */
static void withdraw(struct yoke__life *life) {
    set_state(life, YOKE_CHILD_STOPPING);
}

/* Reaped and drained: it is no more, and its memory waits for the next. */
static void end(struct yoke__life *life) {
    struct yoke_master *master = master_of(life);
    ev_io_stop(master->io.loop, &life->death);
    stop_timer(life);
    (void)close(life->process.pidfd);
    life->process = (struct yoke__process){.pidfd = -1, .channel_fd = -1};
    set_state(life, YOKE_CHILD_DEAD);
    yoke__link_remove(&life->link);
    yoke__link_append(&master->idle_lives, &life->link);
}

void yoke__life_condemn(struct yoke__life *life, Yoke__V1__DeathReason reason) {
    stop_timer(life);
    withdraw(life);
    life->condemned = reason;
    (void)yoke__process_signal(&life->process, SIGKILL);
}

/*
 * The order is a promise: what the worker sent is delivered, then its calls are completed, then its death is told.
 */
static void tell_death(struct yoke__life *life, const struct yoke__exit *exit) {
    struct yoke_child *child = life->child;
    struct yoke_master *master = master_of(life);
    withdraw(life);
    announce_start(life);
    yoke__socket_drain(&life->socket);
    if (life->socket.connection.failure[0] != '\0' && !life->socket.connection.is_own_failure) {
        /* It died before it could be killed for what it sent. */
        life->condemned = YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION;
    }
    char detail[YOKE__DEATH_DETAIL_MAX];
    Yoke__V1__WorkerDied event = YOKE__V1__WORKER_DIED__INIT;
    yoke__death_describe(life, exit, now_us(life), detail, &event);
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    const struct yoke__loss loss = {
        .role = yoke__child_role_of(child, life),
        .ready_us = life->ready_us,
        .was_told = was_told(life),
        .has_left = life->has_left,
        .death = &event,
    };
    yoke__socket_close(&life->socket, detail);
    end(life);
    yoke__engine_log(&master->engine, YOKE_LOG_INFO, "%s", detail);
    /* Calls to it that have ended otherwise, in this turn of the loop, are completed before, too. */
    (void)yoke__calls_settle(&master->engine);
    yoke__events_deliver(&master->events, &yoke_v1_worker_died_event, &worker, &event);
    yoke__child_on_died(child, &loss);
    /* Who was told may have made a call that has ended at once. */
    yoke__io_remain(&master->io);
}

static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__life *life = YOKE__CONTAINER(watcher, struct yoke__life, death);
    if (yoke__socket_defer(&life->socket, watcher)) {
        return;
    }
    struct yoke__exit exit;
    if ((events & EV_ERROR) != 0) {
        /* libev has given the watcher up, for want of kernel memory: a worker that cannot be watched cannot be kept. */
        yoke__life_condemn(life, YOKE__V1__DEATH_REASON__DEATH_REASON_MASTER_ERROR);
        yoke__process_wait(&life->process, &exit);
    } else if (!yoke__process_reap(&life->process, &exit)) {
        return;
    }
    ev_io_stop(loop, &life->death);
    tell_death(life, &exit);
}

/* It takes no more calls; it gets some time to die before it is killed. */
static void wait_for_death(struct yoke__life *life) {
    life->is_leaving = false;
    withdraw(life);
    start_timer(life, life->pool->options.stop.drain_ms);
}

/* ---- The socket's reports ---------------------------------------------------------------------------------------- */

/* A worker that drains is told, at once or when its HELLO has come, and stops by itself. */
static void tell_to_drain(struct yoke__life *life) {
    struct yoke__connection *connection = &life->socket.connection;
    if (connection->peer_services.drains && !connection->peer_going_away) {
        yoke__connection_drain(connection);
    }
}

/* Has it still something to say before it can be stopped: its HELLO, or, if it drains, that it has done what is its own? */
static bool is_awaited(const struct yoke__life *life) {
    const struct yoke__connection *connection = &life->socket.connection;
    return !connection->hello_received || (connection->peer_services.drains && !connection->peer_going_away);
}

static void on_ready(struct yoke__socket *socket) {
    struct yoke__life *life = life_of(socket);
    announce_start(life);
    if (life->state == YOKE_CHILD_STARTING) {
        stop_timer(life);
        set_state(life, YOKE_CHILD_READY);
    }
    announce_ready(life);
    yoke__child_on_ready(life->child, life);
    if (was_told(life)) {
        tell_to_drain(life);
    }
}

static void on_leaving(struct yoke__socket *socket) {
    struct yoke__life *life = life_of(socket);
    life->has_left = true;
    if (life->state != YOKE_CHILD_STOPPING) {
        life->is_leaving = true;
        withdraw(life);
        yoke__child_on_leaving(life->child, life);
    }
}

static void on_lost(struct yoke__socket *socket) {
    struct yoke__life *life = life_of(socket);
    if (life->state != YOKE_CHILD_STOPPING || life->is_leaving) {
        wait_for_death(life);
    }
}

static void on_ended(struct yoke__socket *socket, enum yoke__socket_end end) {
    struct yoke__life *life = life_of(socket);
    if (end == YOKE__SOCKET_FAILED) {
        yoke__life_condemn(life, socket->connection.is_own_failure
                                     ? YOKE__V1__DEATH_REASON__DEATH_REASON_MASTER_ERROR
                                     : YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION);
    } else {
        /* A dying process closes its channel before it can be reaped. Only one that lives on is killed. */
        on_lost(socket);
    }
}

static void on_idle(struct yoke__socket *socket) {
    struct yoke__life *life = life_of(socket);
    if (!was_told(life) || life->output_ended || is_awaited(life)) {
        return;
    }
    if (!socket->connection.going_away) {
        /* Until now it could call us, which its own answers may have needed. What it calls from now on it can retry. */
        yoke__connection_go_away(&socket->connection);
    } else {
        life->output_ended = true;
        yoke__socket_end_output(socket);
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke__life *life = YOKE__CONTAINER(watcher, struct yoke__life, timer);
    (void)loop;
    (void)events;
    if (life->state == YOKE_CHILD_STARTING) {
        announce_start(life);
    } else if (life->state == YOKE_CHILD_STOPPING) {
        yoke__life_condemn(life, was_told(life) ? YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT
                                                : YOKE__V1__DEATH_REASON__DEATH_REASON_CHANNEL_CLOSED);
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

/* Memory for a life: that of one which has ended, or fresh. */
static struct yoke__life *get_life(struct yoke_master *master) {
    if (yoke__link_is_alone(&master->idle_lives)) {
        return malloc(sizeof(struct yoke__life));
    }
    struct yoke__life *life = YOKE__CONTAINER(master->idle_lives.next, struct yoke__life, link);
    yoke__link_remove(&life->link);
    return life;
}

void yoke__lives_release(struct yoke_master *master) {
    while (!yoke__link_is_alone(&master->idle_lives)) {
        free(get_life(master));
    }
}

static int spawn(const struct yoke_child *child, uint64_t generation, struct yoke__process *ret_process) {
    struct yoke_pool *pool = child->pool;
    struct yoke_master *master = pool->master;
    int listeners[YOKE_LISTENERS_MAX];
    int error = yoke__listeners_fds(pool, child->index, listeners);
    if (error != 0) {
        return error;
    }
    const struct yoke__program program = {.entry = pool->options.entry,
                                          .user_data = pool->options.user_data,
                                          .path = pool->options.path,
                                          .argv = pool->options.argv,
                                          .listeners = listeners,
                                          .identity = pool->identity.is_set ? &pool->identity : NULL};
    const struct yoke__worker_setup setup = {
        .id = master->next_worker_id,
        .index = child->index,
        .generation = generation,
        .master_pid = getpid(),
        .listener_count = yoke__listeners_count(pool),
        .comm = pool->options.identity.title,
        .limits = master->engine.limits,
        .tuning = master->tuning,
        .log = master->engine.log,
        .log_user_data = master->engine.log_user_data,
    };
    return yoke__process_spawn(&program, &setup, ret_process);
}

int yoke__life_begin(struct yoke_child *child, Yoke__V1__StartReason reason, struct yoke__life **ret_life) {
    static const struct yoke__socket_owner owner = {
        .ready = on_ready, .leaving = on_leaving, .lost = on_lost, .ended = on_ended, .idle = on_idle};
    struct yoke_pool *pool = child->pool;
    struct yoke_master *master = pool->master;
    struct yoke__life *life = get_life(master);
    if (life == NULL) {
        return -ENOMEM;
    }
    *life = (struct yoke__life){.pool = pool,
                                .child = child,
                                .state = YOKE_CHILD_STARTING,
                                .generation = pool->generation,
                                .start_reason = reason};
    yoke__link_init(&life->link);
    int error = spawn(child, life->generation, &life->process);
    if (error != 0) {
        yoke__link_append(&master->idle_lives, &life->link);
        return error;
    }
    life->id = master->next_worker_id++;
    life->started_us = now_us(life);
    yoke__link_append(&pool->lives, &life->link);
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    yoke__socket_open(&life->socket, &master->io, life->process.channel_fd, &master->engine, &master->server,
                      &master->events, &worker, true, &owner);
    yoke__route_join(pool, &life->socket.connection);
    ev_io_init(&life->death, on_death, life->process.pidfd, EV_READ);
    ev_io_start(master->io.loop, &life->death);
    ev_timer_init(&life->timer, on_timer, 0., 0.);
    start_timer(life, 0);
    /* If there is no memory for the greeting, the first frame will try again. */
    (void)yoke__connection_greet(&life->socket.connection);
    *ret_life = life;
    return 0;
}

bool yoke__life_is_serving(const struct yoke__life *life) {
    return life != NULL && (life->state == YOKE_CHILD_STARTING || life->state == YOKE_CHILD_READY);
}

void yoke__life_drain(struct yoke__life *life, Yoke__V1__DrainReason reason) {
    if (!was_told(life)) {
        life->drain = reason;
    }
    if (life->state != YOKE_CHILD_STOPPING || life->is_leaving) {
        wait_for_death(life);
    }
    tell_to_drain(life);
    yoke__connection_attention(&life->socket.connection);
}

void yoke__life_kill_now(struct yoke__life *life) {
    withdraw(life);
    (void)yoke__process_signal(&life->process, SIGKILL);
}

void yoke__life_reap_now(struct yoke__life *life) {
    struct yoke__exit ignored;
    yoke__process_wait(&life->process, &ignored);
    yoke__socket_close(&life->socket, "the master is being destroyed");
    end(life);
}
