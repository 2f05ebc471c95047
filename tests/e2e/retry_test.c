/* retry_test.c: calls that are made again when their worker is gone. */
#include "routed_caller.h"

/* Kills the worker that keeps the last call, and waits until another one does. */
static unsigned kill_keeper(struct lab *lab, unsigned kept) {
    routed_wait_kept(lab, kept);
    routed_kill(lab, (unsigned)lab->noticed_value);
    routed_wait_kept(lab, kept + 1);
    return (unsigned)lab->noticed_value;
}

static void an_idempotent_call_survives_its_worker(void) {
    struct lab lab;
    struct routed routed;
    lab_open(&lab, &(struct lab_options){.workers = 3});
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &routed), 0);
    unsigned place = kill_keeper(&lab, 1);
    place = kill_keeper(&lab, 2);
    CHECK_INT(routed.result.count, 0);
    routed_let_go(&lab, place);
    LAB_WAIT(&lab, routed.result.count > 0);
    LAB_CHECK_ENDED(&routed.result, YOKE_OK);
    CHECK_INT(routed.result.number, place);
    CHECK_INT(routed.result.peer.pid, yoke_child_pid(yoke_pool_child(lab.pool, place)));
    lab_close(&lab);
}

static void the_third_attempt_is_the_last(void) {
    struct lab lab;
    struct routed routed;
    lab_open(&lab, &(struct lab_options){.workers = 4});
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &routed), 0);
    (void)kill_keeper(&lab, 1);
    (void)kill_keeper(&lab, 2);
    routed_kill(&lab, (unsigned)lab.noticed_value);
    LAB_CHECK_ENDED(&routed.result, YOKE_UNAVAILABLE);
    CHECK(!routed.is_safe);
    CHECK_CONTAINS(routed.result.message, "was killed by signal 9 (SIGKILL); the request may have been handled");
    CHECK(routed.result.order < lab.deaths[2].order);
    lab_close(&lab);
}

static void another_call_ends_at_once(void) {
    struct lab lab;
    struct routed routed;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(routed_call(&lab, probe_routed_keep_once, NULL, "", NULL, &routed), 0);
    routed_wait_kept(&lab, 1);
    routed_kill(&lab, (unsigned)lab.noticed_value);
    LAB_CHECK_ENDED(&routed.result, YOKE_UNAVAILABLE);
    CHECK_CONTAINS(routed.result.message, "; the request may have been handled");
    CHECK(!routed.is_safe);
    CHECK(routed.result.order < lab.deaths[0].order);
    lab_close(&lab);
}

/* On a child's own channel nothing is made again: there is nobody else. */
static void a_call_to_one_worker_is_not_made_again(void) {
    struct lab lab;
    struct routed routed;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, lab_channel(&lab), "", NULL, &routed), 0);
    routed_wait_kept(&lab, 1);
    routed_kill(&lab, 0);
    LAB_CHECK_ENDED(&routed.result, YOKE_UNAVAILABLE);
    lab_close(&lab);
}

static void it_can_be_switched_off(void) {
    struct lab lab;
    struct routed routed;
    const struct yoke_pool_options pool = {.retry = {.max_attempts = 1}};
    lab_open(&lab, &(struct lab_options){.workers = 2, .pool = &pool});
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &routed), 0);
    routed_wait_kept(&lab, 1);
    routed_kill(&lab, (unsigned)lab.noticed_value);
    LAB_CHECK_ENDED(&routed.result, YOKE_UNAVAILABLE);
    lab_close(&lab);
}

/* More than a socket holds, to a worker that does not read: what was not sent has not been handled. */
static void what_was_not_sent_moves_on(void) {
    enum { FLOOD = 400 };
    static struct lab_result results[FLOOD];
    static uint8_t data[4096];
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    struct yoke_child *stuck = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(yoke_child_kill(stuck, SIGSTOP), 0);
    for (unsigned i = 0; i < FLOOD; i++) {
        REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(lab.pool), data, sizeof data, &results[i]), 0);
    }
    LAB_WAIT(&lab, results[FLOOD - 1].count > 0 || results[FLOOD - 2].count > 0);
    routed_kill(&lab, 0);
    unsigned ok = 0, lost = 0;
    for (unsigned i = 0; i < FLOOD; i++) {
        LAB_WAIT(&lab, results[i].count > 0);
        CHECK_INT(results[i].count, 1);
        ok += results[i].code == YOKE_OK;
        if (results[i].code != YOKE_OK) {
            lost++;
            CHECK_CONTAINS(results[i].message, "; the request may have been handled");
        }
        lab_release(&results[i]);
    }
    /* The socket took some of the two hundred, and not all. */
    CHECK(ok > FLOOD / 2 && lost > 0);
    lab_close(&lab);
}

