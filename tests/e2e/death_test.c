/*
 * death_test.c: how workers die and what their master hears of it: every way to exit, every signal, with calls under
 * way, with much or half a frame just sent. The order is always: what was sent, then the calls, then one WorkerDied.
 */
#include "bytes.h"
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

/* The one death that there was, with this reason, exit code and signal. */
static const struct lab_death *check_death(struct lab *lab, int reason, int exit_code, int signal) {
    CHECK_INT(lab->death_count, 1);
    const struct lab_death *death = &lab->deaths[0];
    CHECK_INT(death->reason, reason);
    CHECK_INT(death->exit_code, exit_code);
    CHECK_INT(death->signal, signal);
    CHECK_INT(death->worker_id, lab->births[0].worker_id);
    CHECK_INT(death->pid, lab->births[0].pid);
    CHECK_STR(death->pool, "lab");
    CHECK_INT(death->index, 0);
    const struct yoke_child *child = yoke_pool_child(lab->pool, 0);
    CHECK_INT(yoke_child_state(child), YOKE_CHILD_DEAD);
    CHECK_INT(yoke_child_pid(child), 0);
    CHECK_INT(yoke_child_calls_in_flight(child), 0);
    CHECK(!yoke_child_serves(child, "probe.Common"));
    CHECK_INT(yoke_child_kill(yoke_pool_child(lab->pool, 0), SIGTERM), -ESRCH);
    return death;
}

static void wait_for_death(struct lab *lab) {
    LAB_WAIT(lab, lab->death_count > 0);
}

/* ---- Ways to end */

static void check_exit(Probe__End how, int code) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), how, code, &result), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(EXITED), code, 0);
    char expected[40];
    snprintf(expected, sizeof(expected), "exited with code %d", code);
    CHECK_CONTAINS(death->detail, expected);
    CHECK(!death->core_dumped);
    if (how == PROBE__END__END_STOP) {
        LAB_CHECK_ENDED(&result, YOKE_OK); /* accepted for sending before a clean exit, so delivered */
        CHECK_INT(death->calls_in_flight, 0);
    } else {
        LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
        CHECK_CONTAINS(result.message, expected);
        CHECK_INT(death->calls_in_flight, 1);
    }
    lab_close(&lab);
}

static const int exit_codes[] = {0, 1, 2, 77, 255};

static void every_clean_exit_code_is_told(void) {
    for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
        check_exit(PROBE__END__END_STOP, exit_codes[i]);
    }
}

static void every_sudden_exit_code_is_told(void) {
    for (size_t i = 0; i < sizeof(exit_codes) / sizeof(exit_codes[0]); i++) {
        check_exit(PROBE__END__END_EXIT, exit_codes[i]);
    }
}

static void every_signal_is_told(void) {
    int signals[64];
    unsigned count = 0;
    for (int signal = 1; signal < SIGSYS + 1; signal++) {
        if (signal != SIGCHLD && signal != SIGCONT && signal != SIGURG && signal != SIGWINCH && signal != SIGSTOP &&
            signal != SIGTSTP && signal != SIGTTIN && signal != SIGTTOU) {
            signals[count++] = signal;
        }
    }
    signals[count++] = SIGRTMIN;
    signals[count++] = SIGRTMAX;
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = count});
    for (unsigned i = 0; i < count; i++) {
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, i), signals[i]), 0);
    }
    LAB_WAIT(&lab, lab.death_count == count);
    for (unsigned i = 0; i < count; i++) {
        const struct lab_death *death = &lab.deaths[i];
        CHECK_INT(death->signal, signals[death->index]);
        CHECK_INT(death->exit_code, -1);
        CHECK_INT(death->reason, REASON(SIGNALLED));
    }
    lab_close(&lab);
}

static void a_worker_that_raises_a_signal_is_told_so(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_RAISE, SIGSEGV, &result), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(SIGNALLED), -1, SIGSEGV);
    CHECK_CONTAINS(death->detail, "SIGSEGV");
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_CONTAINS(result.message, "SIGSEGV");
    lab_close(&lab);
}

