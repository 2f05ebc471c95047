/* call_map.c: see call_map.h. */
#include "rpc/call_map.h"

#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

void yoke__call_map_release(struct yoke__call_map *map) {
    free(map->slots);
    *map = (struct yoke__call_map){0};
}

/* Both sides' ids are consecutive numbers of one parity; half of an id is consecutive. */
static size_t home(const struct yoke__call_map *map, uint32_t stream) {
    return (stream >> 1) & (map->capacity - 1);
}

static size_t next(const struct yoke__call_map *map, size_t slot) {
    return (slot + 1) & (map->capacity - 1);
}

int yoke__call_map_reserve(struct yoke__call_map *map) {
    if (2 * (map->count + 1) <= map->capacity) {
        return 0;
    }
    struct yoke__call_map grown = {.capacity = map->capacity == 0 ? CAPACITY_MIN : 2 * map->capacity};
    grown.slots = calloc(grown.capacity, sizeof(struct yoke_call *));
    if (grown.slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        if (map->slots[i] != NULL) {
            yoke__call_map_add(&grown, map->slots[i]);
        }
    }
    free(map->slots);
    *map = grown;
    return 0;
}

void yoke__call_map_add(struct yoke__call_map *map, struct yoke_call *call) {
    size_t slot = home(map, call->stream);
    while (map->slots[slot] != NULL) {
        slot = next(map, slot);
    }
    map->slots[slot] = call;
    map->count++;
}

/* The slot of this stream id, or the empty slot where the search for it ends. The map must have slots. */
static size_t find_slot(const struct yoke__call_map *map, uint32_t stream) {
    size_t slot = home(map, stream);
    while (map->slots[slot] != NULL && map->slots[slot]->stream != stream) {
        slot = next(map, slot);
    }
    return slot;
}

struct yoke_call *yoke__call_map_find(const struct yoke__call_map *map, uint32_t stream) {
    return map->capacity == 0 ? NULL : map->slots[find_slot(map, stream)];
}

void yoke__call_map_remove(struct yoke__call_map *map, uint32_t stream) {
    size_t hole = find_slot(map, stream);
    map->count--;
    /* Close the gap: move back each later entry of the run whose home is not between the hole and itself. */
    for (size_t slot = next(map, hole); map->slots[slot] != NULL; slot = next(map, slot)) {
        size_t from_home = (slot - home(map, map->slots[slot]->stream)) & (map->capacity - 1);
        size_t from_hole = (slot - hole) & (map->capacity - 1);
        if (from_home >= from_hole) {
            map->slots[hole] = map->slots[slot];
            hole = slot;
        }
    }
    map->slots[hole] = NULL;
}
