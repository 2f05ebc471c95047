/*
 * watch.h: calls of ours whose handlers are given a time: which of them have had more. Such a call is no fault yet, as its handler
 * may be waiting for something while the peer's loop turns; who owns the connection finds that out.
 */
#ifndef YOKE_RPC_WATCH_H
#define YOKE_RPC_WATCH_H

#include <yoke/rpc.h>

struct yoke__connection;

/* A handler that has had more than its time. */
struct yoke__overdue {
    const struct yoke_method *method;
    uint64_t sent_ns; /* when the call was sent */
};

/* What a connection keeps for it, besides the calls in `connection->watched`. */
struct yoke__watch {
    /* One that is not ours to wait for any more, cancelled or past its deadline, while its handler may still block: of all of
     * them the one whose time is over first. */
    struct yoke__overdue given_up; /* method NULL: none */
    uint64_t given_up_due_ns;
    uint64_t told_ns; /* when the owner will look; UINT64_MAX: it need not */
};

void yoke__watch_init(struct yoke__connection *connection);

/* A call with a time for its handler has been sent; it has been answered; it ends otherwise, and its handler may go on. */
void yoke__watch_add(struct yoke__connection *connection, struct yoke_call *call);
void yoke__watch_remove(struct yoke_call *call);
void yoke__watch_give_up(struct yoke__connection *connection, const struct yoke_call *call);

/* The handler whose time has been over for longest. False: none's is. */
bool yoke__connection_overdue(const struct yoke__connection *connection, uint64_t now_ns,
                              struct yoke__overdue *ret_overdue);

/*
 * When the next one's time will be over, or is; UINT64_MAX: none has a time. Whoever asks must ask again then, and before that only
 * needs to be told by the connection's `watching` hook of one that is due earlier.
 */
uint64_t yoke__connection_overdue_ns(struct yoke__connection *connection);

/* The peer's loop turns, so none of its handlers blocks: all that are overdue are given their time anew, from now on. */
void yoke__connection_excuse(struct yoke__connection *connection, uint64_t now_ns);

#endif
