/* reload_test.c: a pool's workers are replaced by those of the next generation, and no call fails for it; or they are not. */
#include "kinds.h"
#include "load.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct trace trace;
static struct load load;

/* The workers that the pool has at first; on a slow machine some may have failed to be ready in time before. */
static uint64_t first_ids[8];
static unsigned first_started;

static void open_pool(struct lab *lab, unsigned workers, const struct yoke_pool_options *pool) {
    kinds_open_pool(lab, &trace, &(struct lab_options){.workers = workers, .pool = pool});
    for (unsigned i = 0; i < workers; i++) {
        first_ids[i] = yoke_child_id(yoke_pool_child(lab->pool, i));
    }
    first_started = trace.started;
}

static void close_pool(struct lab *lab) {
    kinds_close_pool(lab);
}

#define POOL(...) (&(struct yoke_pool_options){.retry = {.max_attempts = 1}, __VA_ARGS__})

/* Every place has a ready worker of this generation, and nobody else is left. */
static void check_generation(struct lab *lab, uint64_t generation) {
    const unsigned size = yoke_pool_size(lab->pool);
    LAB_WAIT(lab, trace.started - trace.died == size);
    CHECK_INT(yoke_pool_ready(lab->pool), size);
    CHECK_INT(yoke_pool_generation(lab->pool), generation);
    for (unsigned i = 0; i < size; i++) {
        CHECK_INT(yoke_child_generation(yoke_pool_child(lab->pool, i)), generation);
    }
}

/* ---- Reloads that go well ------------------------------------------------------------------------------------------ */

static void a_reload_is_told_step_by_step(void) {
    struct lab lab;
    open_pool(&lab, 2, NULL);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    CHECK_INT(yoke_pool_generation(lab.pool), 2);
    LAB_WAIT(&lab, trace.reloaded == 1);
    check_generation(&lab, 2);
    TRACE_CHECK(&trace, "started 3 reload in 0, generation 2", "ready 3", "draining 1 reload",
                "started 4 reload in 1, generation 2", "ready 4", "draining 2 reload",
                "reloaded, generation 2, replaced 2");
    TRACE_CHECK(&trace, "draining 1 reload", "died 1 reloaded");
    TRACE_CHECK(&trace, "draining 2 reload", "died 2 reloaded");
    CHECK_INT(trace.count, 4 + 2 * 4 + 1);
    CHECK(trace.duration_us > 0);
    close_pool(&lab);
}

static void twenty_reloads_under_load_fail_no_call(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.name = NULL));
    load_begin(&load, &lab, 48);
    for (unsigned i = 1; i <= 20; i++) {
        const unsigned ok = load.ok;
        REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
        LAB_WAIT(&lab, trace.reloaded == i && load.ok > ok + 100);
        CHECK_INT(trace.replaced, 3);
        CHECK_INT(trace.generation, i + 1);
    }
    check_generation(&lab, 21);
    load_end(&load);
    CHECK_INT(trace_count(&trace, "died"), 60);
    for (unsigned i = 0; i < lab.death_count; i++) {
        CHECK_INT(lab.deaths[i].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_RELOADED);
        CHECK_INT(lab.deaths[i].calls_in_flight, 0);
        CHECK_INT(lab.deaths[i].exit_code, 0);
    }
    close_pool(&lab);
}

/* How many replacements were on their way at most. */
static unsigned find_surge(void) {
    unsigned starting = 0, most = 0;
    for (unsigned i = 0; i < trace.count; i++) {
        starting += strstr(trace.lines[i], " reload in ") != NULL;
        starting -= strncmp(trace.lines[i], "draining", 8) == 0;
        most = starting > most ? starting : most;
    }
    return most;
}

static void no_more_are_added_than_the_surge(void) {
    struct lab lab;
    open_pool(&lab, 8, POOL(.replace = {.surge = 3}));
    load_begin(&load, &lab, 8);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded == 1);
    check_generation(&lab, 2);
    load_end(&load);
    CHECK_INT(trace.replaced, 8);
    CHECK_INT(find_surge(), 3);
    close_pool(&lab);
}

