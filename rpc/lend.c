/* lend.c: see lend.h. */
#include "rpc/lend.h"

#include "rpc/call.h"
#include "rpc/channel.h"
#include "rpc/connection.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum state {
    EMPTY,   /* there is none */
    OFFERED, /* by a master, and the worker has not said yet that it has it */
    FREE,
    TAKEN, /* its user writes to it */
    OUT    /* a message in it is on its way, or in use at the peer */
};

struct buffer {
    enum state state;
    uint8_t *bytes;
    size_t size;
};

/* A buffer that its user has, and whose connection is gone. */
struct yoke__taken {
    struct yoke__taken *next;
    uint8_t *bytes;
    size_t size;
};

struct yoke__lender {
    struct yoke__link link; /* among the engine's */
    struct buffer buffers[YOKE__BUFFERS_MAX];
    size_t total;     /* bytes of all */
    bool is_declined; /* the worker cannot have any more */
};

/* ---- Buffers ------------------------------------------------------------------------------------------------------ */

/* The connection's lender, if it may share with its peer. */
static struct yoke__lender *lender_of(struct yoke__connection *connection) {
    if (connection->lender == NULL && yoke__shared_limit(connection) > 0) {
        connection->lender = calloc(1, sizeof *connection->lender);
        if (connection->lender != NULL) {
            yoke__link_append(&connection->engine->lenders, &connection->lender->link);
        }
    }
    return connection->lender;
}

static void set_buffer(struct yoke__lender *lender, unsigned number, enum state state, uint8_t *bytes, size_t size) {
    struct buffer *buffer = &lender->buffers[number];
    buffer->state = state;
    buffer->bytes = bytes;
    buffer->size = size;
    lender->total += size;
}

static void clear_buffer(struct yoke__lender *lender, unsigned number) {
    struct buffer *buffer = &lender->buffers[number];
    yoke__shared_unmap(buffer->bytes, buffer->size);
    lender->total -= buffer->size;
    *buffer = (struct buffer){.state = EMPTY};
}

/* Do without a buffer that is free. */
static void give_up(struct yoke__connection *connection, unsigned number) {
    if (!connection->is_parent) {
        yoke__shared_send_release(connection, number, YOKE__FLAG_UPWARD);
    } else if (!yoke__shared_send_buffer(connection, number, 0, 0, -1)) {
        return;
    }
    clear_buffer(connection->lender, number);
}

static unsigned find_empty(const struct yoke__lender *lender) {
    unsigned number = 0;
    while (number < YOKE__BUFFERS_MAX && lender->buffers[number].state != EMPTY) {
        number++;
    }
    return number;
}

/* Make room for one buffer more, of so many bytes, among those that are free. */
static void make_room(struct yoke__connection *connection, size_t size) {
    struct yoke__lender *lender = connection->lender;
    const size_t limit = yoke__shared_limit(connection);
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX && size <= limit; i++) {
        if (lender->total <= limit - size && find_empty(lender) < YOKE__BUFFERS_MAX) {
            return;
        }
        if (lender->buffers[i].state == FREE) {
            give_up(connection, i);
        }
    }
}

/* There is no buffer for a message of this length: a master makes one, if there is room, for the next. It makes one for a
 * worker, when the message reaches it. One at a time is on its way. */
static void provide(struct yoke__connection *connection, size_t length) {
    struct yoke__lender *lender = connection->lender;
    const size_t size = yoke__shared_size(length);
    if (connection->is_parent && (lender->is_declined || connection->passing.fd >= 0)) {
        return;
    }
    make_room(connection, size);
    if (!connection->is_parent || lender->total + size > yoke__shared_limit(connection)) {
        return;
    }
    unsigned number = find_empty(lender);
    uint8_t *bytes;
    int fd = number < YOKE__BUFFERS_MAX ? yoke__shared_create(size, YOKE__ACCESS_WRITE, &bytes) : -1;
    if (fd < 0) {
        return;
    }
    set_buffer(lender, number, OFFERED, bytes, size);
    if (!yoke__shared_send_buffer(connection, number, 0, size, fd)) {
        clear_buffer(lender, number);
        (void)close(fd);
    }
}

