/*
 * lend.h: large messages of ours that go in shared memory (shared.h): choosing a buffer, putting the message there, having it
 * back. borrow.h is the other side of it.
 */
#ifndef YOKE_RPC_LEND_H
#define YOKE_RPC_LEND_H

#include "rpc/connection.h"

struct yoke__lender;

/* A message that has been put into a buffer, and what is sent instead of it. */
struct yoke__lent {
    uint8_t reference[YOKE__REFERENCE_SIZE];
    struct yoke__body body;
    const uint8_t *bytes; /* the message */
    unsigned number;
};

/* Put a large message into a buffer, as follows. */
bool yoke__lend_large(struct yoke__connection *connection, const struct yoke__body *body, struct yoke__lent *ret_lent);

/*
 * Put a message into a buffer, if it is large and one is free. Otherwise false; if it is large, a master makes one for
 * messages to come. The caller asks for the connection's attention in either case.
 */
static inline bool yoke__lend_message(struct yoke__connection *connection, const struct yoke__body *body,
                                      struct yoke__lent *ret_lent) {
    return body->length >= connection->engine->shared_min_bytes && yoke__lend_large(connection, body, ret_lent);
}

/* It could not be sent. */
void yoke__lend_cancel(struct yoke__connection *connection, const struct yoke__lent *lent);

/* The master has made a buffer, which we, a worker, have mapped. False when out of memory. */
bool yoke__lend_add(struct yoke__connection *connection, unsigned number, uint8_t *bytes, size_t size);

/* Is there one of this number? What do all take? */
bool yoke__lend_has(const struct yoke__connection *connection, unsigned number);
size_t yoke__lend_total(const struct yoke__connection *connection);

/* Can the peer give this buffer back? Or, one that it has just been given, decline it? */
bool yoke__lend_is_out(const struct yoke__connection *connection, unsigned number, bool is_declined);

/* It does. */
void yoke__lend_return(struct yoke__connection *connection, unsigned number, bool is_declined);

/* Give up the buffers that are not in use, to be small while idle. */
void yoke__lend_trim(struct yoke__connection *connection);

/* Free all but what users have; NULL is fine. */
void yoke__lender_destroy(struct yoke__engine *engine, struct yoke__lender *lender);

/* A buffer for its user to write `size` bytes into; see yoke_channel_take_buffer(). */
int yoke__lend_take(struct yoke__connection *connection, size_t size, void **ret_data);

/* Free the buffers that users have not dropped. */
void yoke__lend_release_taken(struct yoke__engine *engine);

#endif
