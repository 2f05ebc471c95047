/*
 * connection.h: HTTP/1.1 on one connection: requests come in one by one or many at a time, and are answered in order. It ends
 * by itself: when the client closes, when its time is up, and after an answer that says so, as each does when the worker drains.
 */
#ifndef HTTPD_CONNECTION_H
#define HTTPD_CONNECTION_H

#include "buffer.h"
#include "request.h"
#include "server.h"

enum connection_state {
    CONNECTION_READING,  /* requests, or the rest of one */
    CONNECTION_ASKING,   /* the master, before the next request is looked at */
    CONNECTION_WRITING,  /* the client is slow to take what it asked for */
    CONNECTION_LINGERING /* the last answer has been sent; the client is to close */
};

/* What the deadline is for, as long as it is for the client to send. */
enum connection_wait { WAIT_FOR_NOTHING, WAIT_FOR_REQUEST, WAIT_FOR_REST };

struct connection {
    struct server *server;
    struct connection *next, *previous; /* in the server's list */
    ev_io io;
    enum connection_state state;
    ev_tstamp deadline; /* when our patience ends */
    enum connection_wait wait;
    struct request request; /* the one that is being read, or has been */
    struct buffer output;
    struct buffer rest; /* what came behind a request for which the master is being asked */
    bool closes;        /* after what is in `output` */
};

/* Take over the socket. When there is no memory it is closed. */
void connection_open(struct server *server, int fd);

/* Do what is due at `now`, which may end it. */
void connection_watch(struct connection *connection, ev_tstamp now);

/* The worker drains: if this waits for a request, it does so for not much longer. */
void connection_drain(struct connection *connection);

/* Close and free it. */
void connection_destroy(struct connection *connection);

/* The master has been asked, for a request that has not been answered yet. `page` is NULL when the status says it all. */
void connection_show_status(struct connection *connection, unsigned status, const char *page, size_t size);

#endif
