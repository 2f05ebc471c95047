/* child.c: see child.h. */
#include "master/child.h"

#include "rpc/cancel.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define US_PER_S UINT64_C(1000000)
#define DETAIL_MAX 320

static uint64_t now_us(const struct yoke_child *child) {
    return child->pool->master->engine.clock_ns() / 1000;
}

static struct yoke_child *child_of_socket(struct yoke__socket *socket) {
    return YOKE__CONTAINER(socket, struct yoke_child, socket);
}

static void start_timer(struct yoke_child *child, unsigned milliseconds) {
    struct ev_loop *loop = child->pool->master->io.loop;
    ev_timer_stop(loop, &child->timer);
    /* The loop's idea of now may be old when we are called from outside of it. */
    ev_now_update(loop);
    ev_timer_set(&child->timer, milliseconds / 1e3, 0.);
    ev_timer_start(loop, &child->timer);
}

static void stop_timer(struct yoke_child *child) {
    ev_timer_stop(child->pool->master->io.loop, &child->timer);
}

/* ---- Events ------------------------------------------------------------------------------------------------------ */

static void emit(struct yoke_child *child, const struct yoke_event_type *type, const void *event) {
    const struct yoke_peer worker = {.worker_id = child->id, .pid = child->process.pid};
    yoke__events_deliver(&child->pool->master->events, type, &worker, event);
}

/* Once per worker, before anything else is told of it. */
static void announce_start(struct yoke_child *child) {
    if (child->announced) {
        return;
    }
    child->announced = true;
    Yoke__V1__WorkerStarted event = YOKE__V1__WORKER_STARTED__INIT;
    event.worker_id = child->id;
    event.pid = child->process.pid;
    event.pool = (char *)child->pool->options.name;
    event.index = child->index;
    emit(child, &yoke_v1_worker_started_event, &event);
}

static void announce_ready(struct yoke_child *child) {
    Yoke__V1__WorkerReady event = YOKE__V1__WORKER_READY__INIT;
    event.worker_id = child->id;
    event.pid = child->process.pid;
    event.pool = (char *)child->pool->options.name;
    event.index = child->index;
    event.startup_us = now_us(child) - child->started_us;
    emit(child, &yoke_v1_worker_ready_event, &event);
}

/* ---- Death ------------------------------------------------------------------------------------------------------- */

static Yoke__V1__DeathReason find_reason(const struct yoke_child *child, const struct yoke__exit *exit) {
    if (child->condemned == YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION) {
        return child->condemned;
    }
    if (!exit->known) {
        return child->condemned != YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED ? child->condemned
               : child->stop_requested ? YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED
                                       : YOKE__V1__DEATH_REASON__DEATH_REASON_UNKNOWN;
    }
    if (exit->signal != 0) {
        bool is_ours = exit->signal == SIGKILL && child->condemned != YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED;
        return is_ours ? child->condemned : YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED;
    }
    return child->stop_requested ? YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED
                                 : YOKE__V1__DEATH_REASON__DEATH_REASON_EXITED;
}

/* What happened, to follow "worker 3 (pid 4711) ". */
static void describe(const struct yoke_child *child, Yoke__V1__DeathReason reason, const struct yoke__exit *exit,
                     char *text, size_t size) {
    switch (reason) {
    case YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION:
        (void)snprintf(text, size, "violated the protocol: %s", child->socket.connection.failure);
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_CHANNEL_CLOSED:
        (void)snprintf(text, size, "closed its channel, lived on, and was killed");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT:
        (void)snprintf(text, size, "was told to stop, did not within %u ms, and was killed",
                       child->pool->options.stop.drain_ms);
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED:
        (void)snprintf(text, size, "was killed by signal %d (SIG%s)%s", exit->signal,
                       sigabbrev_np(exit->signal) != NULL ? sigabbrev_np(exit->signal) : "?",
                       exit->core_dumped ? ", core dumped" : "");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED:
        if (exit->known) {
            (void)snprintf(text, size, "was told to stop and exited with code %d", exit->exit_code);
        } else {
            (void)snprintf(text, size, "was told to stop and is dead; somebody else reaped it");
        }
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_MASTER_ERROR:
        (void)snprintf(text, size, "was killed because the master could not go on with it: %s",
                       child->socket.connection.failure[0] != '\0' ? child->socket.connection.failure
                                                                   : "the loop cannot watch it");
        break;
    case YOKE__V1__DEATH_REASON__DEATH_REASON_UNKNOWN:
        (void)snprintf(text, size, "is dead; somebody else reaped it, so nobody knows why");
        break;
    default:
        (void)snprintf(text, size, "exited with code %d", exit->exit_code);
        break;
    }
}