/* It waits for the next worker, if there is no other, as long as one is to be expected. */
static void a_pool_of_one_makes_it_again(void) {
    struct lab lab;
    struct routed routed;
    routed_open(&lab, 1, true, NULL);
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &routed), 0);
    CHECK_INT(kill_keeper(&lab, 1), 0);
    routed_let_go(&lab, 0);
    LAB_WAIT(&lab, routed.result.count > 0);
    LAB_CHECK_ENDED(&routed.result, YOKE_OK);
    lab_close(&lab);
}

static void the_last_worker_of_all_ends_it(void) {
    struct lab lab;
    struct routed routed;
    lab_open(&lab, &(struct lab_options){.workers = 1});
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", NULL, &routed), 0);
    routed_wait_kept(&lab, 1);
    routed_kill(&lab, 0);
    LAB_WAIT(&lab, routed.result.count > 0);
    LAB_CHECK_ENDED(&routed.result, YOKE_UNAVAILABLE);
    CHECK_CONTAINS(routed.result.message, "the request may have been handled");
    lab_close(&lab);
}

/* Meanwhile it waits for a worker that will not come before it is over. */
static const struct yoke_pool_options slow_restart = {
    .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 3600 * 1000, .max_pause_ms = 3600 * 1000}};

static void keep_and_kill(struct lab *lab, const struct yoke_call_options *options, struct routed *routed) {
    lab_open(lab, &(struct lab_options){.workers = 1, .pool = &slow_restart});
    REQUIRE_INT(routed_call(lab, probe_routed_keep, NULL, "", options, routed), 0);
    routed_wait_kept(lab, 1);
    routed_kill(lab, 0);
    CHECK_INT(routed->result.count, 0);
}

static void it_ends_as_its_user_or_its_deadline_says(void) {
    struct lab lab;
    struct routed cancelled, timed;
    keep_and_kill(&lab, NULL, &cancelled);
    CHECK_INT(yoke_call_cancel(cancelled.call), 0);
    LAB_WAIT(&lab, cancelled.result.count > 0);
    LAB_CHECK_ENDED(&cancelled.result, YOKE_CANCELLED);
    CHECK(!cancelled.is_safe);
    lab_close(&lab);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = 300000};
    keep_and_kill(&lab, &options, &timed);
    LAB_WAIT(&lab, timed.result.count > 0);
    LAB_CHECK_ENDED(&timed.result, YOKE_DEADLINE_EXCEEDED);
    lab_close(&lab);
}

static void it_ends_with_the_pool_or_the_master(void) {
    for (unsigned stops = 0; stops <= 1; stops++) {
        struct lab lab;
        struct routed routed;
        keep_and_kill(&lab, NULL, &routed);
        if (stops) {
            yoke_pool_stop(lab.pool);
            LAB_WAIT(&lab, lab.stopped_count > 0 && routed.result.count > 0);
        }
        lab_close(&lab);
        LAB_CHECK_ENDED(&routed.result, YOKE_UNAVAILABLE);
        CHECK_CONTAINS(routed.result.message, "the request may have been handled");
    }
}

/* ---- Streams of replies ------------------------------------------------------------------------------------------- */

struct watched {
    unsigned messages, ends;
    enum yoke_code code;
};

static void on_message(struct yoke_call *call, const Probe__Number *message, void *user_data) {
    (void)call;
    (void)message;
    ((struct watched *)user_data)->messages++;
}

static void on_end(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    struct watched *watched = user_data;
    (void)call;
    watched->ends++;
    watched->code = status->code;
}

static void a_stream_of_replies_is_begun_again(void) {
    struct lab lab;
    struct watched watched = {0};
    const Probe__Keyed request = PROBE__KEYED__INIT;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    struct yoke_channel *channel = yoke_pool_channel(lab.pool);
    struct yoke_call *call;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    REQUIRE_INT(probe_routed_keep_stream(channel, &request, &options, on_message, on_end, &watched), 0);
    CHECK_INT(yoke_call_hold(call), 0);
    unsigned place = kill_keeper(&lab, 1);
    routed_let_go(&lab, place);
    CHECK_INT(watched.messages + watched.ends, 0);
    yoke_call_resume(call);
    LAB_WAIT(&lab, watched.ends > 0);
    CHECK_INT(watched.messages, 1);
    CHECK_INT(watched.code, YOKE_OK);
    lab_close(&lab);
}

/* ---- What is around a call ----------------------------------------------------------------------------------------- */

struct around_counts {
    unsigned started, finished;
};

static void on_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)status;
    (void)call_data;
    ((struct around_counts *)user_data)->started++;
    CHECK_INT(yoke_metadata_add(yoke_call_metadata(call), "trace", "1"), 0);
}

static void on_finish(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)call;
    (void)status;
    (void)call_data;
    ((struct around_counts *)user_data)->finished++;
}

