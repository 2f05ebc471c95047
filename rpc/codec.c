/* codec.c: see codec.h. */
#include "rpc/codec.h"

#include "rpc/options.h"

#include <errno.h>

enum yoke_code yoke__message_decode(struct yoke__engine *engine, const struct yoke_type *type, const uint8_t *bytes,
                                    size_t length, struct yoke_arena **ret_arena, const void **ret_message) {
    if ((type->deep || engine->limits.max_nesting < YOKE__NESTING_MAX) &&
        type->codec->check_nesting(type->descriptor, bytes, length, engine->limits.max_nesting) != 0) {
        return YOKE_INTERNAL;
    }
    struct yoke_arena *arena = yoke__engine_get_arena(engine, length);
    if (arena == NULL) {
        return YOKE_RESOURCE_EXHAUSTED;
    }
    int error = type->codec->unpack(type->descriptor, arena, bytes, length, ret_message);
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
