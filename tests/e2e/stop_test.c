/* stop_test.c: how pools and masters come to an end: asked to stop, too slow to stop, destroyed. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

/* ev_run() without a condition: it returns when Yoke keeps the loop running no more. */
static void run_to_the_end(struct lab *lab) {
    ev_run(lab->loop, 0);
}

static void a_stopped_pool_tells_each_death_and_then_that_it_stopped(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 4});
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    CHECK_INT(lab.death_count, 4);
    for (unsigned i = 0; i < lab.death_count; i++) {
        CHECK_INT(lab.deaths[i].reason, REASON(STOPPED));
        CHECK_INT(lab.deaths[i].exit_code, 0);
        CHECK_INT(lab.deaths[i].signal, 0);
        CHECK(lab.deaths[i].order < lab.order); /* PoolStopped came last */
    }
    CHECK_INT(lab.stopped_count, 1);
    yoke_pool_stop(lab.pool);
    yoke_master_stop(lab.master);
    run_to_the_end(&lab);
    CHECK_INT(lab.stopped_count, 1);
    CHECK_INT(lab.death_count, 4);
    lab_close(&lab);
}

static void calls_under_way_are_answered_before_a_worker_stops(void) {
    static struct lab_result results[1000];
    struct lab lab;
    struct lab_result slow = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 30, &slow), 0);
    for (unsigned i = 0; i < 1000; i++) {
        REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), &i, sizeof(i), &results[i]), 0);
    }
    yoke_pool_stop(lab.pool);
    CHECK_INT(yoke_child_state(yoke_pool_child(lab.pool, 0)), YOKE_CHILD_STOPPING);
    struct lab_result late = {0};
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &late), -ENOTCONN);
    CHECK_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &late), -ENOTCONN);
    run_to_the_end(&lab);
    CHECK_INT(late.count, 0);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    CHECK_INT(slow.number, 30);
    for (unsigned i = 0; i < 1000; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        lab_release(&results[i]);
    }
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    CHECK_INT(lab.deaths[0].calls_in_flight, 0);
    CHECK(slow.order < lab.deaths[0].order);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void a_worker_that_stops_answers_what_came_before_it_was_ready(void) {
    struct lab lab;
    struct lab_result result = {0};
    const struct lab_options options = {0};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "early", 5, &result), 0);
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    CHECK_INT(lab.stopped_count, 1);
    lab_release(&result);
    lab_close(&lab);
}

static void large_answers_are_delivered_by_a_worker_that_stops(void) {
    struct lab lab;
    struct lab_result results[4] = {0};
    lab_open(&lab, NULL);
    for (int i = 0; i < 4; i++) {
        REQUIRE_INT(lab_make(&lab, lab_channel(&lab), 4000000, 0, &results[i]), 0);
    }
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    for (int i = 0; i < 4; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        CHECK_INT(results[i].size, 4000000);
        lab_release(&results[i]);
    }
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    lab_close(&lab);
}

/* The master answers what its workers ask until they have stopped. */

static void a_worker_that_stops_still_gets_its_own_calls_answered(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Hold"};
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, lab.common.held_count == 1);
    yoke_pool_stop(lab.pool);
    ev_run(lab.loop, EVRUN_NOWAIT);
    common_release(&lab.common, false);
    CHECK_INT(lab.common.last_error, 0);
    run_to_the_end(&lab);
    LAB_CHECK_ENDED(&call.result, YOKE_OK);
    CHECK_STR(yoke_code_name(call.code), "OK");
    CHECK_INT(call.ok, 1);
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void a_stop_lets_calls_finish_that_need_the_master(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Echo"};
    request.count = 100;
    /* Stopped before the worker has even seen the call that makes it call its master. */
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    LAB_CHECK_ENDED(&call.result, YOKE_OK);
    CHECK_INT(call.error, 0);
    CHECK_INT(call.ok, 100);
    CHECK_STR(yoke_code_name(call.code), "OK");
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    lab_master_call_release(&call);
    lab_close(&lab);
}

