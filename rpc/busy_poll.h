/*
 * busy_poll.h: whether a loop that would sleep now should rather look out for bytes for a while. That pays as long as they
 * come soon, so it learns how soon they come; once they do not it takes its time to try again. No I/O, no clock.
 */
#ifndef YOKE_RPC_BUSY_POLL_H
#define YOKE_RPC_BUSY_POLL_H

#include <stdbool.h>
#include <stdint.h>

/* So many waits in a row may be looked out for in vain; then the next ones are slept through. */
#define YOKE__BUSY_POLL_TRUST 4

/* Waits that are slept through and turn out to have been short, before it is tried again: 1 and twice as many after each
 * failure, up to this. */
#define YOKE__BUSY_POLL_CAUTION_MAX 256

/* A wait that is slept through is longer by what the two processes take to wake up. */
#define YOKE__BUSY_POLL_WAKING_NS 50000u

/* A wait begins when the loop would sleep after bytes have come or gone, and ends when some come. */
struct yoke__busy_poll {
    uint64_t patience_ns; /* of one wait; 0: never looks out */
    uint64_t began_ns;    /* when the present wait did */
    bool has_traffic;     /* bytes have come or gone since then */
    bool is_waiting;      /* the wait goes on, and its length matters */
    bool is_polling;      /* and it is looked out for */
    unsigned trust;       /* waits that may still be looked out for in vain; 0: all are slept through */
    unsigned short_waits; /* slept through since trust was lost */
    unsigned caution;     /* how many of them it takes to try again */
};

/* `patience_us`: how long to look out in one wait; 0: never. */
void yoke__busy_poll_init(struct yoke__busy_poll *poll, uint32_t patience_us);

/* Bytes have come. */
void yoke__busy_poll_received(struct yoke__busy_poll *poll, uint64_t now_ns);

/* Bytes have gone. */
void yoke__busy_poll_sent(struct yoke__busy_poll *poll);

/* The loop would sleep: look out instead? */
bool yoke__busy_poll_wants(struct yoke__busy_poll *poll, uint64_t now_ns);

#endif
