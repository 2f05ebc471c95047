/*
 * account.h: the table of calls: each call that is made has a slot, in which its end is judged when it comes and, much later,
 * when the slot is needed again, what its handlers have noted.
 */
#ifndef YOKE_TESTS_CHAOS_ACCOUNT_H
#define YOKE_TESTS_CHAOS_ACCOUNT_H

#include "chaos.h"

#include <yoke/yoke.h>

enum account_method {
    METHOD_ASK,
    METHOD_LOOK,
    METHOD_ADD,
    METHOD_COUNT,
    METHOD_FOLLOW,
    METHOD_SUM,
    METHOD_CHAT,
    METHOD_OBEY,
    ACCOUNT_METHODS
};

enum account_state { ACCOUNT_FREE, ACCOUNT_OPEN, ACCOUNT_REFUSED, ACCOUNT_DONE };

/* One call, at its caller's. */
struct account_call {
    struct accounts *accounts;
    struct yoke_call *call; /* valid while it is open */
    uint64_t started_ns, key;
    uint32_t slot, serial;
    uint32_t expected;  /* completions; more than one of a broadcast */
    uint32_t completed; /* so many there were */
    uint32_t requests;  /* of a stream */
    uint32_t sent;      /* of them */
    uint32_t replies;   /* of a stream, that were asked for */
    uint32_t received;  /* of them */
    enum account_state state;
    enum account_method method;
    enum yoke_code code;
    unsigned pool;
    bool is_calm;      /* it was made when nothing may make it fail */
    bool is_cancelled; /* by us */
    bool is_hurried;   /* its deadline is short */
    bool is_broadcast;
    bool is_pointed; /* at a single worker, over whose channel nothing is made again */
    bool was_safe;   /* to make again */
};

struct accounts {
    struct account_call *calls; /* CHAOS_SLOTS */
    uint32_t *queue;            /* of slots that are not in use; the one that has been so for longest is first */
    uint32_t first, queued;
    unsigned in_flight, in_flight_of[CHAOS_POOLS];
    uint64_t started, refused, again; /* again: handled more than once, so made again by Yoke */
    uint64_t safe;                    /* ends that were safe to retry */
    uint64_t ends[ACCOUNT_METHODS][17];
    bool is_left[CHAOS_POOLS]; /* a worker has stopped of its own accord, in this calm */
    bool is_excused;           /* a worker was taken for hung in this calm, because the machine gave it no time */
    bool is_over;              /* the master is destroyed: nothing can succeed any more */
    uint64_t slowest_ns;       /* of the calls that went well */
};

void accounts_init(struct accounts *accounts);
void accounts_release(struct accounts *accounts);

/* A slot for a call that is about to be made; NULL: all are in use. */
struct account_call *account_open(struct accounts *accounts, enum account_method method, unsigned pool);

/* It could not be made. */
void account_refuse(struct account_call *call);

/* Its callback runs. Judges the status. */
void account_complete(struct account_call *call, struct yoke_call *yoke, const struct yoke_status *status);

/* Judge all that has not been: at the end. */
void accounts_settle(struct accounts *accounts);

const char *account_method_name(enum account_method method);

#endif
