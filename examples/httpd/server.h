/*
 * server.h: a worker that serves HTTP: it accepts connections from the socket that all workers share, and brings its own to an
 * end when it drains.
 */
#ifndef HTTPD_SERVER_H
#define HTTPD_SERVER_H

#include "count.h"
#include "options.h"

#include <ev.h>
#include <yoke/worker.h>

#define SERVER_INPUT_SIZE 16384

struct connection;

struct server {
    const struct options *options;
    struct yoke_worker *worker;
    struct ev_loop *loop;
    struct count count;
    bool is_draining;

    ev_io listener;
    ev_timer watch; /* looks for connections whose time is up */
    struct connection *connections;
    unsigned connection_count;

    char input[SERVER_INPUT_SIZE]; /* where every connection reads: none keeps anything in there */
};

/* A worker's life. `user_data` is the options. */
int server_main(struct yoke_worker *worker, void *user_data);

/* For connections, which enter and leave the server's list. */
void server_add(struct server *server, struct connection *connection);
void server_remove(struct server *server, struct connection *connection);

#endif
