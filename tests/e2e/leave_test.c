/* leave_test.c: workers that go away under load, or that drain: no call is lost, none is handled twice. And pings. */
#include "lab.h"

#include <stdlib.h>

/* ---- A worker that stops while calls come ------------------------------------------------------------------------ */

#define STOPS 12
#define IN_FLIGHT 64

/* Calls over a pool, each made again when it is safe to. Each handler that runs tells it by one Tick. */
struct load {
    struct lab *lab;
    bool is_over; /* no new calls */
    unsigned made, live, ok, retried, lost;
};

static void make_one(struct load *load);

static void on_burst(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                     void *user_data) {
    struct load *load = user_data;
    (void)reply;
    load->live--;
    if (status->code == YOKE_OK) {
        load->ok++;
    } else if (yoke_call_is_safe_to_retry(call)) {
        CHECK_STR(yoke_code_name(status->code), "UNAVAILABLE");
        load->retried++;
        load->made--;
        make_one(load);
        return;
    } else {
        printf("lost: %s: %s\n", yoke_code_name(status->code), status->message);
        load->lost++;
    }
    if (!load->is_over) {
        make_one(load);
    }
}

static void make_one(struct load *load) {
    Probe__BurstRequest request = PROBE__BURST_REQUEST__INIT;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .wait_for_ready = true};
    request.events = 1;
    load->made++;
    load->live++;
    REQUIRE_INT(probe_worker_burst(yoke_pool_channel(load->lab->pool), &request, &options, on_burst, load), 0);
}

/* Workers stop one after the other, and are replaced, while the calls go on. Those that cross the end of one are made again by the
 * pool, or, when it does not, by us. */
static void stop_under_load(uint32_t max_attempts) {
    struct lab lab;
    const struct yoke_pool_options pool = {.retry = {.max_attempts = max_attempts}};
    struct lab_result finished[STOPS] = {0};
    struct load load = {.lab = &lab};
    lab_open(&lab, &(struct lab_options){.workers = 3, .restart = true, .restart_pause_ms = 1, .pool = &pool});
    for (unsigned i = 0; i < IN_FLIGHT; i++) {
        make_one(&load);
    }
    for (unsigned i = 0; i < STOPS; i++) {
        struct yoke_child *child = yoke_pool_child(lab.pool, i % 3);
        unsigned ok = load.ok;
        LAB_WAIT(&lab, load.ok > ok + 50 && yoke_child_state(child) == YOKE_CHILD_READY);
        REQUIRE_INT(lab_finish(&lab, yoke_child_channel(child), PROBE__END__END_STOP, 0, &finished[i]), 0);
    }
    LAB_WAIT(&lab, lab.death_count == STOPS);
    load.is_over = true;
    LAB_WAIT(&lab, load.live == 0);
    CHECK_INT(load.lost, 0);
    CHECK_INT(load.ok, load.made);
    CHECK_INT(lab.tick_count, load.ok);
    CHECK(max_attempts == 1 ? load.retried > 0 : load.retried == 0);
    for (unsigned i = 0; i < STOPS; i++) {
        LAB_CHECK_ENDED(&finished[i], YOKE_OK);
        CHECK_INT(lab.deaths[i].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_EXITED);
        CHECK_INT(lab.deaths[i].exit_code, 0);
    }
    lab_close(&lab);
}

static void workers_that_stop_under_load_lose_no_call(void) {
    stop_under_load(0);
}

static void what_the_pool_does_not_make_again_its_caller_can(void) {
    stop_under_load(1);
}

/* Say that it stops, and live on: a call keeps it. */
static void leave_and_live_on(struct lab *lab, struct lab_result *kept, struct lab_result *finished) {
    struct yoke_channel *channel = lab_channel(lab);
    REQUIRE_INT(lab_never(lab, channel, kept), 0);
    REQUIRE_INT(lab_finish(lab, channel, PROBE__END__END_STOP, 0, finished), 0);
    LAB_WAIT(lab, finished->count > 0);
}

static void on_while(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)watcher;
    (void)events;
    ev_break(loop, EVBREAK_ONE);
}

