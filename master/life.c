/* life.c: see life.h. */
#include "master/life.h"

#include "master/child.h"
#include "master/death.h"
#include "master/host.h"
#include "master/listener.h"
#include "master/output.h"
#include "master/route.h"
#include "master/seccomp.h"
#include "rpc/cancel.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct yoke__life *life_of(struct yoke__socket *socket) {
    return YOKE__CONTAINER(socket, struct yoke__life, socket);
}

static struct yoke_master *master_of(const struct yoke__life *life) {
    return life->pool->master;
}

static void start_timer(struct yoke__life *life, uint32_t milliseconds) {
    struct ev_loop *loop = master_of(life)->io.loop;
    ev_timer_stop(loop, &life->timer);
    if (milliseconds != YOKE_NEVER) {
        yoke__timer_start(loop, &life->timer, milliseconds / 1e3);
    }
}

static void stop_timer(struct yoke__life *life) {
    ev_timer_stop(master_of(life)->io.loop, &life->timer);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void emit(struct yoke__life *life, const struct yoke_event_type *type, const void *event) {
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    yoke__events_deliver(&master_of(life)->events, type, &worker, event);
}

void yoke__life_announce(struct yoke__life *life) {
    if (life->announced) {
        return;
    }
    life->announced = true;
    Yoke__V1__WorkerStarted event = YOKE__V1__WORKER_STARTED__INIT;
    YOKE__LIFE_NAME(life, &event);
    event.reason = life->start_reason;
    emit(life, &yoke_v1_worker_started_event, &event);
}

static void announce_ready(struct yoke__life *life) {
    life->ready_us = yoke__master_now_us(master_of(life));
    Yoke__V1__WorkerReady event = YOKE__V1__WORKER_READY__INIT;
    YOKE__LIFE_NAME(life, &event);
    event.startup_us = life->ready_us - life->started_us;
    emit(life, &yoke_v1_worker_ready_event, &event);
}

static const char *clause_of(Yoke__V1__DrainReason reason) {
    switch (reason) {
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_STOP:
        return "its pool stops";
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_RELOAD:
        return "one of a later generation is ready";
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_RECYCLE:
        return "another is ready to take its place";
    case YOKE__V1__DRAIN_REASON__DRAIN_REASON_SCALE:
        return "its pool shrinks";
    default:
        return "it has said that it stops";
    }
}

/* Once per worker that is to stop, for its first reason. */
static void announce_drain(struct yoke__life *life) {
    if (life->is_drain_told || (!yoke__life_was_told(life) && !life->has_left)) {
        return;
    }
    life->is_drain_told = true;
    Yoke__V1__WorkerDraining event = YOKE__V1__WORKER_DRAINING__INIT;
    char detail[YOKE__DEATH_DETAIL_MAX];
    YOKE__LIFE_NAME(life, &event);
    event.reason = yoke__life_was_told(life) ? life->drain : YOKE__V1__DRAIN_REASON__DRAIN_REASON_OWN;
    event.calls_in_flight = yoke__life_calls_in_flight(life);
    (void)snprintf(detail, sizeof detail, "worker %" PRIu64 " (pid %d) is to stop because %s", life->id, (int)event.pid,
                   life->drain_detail[0] != '\0' ? life->drain_detail : clause_of(event.reason));
    event.detail = detail;
    emit(life, &yoke_v1_worker_draining_event, &event);
}

static void announce_hang(struct yoke__life *life, uint64_t silent_us, const char *method) {
    Yoke__V1__WorkerHung event = YOKE__V1__WORKER_HUNG__INIT;
    char detail[YOKE__DEATH_DETAIL_MAX];
    YOKE__LIFE_NAME(life, &event);
    event.silent_us = silent_us;
    int length =
        snprintf(detail, sizeof detail, "worker %" PRIu64 " (pid %d) has given no sign of life for %" PRIu64 " ms",
                 life->id, (int)event.pid, silent_us / 1000);
    if (method != NULL) {
        event.method = (char *)method;
        (void)snprintf(detail + length, sizeof detail - (size_t)length, " in %s", method);
    }
    event.detail = detail;
    yoke__engine_log(&master_of(life)->engine, YOKE_LOG_WARNING, "%s", detail);
    emit(life, &yoke_v1_worker_hung_event, &event);
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

static void close_last_word(struct yoke__life *life) {
    if (life->last_word_fd >= 0) {
        (void)close(life->last_word_fd);
        life->last_word_fd = -1;
    }
}

/* Reaped and drained: it is no more, and its memory waits for the next. */
static void end(struct yoke__life *life) {
    struct yoke_master *master = master_of(life);
    ev_io_stop(master->io.loop, &life->death);
    stop_timer(life);
    (void)close(life->process.pidfd);
    close_last_word(life);
    life->process = (struct yoke__process){.pidfd = -1, .channel_fd = -1};
    set_state(life, YOKE_CHILD_DEAD);
    yoke__link_remove(&life->link);
    yoke__link_append(&master->idle_lives, &life->link);
    if (yoke__link_is_alone(&life->pool->lives)) {
        yoke__liveness_rest(life->pool);
    }
}

void yoke__life_condemn(struct yoke__life *life, Yoke__V1__DeathReason reason) {
    stop_timer(life);
    withdraw(life);
    life->condemned = reason;
    (void)yoke__process_signal(&life->process, SIGKILL);
}

/* The same, but first by a signal that it may make something of; SIGKILL follows. */
static void warn(struct yoke__life *life, Yoke__V1__DeathReason reason, int signal, uint32_t milliseconds) {
    withdraw(life);
    start_timer(life, milliseconds);
    life->condemned = reason;
    life->warning = signal;
    (void)yoke__process_signal(&life->process, signal);
    /* One that is stopped would not notice. */
    (void)yoke__process_signal(&life->process, SIGCONT);
}

void yoke__life_hang(struct yoke__life *life, uint64_t silent_us, const char *method) {
    warn(life, YOKE__V1__DEATH_REASON__DEATH_REASON_HUNG, SIGABRT, life->pool->options.liveness.abort_ms);
    announce_hang(life, silent_us, method);
}

/*
 * The order is a promise: what the worker sent is delivered, then its calls are completed, then its death is told.
 */
static void tell_death(struct yoke__life *life, const struct yoke__exit *exit) {
    struct yoke_child *child = life->child;
    struct yoke_pool *pool = life->pool;
    struct yoke_master *master = pool->master;
    withdraw(life);
    yoke__life_announce(life);
    yoke__socket_drain(&life->socket);
    announce_drain(life);
    if (life->socket.connection.failure[0] != '\0' && !life->socket.connection.is_own_failure) {
        /* It died before it could be killed for what it sent. */
        life->condemned = YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION;
    }
    char detail[YOKE__DEATH_DETAIL_MAX];
    Yoke__V1__WorkerDied event = YOKE__V1__WORKER_DIED__INIT;
    struct yoke__capture *capture = yoke__worker_output_end(life, &event);
    yoke__death_describe(life, exit, yoke__master_now_us(master_of(life)), detail, &event);
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    const struct yoke__loss loss = {
        .role = yoke__child_role_of(child, life),
        .ready_us = life->ready_us,
        .was_told = yoke__life_was_told(life),
        .has_left = life->has_left,
        .death = &event,
    };
    yoke__socket_close(&life->socket, detail);
    pool->untold_deaths++;
    end(life);
    yoke__engine_log(&master->engine, YOKE_LOG_INFO, "%s", detail);
    /* Calls to it that have ended otherwise, in this turn of the loop, are completed before, too. */
    (void)yoke__calls_settle(&master->engine);
    pool->untold_deaths--;
    yoke__events_deliver(&master->events, &yoke_v1_worker_died_event, &worker, &event);
    yoke__child_on_died(child, &loss);
    yoke__capture_destroy(capture);
    /* Who was told may have made a call that has ended at once. */
    yoke__io_remain(&master->io);
}

static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__life *life = YOKE__CONTAINER(watcher, struct yoke__life, death);
    if (yoke__socket_defer(&life->socket, watcher) || yoke__capture_defer(life->capture, watcher)) {
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
    yoke__life_announce(life);
    if (life->state == YOKE_CHILD_STARTING) {
        stop_timer(life);
        set_state(life, YOKE_CHILD_READY);
        yoke__liveness_attend(life);
    }
    announce_ready(life);
    yoke__child_on_ready(life->child, life);
    if (yoke__life_was_told(life)) {
        tell_to_drain(life);
    }
}

static void on_watching(struct yoke__socket *socket) {
    yoke__liveness_attend(life_of(socket));
}

static void on_leaving(struct yoke__socket *socket) {
    struct yoke__life *life = life_of(socket);
    life->has_left = true;
    if (life->state != YOKE_CHILD_STOPPING) {
        wait_for_death(life);
        yoke__child_on_leaving(life->child, life);
    } else if (yoke__life_was_told(life) || life->condemned != YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED) {
        return;
    }
    yoke__life_announce(life);
    announce_drain(life);
}

static void on_lost(struct yoke__socket *socket) {
    struct yoke__life *life = life_of(socket);
    if (life->state != YOKE_CHILD_STOPPING) {
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
    if (!yoke__life_was_told(life) || life->output_ended) {
        return;
    }
    /* Its HELLO may have come meanwhile, without it being ready. */
    tell_to_drain(life);
    if (is_awaited(life)) {
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

static uint32_t rest_of_start_ms(const struct yoke__life *life) {
    uint32_t start_ms = life->pool->options.start_ms;
    uint64_t age_ms = (yoke__master_now_us(master_of(life)) - life->started_us) / 1000;
    return start_ms == YOKE_NEVER ? YOKE_NEVER : age_ms < start_ms ? start_ms - (uint32_t)age_ms : 0;
}

/* It was told to stop, from outside of the loop. Its time begins now. */
static void begin_drain(struct yoke__life *life) {
    start_timer(life, life->pool->options.stop.drain_ms);
    announce_drain(life);
}

static void end_patience(struct yoke__life *life) {
    if (life->condemned != YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED) {
        yoke__life_condemn(life, life->condemned);
    } else if (life->state == YOKE_CHILD_STARTING) {
        yoke__life_condemn(life, YOKE__V1__DEATH_REASON__DEATH_REASON_START_TIMEOUT);
    } else if (life->state == YOKE_CHILD_STOPPING) {
        warn(life,
             yoke__life_was_told(life) || life->has_left ? YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT
                                                         : YOKE__V1__DEATH_REASON__DEATH_REASON_CHANNEL_CLOSED,
             SIGTERM, life->pool->options.stop.term_ms);
    }
}

/* Whatever is told is told last: who hears it may run the loop, in which the worker may die. */
static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke__life *life = YOKE__CONTAINER(watcher, struct yoke__life, timer);
    (void)loop;
    (void)events;
    if (!life->announced) {
        start_timer(life, life->state == YOKE_CHILD_STARTING ? rest_of_start_ms(life) : 0);
        yoke__life_announce(life);
    } else if (yoke__life_was_told(life) && !life->is_drain_told) {
        begin_drain(life);
    } else {
        end_patience(life);
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

/* What a worker needs that is for it alone. */
static int make_belongings(struct yoke__life *life, int output[2]) {
    if (life->pool->options.identity.seccomp != YOKE_SECCOMP_NONE) {
        life->last_word_fd = yoke__last_word_open();
        if (life->last_word_fd < 0) {
            return life->last_word_fd;
        }
    }
    int error = yoke__worker_output_begin(life, output);
    if (error != 0) {
        close_last_word(life);
    }
    return error;
}

/* What a forked worker runs. libev keeps signals for the whole process, and so the master's in the copy of it. */
static int live_forked(struct yoke_worker *worker, void *user_data) {
    const struct yoke__life *life = user_data;
    const struct yoke_pool_options *options = &life->pool->options;
    yoke__host_forget_signals(master_of(life));
    return options->entry(worker, options->user_data);
}

static int spawn(struct yoke__life *life) {
    struct yoke_pool *pool = life->pool;
    struct yoke_master *master = pool->master;
    int listeners[YOKE_LISTENERS_MAX];
    int output[2];
    int error = yoke__listeners_fds(pool, life->child->index, listeners);
    error = error != 0 ? error : make_belongings(life, output);
    if (error != 0) {
        return error;
    }
    const struct yoke__program program = {
        .entry = pool->options.entry != NULL ? live_forked : NULL,
        .user_data = life,
        .path = pool->options.path,
        .argv = pool->options.argv,
        .listeners = listeners,
        .last_word = life->last_word_fd,
        .output = life->capture != NULL ? output : NULL,
        .identity = pool->identity.is_set ? &pool->identity : NULL,
    };
    const struct yoke__worker_setup setup = {
        .id = master->next_worker_id,
        .index = life->child->index,
        .generation = life->generation,
        .master_pid = getpid(),
        .seccomp = pool->options.identity.seccomp,
        .filter = &pool->identity.filter,
        .is_captured = life->capture != NULL,
        .listener_count = yoke__listeners_count(pool),
        .comm = pool->options.identity.title,
        .limits = master->engine.limits,
        .tuning = master->tuning,
        .log = master->engine.log,
        .log_user_data = master->engine.log_user_data,
    };
    error = yoke__process_spawn(&program, &setup, &life->process);
    yoke__worker_output_spawned(output);
    if (error != 0) {
        yoke__capture_destroy(life->capture);
        close_last_word(life);
    }
    return error;
}

int yoke__life_begin(struct yoke_child *child, Yoke__V1__StartReason reason, struct yoke__life **ret_life) {
    static const struct yoke__socket_owner owner = {.ready = on_ready,
                                                    .leaving = on_leaving,
                                                    .watching = on_watching,
                                                    .lost = on_lost,
                                                    .ended = on_ended,
                                                    .idle = on_idle};
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
                                .last_word_fd = -1,
                                .start_reason = reason};
    yoke__link_init(&life->link);
    yoke__recycle_welcome(life);
    int error = spawn(life);
    if (error != 0) {
        yoke__link_append(&master->idle_lives, &life->link);
        return error;
    }
    life->id = master->next_worker_id++;
    life->started_us = yoke__master_now_us(master_of(life));
    yoke__link_append(&pool->lives, &life->link);
    const struct yoke_peer worker = {.worker_id = life->id, .pid = life->process.pid};
    yoke__socket_open(&life->socket, &master->io, life->process.channel_fd, &master->engine, &master->server,
                      &master->events, &worker, true, &owner);
    yoke__route_join(pool, &life->socket.connection, child->index);
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

void yoke__life_drain(struct yoke__life *life, Yoke__V1__DrainReason reason, const char *detail) {
    if (yoke__life_was_told(life) || (life->state == YOKE_CHILD_STOPPING && !life->has_left)) {
        /* It has been told, or ends for a reason of its own. */
        return;
    }
    life->drain = reason;
    (void)snprintf(life->drain_detail, sizeof life->drain_detail, "%s", detail != NULL ? detail : "");
    if (life->state != YOKE_CHILD_STOPPING) {
        withdraw(life);
        /* To tell it, from the loop. */
        start_timer(life, 0);
    }
    if (life->socket.fd < 0) {
        /* It is dead, and its calls are just being completed. */
        return;
    }
    tell_to_drain(life);
    yoke__connection_attention(&life->socket.connection);
}

void yoke__life_kill_now(struct yoke__life *life) {
    struct ev_loop *loop = master_of(life)->io.loop;
    /* Completions of others' calls may run the loop, from which nothing of it is to be told, and which must not bury it. */
    ev_io_stop(loop, &life->death);
    ev_io_stop(loop, &life->socket.reader);
    stop_timer(life);
    withdraw(life);
    (void)yoke__process_signal(&life->process, SIGKILL);
    yoke__capture_destroy(life->capture);
    life->capture = NULL;
}

void yoke__life_reap_now(struct yoke__life *life) {
    struct yoke__exit ignored;
    yoke__process_wait(&life->process, &ignored);
    yoke__socket_close(&life->socket, "the master is being destroyed");
    end(life);
}