/* Whether a core is dumped is up to the system; a child of our own in the same place says what to expect. */
static void a_dumped_core_is_told(void) {
    char directory[] = "/tmp/yoke-core-XXXXXX";
    REQUIRE(mkdtemp(directory) != NULL);
    REQUIRE_INT(chdir(directory), 0);
    struct rlimit core;
    REQUIRE_INT(getrlimit(RLIMIT_CORE, &core), 0);
    core.rlim_cur = core.rlim_max < 1 << 20 ? core.rlim_max : 1 << 20;
    REQUIRE_INT(setrlimit(RLIMIT_CORE, &core), 0);
    pid_t control = fork();
    if (control == 0) {
        signal(SIGABRT, SIG_DFL);
        abort();
    }
    int status = 0;
    waitpid(control, &status, 0);

    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    /* A sanitizer may have taken the limit back in a program that it started. */
    REQUIRE_INT(lab_finish(&lab, lab_channel(&lab), PROBE__END__END_RAISE, SIGABRT, &result), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(SIGNALLED), -1, SIGABRT);
    if (!test_has_asan() || !lab_is_exec()) {
        CHECK_INT(death->core_dumped, WCOREDUMP(status) != 0);
    }
    lab_close(&lab);
    char command[100];
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    REQUIRE_INT(system(command), 0);
}

static void a_worker_that_returns_without_running_is_told(void) {
    struct lab lab;
    const struct lab_options options = {.scenario = PROBE_RETURN};
    struct lab_result result = {0};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    wait_for_death(&lab);
    check_death(&lab, REASON(EXITED), 5, 0);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.birth_count, 1);
    CHECK_INT(lab.ready_count, 0);
    lab_close(&lab);
}

static void a_worker_that_dies_before_it_is_ready_is_told(void) {
    struct lab lab;
    const struct lab_options options = {.scenario = PROBE_SILENT};
    struct lab_result result = {0};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    wait_for_death(&lab);
    check_death(&lab, REASON(SIGNALLED), -1, SIGKILL);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.birth_count, 1);
    CHECK_INT(lab.ready_count, 0);
    CHECK(lab.births[0].started_order < lab.deaths[0].order);
    lab_close(&lab);
}

static void a_worker_starts_then_is_ready_then_dies(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 5});
    REQUIRE_INT(lab.birth_count, 5);
    for (unsigned i = 0; i < 5; i++) {
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, i), SIGTERM), 0);
    }
    LAB_WAIT(&lab, lab.death_count == 5);
    for (unsigned i = 0; i < 5; i++) {
        const struct lab_birth *birth = &lab.births[lab.deaths[i].index];
        CHECK_INT(birth->worker_id, lab.deaths[i].worker_id);
        CHECK_INT(birth->pid, lab.deaths[i].pid);
        CHECK(birth->started_order > 0 && birth->started_order < birth->ready_order);
        CHECK(birth->ready_order < lab.deaths[i].order);
    }
    /* And nothing more comes: the loop has nothing left to wait for. */
    ev_run(lab.loop, 0);
    CHECK_INT(lab.death_count, 5);
    CHECK_INT(lab.ready_count, 5);
    CHECK_INT(lab.stopped_count, 0);
    lab_close(&lab);
}

/* ---- Calls under way */

#define CALLS 200

