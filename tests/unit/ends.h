/*
 * ends.h: two ends in one process, each what a master or worker wraps around a socket, on a loop of its own, joined by a real
 * socketpair. The first is the master's.
 */
#ifndef YOKE_TESTS_UNIT_ENDS_H
#define YOKE_TESTS_UNIT_ENDS_H

#include "rpc/channel.h"
#include "rpc/io.h"
#include "rpc/socket.h"

#include "unit.yoke.h"
#include <ev.h>

#define ENDS_HELD_MAX 64
#define ENDS_MESSAGE_MAX (4096u * 1024u)

struct end {
    struct ev_loop *loop;
    struct yoke__engine engine;
    struct yoke__io io;
    struct yoke_server server; /* serves unit.Echo and unit.Streams/Both */
    struct yoke_events events;
    struct yoke__socket socket;
    struct yoke__single_channel channel;
    unsigned readies, ends, idles, notes;
    enum yoke__socket_end last_end;
    bool closes_when_ended;
    void (*on_note)(struct end *end); /* called for each; NULL: nothing */

    /* Calls of Later, oldest first, and what they ask. */
    struct yoke_call *held[ENDS_HELD_MAX];
    const Unit__Bytes *requests[ENDS_HELD_MAX];
    size_t held_count;

    void (*on_request)(struct end *end, const Unit__Bytes *request); /* of Now; NULL: nothing */
    void (*on_tree)(struct end *end, const Unit__Node *request);     /* of Tree */
    void (*on_blob)(struct end *end, const Unit__Blob *blob);

    /* The last call of Both, and how many messages it has brought, which are sent back. */
    struct yoke_call *stream;
    void (*on_stream)(struct end *end);
    void (*on_stream_message)(struct end *end, const Unit__Bytes *message);
    unsigned stream_messages;
};

/* How an end differs from the usual. */
struct end_config {
    struct yoke_limits limits;
    uint32_t shared_min_bytes; /* 0: as ever */
};

/* How a call of unit.Echo has ended. */
struct outcome {
    unsigned count;
    enum yoke_code code;
    size_t length;
    bool is_intact;
};

/* Content that depends on a seed. That of a message is its length. */
void fill(uint8_t *bytes, size_t length, unsigned seed);
bool is_filled(const uint8_t *bytes, size_t length, unsigned seed);
bool is_intact(const ProtobufCBinaryData *bytes);

/* A message of this length, valid until the next one is asked for. */
Unit__Bytes message_of(size_t size);

/* Call Now with such a message; take what comes of a call of unit.Echo; check that it is an intact answer of this length. */
int call_now(struct end *end, size_t size, struct outcome *outcome);
void take_outcome(struct yoke_call *call, const struct yoke_status *status, const Unit__Bytes *reply, void *user_data);
void check_answered(const struct outcome *outcome, size_t size);

/* `config` may be NULL. An end must not move, and is large: make it static. */
void end_open(struct end *end, int fd, bool is_parent, const struct end_config *config);
void end_close(struct end *end);

/* Both ends; `configs`, if not NULL, are two. They have greeted each other when the loops have turned. */
void ends_start(struct end *master, struct end *worker, const struct end_config *configs);

/* Turn one loop once; turn both so often that all that can happen has. */
void end_turn(struct end *end);
void ends_turn(struct end *master, struct end *worker);

#endif