static void a_reload_told_meanwhile_begins_when_the_first_is_through(void) {
    struct lab lab;
    open_pool(&lab, 2, NULL);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.ready == 3);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    CHECK_INT(yoke_pool_generation(lab.pool), 2);
    LAB_WAIT(&lab, trace.reloaded == 2);
    check_generation(&lab, 3);
    TRACE_CHECK(&trace, "reloaded, generation 2, replaced 2", "started 5 reload in 0, generation 3",
                "reloaded, generation 3, replaced 2");
    close_pool(&lab);
}

/* ---- Work that goes on meanwhile ------------------------------------------------------------------------------------ */

/* A call that its handler keeps, and a stream: both end on the worker that drains. */
static void what_was_begun_ends_on_the_worker_that_drains(void) {
    struct lab lab;
    struct lab_result held = {0}, released = {0};
    struct stream_caller caller = {0};
    Probe__StreamPlan plan = PROBE__STREAM_PLAN__INIT;
    open_pool(&lab, 1, POOL(.stop = {.drain_ms = YOKE_NEVER}));
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    const uint64_t old_id = yoke_child_id(child);
    plan.method = (char[]){"Chat"};
    plan.send = 1;
    plan.send_bytes = 100;
    plan.keep_open = true;
    stream_caller_start(&caller, yoke_pool_channel(lab.pool), &plan);
    REQUIRE_INT(lab_hold(&lab, yoke_pool_channel(lab.pool), "mine", 4, &held), 0);
    LAB_WAIT(&lab, caller.result.messages == 1);

    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded == 1);
    CHECK(yoke_child_id(child) != old_id);
    CHECK_INT(yoke_child_calls_in_flight(child), 0);
    lab_check_echo(&lab, yoke_child_channel(child));

    caller.plan.send = 50;
    caller.plan.keep_open = false;
    stream_caller_send(&caller);
    LAB_WAIT(&lab, caller.result.done == 1);
    CHECK_INT(caller.result.messages, 50);
    CHECK_INT(caller.result.out_of_order, 0);
    CHECK_STR(yoke_code_name((enum yoke_code)caller.result.code), "OK");
    CHECK_INT(held.count, 0);
    CHECK_INT(trace.died, 0);
    /* Nothing of ours leads to it any more; it ends with the master. */
    CHECK_INT(lab_call_empty(&lab, probe_common_never, yoke_child_channel(child), &released), 0);
    REQUIRE_INT(kill((pid_t)lab.births[0].pid, SIGKILL), 0);
    LAB_WAIT(&lab, trace.died == 1);
    LAB_CHECK_ENDED(&held, YOKE_UNAVAILABLE);
    CHECK_INT(lab.deaths[0].calls_in_flight, 1);
    CHECK_INT(yoke_child_state(child), YOKE_CHILD_READY);
    CHECK_INT(trace.started, 2);
    close_pool(&lab);
}

struct kept {
    unsigned count, ok, unsafe;
};

static void on_kept_calling(const struct yoke_peer *peer, const Probe__KeptCalling *event, void *user_data) {
    struct kept *kept = user_data;
    (void)peer;
    kept->count++;
    kept->ok += event->ok;
    kept->unsafe += event->unsafe;
}

/* A worker that drains calls its master until it has answered what it has; what it calls then is safe to retry. */
static void a_worker_that_drains_can_call_its_master(void) {
    struct lab lab;
    struct kept kept = {0};
    struct lab_result begun = {0}, slow = {0};
    open_pool(&lab, 1, NULL);
    REQUIRE_INT(probe_kept_calling_on(yoke_master_events(lab.master), on_kept_calling, &kept), 0);
    REQUIRE_INT(lab_call_empty(&lab, probe_worker_keep_calling, lab_channel(&lab), &begun), 0);
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 100, &slow), 0);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.died == 1);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    CHECK_INT(kept.count, 1);
    CHECK(kept.ok > 0);
    CHECK_INT(kept.unsafe, 0);
    close_pool(&lab);
}

/* ---- Reloads that fail ---------------------------------------------------------------------------------------------- */