static uint64_t timeval_us(struct timeval time) {
    return (uint64_t)time.tv_sec * US_PER_S + (uint64_t)time.tv_usec;
}

static void fill_death(const struct yoke_child *child, Yoke__V1__DeathReason reason, const struct yoke__exit *exit,
                       Yoke__V1__WorkerDied *event) {
    event->worker_id = child->id;
    event->pid = child->process.pid;
    event->pool = (char *)child->pool->options.name;
    event->index = child->index;
    event->reason = reason;
    event->exit_code = exit->exit_code;
    event->signal = exit->signal;
    event->core_dumped = exit->core_dumped;
    event->uptime_us = now_us(child) - child->started_us;
    event->user_cpu_us = timeval_us(exit->usage.ru_utime);
    event->system_cpu_us = timeval_us(exit->usage.ru_stime);
    event->max_rss_bytes = (uint64_t)exit->usage.ru_maxrss * 1024;
    event->calls_in_flight = child->socket.connection.outgoing_count;
}

/* Reaped and drained: the place is empty. */
static void vacate(struct yoke_child *child) {
    ev_io_stop(child->pool->master->io.loop, &child->death);
    stop_timer(child);
    (void)close(child->process.pidfd);
    child->state = YOKE_CHILD_DEAD;
    child->process = (struct yoke__process){.pidfd = -1, .channel_fd = -1};
}

static void schedule_restart(struct yoke_child *child) {
    start_timer(child, child->pool->options.restart.pause_ms);
}

bool yoke__child_is_serving(const struct yoke_child *child) {
    return child->state == YOKE_CHILD_STARTING || child->state == YOKE_CHILD_READY;
}

/* Tell the channels that lead to it whether a worker may still come, so that calls that wait can be sent, or end. */
static void attend_channels(struct yoke_child *child) {
    struct yoke_pool *pool = child->pool;
    bool may_have_one = yoke__child_is_serving(child) || pool->options.restart.when != YOKE_RESTART_NEVER;
    child->channel.channel.expects_peer = !pool->stopping && may_have_one;
    yoke__channel_attend(&child->channel.channel);
    yoke__pool_attend(pool);
}

/* It takes no more calls. */
static void withdraw(struct yoke_child *child) {
    child->state = YOKE_CHILD_STOPPING;
    child->channel.connection = NULL;
    attend_channels(child);
}

static void condemn(struct yoke_child *child, Yoke__V1__DeathReason reason) {
    stop_timer(child);
    withdraw(child);
    child->condemned = reason;
    (void)yoke__process_signal(&child->process, SIGKILL);
}

/*
 * The order is a promise: what the worker sent is delivered, then its calls are completed, then its death is told.
 */
static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke_child *child = YOKE__CONTAINER(watcher, struct yoke_child, death);
    (void)loop;
    if (yoke__socket_defer(&child->socket, watcher)) {
        return;
    }
    struct yoke__exit exit;
    if ((events & EV_ERROR) != 0) {
        /* libev has given the watcher up, for want of kernel memory: a worker that cannot be watched cannot be kept. */
        condemn(child, YOKE__V1__DEATH_REASON__DEATH_REASON_MASTER_ERROR);
        yoke__process_wait(&child->process, &exit);
    } else if (!yoke__process_reap(&child->process, &exit)) {
        return;
    }
    ev_io_stop(child->pool->master->io.loop, &child->death);
    withdraw(child);
    announce_start(child);
    yoke__socket_drain(&child->socket);
    if (child->socket.connection.failure[0] != '\0' && !child->socket.connection.is_own_failure) {
        /* It died before it could be killed for what it sent. */
        child->condemned = YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION;
    }

    Yoke__V1__DeathReason reason = find_reason(child, &exit);
    char detail[DETAIL_MAX];
    int prefix = snprintf(detail, sizeof detail, "worker %" PRIu64 " (pid %d) ", child->id, (int)child->process.pid);
    describe(child, reason, &exit, detail + prefix, sizeof detail - (size_t)prefix);
    Yoke__V1__WorkerDied event = YOKE__V1__WORKER_DIED__INIT;
    fill_death(child, reason, &exit, &event);
    event.detail = detail;
    const struct yoke_peer worker = {.worker_id = child->id, .pid = child->process.pid};
    yoke__socket_close(&child->socket, detail);
    vacate(child);
    yoke__engine_log(&child->pool->master->engine, YOKE_LOG_INFO, "%s", detail);
    /* Calls to it that have ended otherwise, in this turn of the loop, are completed before, too. */
    (void)yoke__calls_settle(&child->pool->master->engine);
    yoke__events_deliver(&child->pool->master->events, &yoke_v1_worker_died_event, &worker, &event);
    if (child->pool->stopping) {
        yoke__pool_check_stopped(child->pool);
    } else if (child->pool->options.restart.when != YOKE_RESTART_NEVER) {
        schedule_restart(child);
    }
    /* Who was told may have made a call that has ended at once. */
    yoke__io_remain(&child->pool->master->io);
}

