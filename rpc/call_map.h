/*
 * call_map.h: the live calls of a connection by stream id: a hash table with chains through the calls. Ids are given out in
 * sequence, so in a table at least as large as the number of calls nearly every chain is one call long.
 */
#ifndef YOKE_RPC_CALL_MAP_H
#define YOKE_RPC_CALL_MAP_H

#include <yoke/rpc.h>

struct yoke__call_map {
    struct yoke_call **buckets;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

void yoke__call_map_release(struct yoke__call_map *map);

/* Make room for one more call. -ENOMEM. */
int yoke__call_map_reserve(struct yoke__call_map *map);

/* Add a call whose stream id is not in the map. Room must have been reserved. */
void yoke__call_map_add(struct yoke__call_map *map, struct yoke_call *call);

/* The call of this stream id, or NULL. */
struct yoke_call *yoke__call_map_find(const struct yoke__call_map *map, uint32_t stream);

/* Remove the call of this stream id, which must be there. */
void yoke__call_map_remove(struct yoke__call_map *map, uint32_t stream);

#endif