static void check_rolled_back(struct lab *lab, const char *detail) {
    LAB_WAIT(lab, trace.reload_failed == 1);
    LAB_WAIT(lab, trace.started - trace.died == 3);
    CHECK_CONTAINS(trace.failure, detail);
    CHECK_INT(trace.replaced, 0);
    CHECK_INT(trace.generation, 2);
    CHECK_INT(yoke_pool_generation(lab->pool), 2);
    CHECK_INT(trace.reloaded, 0);
    CHECK_INT(yoke_pool_ready(lab->pool), 3);
    for (unsigned i = 0; i < 3; i++) {
        struct yoke_child *child = yoke_pool_child(lab->pool, i);
        CHECK_INT(yoke_child_id(child), first_ids[i]);
        CHECK_INT(yoke_child_generation(child), 1);
        lab_check_echo(lab, yoke_child_channel(child));
    }
}

static void reload_well(struct lab *lab, uint64_t generation) {
    spawn_as(GOOD);
    REQUIRE_INT(yoke_pool_reload(lab->pool), 0);
    LAB_WAIT(lab, trace.reloaded == 1);
    CHECK_INT(trace.replaced, 3);
    check_generation(lab, generation);
}

static void a_generation_that_exits_is_rolled_back(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.replace = {.surge = 2}, .restart = {.when = YOKE_RESTART_ALWAYS}));
    load_begin(&load, &lab, 16);
    spawn_as(EXITS);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    check_rolled_back(&lab, "exited with code 5");
    CHECK(trace.started <= 5);
    reload_well(&lab, 3);
    load_end(&load);
    close_pool(&lab);
}

static void a_generation_that_is_never_ready_is_rolled_back(void) {
    struct lab lab;
    open_pool(&lab, 3,
              POOL(.replace = {.surge = 2}, .start_ms = 200, .stop = {.drain_ms = 1, .term_ms = 1},
                   .restart = {.when = YOKE_RESTART_ALWAYS, .max_restarts = UINT32_MAX}));
    load_begin(&load, &lab, 4);
    spawn_as(SILENT);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    check_rolled_back(&lab, "in place ");
    CHECK_INT(trace.started, first_started + 2);
    CHECK_CONTAINS(trace.failure, "was not ready within 200 ms");
    load_end(&load);
    close_pool(&lab);
}

/* Neither the worker nor the one that was to replace it is ready in time, and the master notices both at once. */
static void a_reload_fails_together_with_those_it_was_to_replace(void) {
    struct lab lab;
    const struct yoke_pool_options pool = {.start_ms = 20};
    const struct lab_options options = {.scenario = PROBE_SILENT, .pool = &pool};
    lab_open_master(&lab, &options);
    trace_open(&trace, lab.master);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.started == 2);
    usleep(50000);
    LAB_WAIT(&lab, trace.reload_failed + trace.reloaded > 0);
    CHECK_INT(trace.reload_failed, 1);
    CHECK_CONTAINS(trace.failure, "was not ready within 20 ms");
    LAB_WAIT(&lab, trace.died == 2);
    CHECK_INT(trace.reloaded, 0);
    lab_close(&lab);
}

/* Of two that are on their way one fails: the other, which might still become ready, is not waited for. */
static void a_reload_that_fails_gives_up_who_is_on_the_way(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.replace = {.surge = 2}, .start_ms = YOKE_NEVER, .stop = {.drain_ms = 1, .term_ms = 1}));
    spawn_as(SILENT);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.started == 5);
    REQUIRE_INT(kill(lab.births[3].pid, SIGKILL), 0);
    check_rolled_back(&lab, "in place 0, worker 4");
    TRACE_CHECK(&trace, "died 4 ", "reload failed", "draining 5 reload", "died 5 stop timeout");
    CHECK_CONTAINS(trace.drain, "because the reload has failed");
    close_pool(&lab);
}

/* The second of three is no good: the first stays replaced. */
static void a_reload_that_fails_midway_keeps_what_it_has_replaced(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.restart = {.when = YOKE_RESTART_ALWAYS}));
    load_begin(&load, &lab, 16);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.started == 4);
    spawn_as(EXITS);
    LAB_WAIT(&lab, trace.reload_failed == 1);
    LAB_WAIT(&lab, trace.started - trace.died == 3);
    CHECK_INT(trace.replaced, 1);
    CHECK_CONTAINS(trace.failure, "in place 1, worker 5");
    CHECK_INT(yoke_child_generation(yoke_pool_child(lab.pool, 0)), 2);
    CHECK_INT(yoke_child_generation(yoke_pool_child(lab.pool, 1)), 1);
    CHECK_INT(yoke_child_generation(yoke_pool_child(lab.pool, 2)), 1);
    reload_well(&lab, 3);
    load_end(&load);
    close_pool(&lab);
}