static void check_stop_timeout(struct lab *lab, struct lab_result *stuck) {
    yoke_pool_stop(lab->pool);
    run_to_the_end(lab);
    REQUIRE_INT(lab->death_count, 1);
    CHECK_INT(lab->deaths[0].reason, REASON(STOP_TIMEOUT));
    CHECK_INT(lab->deaths[0].signal, SIGTERM); /* which a worker that heeds it not would survive: see life_test.c */
    CHECK_INT(lab->deaths[0].exit_code, -1);
    CHECK_INT(lab->stopped_count, 1);
    if (stuck != NULL) {
        LAB_CHECK_ENDED(stuck, YOKE_UNAVAILABLE);
        CHECK(stuck->order < lab->deaths[0].order);
        CHECK_INT(lab->deaths[0].calls_in_flight, 1);
    }
    lab_close(lab);
}

static void a_worker_that_never_answers_is_killed_after_the_stop_timeout(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = 50});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    check_stop_timeout(&lab, &result);
}

static void a_worker_that_is_stuck_in_a_handler_is_killed_after_the_stop_timeout(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = 50});
    REQUIRE_INT(lab_call_empty(&lab, probe_worker_block, lab_channel(&lab), &result), 0);
    check_stop_timeout(&lab, &result);
}

static void a_worker_that_never_runs_is_killed_after_the_stop_timeout(void) {
    struct lab lab;
    const struct lab_options options = {.stop_timeout_ms = 50, .scenario = PROBE_SILENT};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    check_stop_timeout(&lab, NULL);
}

static void a_frozen_worker_is_killed_after_the_stop_timeout(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = 50});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGSTOP), 0);
    check_stop_timeout(&lab, NULL);
}

static void a_worker_that_stops_itself_while_it_is_stopped_dies_once(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_STOP, 9, &result), 0);
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(lab.death_count, 1);
    CHECK_INT(lab.deaths[0].exit_code, 9);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void a_pool_whose_workers_are_all_dead_stops_too(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 2);
    CHECK_INT(lab.stopped_count, 0);
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    CHECK_INT(lab.stopped_count, 1);
    CHECK_INT(lab.death_count, 2);
    lab_close(&lab);
}

static void nothing_is_restarted_once_stopped(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2, .restart = true, .restart_pause_ms = 20});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1); /* its restart is due */
    yoke_pool_stop(lab.pool);
    run_to_the_end(&lab);
    CHECK_INT(lab.birth_count, 2);
    CHECK_INT(lab.death_count, 2);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void stop_pool(struct lab_result *result) {
    yoke_pool_stop(result->lab->pool);
}

static void a_pool_can_be_stopped_from_a_completion(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.workers = 3});
    REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &result), 0);
    result.also = stop_pool;
    run_to_the_end(&lab);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(lab.death_count, 3);
    CHECK_INT(lab.stopped_count, 1);
    lab_release(&result);
    lab_close(&lab);
}

static void stop_on_death(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)event;
    struct lab *lab = user_data;
    yoke_master_stop(lab->master);
}

static void a_pool_can_be_stopped_when_a_death_is_told(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 3, .restart = true});
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab.master), stop_on_death, &lab), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    run_to_the_end(&lab);
    CHECK_INT(lab.birth_count, 3);
    CHECK_INT(lab.death_count, 3);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);

    /* The last one as well. */
    lab_open(&lab, NULL);
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab.master), stop_on_death, &lab), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    run_to_the_end(&lab);
    CHECK_INT(lab.death_count, 1);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

static void a_stopped_master_stops_all_pools(void) {
    struct lab lab;
    struct yoke_pool *second = NULL;
    const struct lab_options options = {.workers = 2};
    lab_open(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &second), 0);
    yoke_master_stop(lab.master);
    run_to_the_end(&lab);
    CHECK_INT(lab.death_count, 4);
    CHECK_INT(lab.stopped_count, 2);
    lab_close(&lab);
}

static void one_pool_can_stop_while_another_serves(void) {
    struct lab lab;
    struct yoke_pool *second = NULL;
    const struct lab_options options = {.workers = 2};
    lab_open(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &second), 0);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(lab.death_count, 2);
    lab_check_echo(&lab, yoke_pool_channel(second));
    lab_close(&lab);
}

/* ---- Destruction. The harness sees to it that no process and no descriptor is left. */

