/* pool.c: pools: workers of one kind and the round robin over them. */
#include "master/child.h"
#include "rpc/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESTART_PAUSE_MS 100
#define STOP_TIMEOUT_MS 5000

/* ---- The pool's channel ------------------------------------------------------------------------------------------- */

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

/* ---- Options ------------------------------------------------------------------------------------------------------ */

static void free_argv(char *const *argv) {
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++) {
        free(argv[i]);
    }
    free((void *)argv);
}

/* A copy of a NULL-terminated array of strings; NULL when out of memory. */
static char *const *copy_argv(char *const *argv) {
    size_t count = 0;
    while (argv[count] != NULL) {
        count++;
    }
    char **copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < count; i++) {
        copy[i] = strdup(argv[i]);
        if (copy[i] == NULL) {
            free_argv(copy);
            return NULL;
        }
    }
    return copy;
}

static void free_options(struct yoke_pool_options *options) {
    free((void *)options->name);
    free((void *)options->path);
    free_argv(options->argv);
}

/* Read, check and complete the options; strings are copied. What was copied is the caller's to free on failure, too. */
static int read_options(const struct yoke_pool_options *from, struct yoke_pool_options *to) {
    struct yoke_pool_options known;
    int error = yoke__options_read(&known, sizeof known, from);
    if (error != 0) {
        return error;
    }
    if ((known.entry == NULL) == (known.path == NULL) || (known.entry != NULL && known.argv != NULL)) {
        return -EINVAL;
    }
    *to = known;
    to->workers = known.workers != 0 ? known.workers : yoke_usable_cpus();
    to->restart_pause_ms = known.restart_pause_ms != 0 ? known.restart_pause_ms : RESTART_PAUSE_MS;
    to->stop_timeout_ms = known.stop_timeout_ms != 0 ? known.stop_timeout_ms : STOP_TIMEOUT_MS;
    to->path = NULL;
    to->argv = NULL;
    to->name = strdup(known.name != NULL ? known.name : "pool");
    if (to->name == NULL) {
        return -ENOMEM;
    }
    if (known.path != NULL) {
        char *const only_path[] = {(char *)known.path, NULL};
        to->path = strdup(known.path);
        to->argv = copy_argv(known.argv != NULL ? known.argv : only_path);
        return to->path != NULL && to->argv != NULL ? 0 : -ENOMEM;
    }
    return 0;
}

/* ---- Life --------------------------------------------------------------------------------------------------------- */

void yoke__pool_attend(struct yoke_pool *pool) {
    bool is_coming = false;
    for (unsigned i = 0; i < pool->child_count; i++) {
        is_coming |= yoke__child_is_serving(pool->children[i]);
    }
    pool->channel.expects_peer = !pool->stopping && (is_coming || pool->options.restart);
    yoke__channel_attend(&pool->channel);
}

void yoke__pool_kill_now(struct yoke_pool *pool) {
    pool->stopping = true;
    yoke__pool_attend(pool);
    for (unsigned i = 0; i < pool->child_count; i++) {
        yoke__child_kill_now(pool->children[i]);
    }
}

void yoke__pool_reap_now(struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        yoke__child_reap_now(pool->children[i]);
    }
}

void yoke__pool_destroy(struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        yoke__child_destroy(pool->children[i]);
    }
    yoke__link_remove(&pool->link);
    free(pool->children);
    free_options(&pool->options);
    free(pool);
}

static int spawn_children(struct yoke_pool *pool) {
    pool->children = calloc(pool->options.workers, sizeof(struct yoke_child *));
    if (pool->children == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < pool->options.workers; i++) {
        struct yoke_child *child = yoke__child_create(pool, i);
        if (child == NULL) {
            return -ENOMEM;
        }
        pool->children[pool->child_count++] = child;
        int error = yoke__child_spawn(child);
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

int yoke_pool_create(struct yoke_master *master, const struct yoke_pool_options *options, struct yoke_pool **ret_pool) {
    static const struct yoke__channel_class class = {.pick = pick, .peer_count = peer_count, .peer_at = peer_at};
    if (yoke__engine_is_foreign(&master->engine)) {
        return -ECHILD;
    }
    if (master->engine.is_ending) {
        return -ESHUTDOWN;
    }
    struct yoke_pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL) {
        return -ENOMEM;
    }
    yoke__channel_init(&pool->channel, &class, &master->engine);
    pool->master = master;
    yoke__link_init(&pool->link);
    int error = read_options(options, &pool->options);
    if (error == 0) {
        error = spawn_children(pool);
    }
    if (error != 0) {
        yoke__pool_kill_now(pool);
        yoke__pool_reap_now(pool);
        yoke__pool_destroy(pool);
        return error;
    }
    yoke__link_append(&master->pools, &pool->link);
    *ret_pool = pool;
    return 0;
}

struct yoke_channel *yoke_pool_channel(struct yoke_pool *pool) {
    return &pool->channel;
}

void yoke_pool_stop(struct yoke_pool *pool) {
    if (pool->stopping || yoke__engine_is_foreign(&pool->master->engine)) {
        return;
    }
    pool->stopping = true;
    yoke__pool_attend(pool);
    for (unsigned i = 0; i < pool->child_count; i++) {
        yoke__child_stop(pool->children[i]);
    }
}

void yoke__pool_check_stopped(struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count; i++) {
        if (pool->children[i]->state != YOKE_CHILD_DEAD) {
            return;
        }
    }
    if (pool->stopped) {
        return;
    }
    pool->stopped = true;
    Yoke__V1__PoolStopped event = YOKE__V1__POOL_STOPPED__INIT;
    event.pool = (char *)pool->options.name;
    const struct yoke_peer master = {.worker_id = 0, .pid = pool->master->pid};
    yoke__events_deliver(&pool->master->events, &yoke_v1_pool_stopped_event, &master, &event);
}

unsigned yoke_pool_size(const struct yoke_pool *pool) {
    return pool->child_count;
}

struct yoke_child *yoke_pool_child(struct yoke_pool *pool, unsigned index) {
    return index < pool->child_count ? pool->children[index] : NULL;
}