static void workers_that_leave_and_live_on_do_not_become_ever_more(void) {
    struct lab lab;
    struct lab_result kept[2] = {0};
    struct lab_result finished[2] = {0};
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 1, .stop_timeout_ms = YOKE_NEVER});
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    const pid_t first = yoke_child_pid(child);
    leave_and_live_on(&lab, &kept[0], &finished[0]);
    LAB_WAIT(&lab, lab.ready_count == 2);
    leave_and_live_on(&lab, &kept[1], &finished[1]);
    LAB_WAIT(&lab, yoke_child_state(child) == YOKE_CHILD_STOPPING);
    /* Time for a third, which is not to come. */
    ev_timer timer;
    ev_timer_init(&timer, on_while, 0.05, 0.);
    ev_timer_start(lab.loop, &timer);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.birth_count, 2);
    REQUIRE_INT(kill(first, SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(lab.birth_count, 2);
    /* But it is replaced when it is dead. */
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 3);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

/* ---- Draining ---------------------------------------------------------------------------------------------------- */

static int drain(struct lab *lab, uint64_t timeout_us, int code, struct lab_result *result) {
    Probe__EndRequest request = PROBE__END_REQUEST__INIT;
    request.how = PROBE__END__END_DRAIN;
    request.code = code;
    request.timeout_us = timeout_us;
    *result = (struct lab_result){.lab = lab};
    return probe_worker_finish(lab_channel(lab), &request, NULL, lab_on_empty, result);
}

/* A call that its handler keeps, and one of the worker's own that the master keeps. */
static void a_worker_that_drains_gives_up_what_is_held(void) {
    struct lab lab;
    struct lab_result held = {0};
    struct lab_result finished;
    struct lab_master_call asked = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Hold"};
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &asked), 0);
    REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), "x", 1, &held), 0);
    LAB_WAIT(&lab, lab.common.held_count == 1);
    REQUIRE_INT(drain(&lab, 1000, 3, &finished), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&finished, YOKE_OK);
    LAB_CHECK_ENDED(&held, YOKE_UNAVAILABLE);
    CHECK_CONTAINS(held.message, "stopped before it could answer");
    LAB_CHECK_ENDED(&asked.result, YOKE_UNAVAILABLE);
    CHECK(yoke_call_is_cancelled(lab.common.held[0].call));
    CHECK_INT(lab.deaths[0].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_EXITED);
    CHECK_INT(lab.deaths[0].exit_code, 3);
    CHECK_INT(lab.deaths[0].calls_in_flight, 0);
    lab_close(&lab);
}

/* With nothing in flight it does not wait. */
static void a_worker_that_drains_ends_when_all_is_answered(void) {
    struct lab lab;
    struct lab_result finished;
    struct lab_result slow = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_slow(&lab, lab_channel(&lab), 20, &slow), 0);
    REQUIRE_INT(drain(&lab, UINT64_C(3600000000), 4, &finished), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&finished, YOKE_OK);
    LAB_CHECK_ENDED(&slow, YOKE_OK);
    CHECK_INT(lab.deaths[0].exit_code, 4);
    lab_close(&lab);
}

/* ---- Workers that call while their pool stops -------------------------------------------------------------------- */

struct kept {
    unsigned count, ok, safe, unsafe;
};

static void on_kept_calling(const struct yoke_peer *peer, const Probe__KeptCalling *event, void *user_data) {
    struct kept *kept = user_data;
    (void)peer;
    kept->count++;
    kept->ok += event->ok;
    kept->safe += event->safe;
    kept->unsafe += event->unsafe;
    CHECK_INT(event->error, -ENOTCONN);
}

static unsigned echoed;

static void count_start(struct yoke_call *call, struct yoke_status *status, void **call_data, void *user_data) {
    (void)status;
    (void)call_data;
    (void)user_data;
    echoed += yoke_call_method(call) == probe_common_echo_method.name;
}

