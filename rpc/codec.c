/* codec.c: see codec.h. */
#include "rpc/codec.h"

#include "rpc/borrow.h"
#include "rpc/options.h"

#include <errno.h>
#include <string.h>

/* Checked first, without recursion, where the type or the limits make it necessary. */
static bool is_nested_too_deeply(const struct yoke__engine *engine, const struct yoke_type *type, const uint8_t *bytes,
                                 size_t length) {
    return (type->deep || engine->limits.max_nesting < YOKE__NESTING_MAX) &&
           type->codec->check_nesting(type->descriptor, bytes, length, engine->limits.max_nesting) != 0;
}

static inline int unpack(const struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                         const uint8_t *bytes, size_t length, const void **ret_message) {
    return is_nested_too_deeply(engine, type, bytes, length)
               ? -EBADMSG
               : type->codec->unpack(type->descriptor, arena, bytes, length, ret_message);
}

int yoke__message_unpack(const struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                         const uint8_t *bytes, size_t length, const void **ret_message) {
    return unpack(engine, type, arena, bytes, length, ret_message);
}

/* A message in memory that its sender could write to: copied before anything of it is looked at. */
static int unpack_copy(struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                       const struct yoke__parcel *parcel, const void **ret_message) {
    struct yoke__chunk *copy = yoke__chunk_get(&engine->chunks, parcel->length);
    if (copy == NULL) {
        return -ENOMEM;
    }
    memcpy(copy->data, parcel->bytes, parcel->length);
    int error = unpack(engine, type, arena, copy->data, parcel->length, ret_message);
    yoke__chunk_put(&engine->chunks, copy);
    return error;
}

/* A message that is mostly one field of bytes, whose content need not be moved if the sender is trusted, else only once. */
static int unpack_split(struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                        const struct yoke__parcel *parcel, const void **ret_message) {
    struct yoke_large large;
    const uint8_t *rest;
    size_t rest_length;
    if (type->codec->split == NULL ||
        !type->codec->split(type->descriptor, arena, parcel->bytes, parcel->length, &large, &rest, &rest_length)) {
        return parcel->loan->is_trusted ? unpack(engine, type, arena, parcel->bytes, parcel->length, ret_message)
                                        : unpack_copy(engine, type, arena, parcel, ret_message);
    }
    if (!parcel->loan->is_trusted) {
        uint8_t *copy = yoke__arena_alloc(arena, large.length);
        if (copy == NULL) {
            return -ENOMEM;
        }
        memcpy(copy, large.data, large.length);
        large.data = copy;
    }
    const void *message;
    int error = unpack(engine, type, arena, rest, rest_length, &message);
    if (error == 0) {
        type->codec->join(message, &large);
        *ret_message = message;
        if (parcel->loan->is_trusted) {
            yoke__arena_keep(arena, parcel->loan);
        }
    }
    return error;
}

enum yoke_code yoke__message_decode(struct yoke__engine *engine, const struct yoke_type *type,
                                    const struct yoke__parcel *parcel, struct yoke_arena **ret_arena,
                                    const void **ret_message) {
    struct yoke_arena *arena = yoke__engine_get_arena(engine, parcel->length);
    if (arena == NULL) {
        return YOKE_RESOURCE_EXHAUSTED;
    }
    int error = parcel->loan == NULL ? unpack(engine, type, arena, parcel->bytes, parcel->length, ret_message)
                                     : unpack_split(engine, type, arena, parcel, ret_message);
    if (error != 0) {
        yoke__engine_put_arena(engine, arena);
        return error == -ENOMEM ? YOKE_RESOURCE_EXHAUSTED : YOKE_INTERNAL;
    }
    *ret_arena = arena;
    return YOKE_OK;
}

const char *yoke__message_fault(enum yoke_code code) {
    return code == YOKE_INTERNAL ? "is malformed or nested too deeply" : "needs too much memory to decode";
}
