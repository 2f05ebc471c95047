/* pool_test.c: workers of a pool: taking turns, being replaced, being all gone. */
#include "lab.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void check_turns(struct lab *lab, unsigned calls, unsigned per_worker, int without) {
    struct lab_result *results = calloc(calls, sizeof(*results));
    unsigned counts[8] = {0};
    REQUIRE(results != NULL);
    for (unsigned i = 0; i < calls; i++) {
        REQUIRE_INT(lab_echo(lab, yoke_pool_channel(lab->pool), &i, sizeof(i), &results[i]), 0);
    }
    for (unsigned i = 0; i < calls; i++) {
        LAB_WAIT(lab, results[i].count > 0);
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        for (unsigned j = 0; j < yoke_pool_size(lab->pool); j++) {
            counts[j] += yoke_child_id(yoke_pool_child(lab->pool, j)) == results[i].peer.worker_id;
        }
        lab_release(&results[i]);
    }
    for (unsigned j = 0; j < yoke_pool_size(lab->pool); j++) {
        CHECK_INT(counts[j], (int)j == without ? 0 : per_worker);
    }
    free(results);
}

static void calls_go_to_each_worker_in_turn(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 4});
    check_turns(&lab, 400, 100, -1);
    lab_close(&lab);
}

static void calls_go_to_those_that_are_left(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 4});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 2), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    check_turns(&lab, 300, 100, 2);
    lab_close(&lab);
}

static void calls_prefer_workers_that_are_ready(void) {
    struct lab lab;
    struct lab_result results[10] = {0};
    lab_open(&lab, &(struct lab_options){.workers = 2, .restart = true, .restart_pause_ms = 1});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.birth_count == 3);
    if (yoke_child_state(yoke_pool_child(lab.pool, 0)) == YOKE_CHILD_STARTING) {
        for (int i = 0; i < 10; i++) {
            REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &results[i]), 0);
        }
        CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, 1)), 10);
        for (int i = 0; i < 10; i++) {
            LAB_WAIT(&lab, results[i].count > 0);
            lab_release(&results[i]);
        }
    }
    LAB_WAIT(&lab, lab.ready_count == 3);
    check_turns(&lab, 200, 100, -1);
    lab_close(&lab);
}

static void a_pool_with_nobody_alive_takes_no_calls(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 2);
    CHECK_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &result), -ENOTCONN);
    Probe__Tick tick = PROBE__TICK__INIT;
    CHECK_INT(probe_tick_emit(yoke_pool_channel(lab.pool), &tick), -ENOTCONN);
    ev_run(lab.loop, 0);
    CHECK_INT(result.count, 0);
    lab_close(&lab);
}

static void a_dead_worker_is_replaced(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 3, .restart = true, .restart_pause_ms = 10});
    struct yoke_child *child = yoke_pool_child(lab.pool, 1);
    struct yoke_channel *channel = yoke_child_channel(child);
    const uint64_t old_id = yoke_child_id(child);
    const pid_t old_pid = yoke_child_pid(child);
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 4);
    REQUIRE_INT(lab.birth_count, 4);
    CHECK_INT(lab.death_count, 1);
    CHECK(yoke_child_id(child) != old_id);
    CHECK(yoke_child_pid(child) != old_pid);
    CHECK_INT(lab.births[3].worker_id, yoke_child_id(child));
    CHECK_INT(lab.births[3].pid, yoke_child_pid(child));
    CHECK_INT(lab.births[3].index, 1);
    CHECK(lab.deaths[0].order < lab.births[3].started_order);
    CHECK_INT(yoke_child_state(child), YOKE_CHILD_READY);
    CHECK(yoke_child_channel(child) == channel);
    lab_check_echo(&lab, channel);
    check_turns(&lab, 300, 100, -1);
    lab_close(&lab);
}

static void a_worker_that_dies_again_and_again_is_replaced_each_time(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 1});
    for (unsigned i = 1; i <= 20; i++) {
        struct lab_result result = {0};
        REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
        LAB_WAIT(&lab, lab.ready_count == i + 1);
        LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
        CHECK_INT(lab.death_count, i);
        CHECK_INT(lab.deaths[i - 1].calls_in_flight, 1);
        CHECK_INT(lab.births[i].worker_id, i + 1);
    }
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void a_worker_that_exits_cleanly_is_replaced_too(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 1});
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_STOP, 0, &result), 0);
    LAB_WAIT(&lab, lab.ready_count == 2 && lab.death_count == 1);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    lab_close(&lab);
}

static void a_call_while_the_replacement_starts_is_answered_by_it(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 1});
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.birth_count == 2);
    REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), "x", 1, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.peer.worker_id, lab.births[1].worker_id);
    lab_release(&result);
    lab_close(&lab);
}

static void inspect(struct yoke_call *call, const struct yoke_status *status, const Probe__Inspection *reply,
                    void *user_data) {
    (void)call;
    struct lab *lab = user_data;
    lab->noticed_count++;
    CHECK_INT(status->code, YOKE_OK);
    if (reply != NULL) {
        const struct yoke_child *child = yoke_pool_child(lab->pool, reply->worker_index);
        CHECK(child != NULL && yoke_child_id(child) == reply->worker_id);
        CHECK(child != NULL && yoke_child_pid(child) == reply->pid);
        CHECK_INT(reply->parent_pid, getpid());
        if (lab_is_exec()) {
            CHECK_INT(reply->n_arguments, 5);
            CHECK(reply->n_arguments == 5 && strcmp(reply->arguments[0], "probe_worker") == 0);
        }
    }
}

static void a_worker_knows_who_it_is(void) {
    struct lab lab;
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    lab_open(&lab, &(struct lab_options){.workers = 5});
    for (unsigned i = 0; i < 5; i++) {
        struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab.pool, i));
        REQUIRE_INT(probe_worker_inspect(channel, &request, NULL, inspect, &lab), 0);
    }
    LAB_WAIT(&lab, lab.noticed_count == 5);
    CHECK(yoke_pool_child(lab.pool, 5) == NULL);
    CHECK_INT(yoke_pool_size(lab.pool), 5);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "calls go to each worker in turn", .run = calls_go_to_each_worker_in_turn},
    {.name = "calls go to those that are left", .run = calls_go_to_those_that_are_left},
    {.name = "calls prefer workers that are ready", .run = calls_prefer_workers_that_are_ready},
    {.name = "a pool with nobody alive takes no calls", .run = a_pool_with_nobody_alive_takes_no_calls},
    {.name = "a dead worker is replaced", .run = a_dead_worker_is_replaced},
    {.name = "a worker that dies again and again is replaced each time",
     .run = a_worker_that_dies_again_and_again_is_replaced_each_time},
    {.name = "a worker that exits cleanly is replaced too", .run = a_worker_that_exits_cleanly_is_replaced_too},
    {.name = "a call while the replacement starts is answered by it",
     .run = a_call_while_the_replacement_starts_is_answered_by_it},
    {.name = "a worker knows who it is", .run = a_worker_knows_who_it_is},
    {.name = NULL},
};

LAB_MAIN(cases)
