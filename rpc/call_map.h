/*
 * call_map.h: the live calls of a connection by stream id: a hash table with chains through the calls. The
 * chains in a table at least as large as the number of calls are short. The peer chooses half of the ids, so where an id goes
 * depends on a secret: otherwise it could choose ids that all meet in one chain.
 */
#ifndef YOKE_RPC_CALL_MAP_H
#define YOKE_RPC_CALL_MAP_H

#include "rpc/call.h"

struct yoke__call_map {
    struct yoke_call **buckets;
    size_t capacity; /* of buckets: a power of two; 0: none yet */
    size_t count;
    uint32_t secret; /* odd */
    unsigned shift;  /* what makes 32 bits the number of a bucket */
};

/* An empty map with a secret of its own. */
void yoke__call_map_init(struct yoke__call_map *map);

void yoke__call_map_release(struct yoke__call_map *map);

/* Make room for more calls. -ENOMEM. */
int yoke__call_map_grow(struct yoke__call_map *map);

/* Make room for one more call. -ENOMEM. */
static inline int yoke__call_map_reserve(struct yoke__call_map *map) {
    return map->count < map->capacity ? 0 : yoke__call_map_grow(map);
}

/* Where the calls of this stream id are. The high bits of a product depend on all bits of the id. */
static inline struct yoke_call **yoke__call_map_bucket(const struct yoke__call_map *map, uint32_t stream) {
    return &map->buckets[(stream * map->secret) >> map->shift];
}

/* Add a call whose stream id is not in the map. Room must have been reserved. */
void yoke__call_map_add(struct yoke__call_map *map, struct yoke_call *call);

/* The call of this stream id, or NULL. */
static inline struct yoke_call *yoke__call_map_find(const struct yoke__call_map *map, uint32_t stream) {
    struct yoke_call *call = map->capacity != 0 ? *yoke__call_map_bucket(map, stream) : NULL;
    while (call != NULL && call->stream != stream) {
        call = call->next_in_map;
    }
    return call;
}

/* Remove the call of this stream id, which must be there. */
void yoke__call_map_remove(struct yoke__call_map *map, uint32_t stream);

#endif
