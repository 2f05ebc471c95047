/* http_server.h: a running httpd, and what it says. What fails in here ends the case. */
#ifndef YOKE_TESTS_HTTP_SERVER_H
#define YOKE_TESTS_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_server {
    pid_t pid; /* the master's; whoever upgrades it changes it */
    unsigned port;
    int output; /* a pipe of what it prints */
    char said[65536];
    size_t said_length;
    uint64_t answered; /* requests that masters which have ended had been told of */
};

/* Start it with these arguments, NULL-terminated, at a port of the kernel's choice; returns when it listens and is ready. */
void http_server_start(struct http_server *server, unsigned workers, const char *const *arguments);

/* Wait for a line that contains `text`, which then is the last one that has been looked at. Valid until the next. */
const char *http_server_await(struct http_server *server, const char *text);

/* Take a line that is there already; NULL when there is none. */
const char *http_server_next(struct http_server *server);

/* Send a signal to the master. */
void http_server_signal(struct http_server *server, int signal);

/* It has been asked to stop: check that it ends with code 0 and nothing is left of it. */
void http_server_end(struct http_server *server);

/* Ask it to stop, and the same. */
void http_server_stop(struct http_server *server);

#endif
