/*
 * honest.h: the side that uses Yoke as it should while a hostile one is at the other end: services, calls of its own,
 * and a record of what came of them. The same in a master and in a worker.
 */
#ifndef YOKE_TESTS_HOSTILE_HONEST_H
#define YOKE_TESTS_HOSTILE_HONEST_H

#include "probe.yoke.h"

#include <stdbool.h>
#include <yoke/yoke.h>

/* Both sides have these limits. */
extern const struct yoke_limits honest_limits;

/* How one of its calls ended. */
struct honest_end {
    unsigned count; /* completions: one is right */
    int code;
};

/* The calls that it makes, in this order: with stream ids as the numbers say. */
enum honest_call { HONEST_TREE = 1, HONEST_CHAT = 2, HONEST_BRIEF = 3, HONEST_CALLS };

/* The payload of the one message that it sends on its Chat, which so has used credit. */
#define HONEST_MESSAGE_SIZE 102

struct honest_record {
    unsigned runs;     /* of handlers, for calls of the hostile side */
    unsigned received; /* messages of streams that it handles, each handed to a handler */
    unsigned replies;  /* messages of its Chat */
    unsigned events;
    struct honest_end ends[HONEST_CALLS];
    uint64_t peak_bytes; /* a worker's: what its calls and those of its master took at most */
    char log[400];       /* the last warning or error */
};

#define HONEST_HELD_MAX 1024

struct honest {
    struct honest_record record;
    pid_t friend_pid;                           /* a peer whose calls do not count */
    struct yoke_call *ignored[HONEST_HELD_MAX]; /* Holds, which it does not answer, not even when they are cancelled */
    unsigned ignored_count;
    struct yoke_call *waiting[HONEST_HELD_MAX]; /* others that it has not answered yet; NULL: free */
};

int honest_serve(struct honest *honest, struct yoke_server *server, struct yoke_events *events);

/* Makes its calls. */
int honest_start(struct honest *honest, struct yoke_channel *channel);

/* Answers, in vain, what it has not: that frees it. */
void honest_release(struct honest *honest);

void honest_log(enum yoke_log_level level, const char *message, void *user_data);

/* A worker that is a good neighbour: it answers Echo, and in between calls its master's. */
int honest_neighbour(struct yoke_worker *worker, void *user_data);

/* The worker of a hostile master; user_data: struct honest. Writes its record to descriptor 1 at its end. */
int honest_victim(struct yoke_worker *worker, void *user_data);

#endif
