/* watch.c: see watch.h. */
#include "watch.h"

#include "run.h"

#include "chaos.yoke.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define REASON(name) (1u << YOKE__V1__DEATH_REASON__DEATH_REASON_##name)

/* ---- Workers -------------------------------------------------------------------------------------------------------- */

static struct watch_worker *worker_of(struct watch *watch, uint64_t id, const char *event) {
    if (!chaos_check(id > 0 && id < CHAOS_WORKERS, "%s of worker %" PRIu64, event, id)) {
        return NULL;
    }
    struct watch_worker *worker = &watch->workers[id];
    chaos_check(worker->is_started && !worker->is_dead, "%s of worker %" PRIu64 ", which %s", event, id,
                worker->is_dead ? "is dead" : "has not started");
    return worker;
}

static unsigned pool_of(const char *name) {
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        if (strcmp(pools_kinds[pool].name, name) == 0) {
            return pool;
        }
    }
    chaos_check(false, "an event of a pool called %s", name);
    return 0;
}

static void on_started(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    uint64_t id = event->worker_id;
    if (!chaos_check(id > 0 && id < CHAOS_WORKERS && watch->live_count < WATCH_LIVE_MAX, "too many workers")) {
        return;
    }
    struct watch_worker *worker = &watch->workers[id];
    chaos_check(!worker->is_started, "worker %" PRIu64 " has started again", id);
    *worker = (struct watch_worker){.is_started = true,
                                    .pid = event->pid,
                                    .pool = pool_of(event->pool),
                                    .place = event->index,
                                    .generation = event->generation,
                                    .started_ns = chaos_now_ns()};
    watch->live[watch->live_count++] = id;
    watch->pools[worker->pool].live++;
    watch->births++;
}

static void on_ready(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_worker *worker = worker_of(watch, event->worker_id, "WorkerReady");
    if (worker == NULL) {
        return;
    }
    chaos_check(!worker->is_ready, "worker %" PRIu64 " is ready again", event->worker_id);
    chaos_check(worker->pid == event->pid && worker->place == event->index && worker->generation == event->generation,
                "WorkerReady of worker %" PRIu64 " says something else than WorkerStarted", event->worker_id);
    worker->is_ready = true;
    watch->ready++;
    uint64_t took_ns = event->startup_us * 1000;
    bool is_slow = atomic_load(&chaos_note_of(event->worker_id)->acts) != 0;
    watch->worst_ready_ns = !is_slow && took_ns > watch->worst_ready_ns ? took_ns : watch->worst_ready_ns;
}

static void on_draining(const struct yoke_peer *peer, const Yoke__V1__WorkerDraining *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_worker *worker = worker_of(watch, event->worker_id, "WorkerDraining");
    if (worker != NULL) {
        worker->drained |= 1u << event->reason;
        watch->drains++;
    }
}

/*
 * Has its loop been given no time for long, although nothing was done to it? Then the machine is too slow for what it is to show,
 * which is counted, and excuses what comes of it.
 */
static bool is_starved(struct watch *watch, uint64_t id) {
    uint64_t silent_ns = chaos_now_ns() - atomic_load(&chaos_note_of(id)->alive_ns);
    bool is_so = silent_ns > POOLS_PATIENCE_MS * UINT64_C(1000000) / 2;
    watch->starved += is_so;
    watch->run->accounts.is_excused = watch->run->accounts.is_excused || is_so;
    return is_so;
}

static void on_hung(const struct yoke_peer *peer, const Yoke__V1__WorkerHung *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_worker *worker = worker_of(watch, event->worker_id, "WorkerHung");
    if (worker == NULL) {
        return;
    }
    const struct chaos_note *note = chaos_note_of(event->worker_id);
    uint64_t patience_us = event->method[0] != '\0' ? POOLS_HANDLER_US : POOLS_PATIENCE_MS * UINT64_C(1000);
    chaos_check(!worker->is_hung, "worker %" PRIu64 " is hung again", event->worker_id);
    chaos_check(event->silent_us >= patience_us, "worker %" PRIu64 " is hung after %" PRIu64 " us", event->worker_id,
                event->silent_us);
    worker->is_hung = true;
    uint64_t took_ns = chaos_now_ns() - atomic_load(&note->act_ns);
    unsigned hangs = 1u << ACT_FREEZE | 1u << ACT_LOOP | 1u << ACT_BLOCK;
    if ((atomic_load(&note->acts) & hangs) != 0) {
        watch->worst_hang_ns = took_ns > watch->worst_hang_ns ? took_ns : watch->worst_hang_ns;
    } else if (is_starved(watch, event->worker_id)) {
        chaos_note_act(event->worker_id, ACT_FREEZE);
    } else {
        chaos_check(false, "worker %" PRIu64 " of pool %s is said to hang, and does not: %s", event->worker_id,
                    event->pool, event->detail);
    }
}