static void calls_under_way_end_once_as_unavailable_and_before_the_death_is_told(void) {
    static struct lab_result results[CALLS];
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    struct yoke_channel *other = yoke_child_channel(yoke_pool_child(lab.pool, 1));
    struct lab_result survivor = {0};
    const pid_t pid = yoke_child_pid(yoke_pool_child(lab.pool, 0));
    REQUIRE_INT(lab_hold(&lab, other, "x", 1, &survivor), 0);
    for (int i = 0; i < CALLS; i++) {
        REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &results[i]), 0);
    }
    lab_check_echo(&lab, lab_channel(&lab)); /* so the worker has them all */
    CHECK_INT(yoke_child_calls_in_flight(yoke_pool_child(lab.pool, 0)), CALLS);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(SIGNALLED), -1, SIGKILL);
    CHECK_INT(death->calls_in_flight, CALLS);
    char worker[40];
    snprintf(worker, sizeof(worker), "worker %d (pid %d)", (int)death->worker_id, (int)pid);
    for (int i = 0; i < CALLS; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_UNAVAILABLE);
        CHECK(results[i].order < death->order);
        CHECK_INT(results[i].peer.pid, pid);
        CHECK_CONTAINS(results[i].message, worker);
        CHECK_CONTAINS(results[i].message, "SIGKILL");
    }
    CHECK_INT(survivor.count, 0);
    lab_check_echo(&lab, other);
    CHECK_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &results[0]), -ENOTCONN);
    Probe__Tick tick = PROBE__TICK__INIT;
    CHECK_INT(probe_tick_emit(lab_channel(&lab), &tick), -ENOTCONN);
    lab_close(&lab);
    LAB_CHECK_ENDED(&survivor, YOKE_UNAVAILABLE); /* by the destruction of its master */
}

/* Runs in the turn of the loop that brings the death, before it is handled. */
static void cancel_call(struct ev_loop *loop, ev_check *watcher, int events) {
    (void)events;
    CHECK_INT(yoke_call_cancel(watcher->data), 0);
    ev_check_stop(loop, watcher);
}

static void on_never(struct yoke_call *call, const struct yoke_status *status, const Google__Protobuf__Empty *reply,
                     void *user_data) {
    (void)call;
    (void)reply;
    struct lab_result *result = user_data;
    result->count++;
    result->code = status->code;
    result->order = ++result->lab->order;
}

static void a_call_that_is_cancelled_as_the_worker_dies_ends_before_the_death_is_told(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct lab_result result = {.lab = &lab};
    struct yoke_call *call;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call};
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    REQUIRE_INT(probe_common_never(lab_channel(&lab), &request, &options, on_never, &result), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    const pid_t pid = yoke_child_pid(yoke_pool_child(lab.pool, 0));
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    siginfo_t info;
    REQUIRE_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    ev_check watcher;
    ev_check_init(&watcher, cancel_call);
    ev_set_priority(&watcher, EV_MAXPRI);
    watcher.data = call;
    ev_check_start(lab.loop, &watcher);
    wait_for_death(&lab);
    CHECK_INT(result.count, 1);
    CHECK_INT(result.code, YOKE_CANCELLED);
    CHECK(result.order < lab.deaths[0].order);
    lab_close(&lab);
}

static void try_again(struct lab_result *result) {
    static int tries = 0;
    result->also = NULL;
    tries++;
    struct lab_result *again = calloc(1, sizeof(*again));
    CHECK_INT(lab_echo(result->lab, lab_channel(result->lab), "x", 1, again), -ENOTCONN);
    CHECK_INT(tries, 1);
    free(again);
}

static void a_completion_may_try_again_and_is_told_that_nobody_is_there(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    result.also = try_again;
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    wait_for_death(&lab);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    lab_close(&lab);
}

/* The other way round: calls of the worker that the master has not answered when it dies. */

static void a_dead_workers_calls_can_still_be_answered_without_harm(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Hold"};
    request.count = 50;
    request.data.data = (uint8_t[10000]){7};
    request.data.len = 10000;
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, lab.common.held_count == 50);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    wait_for_death(&lab);
    LAB_CHECK_ENDED(&call.result, YOKE_UNAVAILABLE);
    CHECK_INT(lab.common.held[49].request->data.data[0], 7); /* the request lives as long as the call */
    common_release(&lab.common, false);
    CHECK_INT(lab.common.last_error, -ENOTCONN);
    lab_close(&lab);
}

static void a_call_may_be_answered_after_its_master_is_gone(void) {
    struct lab lab;
    struct lab_master_call call = {0};
    Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
    lab_open(&lab, NULL);
    request.method = (char[]){"Hold"};
    request.count = 3;
    REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
    LAB_WAIT(&lab, lab.common.held_count == 3);
    CHECK_INT(yoke_master_destroy(lab.master), 0);
    ev_loop_destroy(lab.loop);
    CHECK_STR(yoke_call_method(lab.common.held[0].call), "probe.Common/Hold");
    CHECK_INT(yoke_call_fail(lab.common.held[0].call, YOKE_ABORTED, "late"), -ENOTCONN);
    lab.common.held[0] = lab.common.held[--lab.common.held_count];
    common_release(&lab.common, false);
    CHECK_INT(lab.common.last_error, -ENOTCONN);
}

