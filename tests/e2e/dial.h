/* dial.h: a client of accept_service, with blocking calls. */
#ifndef YOKE_TESTS_DIAL_H
#define YOKE_TESTS_DIAL_H

#include <stdbool.h>
#include <sys/types.h>

/* Connects to "tcp:…" or "unix:…". A negative errno value on failure. */
int dial(const char *address);

/* Who has answered. */
struct dial_answer {
    pid_t pid, master; /* the worker's, and its master's */
    unsigned index, listener;
};

/* Sends a line. False: the connection is broken. */
bool dial_say(int fd, const char *line);

/* Waits for an answer. False: the connection has ended without one. */
bool dial_hear(int fd, struct dial_answer *ret_answer);

/* All of it with a connection of its own; 0, or what went wrong: the errno of connect(), or -EPIPE when no answer came. */
int dial_once(const char *address, struct dial_answer *ret_answer);

/* ---- Clients that never rest */

struct dial_clients {
    pid_t pid;
    int stop; /* closed: they are to end */
};

/* In a process of its own: connects, asks, and again. */
void dial_start_clients(struct dial_clients *clients, const char *address);

/* Ends them; checks that every one was answered, and that there were some. */
void dial_end_clients(struct dial_clients *clients);

#endif