/* It begins anew, and goes well this time. */
static void a_reload_told_while_one_fails_begins_anew(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.restart = {.when = YOKE_RESTART_ALWAYS}));
    spawn_as(EXITS);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.started == 4);
    spawn_as(GOOD);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded == 1);
    check_generation(&lab, 3);
    TRACE_CHECK(&trace, "started 4 reload in 0, generation 2", "died 4 exited",
                "reload failed, generation 2, replaced 0", "reloaded, generation 3, replaced 3");
    close_pool(&lab);
}

/* ---- Workers that die, and ends, meanwhile -------------------------------------------------------------------------- */

/* The replacement takes the place at once, and nobody else is started. */
static void a_worker_that_dies_while_its_replacement_starts_is_replaced_by_it(void) {
    struct lab lab;
    open_pool(&lab, 1, POOL(.restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1, .max_pause_ms = 1}));
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.started == 2 || trace.reloaded == 1);
    REQUIRE_INT(trace.reloaded, 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, trace.reloaded == 1 && trace.died == 1);
    check_generation(&lab, 2);
    CHECK_INT(trace.started, 2);
    CHECK_INT(trace.replaced, 1);
    close_pool(&lab);
}

static void an_empty_place_gets_a_worker_of_the_new_generation(void) {
    struct lab lab;
    open_pool(&lab, 2, POOL(.restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 20, .max_pause_ms = 20}));
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, trace.died == 1);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded == 1 && trace.ready == 4);
    check_generation(&lab, 2);
    CHECK_INT(trace.replaced, 1);
    CHECK_INT(trace_count(&trace, "started 3 reload in 1") + trace_count(&trace, "started 4 reload in 1"), 1);
    CHECK_INT(trace_count(&trace, "started 3 restart in 0, generation 2") +
                  trace_count(&trace, "started 4 restart in 0, generation 2"),
              1);
    close_pool(&lab);
}

/* One that is not ready yet is of the past, too. */
static void a_starting_worker_of_an_earlier_generation_is_replaced(void) {
    struct lab lab;
    open_pool(&lab, 1,
              POOL(.restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1, .max_pause_ms = 1},
                   .stop = {.drain_ms = 1, .term_ms = 1}));
    spawn_as(SILENT);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, trace.started == 2);
    spawn_as(GOOD);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded == 1 && trace.died == 2);
    check_generation(&lab, 2);
    TRACE_CHECK(&trace, "started 2 restart in 0, generation 1", "started 3 reload in 0, generation 2", "ready 3",
                "draining 2 reload", "died 2 stop timeout");
    close_pool(&lab);
}

/* Returns whose death is to be waited for. */
static uint64_t kill_child(struct lab *lab, unsigned index) {
    struct yoke_child *child = yoke_pool_child(lab->pool, index);
    return yoke_child_kill(child, SIGKILL) == 0 ? yoke_child_id(child) : 0;
}

static void await_death(struct lab *lab, uint64_t id) {
    char line[32];
    snprintf(line, sizeof(line), "died %u ", (unsigned)id);
    LAB_WAIT(lab, id == 0 || trace_count(&trace, line) == 1);
}

/* Workers are killed at random through many reloads; in the end all places are filled. */
static void reloads_go_on_while_workers_die(void) {
    struct lab lab;
    unsigned ended = 0;
    open_pool(
        &lab, 4,
        POOL(.replace = {.surge = 2},
             .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1, .max_pause_ms = 1, .max_restarts = UINT32_MAX}));
    for (unsigned i = 0; i < 12; i++) {
        const unsigned started = trace.started;
        REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
        LAB_WAIT(&lab, trace.started > started + i % 4);
        const uint64_t killed[] = {kill_child(&lab, i % 3), kill_child(&lab, 3)};
        ended++;
        await_death(&lab, killed[0]);
        await_death(&lab, killed[1]);
        LAB_WAIT(&lab, trace.reloaded + trace.reload_failed == ended);
    }
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 4 && trace.started - trace.died == 4);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded + trace.reload_failed == ended + 1);
    CHECK_INT(trace.replaced, 4);
    check_generation(&lab, yoke_pool_generation(lab.pool));
    close_pool(&lab);
}

