/* worker.c: a worker at work: its loop, its server, its channel to the master. */
#include "worker/worker.h"

#include "rpc/cancel.h"
#include "rpc/queue.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>

static struct yoke_worker *worker_of(struct yoke__socket *socket) {
    return YOKE__CONTAINER(socket, struct yoke_worker, socket);
}

static void on_ready(struct yoke__socket *socket) {
    /* The worker needs no leave of the master to begin, but for calls that wait for it. */
    yoke__channel_attend(&worker_of(socket)->master.channel);
}

/* The master takes no more calls. Events can still be sent. */
static void expect_no_master(struct yoke_worker *worker) {
    worker->master.channel.expects_peer = false;
    yoke__channel_attend(&worker->master.channel);
}

static void on_leaving(struct yoke__socket *socket) {
    expect_no_master(worker_of(socket));
}

/* The master wants the worker to stop, which has said that it does so by itself. */
static void on_draining(struct yoke__socket *socket) {
    struct yoke_worker *worker = worker_of(socket);
    if (!worker->ending) {
        worker->engine.callback_depth++;
        worker->drain_hook(worker, worker->drain_data);
        worker->engine.callback_depth--;
    }
}

static void withdraw_master(struct yoke_worker *worker) {
    worker->master.connection = NULL;
    expect_no_master(worker);
}

static void on_lost(struct yoke__socket *socket) {
    struct yoke_worker *worker = worker_of(socket);
    withdraw_master(worker);
    worker->ending = true;
    yoke__connection_end_input(&socket->connection, "the master has closed the channel");
    if (!socket->connection.peer_going_away) {
        /* It is dead, so nobody waits for what handlers have still to answer. */
        worker->is_orphan = true;
        ev_break(worker->loop, EVBREAK_ALL);
    }
}

static void on_ended(struct yoke__socket *socket, enum yoke__socket_end end) {
    struct yoke_worker *worker = worker_of(socket);
    if (end == YOKE__SOCKET_EOF) {
        on_lost(socket);
        return;
    }
    withdraw_master(worker);
    worker->ending = true;
    yoke__engine_log(&worker->engine, YOKE_LOG_ERROR, "the master violated the protocol: %s",
                     socket->connection.failure);
    worker->exit_code = YOKE_EXIT_PROTOCOL;
    yoke__socket_close(socket, "the master violated the protocol");
    ev_break(worker->loop, EVBREAK_ALL);
}

static void on_idle(struct yoke__socket *socket) {
    struct yoke_worker *worker = worker_of(socket);
    if (worker->ending) {
        ev_break(worker->loop, EVBREAK_ALL);
    }
}

/* The patience with what is in flight has ended. */
static void on_drained(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke_worker *worker = YOKE__CONTAINER(watcher, struct yoke_worker, drain);
    (void)events;
    if (worker->socket.fd >= 0) {
        yoke__connection_give_up(&worker->socket.connection, "the worker has stopped before it could answer");
    }
    (void)yoke__calls_settle(&worker->engine);
    ev_break(loop, EVBREAK_ALL);
}

int yoke__worker_create(const struct yoke__worker_setup *setup, struct yoke_worker **ret_worker) {
    static const struct yoke__socket_owner owner = {.ready = on_ready,
                                                    .leaving = on_leaving,
                                                    .draining = on_draining,
                                                    .lost = on_lost,
                                                    .ended = on_ended,
                                                    .idle = on_idle};
    struct yoke_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return -ENOMEM;
    }
    int error = yoke__engine_init(&worker->engine, &setup->limits, setup->log, setup->log_user_data);
    if (error != 0) {
        free(worker);
        return error;
    }
    errno = 0;
    worker->loop = ev_loop_new(EVFLAG_AUTO);
    if (worker->loop == NULL) {
        error = errno != 0 ? -errno : -ENOMEM;
        yoke__engine_release(&worker->engine);
        free(worker);
        return error;
    }
    error = yoke__io_init(&worker->io, worker->loop, &worker->engine);
    if (error != 0) {
        ev_loop_destroy(worker->loop);
        yoke__engine_release(&worker->engine);
        free(worker);
        return error;
    }
    worker->engine.shared_min_bytes = setup->tuning.shared_min_bytes;
    yoke__io_set_busy_poll(&worker->io, setup->tuning.busy_poll_us);
    worker->id = setup->id;
    worker->index = setup->index;
    worker->listener_count = setup->listener_count;
    worker->generation = setup->generation;
    ev_timer_init(&worker->drain, on_drained, 0., 0.);
    yoke__events_init(&worker->events, &worker->engine);
    const struct yoke_peer master = {.worker_id = 0, .pid = setup->master_pid};
    yoke__socket_open(&worker->socket, &worker->io, YOKE__CHANNEL_FD, &worker->engine, &worker->server, &worker->events,
                      &master, false, &owner);
    yoke__single_channel_init(&worker->master, &worker->engine);
    worker->master.connection = &worker->socket.connection;
    *ret_worker = worker;
    return 0;
}

