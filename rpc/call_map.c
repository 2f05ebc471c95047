/* call_map.c: see call_map.h. */
#include "rpc/call_map.h"

#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>

#define CAPACITY_MIN 16

void yoke__call_map_release(struct yoke__call_map *map) {
    free(map->buckets);
    *map = (struct yoke__call_map){0};
}

/* Each side's ids count up by two; the two sides' differ in the lowest bit, which is put to use at the other end. */
static struct yoke_call **bucket_of(const struct yoke__call_map *map, uint32_t stream) {
    size_t index = (stream >> 1) ^ ((stream & 1) != 0 ? map->capacity / 2 : 0);
    return &map->buckets[index & (map->capacity - 1)];
}

int yoke__call_map_reserve(struct yoke__call_map *map) {
    if (map->count < map->capacity) {
        return 0;
    }
    struct yoke__call_map grown = {.capacity = map->capacity == 0 ? CAPACITY_MIN : 2 * map->capacity};
    grown.buckets = calloc(grown.capacity, sizeof(struct yoke_call *));
    if (grown.buckets == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < map->capacity; i++) {
        while (map->buckets[i] != NULL) {
            struct yoke_call *call = map->buckets[i];
            map->buckets[i] = call->next_in_map;
            yoke__call_map_add(&grown, call);
        }
    }
    free(map->buckets);
    *map = grown;
    return 0;
}

void yoke__call_map_add(struct yoke__call_map *map, struct yoke_call *call) {
    struct yoke_call **bucket = bucket_of(map, call->stream);
    call->next_in_map = *bucket;
    *bucket = call;
    map->count++;
}

struct yoke_call *yoke__call_map_find(const struct yoke__call_map *map, uint32_t stream) {
    struct yoke_call *call = map->capacity != 0 ? *bucket_of(map, stream) : NULL;
    while (call != NULL && call->stream != stream) {
        call = call->next_in_map;
    }
    return call;
}

void yoke__call_map_remove(struct yoke__call_map *map, uint32_t stream) {
    struct yoke_call **link = bucket_of(map, stream);
    while ((*link)->stream != stream) {
        link = &(*link)->next_in_map;
    }
    *link = (*link)->next_in_map;
    map->count--;
}
