/*
 * borrow.h: large messages of the peer that come in shared memory (shared.h): finding them, keeping the buffer while it is in
 * use, giving it back.
 *
 * The peer can write to the buffer even while we read it, if it means ill. A worker trusts its master. A master copies what it
 * decodes, once, before it looks at it.
 */
#ifndef YOKE_RPC_BORROW_H
#define YOKE_RPC_BORROW_H

#include "rpc/codec.h"
#include "rpc/shared.h"

/* No descriptor has come; or one that the kernel dropped, because the process can have no more. */
#define YOKE__DESCRIPTOR_NONE (-1)
#define YOKE__DESCRIPTOR_LOST (-2)

/* One buffer for the peer's messages. Outlives its connection while a message in it is in use. */
struct yoke__loan {
    struct yoke__connection *connection; /* NULL when it is gone */
    const uint8_t *bytes;
    size_t size;
    uint16_t number;
    unsigned references; /* it goes back to the peer with the last */
    bool is_trusted;     /* its content does not change while we have it */
};

struct yoke__borrowed {
    struct yoke__loan *loans[YOKE__BUFFERS_MAX]; /* by number; NULL: there is none */
    size_t total;                                /* bytes of all */
    size_t limit;                                /* what we allow in each direction; 0: no buffers at all */
    bool is_declined;                            /* the worker cannot have any more for its messages */
    int descriptor;                              /* has come, and its BUFFER frame has not; or one of the two below */
    struct yoke__parcel parcel;                  /* the message of the frame that is being handled */
};

void yoke__borrowed_init(struct yoke__borrowed *borrowed);

/* Unmap what is not in use; the rest goes with its last reference. */
void yoke__borrowed_release(struct yoke__borrowed *borrowed);

/* There is a buffer more, mapped at these bytes; there is one less. False when out of memory. */
bool yoke__borrow_add(struct yoke__connection *connection, unsigned number, const uint8_t *bytes, size_t size);
void yoke__borrow_remove(struct yoke__connection *connection, unsigned number);

/* Is there such a buffer, and none of its messages in use? */
bool yoke__borrow_is_free(const struct yoke__connection *connection, unsigned number);

/* A message of this length has come through the socket. A master makes a buffer for the next one. */
void yoke__borrow_notice(struct yoke__connection *connection, size_t length);

/* Find the message that the end of the payload refers to; yoke__parcel_of() then has it, until it is returned. False: the
 * connection has failed. */
bool yoke__borrow_message(struct yoke__connection *connection, const struct yoke__frame *frame, const uint8_t *payload);
void yoke__borrow_return(struct yoke__connection *connection);

/* The message that the frame refers to with these many bytes. False: that is no reference, and the connection has failed. */
bool yoke__parcel_of_reference(struct yoke__connection *connection, const struct yoke__frame *frame, size_t length,
                               struct yoke__parcel *ret_parcel);

/*
 * The message of the frame that is being handled, which begins `skip` bytes behind the payload's beginning, wherever it lies.
 * False: there is more in the payload than a reference, and the connection has failed.
 */
static inline bool yoke__parcel_of(struct yoke__connection *connection, const struct yoke__frame *frame,
                                   const uint8_t *payload, size_t skip, struct yoke__parcel *ret_parcel) {
    const size_t length = frame->length - skip;
    if ((frame->flags & YOKE__FLAG_SHARED) != 0) {
        return yoke__parcel_of_reference(connection, frame, length, ret_parcel);
    }
    *ret_parcel = (struct yoke__parcel){payload + skip, length, NULL};
    return true;
}

/* Keep the buffer that a message lies in; let go of it: with the last reference the peer may use it again. */
void yoke__loan_keep(struct yoke__loan *loan);
void yoke__loan_release(struct yoke__loan *loan);

#endif
