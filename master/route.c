/* route.c: see route.h. */
#include "master/route.h"

#include "master/child.h"

static struct yoke__connection *peer_at(const struct yoke_channel *channel, size_t index) {
    const struct yoke_pool *pool = (const struct yoke_pool *)channel;
    return pool->children[index]->channel.connection;
}

static size_t peer_count(const struct yoke_channel *channel) {
    return ((const struct yoke_pool *)channel)->child_count;
}

/* The next child in this state that can take a call, from the one whose turn it is. */
static struct yoke_child *next_in_state(const struct yoke_pool *pool, enum yoke_child_state state) {
    unsigned index = pool->next_child;
    for (unsigned i = 0; i < pool->child_count; i++) {
        if (pool->children[index]->state == state &&
            yoke__connection_takes_calls(pool->children[index]->channel.connection)) {
            return pool->children[index];
        }
        index = index + 1 == pool->child_count ? 0 : index + 1;
    }
    return NULL;
}

static struct yoke_child *next_alive(const struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        struct yoke_child *child = pool->children[(pool->next_child + i) % pool->child_count];
        if (child->channel.connection != NULL) {
            return child;
        }
    }
    return NULL;
}

static struct yoke__connection *pick(struct yoke_channel *channel) {
    struct yoke_pool *pool = (struct yoke_pool *)channel;
    const struct yoke_child *child = next_in_state(pool, YOKE_CHILD_READY);
    if (child == NULL) {
        child = next_in_state(pool, YOKE_CHILD_STARTING);
    }
    if (child == NULL) {
        /* All that live are full, if any does. */
        child = next_alive(pool);
    }
    if (child == NULL) {
        return NULL;
    }
    pool->next_child = child->index + 1 == pool->child_count ? 0 : child->index + 1;
    return child->channel.connection;
}

void yoke__route_init(struct yoke_pool *pool) {
    static const struct yoke__channel_class class = {.pick = pick, .peer_count = peer_count, .peer_at = peer_at};
    yoke__channel_init(&pool->channel, &class, &pool->master->engine);
}
