/* call_map.c: see call_map.h. */
#include "rpc/call_map.h"

#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define BITS_MIN 4u

void yoke__call_map_init(struct yoke__call_map *map) {
    *map = (struct yoke__call_map){0};
    /* Fails only before the kernel has gathered entropy at boot; then the map is merely no better than without. */
    (void)getrandom(&map->secret, sizeof map->secret, GRND_NONBLOCK);
    map->secret |= 1;
}

void yoke__call_map_release(struct yoke__call_map *map) {
    free(map->buckets);
    map->buckets = NULL;
    map->capacity = 0;
    map->count = 0;
}

int yoke__call_map_grow(struct yoke__call_map *map) {
    const unsigned shift = map->capacity == 0 ? 32 - BITS_MIN : map->shift - 1;
    struct yoke__call_map grown = {.capacity = (size_t)1 << (32 - shift), .shift = shift, .secret = map->secret};
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
    struct yoke_call **bucket = yoke__call_map_bucket(map, call->stream);
    call->next_in_map = *bucket;
    *bucket = call;
    map->count++;
}

void yoke__call_map_remove(struct yoke__call_map *map, uint32_t stream) {
    struct yoke_call **link = yoke__call_map_bucket(map, stream);
    while ((*link)->stream != stream) {
        link = &(*link)->next_in_map;
    }
    *link = (*link)->next_in_map;
    map->count--;
}