static void answer_held(struct lab_result *result) {
    common_release(&result->lab->common, false);
    CHECK_INT(result->lab->common.last_error, -ENOTCONN);
}

/* A completion and a deferred answer are neighbours in the connection's books, in either order. */
static void a_completion_may_answer_a_call_of_the_dead_worker(void) {
    for (int order = 0; order < 4; order++) {
        struct lab lab;
        struct lab_result results[4] = {0};
        struct lab_master_call call = {0};
        Probe__CallMasterRequest request = PROBE__CALL_MASTER_REQUEST__INIT;
        lab_open(&lab, NULL);
        request.method = (char[]){"Hold"};
        request.count = 3;
        for (int i = 0; i < order; i++) {
            REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &results[i]), 0);
        }
        REQUIRE_INT(lab_call_master(&lab, lab_channel(&lab), &request, &call), 0);
        LAB_WAIT(&lab, lab.common.held_count == 3);
        call.result.also = answer_held;
        for (int i = order; i < 4; i++) {
            REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &results[i]), 0);
        }
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
        wait_for_death(&lab);
        LAB_CHECK_ENDED(&call.result, YOKE_UNAVAILABLE);
        for (int i = 0; i < 4; i++) {
            LAB_CHECK_ENDED(&results[i], YOKE_UNAVAILABLE);
        }
        CHECK_INT(lab.deaths[0].calls_in_flight, 5);
        lab_close(&lab);
    }
}

/* ---- What was sent before */

static void all_that_was_accepted_before_a_clean_exit_is_delivered(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_burst(&lab, lab_channel(&lab), 1024, 1024, PROBE__END__END_STOP, 3, &result), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(EXITED), 3, 0);
    CHECK_INT(lab.tick_count, 1024);
    CHECK_INT(lab.ticks_out_of_order, 0);
    CHECK_INT(lab.tick_bytes, 1024 * 1024);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK(lab.last_tick_order < death->order && result.order < death->order);
    lab_close(&lab);
}

static void all_that_was_accepted_before_the_entry_returns_is_delivered(void) {
    struct lab lab;
    const struct lab_options options = {.scenario = PROBE_EMIT_AND_RETURN};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    wait_for_death(&lab);
    check_death(&lab, REASON(EXITED), 5, 0);
    CHECK_INT(lab.tick_count, 1024);
    CHECK_INT(lab.ticks_out_of_order, 0);
    CHECK_INT(lab.tick_bytes, 1024 * 1024);
    lab_close(&lab);
}

static void replies_accepted_before_a_clean_exit_are_delivered(void) {
    static struct lab_result results[1024];
    static uint8_t data[1024];
    struct lab lab;
    lab_open(&lab, NULL);
    for (size_t i = 0; i < 1024; i++) {
        memset(data, (int)i, sizeof(data));
        REQUIRE_INT(lab_hold(&lab, lab_channel(&lab), data, sizeof(data), &results[i]), 0);
    }
    Probe__EndRequest end = PROBE__END_REQUEST__INIT;
    struct lab_result last = {.lab = &lab};
    end.how = PROBE__END__END_STOP;
    REQUIRE_INT(probe_worker_release_and_finish(lab_channel(&lab), &end, NULL, lab_on_empty, &last), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(EXITED), 0, 0);
    CHECK_INT(death->calls_in_flight, 0);
    LAB_CHECK_ENDED(&last, YOKE_OK);
    for (size_t i = 0; i < 1024; i++) {
        LAB_CHECK_ENDED(&results[i], YOKE_OK);
        CHECK(results[i].size == sizeof(data) && results[i].data[1023] == (uint8_t)i);
        lab_release(&results[i]);
    }
    lab_close(&lab);
}

