/* server.c: see server.h. */
#include "rpc/server.h"

#include "rpc/ping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 16

void yoke__server_release(struct yoke_server *server) {
    free(server->slots);
    *server = (struct yoke_server){0};
}

/* The slot of this method id, or the empty one where it would go. Ids are hashes already. */
static struct yoke__route *find_slot(struct yoke__route *slots, size_t capacity, uint32_t method_id) {
    size_t slot = method_id & (capacity - 1);
    while (slots[slot].method != NULL && slots[slot].method->id != method_id) {
        slot = (slot + 1) & (capacity - 1);
    }
    return &slots[slot];
}

const struct yoke__route *yoke__server_find(const struct yoke_server *server, uint32_t method_id) {
    if (server->capacity > 0) {
        const struct yoke__route *route = find_slot(server->slots, server->capacity, method_id);
        if (route->method != NULL) {
            return route;
        }
    }
    return method_id == yoke__ping_route.method->id ? &yoke__ping_route : NULL;
}

static int reserve(struct yoke_server *server, size_t more) {
    size_t capacity = server->capacity == 0 ? CAPACITY_MIN : server->capacity;
    while (capacity < 2 * (server->count + more)) {
        capacity *= 2;
    }
    if (capacity == server->capacity) {
        return 0;
    }
    struct yoke__route *slots = calloc(capacity, sizeof *slots);
    if (slots == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < server->capacity; i++) {
        if (server->slots[i].method != NULL) {
            *find_slot(slots, capacity, server->slots[i].method->id) = server->slots[i];
        }
    }
    free(server->slots);
    server->slots = slots;
    server->capacity = capacity;
    return 0;
}

/* Keep the ids ascending: that is how a peer looks them up. -EEXIST when it is there already. */
static int add_service_id(struct yoke__hello *hello, uint32_t id) {
    size_t at = 0;
    while (at < hello->service_count && hello->services[at] < id) {
        at++;
    }
    if (at < hello->service_count && hello->services[at] == id) {
        return -EEXIST;
    }
    memmove(&hello->services[at + 1], &hello->services[at], (hello->service_count - at) * sizeof *hello->services);
    hello->services[at] = id;
    hello->service_count++;
    return 0;
}

int yoke_server_add(struct yoke_server *server, const struct yoke_service *service, const void *handlers,
                    void *user_data) {
    if (server->announced) {
        return -EBUSY;
    }
    if (server->services.service_count == YOKE_SERVICES_MAX) {
        return -ENOSPC;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        if (service->id == 0 || service->methods[i]->id == 0) {
            return -EINVAL;
        }
        if (yoke__server_find(server, service->methods[i]->id) != NULL) {
            return -EEXIST;
        }
    }
    int error = reserve(server, service->method_count);
    if (error == 0) {
        error = add_service_id(&server->services, service->id);
    }
    if (error != 0) {
        return error;
    }
    for (size_t i = 0; i < service->method_count; i++) {
        *find_slot(server->slots, server->capacity, service->methods[i]->id) =
            (struct yoke__route){service->methods[i], handlers, user_data};
    }
    server->count += service->method_count;
    return 0;
}

int yoke_server_intercept(struct yoke_server *server, const struct yoke_interceptor *interceptor, void *user_data) {
    return yoke__chain_add(&server->chain, interceptor, user_data);
}
