/*
 * socket.h: the transport: a connection over one end of a Unix stream socketpair. Owns the descriptor and its watchers;
 * reads much at a time, sends all that is queued with one call, asks for writability only when the socket is full.
 */
#ifndef YOKE_RPC_SOCKET_H
#define YOKE_RPC_SOCKET_H

#include "rpc/connection.h"
#include "rpc/io.h"

enum yoke__socket_end {
    YOKE__SOCKET_EOF,   /* the peer sends no more; what is queued for it can still be sent */
    YOKE__SOCKET_FAILED /* the connection has failed; see connection.failure */
};

struct yoke__socket;

struct yoke__socket_owner {
    /* The peer's HELLO has arrived. */
    void (*ready)(struct yoke__socket *socket);

    /* The peer takes no more calls. NULL: not interested. */
    void (*leaving)(struct yoke__socket *socket);

    /* As the connection's hook of this name. NULL: not interested. */
    void (*watching)(struct yoke__socket *socket);

    /* The peer, our master, wants us to stop. NULL unless the connection drains. */
    void (*draining)(struct yoke__socket *socket);

    /* The peer cannot receive any more, before we ended our output. What it sends is still read. Called once, from the loop.
     * NULL: not interested. */
    void (*lost)(struct yoke__socket *socket);

    /* Nothing more will be read. Called once, from the loop. The owner closes the socket now or later. */
    void (*ended)(struct yoke__socket *socket, enum yoke__socket_end end);

    /* After reading or sending, nothing is in flight: no call either way, no byte to send. NULL: not interested. */
    void (*idle)(struct yoke__socket *socket);
};

struct yoke__socket {
    struct yoke__connection connection;
    struct yoke__io *io;
    const struct yoke__socket_owner *owner;
    int fd; /* -1 when closed */
    ev_io reader, writer;
    struct yoke__link dirty;
    struct yoke__link recent; /* in io->recent */
    ev_io *deferred[2]; /* watchers that wait until no callback of the connection runs: the owner's and the reader */
    bool output_ended;  /* by us */
    bool lost;          /* owner->lost has been called */
    bool ended;         /* owner->ended has been called */
};

/* Take over `fd`, a stream socket. The socket must not move afterwards. */
void yoke__socket_open(struct yoke__socket *socket, struct yoke__io *io, int fd, struct yoke__engine *engine,
                       struct yoke_server *server, struct yoke_events *events, const struct yoke_peer *peer,
                       bool is_parent, const struct yoke__socket_owner *owner);

/* Handle what has been received and what is to be sent, and report the end if it has come. For io.c. */
void yoke__socket_attend(struct yoke__socket *socket);

/* Handle what has been received. False when there was nothing. For io.c, when it does not leave it to the loop to find out. */
bool yoke__socket_poll(struct yoke__socket *socket);

/*
 * True when a callback of this connection is running the loop: then the watcher, the socket's own or one that its owner has for
 * the peer's process, is stopped and started again when the callback has returned. Nothing else may touch the
 * connection until then.
 */
bool yoke__socket_defer(struct yoke__socket *socket, ev_io *watcher);

/* The peer is dead: handle the bytes that it sent before it died. Afterwards nothing is read any more. */
void yoke__socket_drain(struct yoke__socket *socket);

/* Tell the peer that nothing follows; to be called when nothing is queued. */
void yoke__socket_end_output(struct yoke__socket *socket);

/* Send all that is queued, waiting as long as the peer takes. For a process about to exit. */
void yoke__socket_flush_blocking(struct yoke__socket *socket);

/* Close: complete our calls as UNAVAILABLE with this message. Harmless when closed. */
void yoke__socket_close(struct yoke__socket *socket, const char *message);

#endif