/* Each of their calls is answered, or was not handled and says so. */
static void workers_that_call_while_their_pool_stops_are_told(void) {
    enum { WORKERS = 4 };
    static const struct yoke_interceptor counting = {.start = count_start};
    struct lab lab;
    struct kept kept = {0};
    struct lab_result begun[WORKERS] = {0};
    const struct lab_options options = {.workers = WORKERS};
    lab_open_master(&lab, &options);
    REQUIRE_INT(yoke_server_intercept(yoke_master_server(lab.master), &counting, NULL), 0);
    REQUIRE_INT(probe_kept_calling_on(yoke_master_events(lab.master), on_kept_calling, &kept), 0);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    LAB_WAIT(&lab, lab.ready_count == WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab.pool, i));
        REQUIRE_INT(lab_call_empty(&lab, probe_worker_keep_calling, channel, &begun[i]), 0);
    }
    LAB_WAIT(&lab, echoed > 1000);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(kept.count, WORKERS);
    CHECK_INT(kept.unsafe, 0);
    CHECK_INT(kept.ok, echoed);
    CHECK(kept.safe <= WORKERS);
    for (unsigned i = 0; i < WORKERS; i++) {
        LAB_CHECK_ENDED(&begun[i], YOKE_OK);
        CHECK_INT(lab.deaths[i].reason, YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED);
        CHECK_INT(lab.deaths[i].exit_code, 0);
    }
    lab_close(&lab);
}

/* ---- Pings ------------------------------------------------------------------------------------------------------- */

struct pong {
    unsigned count;
    enum yoke_code code;
};

static void on_pong(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    struct pong *pong = user_data;
    CHECK(answer_us < 3600000000u);
    pong->count++;
    pong->code = status->code;
}

static enum yoke_code ping(struct lab *lab, struct yoke_channel *channel, uint64_t timeout_us) {
    struct pong pong = {0};
    REQUIRE_INT(yoke_channel_ping(channel, timeout_us, on_pong, &pong), 0);
    LAB_WAIT(lab, pong.count > 0);
    CHECK_INT(pong.count, 1);
    return pong.code;
}

static void pings_are_answered_both_ways(void) {
    struct lab lab;
    struct lab_result up = {0};
    lab_open(&lab, NULL);
    CHECK_STR(yoke_code_name(ping(&lab, lab_channel(&lab), 0)), "OK");
    CHECK_STR(yoke_code_name(ping(&lab, yoke_pool_channel(lab.pool), 60000000)), "OK");
    REQUIRE_INT(lab_call_number(&lab, probe_worker_ping_master, lab_channel(&lab), &up), 0);
    LAB_WAIT(&lab, up.count > 0);
    LAB_CHECK_ENDED(&up, YOKE_OK);
    CHECK_INT(up.number, YOKE_OK);
    lab_close(&lab);
}

static void a_ping_tells_that_a_worker_does_not_answer(void) {
    struct lab lab;
    struct pong pong = {0};
    lab_open(&lab, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
    CHECK_STR(yoke_code_name(ping(&lab, lab_channel(&lab), 20000)), "DEADLINE_EXCEEDED");
    REQUIRE_INT(yoke_child_kill(child, SIGCONT), 0);
    CHECK_STR(yoke_code_name(ping(&lab, lab_channel(&lab), 0)), "OK");
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
    REQUIRE_INT(yoke_channel_ping(lab_channel(&lab), 0, on_pong, &pong), 0);
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(pong.count, 1);
    CHECK_STR(yoke_code_name(pong.code), "UNAVAILABLE");
    CHECK_INT(yoke_channel_ping(lab_channel(&lab), 0, on_pong, &pong), -ENOTCONN);
    CHECK_INT(yoke_channel_ping(yoke_pool_channel(lab.pool), 0, on_pong, &pong), -ENOTCONN);
    CHECK_INT(pong.count, 1);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "workers that stop under load lose no call", .run = workers_that_stop_under_load_lose_no_call},
    {.name = "what the pool does not make again its caller can",
     .run = what_the_pool_does_not_make_again_its_caller_can},
    {.name = "workers that leave and live on do not become ever more",
     .run = workers_that_leave_and_live_on_do_not_become_ever_more},
    {.name = "a worker that drains gives up what is held", .run = a_worker_that_drains_gives_up_what_is_held},
    {.name = "a worker that drains ends when all is answered", .run = a_worker_that_drains_ends_when_all_is_answered},
    {.name = "workers that call while their pool stops are told",
     .run = workers_that_call_while_their_pool_stops_are_told},
    {.name = "pings are answered both ways", .run = pings_are_answered_both_ways},
    {.name = "a ping tells that a worker does not answer", .run = a_ping_tells_that_a_worker_does_not_answer},
    {.name = NULL},
};

LAB_MAIN(cases)