/* It takes no more calls; it gets some time to die before it is killed. */
static void wait_for_death(struct yoke_child *child) {
    child->is_leaving = false;
    withdraw(child);
    start_timer(child, child->pool->options.stop.drain_ms);
}

/* ---- The socket's reports ---------------------------------------------------------------------------------------- */

/* A worker that drains is told at once, or when it has said that it does, and stops by itself. */
static void tell_to_drain(struct yoke_child *child) {
    struct yoke__connection *connection = &child->socket.connection;
    if (connection->peer_services.drains && !connection->peer_going_away) {
        yoke__connection_drain(connection);
    }
}

/* Has it still something to say before it can be stopped: its HELLO, or, if it drains, that it has done what is its own? */
static bool is_awaited(const struct yoke_child *child) {
    const struct yoke__connection *connection = &child->socket.connection;
    return !connection->hello_received || (connection->peer_services.drains && !connection->peer_going_away);
}

static void on_ready(struct yoke__socket *socket) {
    struct yoke_child *child = child_of_socket(socket);
    announce_start(child);
    if (child->state == YOKE_CHILD_STARTING) {
        child->state = YOKE_CHILD_READY;
        stop_timer(child);
    }
    announce_ready(child);
    attend_channels(child);
    if (child->stop_requested) {
        tell_to_drain(child);
    }
}

static void on_leaving(struct yoke__socket *socket) {
    struct yoke_child *child = child_of_socket(socket);
    if (child->state != YOKE_CHILD_STOPPING) {
        child->is_leaving = true;
        withdraw(child);
    }
}

static void on_lost(struct yoke__socket *socket) {
    struct yoke_child *child = child_of_socket(socket);
    if (child->state != YOKE_CHILD_STOPPING || child->is_leaving) {
        wait_for_death(child);
    }
}

static void on_ended(struct yoke__socket *socket, enum yoke__socket_end end) {
    struct yoke_child *child = child_of_socket(socket);
    if (end == YOKE__SOCKET_FAILED) {
        condemn(child, socket->connection.is_own_failure ? YOKE__V1__DEATH_REASON__DEATH_REASON_MASTER_ERROR
                                                         : YOKE__V1__DEATH_REASON__DEATH_REASON_PROTOCOL_VIOLATION);
    } else {
        /* A dying process closes its channel before it can be reaped. Only one that lives on is killed. */
        on_lost(socket);
    }
}

static void on_idle(struct yoke__socket *socket) {
    struct yoke_child *child = child_of_socket(socket);
    if (!child->stop_requested || child->output_ended || is_awaited(child)) {
        return;
    }
    if (!socket->connection.going_away) {
        /* Until now it could call us, which its own answers may have needed. What it calls from now on it can retry. */
        yoke__connection_go_away(&socket->connection);
    } else {
        child->output_ended = true;
        yoke__socket_end_output(socket);
    }
}

