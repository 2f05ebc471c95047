/* inject.c: see run.h: does what the plan says. */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#define PAUSE_MS_MAX 400u
#define ARMED_MAX 3u

static struct yoke_child *child_of(struct run *run, const struct plan_step *step) {
    struct yoke_pool *pool = run->pools[step->pool];
    unsigned size = yoke_pool_size(pool);
    return size > 0 ? yoke_pool_child(pool, step->place % size) : NULL;
}

/* A signal to the worker that is in the place now. */
static bool send_signal(struct yoke_child *child, enum chaos_act act, int signal) {
    if (yoke_child_state(child) == YOKE_CHILD_DEAD) {
        return false;
    }
    chaos_note_act(yoke_child_id(child), act);
    int error = yoke_child_kill(child, signal);
    chaos_check(error == 0 || error == -ESRCH, "signal %d gave %d", signal, error);
    return error == 0;
}

static bool pause_worker(struct run *run, struct yoke_child *child, uint32_t amount) {
    if (run->paused_count == RUN_PAUSED_MAX || !send_signal(child, ACT_PAUSE, SIGSTOP)) {
        return false;
    }
    uint64_t pause_ns = (1 + amount % PAUSE_MS_MAX) * UINT64_C(1000000);
    run->paused[run->paused_count++] = (struct run_paused){yoke_child_id(child), chaos_now_ns() + pause_ns};
    return true;
}

void inject_continue(struct run *run, bool all) {
    uint64_t now_ns = chaos_now_ns();
    for (unsigned i = run->paused_count; i-- > 0;) {
        struct run_paused *paused = &run->paused[i];
        const struct watch_worker *worker = &run->watch.workers[paused->id];
        if (worker->is_dead) {
            *paused = run->paused[--run->paused_count];
        } else if (worker->is_started && (all || paused->until_ns <= now_ns)) {
            /* One that was frozen for good meanwhile stays so. It is not reaped, so the pid is still its own. */
            unsigned acts = atomic_load(&chaos_note_of(paused->id)->acts);
            if ((acts & 1u << ACT_FREEZE) == 0) {
                (void)kill(worker->pid, SIGCONT);
            }
            *paused = run->paused[--run->paused_count];
        }
    }
}

static bool reload(struct run *run, unsigned pool) {
    if (run->phase == PHASE_CALM && run->watch.pools[pool].is_reloading) {
        return false;
    }
    uint64_t before = yoke_pool_generation(run->pools[pool]);
    int error = yoke_pool_reload(run->pools[pool]);
    if (!chaos_check(error == 0, "reloading pool %u gave %d", pool, error)) {
        return false;
    }
    bool is_begun = yoke_pool_generation(run->pools[pool]) == before + 1 || run->watch.pools[pool].is_reloading;
    chaos_check(is_begun, "a reload of pool %u has not begun", pool);
    run->watch.pools[pool].is_reloading = true;
    return true;
}

static bool reload_all(struct run *run) {
    int error = yoke_master_reload(run->master);
    chaos_check(error == 0, "reloading all gave %d", error);
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        run->watch.pools[pool].is_reloading = true;
    }
    return error == 0;
}

static bool scale(struct run *run, unsigned pool, uint32_t amount) {
    unsigned least = pools_least(pool);
    unsigned workers = least + amount % (pools_most(pool) - least + 1);
    run->asked[pool] = workers;
    if (pools_kinds[pool].route == YOKE_ROUTE_STICKY) {
        /* Which keys move is not for here to say. */
        load_expect_sticky(&run->load, false);
    }
    int error = yoke_pool_scale(run->pools[pool], workers);
    return chaos_check(error == 0, "scaling pool %u to %u gave %d", pool, workers, error);
}

static bool recycle(struct run *run, struct yoke_child *child, unsigned pool) {
    int error = yoke_child_recycle(child);
    chaos_check(error == 0 || error == -ESRCH, "recycling gave %d", error);
    run->watch.pools[pool].recyclings += error == 0;
    return error == 0;
}

/* The next few workers of the pool start badly; and something is done so that there are some. */
static bool arm(struct run *run, const struct plan_step *step, struct yoke_child *child) {
    atomic_store(&chaos->start_count[step->pool], 0);
    atomic_store(&chaos->start_act[step->pool], (unsigned)step->act);
    atomic_store(&chaos->start_count[step->pool], 1 + step->amount % ARMED_MAX);
    unsigned how = step->amount / ARMED_MAX % 3;
    if (how == 0 && pools_suit(step->pool, ACT_RELOAD)) {
        return reload(run, step->pool);
    }
    if (how == 1 && pools_suit(step->pool, ACT_RECYCLE)) {
        return recycle(run, child, step->pool);
    }
    return send_signal(child, ACT_KILL, SIGKILL);
}

void inject_disarm(void) {
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        atomic_store(&chaos->start_count[pool], 0);
    }
}

static bool act_on(struct run *run, const struct plan_step *step, struct yoke_child *child) {
    switch (step->act) {
    case ACT_KILL:
    case ACT_SEGV:
    case ACT_TERM:
        return send_signal(child, step->act, plan_acts[step->act].signal);
    case ACT_FREEZE:
        return send_signal(child, step->act, SIGSTOP);
    case ACT_PAUSE:
        return pause_worker(run, child, step->amount);
    case ACT_START_SLOWLY:
    case ACT_START_EXIT:
    case ACT_START_CRASH:
    case ACT_START_NEVER:
        return arm(run, step, child);
    case ACT_RELOAD:
        return reload(run, step->pool);
    case ACT_RELOAD_ALL:
        return reload_all(run);
    case ACT_SCALE:
        return scale(run, step->pool, step->amount);
    case ACT_RECYCLE:
        return recycle(run, child, step->pool);
    case ACT_BROADCAST:
        return load_broadcast(&run->load, step->pool);
    default:
        if (step->act == ACT_LEAVE_0) {
            /* It takes no more calls, before there is another in its place. */
            run->accounts.is_left[step->pool] = true;
            run->load.is_sticky = run->load.is_sticky && pools_kinds[step->pool].route != YOKE_ROUTE_STICKY;
        }
        return load_order(&run->load, step->pool, child, step->act, step->amount);
    }
}

void inject(struct run *run, const struct plan_step *step) {
    struct yoke_child *child = child_of(run, step);
    bool is_done = child != NULL && act_on(run, step, child);
    run->done[step->act] += is_done;
    run->missed[step->act] += !is_done;
    if (run->options.is_traced) {
        printf("%10.3f s  %-20s pool %s, worker %" PRIu64 "%s\n", (double)(chaos_now_ns() - run->started_ns) / 1e9,
               plan_acts[step->act].name, pools_kinds[step->pool].name, child != NULL ? yoke_child_id(child) : 0,
               is_done ? "" : ", missed");
    }
}
