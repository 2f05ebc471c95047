/* codec.c: see codec.h. */
#include "rpc/codec.h"

#include "rpc/options.h"

#include <errno.h>
#include <string.h>

/* Checked first, without recursion, where the type or the limits make it necessary. */
static bool is_nested_too_deeply(const struct yoke__engine *engine, const struct yoke_type *type, const uint8_t *bytes,
                                 size_t length) {
    return (type->deep || engine->limits.max_nesting < YOKE__NESTING_MAX) &&
           type->codec->check_nesting(type->descriptor, bytes, length, engine->limits.max_nesting) != 0;
}

static int unpack(const struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                  const uint8_t *bytes, size_t length, const void **ret_message) {
    return is_nested_too_deeply(engine, type, bytes, length)
               ? -EBADMSG
               : type->codec->unpack(type->descriptor, arena, bytes, length, ret_message);
}

int yoke__message_unpack(const struct yoke__engine *engine, const struct yoke_type *type, struct yoke_arena *arena,
                         const uint8_t *bytes, size_t length, const void **ret_message) {
    return unpack(engine, type, arena, bytes, length, ret_message);
}

enum yoke_code yoke__message_decode(struct yoke__engine *engine, const struct yoke_type *type, const uint8_t *bytes,
                                    size_t length, struct yoke_arena **ret_arena, const void **ret_message) {
    struct yoke_arena *arena = yoke__engine_get_arena(engine, length);
    if (arena == NULL) {
        return YOKE_RESOURCE_EXHAUSTED;
    }
    int error = unpack(engine, type, arena, bytes, length, ret_message);
    if (error != 0) {
        yoke__engine_put_arena(engine, arena);
        return error == -ENOMEM ? YOKE_RESOURCE_EXHAUSTED : YOKE_INTERNAL;
    }
    *ret_arena = arena;
    return YOKE_OK;
}

void yoke__body_write(const struct yoke__body *body, uint8_t *out) {
    if (body->type != NULL) {
        body->type->codec->pack(body->type->descriptor, body->message, out);
    } else if (body->length > 0) {
        memcpy(out, body->message, body->length);
    }
}

const char *yoke__message_fault(enum yoke_code code) {
    return code == YOKE_INTERNAL ? "is malformed or nested too deeply" : "needs too much memory to decode";
}