static void interceptors_see_one_call(void) {
    struct lab lab;
    struct routed routed;
    struct around_counts counts = {0};
    struct yoke_metadata *metadata;
    const struct yoke_interceptor interceptor = {.start = on_start, .finish = on_finish};
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(yoke_channel_intercept(yoke_pool_channel(lab.pool), &interceptor, &counts), 0);
    REQUIRE_INT(yoke_metadata_create(&metadata), 0);
    REQUIRE_INT(yoke_metadata_add(metadata, "user", "me"), 0);
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .metadata = metadata};
    REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", &options, &routed), 0);
    yoke_metadata_destroy(metadata);
    unsigned place = kill_keeper(&lab, 1);
    CHECK_INT(counts.started, 1);
    CHECK_INT(counts.finished, 0);
    routed_let_go(&lab, place);
    LAB_WAIT(&lab, routed.result.count > 0);
    LAB_CHECK_ENDED(&routed.result, YOKE_OK);
    CHECK_INT(counts.started, 1);
    CHECK_INT(counts.finished, 1);
    lab_close(&lab);
}

/* Kills the first worker that keeps the call, and lets the second answer it, while the call blocks. */
static void on_kept(const struct yoke_peer *peer, const Probe__Noticed *event, void *user_data) {
    struct lab *lab = user_data;
    (void)peer;
    struct yoke_child *child = yoke_pool_child(lab->pool, (unsigned)event->value);
    static struct lab_result result;
    if (lab->noticed_count == 1) {
        CHECK_INT(yoke_child_kill(child, SIGKILL), 0);
    } else {
        CHECK_INT(lab_call_number(lab, probe_routed_let_go, yoke_child_channel(child), &result), 0);
    }
}

static void a_call_that_blocks_is_made_again(void) {
    struct lab lab;
    struct yoke_sync sync = {YOKE_SYNC_INIT};
    const Probe__Keyed request = PROBE__KEYED__INIT;
    const Probe__Number *reply;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(probe_noticed_on(yoke_master_events(lab.master), on_kept, &lab), 0);
    CHECK_INT(probe_routed_keep_sync(yoke_pool_channel(lab.pool), &request, NULL, &sync, &reply), 0);
    CHECK_INT(lab.noticed_count, 2);
    yoke_sync_release(&sync);
    lab_close(&lab);
}

/* ---- Many ----------------------------------------------------------------------------------------------------------- */

/* Whatever dies when, each ends once and well. */
static void kills_under_load_cost_no_idempotent_call(void) {
    enum { CALLS = 30 };
    static struct routed calls[CALLS];
    struct lab lab;
    const struct yoke_pool_options pool = {.retry = {.budget_percent = 100}};
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    routed_open(&lab, 4, true, &pool);
    for (unsigned round = 0; round < 20; round++) {
        struct yoke_child *victim = yoke_pool_child(lab.pool, round % 4);
        for (unsigned i = 0; i < CALLS; i++) {
            REQUIRE_INT(routed_call(&lab, probe_routed_keep, NULL, "", &options, &calls[i]), 0);
        }
        unsigned noticed = lab.noticed_count;
        LAB_WAIT(&lab, lab.noticed_count > noticed && yoke_child_state(victim) == YOKE_CHILD_READY);
        routed_kill(&lab, round % 4);
        unsigned ended = 0;
        while (ended < CALLS) {
            for (unsigned i = 0; i < 4; i++) {
                LAB_WAIT(&lab, yoke_child_state(yoke_pool_child(lab.pool, i)) == YOKE_CHILD_READY);
                routed_let_go(&lab, i);
            }
            ended = 0;
            for (unsigned i = 0; i < CALLS; i++) {
                ended += calls[i].result.count > 0;
            }
        }
        for (unsigned i = 0; i < CALLS; i++) {
            LAB_CHECK_ENDED(&calls[i].result, YOKE_OK);
        }
    }
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "an idempotent call survives its worker", .run = an_idempotent_call_survives_its_worker},
    {.name = "the third attempt is the last", .run = the_third_attempt_is_the_last},
    {.name = "another call ends at once", .run = another_call_ends_at_once},
    {.name = "a call to one worker is not made again", .run = a_call_to_one_worker_is_not_made_again},
    {.name = "it can be switched off", .run = it_can_be_switched_off},
    {.name = "what was not sent moves on", .run = what_was_not_sent_moves_on},
    {.name = "a pool of one makes it again", .run = a_pool_of_one_makes_it_again},
    {.name = "the last worker of all ends it", .run = the_last_worker_of_all_ends_it},
    {.name = "it ends as its user or its deadline says", .run = it_ends_as_its_user_or_its_deadline_says},
    {.name = "it ends with the pool, or the master", .run = it_ends_with_the_pool_or_the_master},
    {.name = "a stream of replies is begun again", .run = a_stream_of_replies_is_begun_again},
    {.name = "interceptors see one call", .run = interceptors_see_one_call},
    {.name = "a call that blocks is made again", .run = a_call_that_blocks_is_made_again},
    {.name = "kills under load cost no idempotent call", .run = kills_under_load_cost_no_idempotent_call},
    {.name = NULL},
};

LAB_MAIN(cases)
