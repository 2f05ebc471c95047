/* run.c: see run.h: the phases, and when one is over. */
#include "run.h"

#include "chaos.yoke.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_S 0.02
#define STORM_STEPS 60
#define CALM_STEPS 12

/* A phase that should be over lasts for so long: something hangs. No measure of speed. */
#define HANG_NS (UINT64_C(60) * 1000000000)
#define HANG_S 60u

/* A truce may take so long until what was used is given back. */
#define TRUCE_NS (UINT64_C(10) * 1000000000)

static void enter(struct run *run, enum run_phase phase) {
    static const char *const names[] = {"storm", "settling", "calm", "truce", "stopping", "last storm"};
    run->phase = phase;
    run->phase_ns = chaos_now_ns();
    if (run->options.is_traced) {
        printf("%10.3f s  %s\n", (double)(run->phase_ns - run->started_ns) / 1e9, names[phase]);
        (void)fflush(stdout);
    }
}

/* ---- Steps ---------------------------------------------------------------------------------------------------------- */

static void schedule_step(struct run *run) {
    struct plan_deck *deck = run->phase == PHASE_CALM ? &run->calm : &run->storm;
    if (run->steps_left == 0 || plan_is_empty(deck)) {
        run->steps_left = 0;
        return;
    }
    run->steps_left--;
    run->next = plan_next(deck);
    ev_timer_set(&run->step, run->next.pause_ms / 1e3, 0.);
    ev_timer_start(run->loop, &run->step);
}

static void on_step(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct run *run = timer->data;
    inject(run, &run->next);
    schedule_step(run);
}

static bool has_steps(const struct run *run) {
    return run->steps_left > 0 || ev_is_active(&run->step);
}

/* ---- Phases --------------------------------------------------------------------------------------------------------- */

static bool is_even(const struct run *run, unsigned pool) {
    for (unsigned i = 0; i < yoke_pool_size(run->pools[pool]); i++) {
        struct yoke_child *child = yoke_pool_child(run->pools[pool], i);
        if (yoke_child_state(child) != YOKE_CHILD_DEAD &&
            yoke_child_generation(child) != yoke_pool_generation(run->pools[pool])) {
            return false;
        }
    }
    return true;
}

/* The pool is what it was last told to be. */
static bool has_converged(const struct run *run, unsigned i) {
    struct yoke_pool *pool = run->pools[i];
    const struct watch_pool *watch = &run->watch.pools[i];
    const struct pools_kind *kind = &pools_kinds[i];
    unsigned size = yoke_pool_size(pool);
    bool is_size = kind->max_workers != 0 ? size >= run->asked[i] && size <= kind->max_workers : size == run->asked[i];
    return is_size && yoke_pool_ready(pool) == size - watch->gone && !watch->is_reloading &&
           (watch->is_uneven || is_even(run, i));
}

static bool have_converged(const struct run *run) {
    for (unsigned i = 0; i < CHAOS_POOLS; i++) {
        if (!has_converged(run, i)) {
            return false;
        }
    }
    return watch_doomed(&run->watch) == 0;
}

static bool is_all_ready(const struct run *run) {
    unsigned places = 0;
    for (unsigned i = 0; i < CHAOS_POOLS; i++) {
        places += yoke_pool_size(run->pools[i]) - run->watch.pools[i].gone;
    }
    return have_converged(run) && run->watch.live_count == places;
}

static void begin_storm(struct run *run, enum run_phase phase) {
    enter(run, phase);
    run->load.is_off = false;
    run->steps_left = STORM_STEPS;
    load_expect_sticky(&run->load, false);
    schedule_step(run);
}

static void begin_calm(struct run *run) {
    enter(run, PHASE_CALM);
    run->steps_left = CALM_STEPS;
    memset(run->accounts.is_left, 0, sizeof run->accounts.is_left);
    run->accounts.is_excused = false;
    load_expect_sticky(&run->load, true);
    schedule_step(run);
}

static void stop(struct run *run) {
    enter(run, PHASE_STOPPING);
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        if (pools_kinds[pool].max_calls_per_worker == 0) {
            load_last_calls(&run->load, pool);
        }
    }
    load_stop(&run->load);
    yoke_master_stop(run->master);
}

static bool is_over(const struct run *run) {
    return (run->options.storms != 0 && run->storms >= run->options.storms) ||
           chaos_now_ns() - run->started_ns >= run->options.seconds * UINT64_C(1000000000);
}

static void end_truce(struct run *run) {
    run->storms++;
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        size_t queued = yoke_pool_queued(run->pools[pool]);
        chaos_check(queued == 0, "no call is in flight, and pool %s has %zu queued", pools_kinds[pool].name, queued);
    }
    if (!is_over(run)) {
        begin_storm(run, PHASE_STORM);
    } else if (run->options.seed % 2 == 0) {
        begin_storm(run, PHASE_LAST_STORM);
    } else {
        stop(run);
    }
}

/* Leave the loop. Whatever still lives, or waits, is the destruction's affair. */
static void leave(struct run *run) {
    load_stop(&run->load);
    ev_timer_stop(run->loop, &run->step);
    run->accounts.is_over = true;
    ev_break(run->loop, EVBREAK_ALL);
}

