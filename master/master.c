/* master.c: the master: what its pools share. */
#include "master/child.h"
#include "master/host.h"
#include "master/listener.h"
#include "master/upgrade.h"
#include "rpc/cancel.h"
#include "rpc/options.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- Looking around --------------------------------------------------------------------------------------------------- */

static void stop_looking(struct yoke_master *master) {
    if (ev_is_active(&master->look)) {
        ev_ref(master->io.loop);
        ev_prepare_stop(master->io.loop, &master->look);
    }
}

static void on_look(struct ev_loop *loop, ev_prepare *watcher, int events) {
    struct yoke_master *master = YOKE__CONTAINER(watcher, struct yoke_master, look);
    (void)loop;
    (void)events;
    stop_looking(master);
    yoke__predecessor_look(master);
    yoke__host_look(master);
}

void yoke__master_stir(struct yoke_master *master) {
    bool somebody_asks = master->host != NULL || !yoke__predecessor_is_over(master);
    if (somebody_asks && !ev_is_active(&master->look)) {
        ev_prepare_start(master->io.loop, &master->look);
        ev_unref(master->io.loop);
    }
}

static bool is_ready(struct yoke_pool *pool) {
    for (unsigned i = 0; i < pool->child_count && !pool->has_been_ready; i++) {
        if (pool->children[i]->state != YOKE_CHILD_READY) {
            return false;
        }
    }
    pool->has_been_ready = true;
    return true;
}

bool yoke__master_is_ready(struct yoke_master *master) {
    bool all_are = true;
    for (struct yoke__link *at = master->pools.next; at != &master->pools; at = at->next) {
        all_are &= is_ready(YOKE__CONTAINER(at, struct yoke_pool, link));
    }
    return all_are;
}

/* ---- Life --------------------------------------------------------------------------------------------------------------- */

int yoke_master_create(struct ev_loop *loop, const struct yoke_master_options *options,
                       struct yoke_master **ret_master) {
    struct yoke_master_options known = {YOKE_MASTER_OPTIONS_INIT};
    /* The default loop reaps every child of the process, and so would take our workers' exit codes. */
    int error = loop == NULL || ev_is_default_loop(loop) ? -EINVAL : 0;
    if (error == 0 && options != NULL) {
        error = yoke__options_read(&known, sizeof known, options);
    }
    if (error == 0) {
        error = yoke__tuning_resolve(&known.tuning);
    }
    if (error != 0) {
        return error;
    }
    struct yoke_master *master = calloc(1, sizeof *master);
    if (master == NULL) {
        return -ENOMEM;
    }
    error = yoke__engine_init(&master->engine, &known.limits, known.log, known.log_user_data);
    if (error != 0) {
        free(master);
        return error;
    }
    error = yoke__io_init(&master->io, loop, &master->engine);
    if (error != 0) {
        yoke__engine_release(&master->engine);
        free(master);
        return error;
    }
    master->engine.shared_min_bytes = known.tuning.shared_min_bytes;
    yoke__io_set_busy_poll(&master->io, known.tuning.busy_poll_us);
    master->tuning = known.tuning;
    master->pid = getpid();
    yoke__oom_init(&master->oom, "/proc/self/cgroup", "/sys/fs/cgroup");
    master->next_worker_id = 1;
    /* Fails only before the kernel has gathered entropy at boot; then masters that start together pause together. */
    (void)getrandom(&master->chance, sizeof master->chance, GRND_NONBLOCK);
    master->chance |= 1;
    yoke__events_init(&master->events, &master->engine);
    yoke__link_init(&master->pools);
    yoke__link_init(&master->listeners);
    yoke__offers_init(&master->offers);
    yoke__link_init(&master->idle_lives);
    ev_prepare_init(&master->look, on_look);
    error = yoke__self_read(&master->self);
    error = error != 0 ? error : yoke__predecessor_find(master);
    if (error != 0) {
        yoke__self_release(&master->self);
        yoke__offers_release(&master->offers, false);
        yoke__io_release(&master->io);
        yoke__engine_release(&master->engine);
        free(master);
        return error;
    }
    *ret_master = master;
    return 0;
}