void yoke__worker_destroy(struct yoke_worker *worker) {
    yoke__socket_flush_blocking(&worker->socket);
    /* The entry has returned, and with it what its callbacks' user_data may point to. */
    worker->engine.is_mute = true;
    withdraw_master(worker);
    yoke__socket_close(&worker->socket, "the worker is exiting");
    (void)yoke__calls_settle(&worker->engine);
    yoke__events_release(&worker->events);
    yoke__server_release(&worker->server);
    yoke__io_release(&worker->io);
    ev_timer_stop(worker->loop, &worker->drain);
    ev_loop_destroy(worker->loop);
    yoke__engine_release(&worker->engine);
    free(worker);
}

int yoke_worker_run(struct yoke_worker *worker) {
    struct yoke__connection *connection = &worker->socket.connection;
    if (yoke__engine_is_foreign(&worker->engine) || yoke__connection_greet(connection) != 0) {
        return YOKE_EXIT_BOOT;
    }
    /* Again, because the entry may have changed its user id, which makes Linux forget it. If the master has died in between,
     * its end of the channel is closed, and the loop is told. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!worker->is_orphan && (!worker->ending || !yoke__connection_is_idle(connection))) {
        ev_run(worker->loop, 0);
    }
    return worker->exit_code;
}

void yoke_worker_stop(struct yoke_worker *worker, int exit_code) {
    struct yoke__connection *connection = &worker->socket.connection;
    worker->ending = true;
    worker->exit_code = exit_code;
    if (worker->socket.fd >= 0) {
        yoke__connection_go_away(connection);
        yoke__connection_attention(connection);
    }
}

void yoke_worker_drain(struct yoke_worker *worker, int exit_code, uint64_t timeout_us) {
    yoke_worker_stop(worker, exit_code);
    yoke__timer_start(worker->loop, &worker->drain, (double)timeout_us / 1e6);
}

int yoke_worker_on_drain(struct yoke_worker *worker, yoke_worker_drain_hook *hook, void *user_data) {
    struct yoke__connection *connection = &worker->socket.connection;
    if (yoke__engine_is_foreign(&worker->engine)) {
        return -ECHILD;
    }
    if (hook == NULL) {
        return -EINVAL;
    }
    if (connection->greeted) {
        return -EALREADY;
    }
    worker->drain_hook = hook;
    worker->drain_data = user_data;
    connection->drains = true;
    return 0;
}

int yoke_worker_postpone_ready(struct yoke_worker *worker) {
    if (yoke__engine_is_foreign(&worker->engine)) {
        return -ECHILD;
    }
    if (worker->socket.connection.greeted) {
        return -EALREADY;
    }
    worker->socket.connection.is_starting = true;
    return 0;
}

int yoke_worker_ready(struct yoke_worker *worker) {
    struct yoke__connection *connection = &worker->socket.connection;
    if (yoke__engine_is_foreign(&worker->engine)) {
        return -ECHILD;
    }
    if (connection->greeted && !connection->is_starting) {
        return -EALREADY;
    }
    return worker->socket.fd >= 0 && connection->can_call ? yoke__connection_say_ready(connection) : -ENOTCONN;
}

int yoke_worker_post(struct yoke_worker *worker, void (*run)(void *user_data), void *user_data) {
    return yoke__io_post(&worker->io, run, user_data);
}

struct ev_loop *yoke_worker_loop(struct yoke_worker *worker) {
    return worker->loop;
}

struct yoke_server *yoke_worker_server(struct yoke_worker *worker) {
    return &worker->server;
}

struct yoke_events *yoke_worker_events(struct yoke_worker *worker) {
    return &worker->events;
}

struct yoke_channel *yoke_worker_master(struct yoke_worker *worker) {
    return &worker->master.channel;
}

uint64_t yoke_worker_id(const struct yoke_worker *worker) {
    return worker->id;
}

unsigned yoke_worker_index(const struct yoke_worker *worker) {
    return worker->index;
}

uint64_t yoke_worker_generation(const struct yoke_worker *worker) {
    return worker->generation;
}

int yoke_worker_listener(const struct yoke_worker *worker, unsigned index) {
    return index < worker->listener_count ? YOKE__CHANNEL_FD + 1 + (int)index : -ENOENT;
}