/* Frames of Ticks as the worker would send them, `tail` bytes of one more included. To be released. */
static struct bytes make_ticks(unsigned count, unsigned bytes, size_t tail) {
    struct bytes frames = {0};
    size_t complete = 0;
    Probe__Tick tick = PROBE__TICK__INIT;
    tick.data.len = bytes;
    tick.data.data = calloc(bytes + 1, 1);
    uint8_t *payload = malloc(bytes + 32);
    REQUIRE(payload != NULL && tick.data.data != NULL);
    for (unsigned i = 0; i <= count; i++) {
        complete = frames.size;
        tick.number = i;
        size_t length = probe__tick__pack(&tick, payload);
        bytes_frame(&frames, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id}, payload, length);
    }
    free(payload);
    free(tick.data.data);
    frames.size = complete + tail;
    return frames;
}

static void check_frames_before_kill(unsigned count, unsigned bytes, size_t tail) {
    struct lab lab;
    struct lab_result result = {0};
    struct lab_result never = {0};
    struct bytes frames = make_ticks(count, bytes, tail);
    lab_open(&lab, NULL);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    REQUIRE_INT(
        lab_send_raw(&lab, lab_channel(&lab), frames.data, frames.size, PROBE__END__END_RAISE, SIGKILL, &result), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(SIGNALLED), -1, SIGKILL);
    CHECK_INT(lab.tick_count, count);
    CHECK_INT(lab.ticks_out_of_order, 0);
    CHECK_INT(lab.tick_bytes, (uint64_t)count * bytes);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
    CHECK(count == 0 || (lab.last_tick_order < result.order && result.order < death->order));
    bytes_release(&frames);
    lab_close(&lab);
}

static void every_frame_sent_before_a_kill_is_delivered(void) {
    check_frames_before_kill(1, 0, 0);
    check_frames_before_kill(10000, 0, 0);
    check_frames_before_kill(1024, 1024, 0);
    check_frames_before_kill(3, 350000, 0);
}

static void a_frame_cut_short_by_a_kill_is_no_violation(void) {
    static const size_t tails[] = {1, 2, 15, 16, 17, 100, 1024};
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        check_frames_before_kill(2, 1024, tails[i]);
    }
    check_frames_before_kill(1, 350000, 200000);
}

/* The worker is a zombie before its master looks at all: the bytes are still there, and come before the death. */
static void what_a_worker_sent_is_delivered_even_if_it_was_dead_long_before(void) {
    struct lab lab;
    struct lab_result result = {0};
    struct bytes frames = make_ticks(64, 1000, 500);
    lab_open(&lab, NULL);
    const pid_t pid = yoke_child_pid(yoke_pool_child(lab.pool, 0));
    REQUIRE_INT(
        lab_send_raw(&lab, lab_channel(&lab), frames.data, frames.size, PROBE__END__END_RAISE, SIGKILL, &result), 0);
    ev_run(lab.loop, EVRUN_NOWAIT); /* sends the call */
    while (test_process_lives(pid)) {
        usleep(1000);
    }
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(SIGNALLED), -1, SIGKILL);
    CHECK_INT(lab.tick_count, 64);
    CHECK(lab.last_tick_order < result.order && result.order < death->order);
    bytes_release(&frames);
    lab_close(&lab);
}

/* ---- The figures */

static void the_death_tells_what_the_worker_cost(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    Probe__SpendRequest request = PROBE__SPEND_REQUEST__INIT;
    request.cpu_ms = 50;
    request.memory_bytes = 64u << 20;
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_worker_spend(lab_channel(&lab), &request, NULL, lab_on_empty, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGTERM), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(SIGNALLED), -1, SIGTERM);
    CHECK(death->cpu_us >= 50000);
    CHECK(death->uptime_us > 0);
    CHECK(death->max_rss_bytes >= 64u << 20);
    CHECK(death->max_rss_bytes < (uint64_t)4 << 30);
    CHECK_INT(death->calls_in_flight, 0);
    lab_close(&lab);
}

