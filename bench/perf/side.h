/*
 * side.h: one end of a connection that is joined to another by memory: no process, no socket, no loop, and a clock that
 * stands still within a turn. What it runs so depends on nothing but the code.
 */
#ifndef YOKE_BENCH_PERF_SIDE_H
#define YOKE_BENCH_PERF_SIDE_H

#include "rpc/channel.h"

#include <sys/uio.h>

/* As many pieces as a socket sends at once. */
#define SIDE_VECTORS 16

struct side {
    struct yoke__connection connection;
    struct yoke__engine engine;
    struct yoke_server server;
    struct yoke_events events;
    struct yoke__single_channel channel;

    /* What the steps below take and give. */
    struct iovec vector[SIDE_VECTORS];
    size_t vector_count;
    uint8_t *room;
    size_t room_size;
    size_t moved;
};

/* Must not move afterwards. */
void side_init(struct side *side, bool is_master);
void side_release(struct side *side);

struct yoke_channel *side_channel(struct side *side);

/* The steps by which bytes come from one side to the other; the caller copies them. */
void side_take(struct side *side);    /* what is due at the end of a turn; then `vector` is what is to be sent */
void side_sent(struct side *side);    /* all of it has been */
void side_prepare(struct side *side); /* `room` is where the next bytes go */
void side_receive(struct side *side); /* `moved` bytes are there */

/* The clock of both goes on. */
void side_tick(void);

/* Say what went wrong and exit, unless `error` is 0. */
void must(int error, const char *what);

#endif