static void a_pool_that_stops_ends_its_reload(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.replace = {.surge = 2}));
    load_begin(&load, &lab, 8);
    load.is_over = true;
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.started == 5);
    yoke_pool_stop(lab.pool);
    CHECK_INT(yoke_pool_reload(lab.pool), -ESHUTDOWN);
    CHECK_INT(yoke_child_recycle(yoke_pool_child(lab.pool, 0)), -ESHUTDOWN);
    CHECK_INT(yoke_pool_scale(lab.pool, 2), -ESHUTDOWN);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    load_end(&load);
    CHECK_INT(trace.started, trace.died);
    CHECK_INT(trace.reloaded + trace.reload_failed, 0);
    ev_run(lab.loop, 0);
    close_pool(&lab);
}

static void a_pool_that_stops_at_once_begins_no_reload(void) {
    struct lab lab;
    open_pool(&lab, 2, NULL);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(trace.started, 2);
    CHECK_INT(trace.reloaded + trace.reload_failed, 0);
    close_pool(&lab);
}

static void a_master_can_be_destroyed_in_the_middle_of_a_reload(void) {
    struct lab lab;
    open_pool(&lab, 3, POOL(.replace = {.surge = 2}));
    load_begin(&load, &lab, 8);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.draining >= 1 && trace.started >= 5);
    load.is_over = true;
    close_pool(&lab);
    CHECK_INT(load.live, 0);
}

static const struct test_case cases[] = {
    {.name = "a reload is told step by step", .run = a_reload_is_told_step_by_step},
    {.name = "twenty reloads under load fail no call", .run = twenty_reloads_under_load_fail_no_call},
    {.name = "no more are added than the surge", .run = no_more_are_added_than_the_surge},
    {.name = "a reload told meanwhile begins when the first is through",
     .run = a_reload_told_meanwhile_begins_when_the_first_is_through},
    {.name = "what was begun ends on the worker that drains", .run = what_was_begun_ends_on_the_worker_that_drains},
    {.name = "a worker that drains can call its master", .run = a_worker_that_drains_can_call_its_master},
    {.name = "a generation that exits is rolled back", .run = a_generation_that_exits_is_rolled_back},
    {.name = "a reload fails together with those it was to replace",
     .run = a_reload_fails_together_with_those_it_was_to_replace},
    {.name = "a generation that is never ready is rolled back", .run = a_generation_that_is_never_ready_is_rolled_back},
    {.name = "a reload that fails gives up who is on the way", .run = a_reload_that_fails_gives_up_who_is_on_the_way},
    {.name = "a reload that fails midway keeps what it has replaced",
     .run = a_reload_that_fails_midway_keeps_what_it_has_replaced},
    {.name = "a reload told while one fails begins anew", .run = a_reload_told_while_one_fails_begins_anew},
    {.name = "a worker that dies while its replacement starts is replaced by it",
     .run = a_worker_that_dies_while_its_replacement_starts_is_replaced_by_it},
    {.name = "an empty place gets a worker of the new generation",
     .run = an_empty_place_gets_a_worker_of_the_new_generation},
    {.name = "a starting worker of an earlier generation is replaced",
     .run = a_starting_worker_of_an_earlier_generation_is_replaced},
    {.name = "reloads go on while workers die", .run = reloads_go_on_while_workers_die},
    {.name = "a pool that stops ends its reload", .run = a_pool_that_stops_ends_its_reload},
    {.name = "a pool that stops at once begins no reload", .run = a_pool_that_stops_at_once_begins_no_reload},
    {.name = "a master can be destroyed in the middle of a reload",
     .run = a_master_can_be_destroyed_in_the_middle_of_a_reload},
    {.name = NULL},
};

LAB_MAIN(cases)