static void a_stopped_process_is_not_a_dead_one(void) {
    struct lab lab;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
    REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), "x", 1, &result), 0);
    ev_run(lab.loop, EVRUN_NOWAIT);
    CHECK_INT(lab.death_count, 0);
    REQUIRE_INT(yoke_child_kill(child, SIGCONT), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
    REQUIRE_INT(yoke_child_kill(child, SIGKILL), 0);
    wait_for_death(&lab);
    check_death(&lab, REASON(SIGNALLED), -1, SIGKILL);
    lab_release(&result);
    lab_close(&lab);
}

static void a_signal_that_is_none_is_refused(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    CHECK_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), 1000), -EINVAL);
    CHECK_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), -1), -EINVAL);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

/* ---- A channel closed by a worker that lives on */

static void a_worker_that_closes_its_channel_but_lives_is_killed(void) {
    struct lab lab;
    struct lab_result result = {0};
    struct lab_result never = {0};
    lab_open(&lab, &(struct lab_options){.stop_timeout_ms = 20});
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &never), 0);
    REQUIRE_INT(lab_call_empty(&lab, probe_worker_close_channel, lab_channel(&lab), &result), 0);
    wait_for_death(&lab);
    const struct lab_death *death = check_death(&lab, REASON(CHANNEL_CLOSED), -1, SIGTERM);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
    CHECK_INT(death->calls_in_flight, 2);
    CHECK(result.order < death->order && never.order < death->order);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "every clean exit code is told", .run = every_clean_exit_code_is_told},
    {.name = "every sudden exit code is told", .run = every_sudden_exit_code_is_told},
    {.name = "every signal is told", .run = every_signal_is_told},
    {.name = "a worker that raises a signal is told so", .run = a_worker_that_raises_a_signal_is_told_so},
    {.name = "a dumped core is told", .run = a_dumped_core_is_told},
    {.name = "a worker that returns without running is told", .run = a_worker_that_returns_without_running_is_told},
    {.name = "a worker that dies before it is ready is told", .run = a_worker_that_dies_before_it_is_ready_is_told},
    {.name = "a worker starts, then is ready, then dies", .run = a_worker_starts_then_is_ready_then_dies},
    {.name = "calls under way end once, as UNAVAILABLE, before the death is told",
     .run = calls_under_way_end_once_as_unavailable_and_before_the_death_is_told},
    {.name = "a call that is cancelled as the worker dies ends before the death is told",
     .run = a_call_that_is_cancelled_as_the_worker_dies_ends_before_the_death_is_told},
    {.name = "a completion may try again and is told that nobody is there",
     .run = a_completion_may_try_again_and_is_told_that_nobody_is_there},
    {.name = "a dead worker's calls can still be answered without harm",
     .run = a_dead_workers_calls_can_still_be_answered_without_harm},
    {.name = "a call may be answered after its master is gone", .run = a_call_may_be_answered_after_its_master_is_gone},
    {.name = "a completion may answer a call of the dead worker",
     .run = a_completion_may_answer_a_call_of_the_dead_worker},
    {.name = "all that was accepted before a clean exit is delivered",
     .run = all_that_was_accepted_before_a_clean_exit_is_delivered},
    {.name = "all that was accepted before the entry returns is delivered",
     .run = all_that_was_accepted_before_the_entry_returns_is_delivered},
    {.name = "replies accepted before a clean exit are delivered",
     .run = replies_accepted_before_a_clean_exit_are_delivered},
    {.name = "every frame sent before a kill is delivered", .run = every_frame_sent_before_a_kill_is_delivered},
    {.name = "a frame cut short by a kill is no violation", .run = a_frame_cut_short_by_a_kill_is_no_violation},
    {.name = "what a worker sent is delivered even if it was dead long before",
     .run = what_a_worker_sent_is_delivered_even_if_it_was_dead_long_before},
    {.name = "the death tells what the worker cost", .run = the_death_tells_what_the_worker_cost},
    {.name = "a stopped process is not a dead one", .run = a_stopped_process_is_not_a_dead_one},
    {.name = "a signal that is none is refused", .run = a_signal_that_is_none_is_refused},
    {.name = "a worker that closes its channel but lives is killed",
     .run = a_worker_that_closes_its_channel_but_lives_is_killed},
    {.name = NULL},
};

LAB_MAIN(cases)