void yoke__master_emit(struct yoke_master *master, const struct yoke_event_type *type, const void *event) {
    const struct yoke_peer self = {.worker_id = 0, .pid = master->pid};
    yoke__events_deliver(&master->events, type, &self, event);
}

uint64_t yoke__master_random(struct yoke_master *master) {
    /* Xorshift, whose state is never 0. */
    master->chance ^= master->chance << 13;
    master->chance ^= master->chance >> 7;
    master->chance ^= master->chance << 17;
    return master->chance * UINT64_C(0x2545f4914f6cdd1d) >> 11;
}

static void for_each_pool(struct yoke_master *master, void (*act)(struct yoke_pool *pool)) {
    struct yoke__link *next;
    for (struct yoke__link *at = master->pools.next; at != &master->pools; at = next) {
        next = at->next;
        act(YOKE__CONTAINER(at, struct yoke_pool, link));
    }
}

int yoke_master_destroy(struct yoke_master *master) {
    if (master == NULL) {
        return 0;
    }
    if (master->engine.callback_depth > 0 || master->engine.wait_depth > 0) {
        return -EBUSY;
    }
    if (yoke__engine_is_foreign(&master->engine)) {
        return 0;
    }
    int saved_errno = errno;
    /* Callbacks run once more, and there will be nobody to end what they begin. */
    master->engine.is_ending = true;
    for_each_pool(master, yoke__pool_kill_now);
    for_each_pool(master, yoke__pool_reap_now);
    (void)yoke__calls_settle(&master->engine);
    for_each_pool(master, yoke__pool_destroy);
    yoke__lives_release(master);
    yoke__upgrade_release(master);
    yoke__host_release(master);
    stop_looking(master);
    yoke__predecessor_release(master);
    yoke__self_release(&master->self);
    yoke__listeners_release(master);
    yoke__offers_release(&master->offers, false);
    yoke__events_release(&master->events);
    yoke__server_release(&master->server);
    yoke__io_release(&master->io);
    yoke__engine_release(&master->engine);
    free(master);
    errno = saved_errno;
    return 0;
}

int yoke_master_post(struct yoke_master *master, void (*run)(void *user_data), void *user_data) {
    return yoke__io_post(&master->io, run, user_data);
}

/* ---- Stopping ---------------------------------------------------------------------------------------------------- */

void yoke__master_pool_stopped(struct yoke_master *master) {
    if (!master->stopping) {
        return;
    }
    /* The youngest that has not stopped. One that was told to before is waited for as well. */
    for (struct yoke__link *at = master->pools.previous; at != &master->pools; at = at->previous) {
        struct yoke_pool *pool = YOKE__CONTAINER(at, struct yoke_pool, link);
        if (!pool->stopped) {
            yoke_pool_stop(pool);
            return;
        }
    }
}

void yoke_master_stop(struct yoke_master *master) {
    if (!master->stopping && !yoke__engine_is_foreign(&master->engine)) {
        master->stopping = true;
        yoke__host_on_stop(master);
        yoke__upgrade_on_stop(master);
        yoke__master_pool_stopped(master);
    }
}

void yoke__master_fail(struct yoke_master *master, int exit_code) {
    if (master->exit_code == 0) {
        master->exit_code = exit_code;
    }
    yoke_master_stop(master);
}

void yoke__master_kill(struct yoke_master *master) {
    yoke_master_stop(master);
    for_each_pool(master, yoke__pool_kill);
}

int yoke_master_reload(struct yoke_master *master) {
    int first_error = 0;
    for (struct yoke__link *at = master->pools.next; at != &master->pools; at = at->next) {
        int error = yoke_pool_reload(YOKE__CONTAINER(at, struct yoke_pool, link));
        first_error = first_error != 0 ? first_error : error;
    }
    yoke__master_stir(master);
    return first_error;
}

int yoke_master_exit_code(const struct yoke_master *master) {
    return master->exit_code;
}

struct yoke_server *yoke_master_server(struct yoke_master *master) {
    return &master->server;
}

struct yoke_events *yoke_master_events(struct yoke_master *master) {
    return &master->events;
}
