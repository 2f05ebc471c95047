/* ear.h: a socket that plays systemd's: what a master says to NOTIFY_SOCKET. */
#ifndef YOKE_TESTS_EAR_H
#define YOKE_TESTS_EAR_H

#include <ev.h>
#include <stdbool.h>

#define EAR_MESSAGES_MAX 128

struct ear {
    struct ev_loop *loop;
    ev_io watcher;
    char name[64];     /* what NOTIFY_SOCKET says */
    char status[1024]; /* the latest STATUS=, without that */
    unsigned watchdog_count;
    unsigned count; /* of other messages, in order; each line of a message ends with a newline */
    char messages[EAR_MESSAGES_MAX][1024];
};

/* Opens it, at an abstract address, and sets NOTIFY_SOCKET. */
void ear_open(struct ear *ear);

/* Listens from a loop, which it keeps running. */
void ear_attend(struct ear *ear, struct ev_loop *loop);

/* Reads what has come. */
void ear_read(struct ear *ear);

/* Listens no more; what comes can still be read. */
void ear_detach(struct ear *ear);

/* Removes it, and the variable. */
void ear_close(struct ear *ear);

#endif