static void a_master_with_live_workers_can_be_destroyed(void) {
    struct lab lab;
    struct lab_result results[8] = {0};
    lab_open(&lab, &(struct lab_options){.workers = 4});
    for (int i = 0; i < 8; i++) {
        REQUIRE_INT(lab_never(&lab, yoke_pool_channel(lab.pool), &results[i]), 0);
    }
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    errno = EDOM;
    CHECK_INT(yoke_master_destroy(lab.master), 0);
    CHECK_INT(errno, EDOM);
    for (int i = 0; i < 8; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_UNAVAILABLE);
    }
    CHECK_INT(lab.death_count, 0); /* no events are emitted */
    CHECK_INT(lab.stopped_count, 0);
    ev_loop_destroy(lab.loop);
}

static void a_master_can_be_destroyed_while_workers_start(void) {
    struct lab lab;
    struct lab_result result = {0};
    const struct lab_options options = {.workers = 3};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &result), 0);
    lab_close(&lab);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.birth_count, 0);
}

static void a_master_can_be_destroyed_while_it_stops(void) {
    struct lab lab;
    struct lab_result result = {0};
    test_skip_leak_checks();
    lab_open(&lab, &(struct lab_options){.workers = 3});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    yoke_master_stop(lab.master);
    ev_run(lab.loop, EVRUN_NOWAIT);
    lab_close(&lab);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
}

static void a_master_can_be_destroyed_when_workers_died_unseen(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.workers = 2});
    const pid_t pid = yoke_child_pid(yoke_pool_child(lab.pool, 0));
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    while (test_process_lives(pid)) {
        usleep(1000);
    }
    lab_close(&lab);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
}

static void a_master_can_be_destroyed_between_death_and_restart(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2, .restart = true, .restart_pause_ms = 60000});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    lab_close(&lab);
    CHECK_INT(lab.birth_count, 2);
}

static void a_master_without_pools_can_be_destroyed(void) {
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    ev_run(lab.loop, 0); /* it does not keep the loop running */
    lab_close(&lab);
    CHECK_INT(yoke_master_destroy(NULL), 0);
}

static void try_again(struct lab_result *result) {
    static struct lab_result again[64];
    static unsigned tries = 0;
    struct lab *lab = result->lab;
    result->also = NULL;
    int error = lab_echo(lab, yoke_pool_channel(lab->pool), "x", 1, &again[tries]);
    if (error == 0) {
        again[tries].also = try_again;
        tries++;
    } else {
        CHECK_INT(error, -ENOTCONN);
    }
    Probe__Tick tick = PROBE__TICK__INIT;
    probe_tick_emit(yoke_pool_channel(lab->pool), &tick);
    struct yoke_pool *pool = NULL;
    CHECK_INT(lab_create_pool(lab, &(struct lab_options){0}, &pool), -ESHUTDOWN);
    CHECK(pool == NULL);
    CHECK_INT(yoke_pool_size(lab->pool), 4);
    for (unsigned i = 0; i < 4; i++) {
        (void)yoke_child_calls_in_flight(yoke_pool_child(lab->pool, i));
        (void)yoke_child_kill(yoke_pool_child(lab->pool, i), SIGTERM);
    }
    yoke_pool_stop(lab->pool);
}

static void a_completion_during_destruction_may_try_again(void) {
    struct lab lab;
    struct lab_result results[8] = {0};
    lab_open(&lab, &(struct lab_options){.workers = 4});
    for (int i = 0; i < 8; i++) {
        REQUIRE_INT(lab_never(&lab, yoke_pool_channel(lab.pool), &results[i]), 0);
        results[i].also = try_again;
    }
    lab_close(&lab);
    for (int i = 0; i < 8; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_UNAVAILABLE);
    }
    CHECK_INT(lab.death_count, 0);
}

static void try_to_destroy(struct lab_result *result) {
    CHECK_INT(yoke_master_destroy(result->lab->master), -EBUSY);
}

static void try_to_destroy_on_event(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)event;
    struct lab *lab = user_data;
    CHECK_INT(yoke_master_destroy(lab->master), -EBUSY);
    lab->noticed_count++;
}

static void echo_and_try_to_destroy(struct yoke_call *call, const Probe__Payload *request, void *user_data) {
    struct lab *lab = user_data;
    CHECK_INT(yoke_master_destroy(lab->master), -EBUSY);
    lab->noticed_count++;
    probe_common_echo_reply(call, request);
}

