/*
 * conversation.h: a master and its workers who do a little of all there is: spawn, calls both ways, streams, a message
 * in fragments, events, a cancellation, a kill, a stop. Whatever fails underneath, it comes to its end.
 */
#ifndef YOKE_TESTS_HOST_CONVERSATION_H
#define YOKE_TESTS_HOST_CONVERSATION_H

#include <ev.h>
#include <stdbool.h>
#include <yoke/yoke.h>

#define CONVERSATION_CALLS_MAX 32
#define CONVERSATION_WORKERS_MAX 4

/* Calls of a large message, one after the other, behind the cancelled one. */
#define CONVERSATION_SHARED_CALLS 4

struct conversation_options {
    bool exec;
    bool furnished; /* the workers have an identity, a seccomp profile, and what they print is captured */
    unsigned workers;
    bool kill;  /* the first worker, when all has been said */
    bool renew; /* instead of talking: the pool of one grows by one, is reloaded, and shrinks again */
};

struct conversation {
    struct ev_loop *loop;
    struct yoke_master *master;
    struct yoke_pool *pool;
    int error; /* of what had to be there to begin at all */

    struct {
        unsigned count; /* completions */
        enum yoke_code code;
    } calls[CONVERSATION_CALLS_MAX]; /* those that were accepted */
    unsigned made, completed;

    struct {
        pid_t pid;
        unsigned started, died; /* events */
    } workers[CONVERSATION_WORKERS_MAX];
    unsigned worker_count;
    unsigned stopped;
    unsigned reloaded; /* well or not */
    bool was_renewed;  /* all of that went well */
    bool is_stuck;     /* it waited for something with nothing to wait for */
};

/* All of it. Afterwards nothing is left of it but this record. */
void converse(struct conversation *conversation, const struct conversation_options *options);

/* The worker's side, forked or executed. */
int conversation_worker(struct yoke_worker *worker, void *user_data);

#endif