static void go_on(struct run *run) {
    bool is_hopeless = chaos_now_ns() - run->phase_ns > TRUCE_NS;
    switch (run->phase) {
    case PHASE_STORM:
        if (!has_steps(run)) {
            inject_continue(run, true);
            inject_disarm();
            enter(run, PHASE_SETTLING);
        }
        break;
    case PHASE_SETTLING:
        inject_continue(run, true);
        if (have_converged(run)) {
            begin_calm(run);
        }
        break;
    case PHASE_CALM:
        if (!has_steps(run) && have_converged(run)) {
            enter(run, PHASE_TRUCE);
            run->load.is_off = true;
        }
        break;
    case PHASE_TRUCE:
        if (run->accounts.in_flight == 0 && is_all_ready(run) && rest_sample(&run->rest, &run->watch, !is_hopeless)) {
            end_truce(run);
        }
        break;
    case PHASE_LAST_STORM:
        if (!has_steps(run)) {
            run->is_destroyed = true;
            leave(run);
        }
        break;
    case PHASE_STOPPING:
        break;
    }
}

/* Nothing goes on any more. What is left is what there is to see. */
static void give_up(struct run *run) {
    chaos_check(false, "phase %d does not end, %u calls are in flight, %u workers should be dead", (int)run->phase,
                run->accounts.in_flight, watch_doomed(&run->watch));
    report_show_complaints(run);
    report_state(run);
    run->is_given_up = true;
    leave(run);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct run *run = timer->data;
    (void)alarm(HANG_S);
    report_show_complaints(run);
    inject_continue(run, false);
    rest_watch_fds(&run->rest, &run->watch);
    if (chaos_now_ns() - run->phase_ns > HANG_NS) {
        give_up(run);
    } else {
        go_on(run);
    }
}

/* ---- The run -------------------------------------------------------------------------------------------------------- */

static void on_confirm(struct yoke_call *call, const Chaos__Question *question, void *user_data) {
    (void)user_data;
    Chaos__Answer answer = CHAOS__ANSWER__INIT;
    answer.slot = question->slot;
    answer.serial = question->serial;
    (void)chaos_home_confirm_reply(call, &answer);
}

static const struct chaos_home_handlers home_handlers = {.confirm = on_confirm};

static void open_master(struct run *run) {
    run->loop = ev_loop_new(EVFLAG_AUTO);
    if (run->loop == NULL || yoke_master_create(run->loop, NULL, &run->master) != 0 ||
        chaos_home_serve(yoke_master_server(run->master), &home_handlers, NULL) != 0) {
        fprintf(stderr, "chaos: cannot make a master\n");
        exit(EXIT_FAILURE);
    }
    watch_start(&run->watch, run);
    rest_start(&run->rest, run->loop);
    for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
        int error = pools_create(run->master, pool, run->program, run->book, &run->pools[pool]);
        if (error != 0) {
            fprintf(stderr, "chaos: cannot make pool %s: %d\n", pools_kinds[pool].name, error);
            exit(EXIT_FAILURE);
        }
        run->asked[pool] = pools_kinds[pool].workers;
    }
}

static void start_timers(struct run *run) {
    ev_timer_init(&run->tick, on_tick, TICK_S, TICK_S);
    run->tick.data = run;
    ev_timer_start(run->loop, &run->tick);
    /* The pools keep the loop running, and nobody else in the end. */
    ev_unref(run->loop);
    ev_timer_init(&run->step, on_step, 0., 0.);
    run->step.data = run;
}

static void settle(struct run *run) {
    ev_ref(run->loop);
    ev_timer_stop(run->loop, &run->tick);
    if (!run->is_given_up && !run->is_destroyed) {
        for (unsigned pool = 0; pool < CHAOS_POOLS; pool++) {
            chaos_check(run->watch.pools[pool].stopped == 1, "pool %s has not stopped", pools_kinds[pool].name);
        }
        chaos_check(run->watch.live_count == 0, "%u workers are not dead", run->watch.live_count);
    }
    rest_stop(&run->rest, run->loop);
    int error = yoke_master_destroy(run->master);
    chaos_check(error == 0, "destroying the master gave %d", error);
    ev_loop_destroy(run->loop);
    accounts_settle(&run->accounts);
    rest_settle(&run->rest);
}

void run_chaos(struct run *run) {
    const struct run_options *options = &run->options;
    plan_init(&run->storm, options->seed, false, options->only, options->without);
    plan_init(&run->calm, options->seed, true, options->only, options->without);
    rest_init(&run->rest);
    accounts_init(&run->accounts);
    open_master(run);
    run->started_ns = chaos_now_ns();
    start_timers(run);
    load_start(&run->load, run, options->seed);
    begin_storm(run, PHASE_STORM);
    ev_run(run->loop, 0);
    settle(run);
    report_show_complaints(run);
    report_summary(run);
    accounts_release(&run->accounts);
    watch_release(&run->watch);
}
