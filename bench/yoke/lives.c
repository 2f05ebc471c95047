/* The cases spawn and kill: workers that come and go; see side.h. */
#include <signal.h>
#include <stdlib.h>

#include "yoke/side.h"

struct lives {
    struct side side;
    struct bench_spans spans;
    bool is_over;
};

/* ---- Spawning: a pool of one worker, again and again ---------------------------------------------------------- */

static void spawn(struct lives *lives) {
    bench_span_begin(&lives->spans);
    side_spawn(&lives->side, 1, false);
}

static void on_spawned(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer, (void)event;
    struct lives *lives = user_data;
    lives->is_over = bench_span_end(&lives->spans);
    yoke_pool_stop(lives->side.pool);
}

static void on_pool_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer, (void)event;
    struct lives *lives = user_data;
    if (lives->is_over) {
        side_break(&lives->side);
    } else {
        spawn(lives);
    }
}

static void begin_spawning(struct lives *lives) {
    struct yoke_events *events = yoke_master_events(lives->side.master);
    int error = yoke_v1_worker_ready_on(events, on_spawned, lives);
    error = error ? error : yoke_v1_pool_stopped_on(events, on_pool_stopped, lives);
    if (error) {
        die_of_error("cannot subscribe", error);
    }
    spawn(lives);
}

/* ---- Killing: one pool, whose worker is replaced each time ---------------------------------------------------- */

static void on_ready_to_die(const struct yoke_peer *peer, const Yoke__V1__WorkerReady *event, void *user_data) {
    (void)peer, (void)event;
    struct lives *lives = user_data;
    bench_span_begin(&lives->spans);
    int error = yoke_child_kill(yoke_pool_child(lives->side.pool, 0), SIGKILL);
    if (error) {
        die_of_error("yoke_child_kill", error);
    }
}

static void on_killed(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer, (void)event;
    struct lives *lives = user_data;
    if (bench_span_end(&lives->spans)) {
        side_break(&lives->side);
    }
}

static void begin_killing(struct lives *lives) {
    struct yoke_events *events = yoke_master_events(lives->side.master);
    int error = yoke_v1_worker_ready_on(events, on_ready_to_die, lives);
    error = error ? error : yoke_v1_worker_died_on(events, on_killed, lives);
    if (error) {
        die_of_error("cannot subscribe", error);
    }
    side_spawn(&lives->side, 1, true);
}

/* ---- Both ----------------------------------------------------------------------------------------------------- */

int run_lives(const struct bench_job *job, enum way way) {
    struct lives lives = {0};
    side_init(&lives.side, job, way);
    bench_spans_start(&lives.spans, job);
    if (job->kind == BENCH_SPAWN_LARGE) {
        bench_memory_hold(job->size);
    }
    if (job->kind == BENCH_KILL) {
        begin_killing(&lives);
    } else {
        begin_spawning(&lives);
    }
    ev_run(lives.side.loop, 0);
    side_release(&lives.side);
    bench_spans_print(&lives.spans);
    return EXIT_SUCCESS;
}