static void a_master_cannot_be_destroyed_from_inside_a_callback(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    result.also = try_to_destroy;
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    lab_check_echo(&lab, lab_channel(&lab)); /* nothing was done */
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab.master), try_to_destroy_on_event, &lab), 0);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    result.also = try_to_destroy;
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count > 0);
    CHECK_INT(result.count, 1);
    CHECK_INT(lab.noticed_count, 1);
    lab_close(&lab);
}

static void a_master_cannot_be_destroyed_from_inside_a_handler(void) {
    struct lab lab = {0};
    const struct probe_common_handlers handlers = {.echo = echo_and_try_to_destroy};
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    const struct lab_options options = {0};
    lab.loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE_INT(yoke_master_create(lab.loop, NULL, &lab.master), 0);
    REQUIRE_INT(probe_common_serve(yoke_master_server(lab.master), &handlers, &lab), 0);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    request.method = (char[]){"Echo"};
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, call.result.count > 0);
    LAB_CHECK_ENDED(&call.result, YOKE_OK);
    CHECK_INT(lab.noticed_count, 1);
    lab_master_call_release(&call);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a stopped pool tells each death and then that it stopped",
     .run = a_stopped_pool_tells_each_death_and_then_that_it_stopped},
    {.name = "calls under way are answered before a worker stops",
     .run = calls_under_way_are_answered_before_a_worker_stops},
    {.name = "a worker that stops answers what came before it was ready",
     .run = a_worker_that_stops_answers_what_came_before_it_was_ready},
    {.name = "large answers are delivered by a worker that stops",
     .run = large_answers_are_delivered_by_a_worker_that_stops},
    {.name = "a worker that stops still gets its own calls answered",
     .run = a_worker_that_stops_still_gets_its_own_calls_answered},
    {.name = "a stop lets calls finish that need the master", .run = a_stop_lets_calls_finish_that_need_the_master},
    {.name = "a worker that never answers is killed after the stop timeout",
     .run = a_worker_that_never_answers_is_killed_after_the_stop_timeout},
    {.name = "a worker that is stuck in a handler is killed after the stop timeout",
     .run = a_worker_that_is_stuck_in_a_handler_is_killed_after_the_stop_timeout},
    {.name = "a worker that never runs is killed after the stop timeout",
     .run = a_worker_that_never_runs_is_killed_after_the_stop_timeout},
    {.name = "a frozen worker is killed after the stop timeout",
     .run = a_frozen_worker_is_killed_after_the_stop_timeout},
    {.name = "a worker that stops itself while it is stopped dies once",
     .run = a_worker_that_stops_itself_while_it_is_stopped_dies_once},
    {.name = "a pool whose workers are all dead stops too", .run = a_pool_whose_workers_are_all_dead_stops_too},
    {.name = "nothing is restarted once stopped", .run = nothing_is_restarted_once_stopped},
    {.name = "a pool can be stopped from a completion", .run = a_pool_can_be_stopped_from_a_completion},
    {.name = "a pool can be stopped when a death is told", .run = a_pool_can_be_stopped_when_a_death_is_told},
    {.name = "a stopped master stops all pools", .run = a_stopped_master_stops_all_pools},
    {.name = "one pool can stop while another serves", .run = one_pool_can_stop_while_another_serves},
    {.name = "a master with live workers can be destroyed", .run = a_master_with_live_workers_can_be_destroyed},
    {.name = "a master can be destroyed while workers start", .run = a_master_can_be_destroyed_while_workers_start},
    {.name = "a master can be destroyed while it stops", .run = a_master_can_be_destroyed_while_it_stops},
    {.name = "a master can be destroyed when workers died unseen",
     .run = a_master_can_be_destroyed_when_workers_died_unseen},
    {.name = "a master can be destroyed between death and restart",
     .run = a_master_can_be_destroyed_between_death_and_restart},
    {.name = "a master without pools can be destroyed", .run = a_master_without_pools_can_be_destroyed},
    {.name = "a completion during destruction may try again", .run = a_completion_during_destruction_may_try_again},
    {.name = "a master cannot be destroyed from inside a callback",
     .run = a_master_cannot_be_destroyed_from_inside_a_callback},
    {.name = "a master cannot be destroyed from inside a handler",
     .run = a_master_cannot_be_destroyed_from_inside_a_handler},
    {.name = NULL},
};

LAB_MAIN(cases)
