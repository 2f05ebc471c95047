/* route.c: see route.h. */
#include "master/route.h"

#include "master/child.h"
#include "rpc/random.h"

#define NS_PER_MS UINT64_C(1000000)

static struct yoke__connection *peer_at(const struct yoke_channel *channel, size_t index) {
    const struct yoke_pool *pool = (const struct yoke_pool *)channel;
    return pool->children[index]->channel.connection;
}

static size_t peer_count(const struct yoke_channel *channel) {
    return ((const struct yoke_pool *)channel)->child_count;
}

/* ---- Who can take a call ------------------------------------------------------------------------------------------- */

/* Is it in this state, and does it take calls? */
static bool takes_calls(const struct yoke_child *child, enum yoke_child_state state) {
    return child->state == state && yoke__connection_takes_calls(child->channel.connection);
}

/* Calls that it has not answered. */
static size_t load_of(const struct yoke_child *child) {
    const struct yoke__connection *connection = child->channel.connection;
    return connection->outgoing_count - connection->ping_count;
}

/* May it have one more? */
static bool has_room(const struct yoke_pool *pool, const struct yoke_child *child) {
    const uint32_t most = pool->options.routing.max_calls_per_worker;
    return most == 0 || load_of(child) < most;
}

static bool is_open(const struct yoke_pool *pool, const struct yoke_child *child, enum yoke_child_state state) {
    return takes_calls(child, state) && has_room(pool, child);
}

static unsigned after(const struct yoke_pool *pool, unsigned index) {
    return index + 1 >= pool->child_count ? 0 : index + 1;
}

/* Where the turn is. Places can have gone since. */
static unsigned turn_of(const struct yoke_pool *pool) {
    return pool->next_child < pool->child_count ? pool->next_child : 0;
}

/* ---- The ways to choose: each gives a child in this state that is open; NULL: there is none, or it is not to be another -------- */

typedef struct yoke_child *chooser(struct yoke_pool *pool, uint64_t key, enum yoke_child_state state);

/* From this place on, around. */
static struct yoke_child *next_open(const struct yoke_pool *pool, unsigned index, enum yoke_child_state state) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        if (is_open(pool, pool->children[index], state)) {
            return pool->children[index];
        }
        index = after(pool, index);
    }
    return NULL;
}

static struct yoke_child *choose_next(struct yoke_pool *pool, uint64_t key, enum yoke_child_state state) {
    (void)key;
    return next_open(pool, turn_of(pool), state);
}

/*
 * Of several alike the one whose turn comes first, so that nobody starves. Under load the search ends early: nobody has fewer calls
 * than was found at the last whole search, or whose call has ended since.
 */
static struct yoke_child *choose_least(struct yoke_pool *pool, uint64_t key, enum yoke_child_state state) {
    struct yoke_child *best = NULL;
    size_t best_load = SIZE_MAX;
    unsigned index = turn_of(pool);
    (void)key;
    for (unsigned i = 0; i < pool->child_count; i++) {
        struct yoke_child *child = pool->children[index];
        if (is_open(pool, child, state) && load_of(child) < best_load) {
            best = child;
            best_load = load_of(child);
            if (best_load <= pool->least_load) {
                return best;
            }
        }
        index = after(pool, index);
    }
    if (best != NULL) {
        pool->least_load = best_load;
    }
    return best;
}

/* Who still has calls gets the next one, if nobody has fewer: it comes with others, and is cheaper so. */
static void relieved_least(struct yoke_channel *channel, const struct yoke__connection *connection) {
    struct yoke_pool *pool = (struct yoke_pool *)channel;
    const size_t load = connection->outgoing_count - connection->ping_count;
    if (load <= pool->least_load) {
        pool->least_load = load;
        if (load > 0) {
            pool->next_child = connection->place;
        }
    }
}

/* Two by chance, and who is not open is replaced by the next who is. */
static struct yoke_child *choose_of_two(struct yoke_pool *pool, uint64_t key, enum yoke_child_state state) {
    (void)key;
    if (pool->child_count == 0) {
        return NULL;
    }
    struct yoke_child *one = next_open(pool, (unsigned)yoke__random_below(&pool->random, pool->child_count), state);
    if (one == NULL || pool->child_count == 1) {
        return one;
    }
    /* Any but the first. */
    unsigned step = 1 + (unsigned)yoke__random_below(&pool->random, pool->child_count - 1);
    struct yoke_child *other = next_open(pool, (one->index + step) % pool->child_count, state);
    return load_of(other) < load_of(one) ? other : one;
}

uint64_t yoke__route_rank(uint64_t key, unsigned place) {
    return yoke__mix(key ^ yoke__mix(place + UINT64_C(0x9e3779b97f4a7c15)));
}

/* A place that has no room is waited for; one that takes no calls is passed over. */
static struct yoke_child *choose_sticky(struct yoke_pool *pool, uint64_t key, enum yoke_child_state state) {
    if (key == 0) {
        return choose_next(pool, key, state);
    }
    struct yoke_child *best = NULL;
    uint64_t best_rank = 0;
    for (unsigned i = 0; i < pool->child_count; i++) {
        uint64_t rank = yoke__route_rank(key, i);
        if ((best == NULL || rank > best_rank) && takes_calls(pool->children[i], state)) {
            best = pool->children[i];
            best_rank = rank;
        }
    }
    return best != NULL && has_room(pool, best) ? best : NULL;
}

/* ---- Picking ------------------------------------------------------------------------------------------------------- */

static struct yoke_child *next_alive(const struct yoke_pool *pool) {
    unsigned index = turn_of(pool);
    for (unsigned i = 0; i < pool->child_count; i++) {
        if (pool->children[index]->channel.connection != NULL) {
            return pool->children[index];
        }
        index = after(pool, index);
    }
    return NULL;
}