/* ---- Deaths --------------------------------------------------------------------------------------------------------- */

/* What may be told of a worker's death. */
struct watch_explanation {
    uint32_t reasons, codes;
    uint64_t signals;
    bool hangs;
};

static struct watch_explanation explain(const struct watch_worker *worker, unsigned acts) {
    static const uint32_t by_drain[] = {
        [YOKE__V1__DRAIN_REASON__DRAIN_REASON_STOP] = REASON(STOPPED),
        [YOKE__V1__DRAIN_REASON__DRAIN_REASON_RELOAD] = REASON(RELOADED),
        [YOKE__V1__DRAIN_REASON__DRAIN_REASON_RECYCLE] = REASON(RECYCLED),
        [YOKE__V1__DRAIN_REASON__DRAIN_REASON_SCALE] = REASON(SCALED_DOWN),
        [YOKE__V1__DRAIN_REASON__DRAIN_REASON_OWN] = REASON(EXITED),
    };
    struct watch_explanation all = {0};
    for (unsigned act = 0; act < ACT_COUNT; act++) {
        if ((acts & 1u << act) != 0) {
            const struct plan_act *info = &plan_acts[act];
            all.reasons |= info->reasons;
            all.signals |= info->signal != 0 ? UINT64_C(1) << info->signal : 0;
            all.codes |= info->exit_code >= 0 ? 1u << info->exit_code : 0;
            all.hangs = all.hangs || info->hangs;
        }
    }
    for (unsigned reason = 0; reason < sizeof by_drain / sizeof *by_drain; reason++) {
        all.reasons |= (worker->drained & 1u << reason) != 0 ? by_drain[reason] : 0;
    }
    if (all.hangs && worker->drained != 0) {
        all.reasons |= REASON(STOP_TIMEOUT);
    }
    return all;
}

static void judge_death(struct watch *watch, const struct watch_worker *worker, const Yoke__V1__WorkerDied *event) {
    unsigned acts = atomic_load(&chaos_note_of(event->worker_id)->acts);
    const struct watch_explanation all = explain(worker, acts);
    bool is_late = event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_STOP_TIMEOUT && worker->drained != 0;
    bool is_right = (all.reasons & 1u << event->reason) != 0 || (is_late && is_starved(watch, event->worker_id));
    chaos_check(is_right, "worker %" PRIu64 " of pool %s%s died for reason %d, after acts %x, drained %x: %s",
                event->worker_id, event->pool, worker->is_ready ? "" : ", never ready,", (int)event->reason, acts,
                worker->drained, event->detail);
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED) {
        chaos_check((all.signals & UINT64_C(1) << event->signal) != 0, "worker %" PRIu64 " died of signal %d, acts %x",
                    event->worker_id, event->signal, acts);
    } else if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_EXITED) {
        chaos_check(event->exit_code >= 0 && event->exit_code < 32 && (all.codes & 1u << event->exit_code) != 0,
                    "worker %" PRIu64 " exited with code %d, acts %x", event->worker_id, event->exit_code, acts);
    } else if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_HUNG) {
        chaos_check(worker->is_hung, "worker %" PRIu64 " died hung, without a WorkerHung", event->worker_id);
    }
    chaos_check(worker->pid == event->pid && worker->place == event->index && worker->generation == event->generation,
                "WorkerDied of worker %" PRIu64 " says something else than WorkerStarted", event->worker_id);
}