/* The smallest that is free and large enough; NULL: none. */
static struct buffer *find_free(struct yoke__lender *lender, size_t size) {
    struct buffer *best = NULL;
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        struct buffer *buffer = &lender->buffers[i];
        if (buffer->state == FREE && buffer->size >= size && (best == NULL || buffer->size < best->size)) {
            best = buffer;
        }
    }
    return best;
}

/* The buffer that its user has, and that this is the data of; NULL: none. */
static struct buffer *find_taken(struct yoke__lender *lender, const void *data) {
    for (unsigned i = 0; lender != NULL && i < YOKE__BUFFERS_MAX; i++) {
        struct buffer *buffer = &lender->buffers[i];
        if (buffer->state == TAKEN && buffer->bytes + YOKE__HEADROOM == data) {
            return buffer;
        }
    }
    return NULL;
}

bool yoke__lend_add(struct yoke__connection *connection, unsigned number, uint8_t *bytes, size_t size) {
    struct yoke__lender *lender = lender_of(connection);
    if (lender == NULL) {
        return false;
    }
    set_buffer(lender, number, FREE, bytes, size);
    return true;
}

bool yoke__lend_has(const struct yoke__connection *connection, unsigned number) {
    return connection->lender != NULL && connection->lender->buffers[number].state != EMPTY;
}

size_t yoke__lend_total(const struct yoke__connection *connection) {
    return connection->lender != NULL ? connection->lender->total : 0;
}

bool yoke__lend_is_out(const struct yoke__connection *connection, unsigned number, bool is_declined) {
    if (connection->lender == NULL || number >= YOKE__BUFFERS_MAX) {
        return false;
    }
    enum state state = connection->lender->buffers[number].state;
    return state == OFFERED || (state == OUT && !is_declined);
}

void yoke__lend_return(struct yoke__connection *connection, unsigned number, bool is_declined) {
    if (is_declined) {
        connection->lender->is_declined = true;
        clear_buffer(connection->lender, number);
    } else {
        connection->lender->buffers[number].state = FREE;
    }
}

/* ---- Messages ----------------------------------------------------------------------------------------------------- */

/* Say where the message is. */
static void refer(struct yoke__lender *lender, struct buffer *buffer, size_t offset, size_t length,
                  struct yoke__lent *ret_lent) {
    const unsigned number = (unsigned)(buffer - lender->buffers);
    const uint32_t reference[3] = {htole32(number), htole32((uint32_t)offset), htole32((uint32_t)length)};
    memcpy(ret_lent->reference, reference, sizeof reference);
    ret_lent->body =
        (struct yoke__body){.message = ret_lent->reference, .length = YOKE__REFERENCE_SIZE, .shared_length = length};
    ret_lent->bytes = buffer->bytes + offset;
    ret_lent->number = number;
    buffer->state = OUT;
}

/* Complete a message around data that its user has written into a buffer. False when it is none of that kind. */
static bool lend_in_place(struct yoke__lender *lender, const struct yoke__body *body, struct yoke__lent *ret_lent) {
    struct yoke_large large;
    if (body->type == NULL || body->type->codec->find_large == NULL ||
        !body->type->codec->find_large(body->type->descriptor, body->message, &large)) {
        return false;
    }
    const size_t before = body->length - large.length;
    struct buffer *buffer = find_taken(lender, large.data);
    if (buffer == NULL || large.length > buffer->size - YOKE__HEADROOM || before > YOKE__HEADROOM) {
        return false;
    }
    uint8_t *out = buffer->bytes + YOKE__HEADROOM - before;
    if (!body->type->codec->pack_around(body->type->descriptor, body->message, &large, out, before)) {
        return false;
    }
    refer(lender, buffer, YOKE__HEADROOM - before, body->length, ret_lent);
    return true;
}

bool yoke__lend_large(struct yoke__connection *connection, const struct yoke__body *body, struct yoke__lent *ret_lent) {
    if (lender_of(connection) == NULL) {
        return false;
    }
    struct yoke__lender *lender = connection->lender;
    if (lend_in_place(lender, body, ret_lent)) {
        return true;
    }
    struct buffer *buffer = find_free(lender, body->length);
    if (buffer == NULL) {
        provide(connection, body->length);
        return false;
    }
    yoke__body_write(body, buffer->bytes);
    refer(lender, buffer, 0, body->length, ret_lent);
    return true;
}

