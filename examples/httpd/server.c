/* server.c: see server.h. */
#include "server.h"

#include "connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define WATCH_SECONDS 0.25

/* ---- Accepting --------------------------------------------------------------------------------------------------- */

static void accept_more(struct server *server) {
    if (!server->is_draining && server->connection_count < server->options->max_connections) {
        ev_io_start(server->loop, &server->listener);
    }
}

/* One at a time: all workers wait at this socket, and the others are to get some. */
static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    struct server *server = watcher->data;
    const int on = 1;
    (void)events;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* It would be tried again at once, and in vain. The timer tries again later. */
            ev_io_stop(loop, watcher);
            ev_timer_again(loop, &server->watch);
        }
        return;
    }
    /* Of no use, and no harm, to a Unix socket. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connection_open(server, fd);
}

/* ---- Connections ------------------------------------------------------------------------------------------------- */

/* The worker ends when it drains and has no connection left. */
static void check_drained(struct server *server) {
    if (server->is_draining && server->connection_count == 0) {
        count_finish(&server->count);
        yoke_worker_stop(server->worker, 0);
    }
}

void server_add(struct server *server, struct connection *connection) {
    connection->next = server->connections;
    if (connection->next != NULL) {
        connection->next->previous = connection;
    }
    server->connections = connection;
    server->connection_count++;
    if (server->connection_count >= server->options->max_connections) {
        ev_io_stop(server->loop, &server->listener);
    }
    if (!ev_is_active(&server->watch)) {
        ev_timer_again(server->loop, &server->watch);
    }
}

void server_remove(struct server *server, struct connection *connection) {
    if (connection->previous != NULL) {
        connection->previous->next = connection->next;
    } else {
        server->connections = connection->next;
    }
    if (connection->next != NULL) {
        connection->next->previous = connection->previous;
    }
    server->connection_count--;
    accept_more(server);
    check_drained(server);
}

static void on_watch(struct ev_loop *loop, ev_timer *timer, int events) {
    struct server *server = timer->data;
    (void)events;
    for (struct connection *connection = server->connections, *next; connection != NULL; connection = next) {
        next = connection->next;
        connection_watch(connection, ev_now(loop));
    }
    accept_more(server);
    if (server->connections == NULL) {
        ev_timer_stop(loop, timer);
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static void on_drain(struct yoke_worker *worker, void *user_data) {
    struct server *server = user_data;
    (void)worker;
    server->is_draining = true;
    ev_io_stop(server->loop, &server->listener);
    for (struct connection *connection = server->connections; connection != NULL; connection = connection->next) {
        connection_drain(connection);
    }
    check_drained(server);
}

static int serve(struct server *server) {
    int fd = yoke_worker_listener(server->worker, 0);
    if (fd < 0 || yoke_worker_on_drain(server->worker, on_drain, server) != 0) {
        return YOKE_EXIT_BOOT;
    }
    server->loop = yoke_worker_loop(server->worker);
    count_init(&server->count, server->worker);
    ev_timer_init(&server->watch, on_watch, 0., WATCH_SECONDS);
    server->watch.data = server;
    ev_io_init(&server->listener, on_connection, fd, EV_READ);
    server->listener.data = server;
    ev_io_start(server->loop, &server->listener);
    int exit_code = yoke_worker_run(server->worker);

    /* Only when the master is gone there are connections left, which nobody counts any more. */
    server->is_draining = false;
    while (server->connections != NULL) {
        connection_destroy(server->connections);
    }
    ev_io_stop(server->loop, &server->listener);
    ev_timer_stop(server->loop, &server->watch);
    return exit_code;
}

int server_main(struct yoke_worker *worker, void *user_data) {
    struct server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        return YOKE_EXIT_BOOT;
    }
    server->options = user_data;
    server->worker = worker;
    int exit_code = serve(server);
    free(server);
    return exit_code;
}