/* All that a worker had sent before it ended well has come. */
static void judge_noises(const struct watch_worker *worker, const Yoke__V1__WorkerDied *event) {
    const struct chaos_note *note = chaos_note_of(event->worker_id);
    unsigned cut = 1u << ACT_VIOLATE | 1u << ACT_HANG_UP;
    unsigned accepted = atomic_load(&note->noises);
    if (atomic_load(&note->is_done) && event->signal == 0 && (atomic_load(&note->acts) & cut) == 0) {
        chaos_check(worker->noises == accepted, "worker %" PRIu64 " ended well, and %u of %u events came",
                    event->worker_id, worker->noises, accepted);
    }
}

static void time_death(struct watch *watch, const struct watch_worker *worker, const Yoke__V1__WorkerDied *event) {
    const struct chaos_note *note = chaos_note_of(event->worker_id);
    uint64_t now_ns = chaos_now_ns();
    if (event->reason == YOKE__V1__DEATH_REASON__DEATH_REASON_START_TIMEOUT) {
        uint64_t took_ns = now_ns - worker->started_ns;
        watch->worst_start_ns = took_ns > watch->worst_start_ns ? took_ns : watch->worst_start_ns;
    }
    unsigned acts = atomic_load(&note->acts);
    uint64_t took_ns = now_ns - atomic_load(&note->act_ns);
    for (unsigned act = 0; act < ACT_COUNT; act++) {
        if (acts == 1u << act && plan_acts[act].kills && worker->drained == 0 && took_ns > watch->worst_death_ns[act]) {
            watch->worst_death_ns[act] = took_ns;
        }
    }
}

static void bury(struct watch *watch, uint64_t id) {
    for (unsigned i = 0; i < watch->live_count; i++) {
        if (watch->live[i] == id) {
            watch->live[i] = watch->live[--watch->live_count];
            return;
        }
    }
}

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_worker *worker = worker_of(watch, event->worker_id, "WorkerDied");
    if (worker == NULL) {
        return;
    }
    judge_death(watch, worker, event);
    judge_noises(worker, event);
    time_death(watch, worker, event);
    if (worker->is_started && !worker->is_dead) {
        bury(watch, event->worker_id);
        watch->pools[worker->pool].live--;
    }
    worker->is_dead = true;
    bool is_final = event->exit_code == EXIT_FINAL || event->exit_code == 0;
    if (pools_kinds[worker->pool].ends && is_final && worker->drained == 0) {
        watch->pools[worker->pool].gone++;
    }
    watch->deaths[event->reason < WATCH_REASONS ? event->reason : 0]++;
}

unsigned watch_doomed(const struct watch *watch) {
    unsigned count = 0;
    for (unsigned i = 0; i < watch->live_count; i++) {
        unsigned acts = atomic_load(&chaos_note_of(watch->live[i])->acts);
        bool is_doomed = false;
        for (unsigned act = 0; act < ACT_COUNT; act++) {
            is_doomed = is_doomed || ((acts & 1u << act) != 0 && plan_acts[act].kills);
        }
        count += is_doomed;
    }
    return count;
}

bool watch_lives(const struct watch *watch, pid_t pid) {
    for (unsigned i = 0; i < watch->live_count; i++) {
        if (watch->workers[watch->live[i]].pid == pid) {
            return true;
        }
    }
    return false;
}

/* ---- What workers say ----------------------------------------------------------------------------------------------- */

static void on_noise(const struct yoke_peer *peer, const Chaos__Noise *event, void *user_data) {
    struct watch *watch = user_data;
    struct watch_worker *worker = worker_of(watch, peer->worker_id, "Noise");
    if (worker != NULL) {
        chaos_check(event->number == worker->noises, "event %u of worker %" PRIu64 " came as number %u", event->number,
                    peer->worker_id, worker->noises);
        worker->noises++;
        watch->noises++;
    }
}