static inline struct yoke__connection *pick_by(struct yoke_channel *channel, uint64_t key, chooser *choose) {
    struct yoke_pool *pool = (struct yoke_pool *)channel;
    const struct yoke_child *child = choose(pool, key, YOKE_CHILD_READY);
    if (child == NULL && pool->options.routing.max_calls_per_worker == 0) {
        child = choose(pool, key, YOKE_CHILD_STARTING);
        if (child == NULL) {
            /* All that live are full, if any does. */
            child = next_alive(pool);
        }
    }
    if (child == NULL) {
        return NULL;
    }
    pool->next_child = after(pool, child->index);
    return child->channel.connection;
}

static struct yoke__connection *pick_next(struct yoke_channel *channel, const struct yoke_method *method,
                                          uint64_t key) {
    (void)method;
    return pick_by(channel, key, choose_next);
}

static struct yoke__connection *pick_least(struct yoke_channel *channel, const struct yoke_method *method,
                                           uint64_t key) {
    (void)method;
    return pick_by(channel, key, choose_least);
}

static struct yoke__connection *pick_of_two(struct yoke_channel *channel, const struct yoke_method *method,
                                            uint64_t key) {
    (void)method;
    return pick_by(channel, key, choose_of_two);
}

static struct yoke__connection *pick_sticky(struct yoke_channel *channel, const struct yoke_method *method,
                                            uint64_t key) {
    (void)method;
    return pick_by(channel, key, choose_sticky);
}

/* What the function says may depend on the calls that there are. */
static void relieved_as_told(struct yoke_channel *channel, const struct yoke__connection *connection) {
    (void)connection;
    yoke__channel_schedule(channel);
}

/* What the user's function says, if it can be done. */
static struct yoke__connection *pick_as_told(struct yoke_channel *channel, const struct yoke_method *method,
                                             uint64_t key) {
    struct yoke_pool *pool = (struct yoke_pool *)channel;
    const struct yoke_routing_options *routing = &pool->options.routing;
    channel->engine->callback_depth++;
    const struct yoke_child *child = routing->picker(pool, method, key, routing->picker_data);
    channel->engine->callback_depth--;
    if (child == NULL || child->pool != pool || child->channel.connection == NULL || !has_room(pool, child)) {
        return NULL;
    }
    return child->channel.connection;
}

/* ---- Life ---------------------------------------------------------------------------------------------------------- */

static bool any_has_room(const struct yoke_channel *channel) {
    const struct yoke_pool *pool = (const struct yoke_pool *)channel;
    return next_open(pool, turn_of(pool), YOKE_CHILD_READY) != NULL;
}

static void crowded(struct yoke_channel *channel, bool is_crowded) {
    struct yoke_pool *pool = (struct yoke_pool *)channel;
    if (pool->crowded != NULL) {
        pool->crowded(pool, is_crowded);
    }
}

#define CLASS(chosen, told)                                                                                           \
    {                                                                                                                 \
        .pick = (chosen), .relieved = (told), .has_room = any_has_room, .crowded = crowded, .peer_count = peer_count, \
        .peer_at = peer_at                                                                                            \
    }

static const struct yoke__channel_class classes[] = {
    [YOKE_ROUTE_ROUND_ROBIN] = CLASS(pick_next, NULL),
    [YOKE_ROUTE_LEAST_OUTSTANDING] = CLASS(pick_least, relieved_least),
    [YOKE_ROUTE_POWER_OF_TWO] = CLASS(pick_of_two, NULL),
    [YOKE_ROUTE_STICKY] = CLASS(pick_sticky, NULL),
};
static const struct yoke__channel_class class_as_told = CLASS(pick_as_told, relieved_as_told);

void yoke__route_init(struct yoke_pool *pool) {
    yoke__channel_init(&pool->channel, &classes[YOKE_ROUTE_ROUND_ROBIN], &pool->master->engine);
}

void yoke__route_configure(struct yoke_pool *pool) {
    const struct yoke_routing_options *routing = &pool->options.routing;
    pool->channel.class = routing->picker != NULL ? &class_as_told : &classes[routing->route];
    pool->channel.wants_key = routing->picker != NULL || routing->route == YOKE_ROUTE_STICKY;
    pool->channel.is_limited = routing->max_calls_per_worker != 0;
    pool->channel.max_waiting = routing->max_queued_calls;
    const struct yoke_retry_options *retry = &pool->options.retry;
    pool->channel.retry = (struct yoke__retry){
        .max_attempts = retry->max_attempts,
        .max_request_bytes = retry->max_request_bytes,
        .budget_percent = retry->budget_percent,
        .pause_ns = retry->pause_ms * NS_PER_MS,
        .max_pause_ns = retry->max_pause_ms * NS_PER_MS,
    };
    pool->channel.is_routed =
        pool->channel.wants_key || pool->channel.is_limited || pool->channel.retry.max_attempts > 1;
    pool->random = pool->master->engine.clock_ns() ^ (uint64_t)pool->master->pid;
    yoke__retry_init(&pool->channel.retry, yoke__random(&pool->random));
}

void yoke__route_join(struct yoke_pool *pool, struct yoke__connection *connection, unsigned place) {
    const bool is_interested = pool->channel.is_limited || pool->channel.class->relieved != NULL;
    connection->relieves = is_interested ? &pool->channel : NULL;
    connection->place = place;
}

size_t yoke_pool_queued(const struct yoke_pool *pool) {
    return pool->channel.waiting_count;
}

void yoke__route_release(struct yoke_pool *pool) {
    yoke__channel_release(&pool->channel);
}
