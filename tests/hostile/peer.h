/*
 * peer.h: a side that speaks by hand, over a socket and without Yoke: a hostile worker, or a hostile master. It counts
 * what it hears. What goes wrong for it ends its process with PEER_FAILED, so that the test sees it.
 */
#ifndef YOKE_TESTS_HOSTILE_PEER_H
#define YOKE_TESTS_HOSTILE_PEER_H

#include "bytes.h"

#include <stdbool.h>
#include <yoke/rpc.h>

#define PEER_FAILED 97

/* Streams of each side, by number from 1, that are told apart. */
#define PEER_STREAMS 16

struct peer {
    int fd;
    bool is_master;
    unsigned number; /* of what it is to do */
    bool deaf;       /* reads nothing */
    bool closed;     /* the other side has closed */

    /* What was heard. */
    unsigned own_ends[PEER_STREAMS];       /* END frames for our call so many */
    enum yoke_code own_code[PEER_STREAMS]; /* the last one's status */
    unsigned their_opens[PEER_STREAMS], their_cancels[PEER_STREAMS];
    unsigned ends, opens, messages, credits, events, releases;
    unsigned codes[17]; /* END frames by status */

    int given; /* the first descriptor that came; -1: none */

    uint8_t partial[HEADER_SIZE];
    size_t partial_size;
    uint64_t skip;
};

_Noreturn void peer_fail(struct peer *peer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The stream id of our call so many, counted from 1; where `number` is negative, of theirs; 0 is 0. */
uint32_t peer_stream(const struct peer *peer, int number);

/* Sends all of it, and hears what comes meanwhile unless it is deaf. Stops when the other side has closed. */
void peer_send(struct peer *peer, const void *data, size_t size);

/* Sends these bytes along with descriptors. */
void peer_send_fds(struct peer *peer, const void *data, size_t size, const int *fds, unsigned count);

/* One frame. */
void peer_frame(struct peer *peer, struct header header, const void *payload, size_t size);

/* Waits for something to hear, and hears it. */
void peer_listen(struct peer *peer);

/* Listens until the condition holds; it fails when the other side closes before. */
#define PEER_AWAIT(peer, condition)                                              \
    while (!(condition)) {                                                       \
        if ((peer)->closed) {                                                    \
            peer_fail((peer), "the other side closed before this: " #condition); \
        }                                                                        \
        peer_listen(peer);                                                       \
    }

#define PEER_CHECK(peer, condition)                               \
    do {                                                          \
        if (!(condition)) {                                       \
            peer_fail((peer), "this does not hold: " #condition); \
        }                                                         \
    } while (0)

/* Waits until the other side has read all that was sent. */
void peer_await_read(struct peer *peer);

/* A HELLO without services. */
void peer_hello(struct peer *peer);

/* Calls our Echo with this number and waits for its end: the other side is alive. Or, when it closes first, false. */
bool peer_is_answered(struct peer *peer, int number);

#endif