static void on_output(const struct yoke_peer *peer, const Yoke__V1__WorkerOutput *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_worker *worker = worker_of(watch, event->worker_id, "WorkerOutput");
    if (worker == NULL) {
        return;
    }
    char text[64];
    (void)snprintf(text, sizeof text, "%.*s", (int)(event->line.len < 63 ? event->line.len : 63),
                   (const char *)event->line.data);
    unsigned number = 0;
    if (sscanf(text, "line %u", &number) != 1 || number < worker->lines || number > worker->lines + event->lost_lines) {
        /* The last one is cut if its writer was killed while it wrote. */
        char next[64];
        (void)snprintf(next, sizeof next, "line %u", worker->lines);
        chaos_check(strncmp(text, next, strlen(text)) == 0,
                    "instead of \"%s\", %" PRIu64 " lost, worker %" PRIu64 " printed: %.*s", next, event->lost_lines,
                    event->worker_id, (int)(event->line.len < 150 ? event->line.len : 150),
                    (const char *)event->line.data);
        return;
    }
    worker->lines = number + 1;
    watch->lines++;
    watch->lost_lines += event->lost_lines;
}

/* ---- Pools ---------------------------------------------------------------------------------------------------------- */

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_pool *pool = &watch->pools[pool_of(event->pool)];
    pool->is_reloading = false;
    pool->is_uneven = false;
    pool->reloaded++;
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    struct watch_pool *pool = &watch->pools[pool_of(event->pool)];
    chaos_check(watch->run->phase != PHASE_CALM, "in a calm, a reload of pool %s has failed: %s", event->pool,
                event->detail);
    pool->is_reloading = false;
    pool->is_uneven = true;
    pool->failed_reloads++;
}

static void on_scaled(const struct yoke_peer *peer, const Yoke__V1__PoolScaled *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    unsigned pool = pool_of(event->pool);
    if (pools_kinds[pool].max_workers == 0) {
        chaos_check(event->workers == watch->run->asked[pool], "pool %s scaled to %u instead of %u", event->pool,
                    event->workers, watch->run->asked[pool]);
    }
    watch->pools[pool].scalings++;
}

static void on_restarting(const struct yoke_peer *peer, const Yoke__V1__WorkerRestarting *event, void *user_data) {
    (void)peer;
    (void)event;
    struct watch *watch = user_data;
    watch->restarts++;
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__PoolFailed *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    unsigned pool = pool_of(event->pool);
    chaos_check(pools_kinds[pool].may_fail, "pool %s has failed: %s", event->pool, event->detail);
    watch->pools[pool].failures++;
}

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    struct watch *watch = user_data;
    unsigned pool = pool_of(event->pool);
    chaos_check(watch->run->phase == PHASE_STOPPING, "pool %s has stopped, unasked", event->pool);
    chaos_check(watch->pools[pool].live == 0, "pool %s has stopped with %u workers", event->pool,
                watch->pools[pool].live);
    chaos_check(++watch->pools[pool].stopped == 1, "pool %s has stopped again", event->pool);
}

void watch_start(struct watch *watch, struct run *run) {
    *watch = (struct watch){.run = run};
    watch->workers = mmap(NULL, CHAOS_WORKERS * sizeof *watch->workers, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (watch->workers == MAP_FAILED) {
        abort();
    }
    struct yoke_events *events = yoke_master_events(run->master);
    int error = yoke_v1_worker_started_on(events, on_started, watch);
    error = error != 0 ? error : yoke_v1_worker_ready_on(events, on_ready, watch);
    error = error != 0 ? error : yoke_v1_worker_draining_on(events, on_draining, watch);
    error = error != 0 ? error : yoke_v1_worker_hung_on(events, on_hung, watch);
    error = error != 0 ? error : yoke_v1_worker_died_on(events, on_died, watch);
    error = error != 0 ? error : yoke_v1_worker_output_on(events, on_output, watch);
    error = error != 0 ? error : yoke_v1_worker_restarting_on(events, on_restarting, watch);
    error = error != 0 ? error : yoke_v1_pool_reloaded_on(events, on_reloaded, watch);
    error = error != 0 ? error : yoke_v1_pool_reload_failed_on(events, on_reload_failed, watch);
    error = error != 0 ? error : yoke_v1_pool_scaled_on(events, on_scaled, watch);
    error = error != 0 ? error : yoke_v1_pool_failed_on(events, on_failed, watch);
    error = error != 0 ? error : yoke_v1_pool_stopped_on(events, on_stopped, watch);
    error = error != 0 ? error : chaos_noise_on(events, on_noise, watch);
    chaos_check(error == 0, "a subscription gave %d", error);
}

void watch_release(struct watch *watch) {
    (void)munmap(watch->workers, CHAOS_WORKERS * sizeof *watch->workers);
}