static void on_timer(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_child *child = YOKE__CONTAINER(watcher, struct yoke_child, timer);
    (void)loop;
    (void)events;
    if (child->state == YOKE_CHILD_STARTING) {
        announce_start(child);
    } else if (child->state == YOKE_CHILD_STOPPING) {
        condemn(child, child->stop_requested ? YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT
                                             : YOKE__V1__DEATH_REASON__DEATH_REASON_CHANNEL_CLOSED);
    } else if (child->pool->stopping) {
        yoke__pool_check_stopped(child->pool);
    } else if (child->state == YOKE_CHILD_DEAD) {
        int error = yoke__child_spawn(child);
        if (error != 0) {
            yoke__engine_log(&child->pool->master->engine, YOKE_LOG_ERROR, "pool %s: cannot restart a worker: %s",
                             child->pool->options.name, strerror(-error));
            schedule_restart(child);
        }
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
    child->process = (struct yoke__process){.pidfd = -1, .channel_fd = -1};
    yoke__single_channel_init(&child->channel, &pool->master->engine);
    ev_timer_init(&child->timer, on_timer, 0., 0.);
    return child;
}

int yoke__child_spawn(struct yoke_child *child) {
    static const struct yoke__socket_owner owner = {
        .ready = on_ready, .leaving = on_leaving, .lost = on_lost, .ended = on_ended, .idle = on_idle};
    struct yoke_pool *pool = child->pool;
    struct yoke_master *master = pool->master;
    const struct yoke__program program = {pool->options.entry, pool->options.user_data, pool->options.path,
                                          pool->options.argv};
    const struct yoke__worker_setup setup = {
        .id = master->next_worker_id,
        .index = child->index,
        .master_pid = getpid(),
        .limits = master->engine.limits,
        .tuning = master->tuning,
        .log = master->engine.log,
        .log_user_data = master->engine.log_user_data,
    };
    struct yoke__process process;
    int error = yoke__process_spawn(&program, &setup, &process);
    if (error != 0) {
        return error;
    }
    child->process = process;
    child->id = master->next_worker_id++;
    child->state = YOKE_CHILD_STARTING;
    child->started_us = now_us(child);
    child->announced = child->stop_requested = child->output_ended = child->is_leaving = false;
    child->condemned = YOKE__V1__DEATH_REASON__DEATH_REASON_UNSPECIFIED;

    const struct yoke_peer worker = {.worker_id = child->id, .pid = process.pid};
    yoke__socket_open(&child->socket, &master->io, process.channel_fd, &master->engine, &master->server,
                      &master->events, &worker, true, &owner);
    child->channel.connection = &child->socket.connection;
    ev_io_init(&child->death, on_death, process.pidfd, EV_READ);
    ev_io_start(master->io.loop, &child->death);
    start_timer(child, 0);
    /* If there is no memory for the greeting, the first frame will try again. */
    (void)yoke__connection_greet(&child->socket.connection);
    return 0;
}

void yoke__child_stop(struct yoke_child *child) {
    if (child->state == YOKE_CHILD_DEAD) {
        /* Instead of a restart, the timer tells the pool, should all of it be dead. */
        start_timer(child, 0);
        attend_channels(child);
        return;
    }
    child->stop_requested = true;
    if (child->state != YOKE_CHILD_STOPPING || child->is_leaving) {
        wait_for_death(child);
    }
    tell_to_drain(child);
    yoke__connection_attention(&child->socket.connection);
}

void yoke__child_kill_now(struct yoke_child *child) {
    if (child->state == YOKE_CHILD_DEAD) {
        /* Nobody will come for the calls that wait for its successor. */
        attend_channels(child);
        return;
    }
    withdraw(child);
    (void)yoke__process_signal(&child->process, SIGKILL);
}

void yoke__child_reap_now(struct yoke_child *child) {
    if (child->state == YOKE_CHILD_DEAD) {
        return;
    }
    struct yoke__exit ignored;
    yoke__process_wait(&child->process, &ignored);
    yoke__socket_close(&child->socket, "the master is being destroyed");
    vacate(child);
}

void yoke__child_destroy(struct yoke_child *child) {
    stop_timer(child);
    free(child);
}

/* ---- For users --------------------------------------------------------------------------------------------------- */

struct yoke_channel *yoke_child_channel(struct yoke_child *child) {
    return &child->channel.channel;
}

enum yoke_child_state yoke_child_state(const struct yoke_child *child) {
    return child->state;
}

uint64_t yoke_child_id(const struct yoke_child *child) {
    return child->id;
}

pid_t yoke_child_pid(const struct yoke_child *child) {
    return child->process.pid;
}

bool yoke_child_serves(const struct yoke_child *child, const char *service) {
    return child->state != YOKE_CHILD_DEAD &&
           yoke__connection_peer_serves(&child->socket.connection, yoke_name_id(service));
}

size_t yoke_child_calls_in_flight(const struct yoke_child *child) {
    return child->state != YOKE_CHILD_DEAD ? child->socket.connection.outgoing_count : 0;
}

int yoke_child_kill(struct yoke_child *child, int signal) {
    if (yoke__engine_is_foreign(&child->pool->master->engine)) {
        return -ECHILD;
    }
    return child->state != YOKE_CHILD_DEAD ? yoke__process_signal(&child->process, signal) : -ESRCH;
}
