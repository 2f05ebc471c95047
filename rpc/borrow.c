/* borrow.c: see borrow.h. */
#include "rpc/borrow.h"

#include "rpc/connection.h"

#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void yoke__borrowed_init(struct yoke__borrowed *borrowed) {
    *borrowed = (struct yoke__borrowed){.descriptor = YOKE__DESCRIPTOR_NONE};
}

static void destroy_loan(struct yoke__loan *loan) {
    yoke__shared_unmap(loan->bytes, loan->size);
    free(loan);
}

static void drop_loan(struct yoke__borrowed *borrowed, unsigned number) {
    struct yoke__loan *loan = borrowed->loans[number];
    if (loan == NULL) {
        return;
    }
    borrowed->loans[number] = NULL;
    borrowed->total -= loan->size;
    loan->connection = NULL;
    if (loan->references == 0) {
        destroy_loan(loan);
    }
}

void yoke__borrowed_release(struct yoke__borrowed *borrowed) {
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        drop_loan(borrowed, i);
    }
    if (borrowed->descriptor >= 0) {
        yoke__close_unwanted(borrowed->descriptor);
    }
    borrowed->descriptor = YOKE__DESCRIPTOR_NONE;
}

/* ---- Buffers ------------------------------------------------------------------------------------------------------ */

bool yoke__borrow_add(struct yoke__connection *connection, unsigned number, const uint8_t *bytes, size_t size) {
    struct yoke__loan *loan = malloc(sizeof *loan);
    if (loan == NULL) {
        return false;
    }
    *loan = (struct yoke__loan){.connection = connection,
                                .bytes = bytes,
                                .size = size,
                                .number = (uint16_t)number,
                                .is_trusted = !connection->is_parent};
    connection->borrowed.loans[number] = loan;
    connection->borrowed.total += size;
    return true;
}

void yoke__borrow_remove(struct yoke__connection *connection, unsigned number) {
    drop_loan(&connection->borrowed, number);
}

bool yoke__borrow_is_free(const struct yoke__connection *connection, unsigned number) {
    const struct yoke__loan *loan = number < YOKE__BUFFERS_MAX ? connection->borrowed.loans[number] : NULL;
    return loan != NULL && loan->references == 0;
}

static unsigned find_number(const struct yoke__borrowed *borrowed) {
    unsigned number = 0;
    while (number < YOKE__BUFFERS_MAX && borrowed->loans[number] != NULL) {
        number++;
    }
    return number;
}

void yoke__borrow_notice(struct yoke__connection *connection, size_t length) {
    struct yoke__borrowed *borrowed = &connection->borrowed;
    const size_t limit = yoke__shared_limit(connection);
    const size_t size = yoke__shared_size(length);
    if (!connection->is_parent || length < connection->engine->shared_min_bytes || borrowed->is_declined ||
        connection->passing.fd >= 0 || connection->unreachable || size > limit || borrowed->total > limit - size) {
        return;
    }
    unsigned number = find_number(borrowed);
    uint8_t *bytes;
    int fd = number < YOKE__BUFFERS_MAX ? yoke__shared_create(size, YOKE__ACCESS_READ, &bytes) : -1;
    if (fd < 0) {
        return;
    }
    if (!yoke__borrow_add(connection, number, bytes, size)) {
        yoke__shared_unmap(bytes, size);
        (void)close(fd);
    } else if (!yoke__shared_send_buffer(connection, number, YOKE__FLAG_UPWARD, size, fd)) {
        drop_loan(borrowed, number);
        (void)close(fd);
    } else {
        yoke__connection_attention(connection);
    }
}

/* ---- Messages ----------------------------------------------------------------------------------------------------- */

bool yoke__borrow_message(struct yoke__connection *connection, const struct yoke__frame *frame,
                          const uint8_t *payload) {
    uint32_t reference[3];
    _Static_assert(sizeof reference == YOKE__REFERENCE_SIZE, "number, offset, length");
    memcpy(reference, payload + frame->length - sizeof reference, sizeof reference);
    const uint32_t number = le32toh(reference[0]);
    const uint32_t offset = le32toh(reference[1]);
    const uint32_t length = le32toh(reference[2]);
    struct yoke__loan *loan = yoke__borrow_is_free(connection, number) ? connection->borrowed.loans[number] : NULL;
    if (loan == NULL || offset > loan->size || length > loan->size - offset) {
        yoke__connection_fail(connection, "a message is said to be in buffer %" PRIu32 ", where none can be", number);
        return false;
    }
    yoke__loan_keep(loan);
    connection->borrowed.parcel = (struct yoke__parcel){loan->bytes + offset, length, loan};
    return true;
}

void yoke__borrow_return(struct yoke__connection *connection) {
    yoke__loan_release(connection->borrowed.parcel.loan);
}

bool yoke__parcel_of_reference(struct yoke__connection *connection, const struct yoke__frame *frame, size_t length,
                               struct yoke__parcel *ret_parcel) {
    if (length != YOKE__REFERENCE_SIZE) {
        yoke__connection_fail(connection, "what should be a reference has %zu bytes on stream %" PRIu32, length,
                              frame->stream);
        return false;
    }
    *ret_parcel = connection->borrowed.parcel;
    return true;
}

void yoke__loan_keep(struct yoke__loan *loan) {
    loan->references++;
}

void yoke__loan_release(struct yoke__loan *loan) {
    loan->references--;
    if (loan->references > 0) {
        return;
    }
    if (loan->connection != NULL) {
        unsigned flags = loan->connection->is_parent ? YOKE__FLAG_UPWARD : 0;
        yoke__shared_send_release(loan->connection, loan->number, flags);
    } else {
        destroy_loan(loan);
    }
}