void yoke__lend_cancel(struct yoke__connection *connection, const struct yoke__lent *lent) {
    connection->lender->buffers[lent->number].state = FREE;
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

void yoke__lend_trim(struct yoke__connection *connection) {
    struct yoke__lender *lender = connection->lender;
    for (unsigned i = 0; lender != NULL && i < YOKE__BUFFERS_MAX; i++) {
        if (lender->buffers[i].state == FREE) {
            give_up(connection, i);
        }
    }
    yoke__connection_attention(connection);
}

/* Its user may be writing to it. Without memory to remember it, it stays mapped for good. */
static void keep_taken(struct yoke__engine *engine, const struct buffer *buffer) {
    struct yoke__taken *taken = malloc(sizeof *taken);
    if (taken != NULL) {
        *taken = (struct yoke__taken){engine->taken, buffer->bytes, buffer->size};
        engine->taken = taken;
    }
}

void yoke__lender_destroy(struct yoke__engine *engine, struct yoke__lender *lender) {
    for (unsigned i = 0; lender != NULL && i < YOKE__BUFFERS_MAX; i++) {
        if (lender->buffers[i].state == TAKEN) {
            keep_taken(engine, &lender->buffers[i]);
        } else if (lender->buffers[i].state != EMPTY) {
            clear_buffer(lender, i);
        }
    }
    if (lender != NULL) {
        yoke__link_remove(&lender->link);
    }
    free(lender);
}

static void free_taken(struct yoke__taken **link) {
    struct yoke__taken *taken = *link;
    *link = taken->next;
    yoke__shared_unmap(taken->bytes, taken->size);
    free(taken);
}

void yoke__lend_release_taken(struct yoke__engine *engine) {
    while (engine->taken != NULL) {
        free_taken(&engine->taken);
    }
}

/* ---- For users ---------------------------------------------------------------------------------------------------- */

int yoke__lend_take(struct yoke__connection *connection, size_t size, void **ret_data) {
    int error = yoke__connection_check_sendable(connection, size);
    if (error != 0) {
        return error;
    }
    struct yoke__lender *lender = size >= connection->engine->shared_min_bytes ? lender_of(connection) : NULL;
    if (lender == NULL) {
        return -EAGAIN;
    }
    struct buffer *buffer = find_free(lender, YOKE__HEADROOM + size);
    if (buffer == NULL) {
        provide(connection, size);
        yoke__connection_attention(connection);
        return -EAGAIN;
    }
    buffer->state = TAKEN;
    *ret_data = buffer->bytes + YOKE__HEADROOM;
    return 0;
}

/* Whoever took it need not know the connection any more: a worker that drains has left its channel. */
static bool drop(struct yoke__engine *engine, const void *data) {
    for (struct yoke__link *at = engine->lenders.next; at != &engine->lenders; at = at->next) {
        struct buffer *buffer = find_taken(YOKE__CONTAINER(at, struct yoke__lender, link), data);
        if (buffer != NULL) {
            buffer->state = FREE;
            return true;
        }
    }
    for (struct yoke__taken **link = &engine->taken; *link != NULL; link = &(*link)->next) {
        if ((*link)->bytes + YOKE__HEADROOM == data) {
            free_taken(link);
            return true;
        }
    }
    return false;
}

int yoke_channel_take_buffer(struct yoke_channel *channel, size_t size, void **ret_data) {
    if (yoke__engine_is_foreign(channel->engine)) {
        return -ECHILD;
    }
    if (channel->class->peer_count(channel) != 1) {
        return -EINVAL;
    }
    struct yoke__connection *connection = channel->class->peer_at(channel, 0);
    return connection != NULL ? yoke__lend_take(connection, size, ret_data) : -ENOTCONN;
}

int yoke_channel_drop_buffer(struct yoke_channel *channel, void *data) {
    return drop(channel->engine, data) ? 0 : -EINVAL;
}

int yoke_call_take_buffer(struct yoke_call *call, size_t size, void **ret_data) {
    return call->connection != NULL ? yoke__lend_take(call->connection, size, ret_data) : -ENOTCONN;
}

int yoke_call_drop_buffer(struct yoke_call *call, void *data) {
    return call->engine != NULL && drop(call->engine, data) ? 0 : -EINVAL;
}
