/* amid_test.c: what users do, and what workers say, while a worker is just dying: nothing is lost, told twice, or out of order. */
#include "trace.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

static struct lab lab;
static struct trace trace;

static struct yoke_child *child_at(unsigned index) {
    return yoke_pool_child(lab.pool, index);
}

/* It has said that it stops, but has a call to answer. */
static void let_leave(unsigned index, struct lab_result *held) {
    struct lab_result finished = {0};
    REQUIRE_INT(lab_hold(&lab, yoke_child_channel(child_at(index)), "x", 1, held), 0);
    REQUIRE_INT(lab_finish(&lab, yoke_child_channel(child_at(index)), PROBE__END__END_STOP, 0, &finished), 0);
    LAB_WAIT(&lab, finished.count == 1 && yoke_child_state(child_at(index)) == YOKE_CHILD_STOPPING);
}

/* ---- From completions of the dead one's calls ---------------------------------------------------------------------- */

static void shrink(struct lab_result *result) {
    CHECK_INT(yoke_pool_scale(result->lab->pool, 1), 0);
}

static void grow(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    CHECK_INT(yoke_pool_scale(lab.pool, 2), 0);
}

/* The new worker has the memory of the dead. */
static void a_pool_can_shrink_and_grow_while_one_dies_that_was_leaving(void) {
    struct lab_result held = {0};
    lab_open(&lab,
             &(struct lab_options){.workers = 2, .pool = &(struct yoke_pool_options){.stop.drain_ms = YOKE_NEVER}});
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab.master), grow, NULL), 0);
    let_leave(1, &held);
    held.also = shrink;
    REQUIRE_INT(yoke_child_kill(child_at(1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 2);
    lab_check_echo(&lab, yoke_child_channel(child_at(0)));
    lab_check_echo(&lab, yoke_child_channel(child_at(1)));
    lab_close(&lab);
}

static pid_t second_pid;

static void wait_until_dead(pid_t pid) {
    siginfo_t info;
    REQUIRE_INT(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void run_loop(struct lab_result *result) {
    wait_until_dead(second_pid);
    for (unsigned i = 0; i < 3; i++) {
        ev_run(result->lab->loop, EVRUN_NOWAIT);
    }
}

static void what_runs_the_loop_while_a_master_is_destroyed_buries_nobody(void) {
    struct lab_result held[2] = {{0}, {0}};
    lab_open(&lab, &(struct lab_options){.workers = 3});
    trace_open(&trace, lab.master);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_INT(lab_hold(&lab, yoke_child_channel(child_at(i)), "x", 1, &held[i]), 0);
    }
    held[0].also = run_loop;
    second_pid = yoke_child_pid(child_at(1));
    /* Both are to be told from the loop. */
    CHECK_INT(yoke_pool_scale(lab.pool, 4), 0);
    CHECK_INT(yoke_pool_reload(lab.pool), 0);
    lab_close(&lab);
    LAB_CHECK_ENDED(&held[0], YOKE_UNAVAILABLE);
    LAB_CHECK_ENDED(&held[1], YOKE_UNAVAILABLE);
    CHECK_INT(trace.count, 0);
    CHECK_INT(lab.death_count, 0);
    CHECK_INT(lab.stopped_count, 0);
}

static struct yoke_call *given_up_call;
static unsigned given_up_count;

static void cancel_other(struct lab_result *result) {
    (void)result;
    yoke_call_cancel(given_up_call);
}

static void on_given_up(struct yoke_call *call, const struct yoke_status *status, const Probe__Payload *reply,
                        void *user_data) {
    (void)call;
    (void)status;
    (void)reply;
    (void)user_data;
    given_up_count++;
    LAB_WAIT(&lab, lab.death_count == 1);
}

static unsigned deaths_before_stop;

static void on_stopped(const struct yoke_peer *peer, const Yoke__V1__PoolStopped *event, void *user_data) {
    (void)peer;
    (void)event;
    (void)user_data;
    deaths_before_stop = lab.death_count;
}

/* The completion of a call that the death has made somebody give up runs the loop, in which the pool's last worker dies. */
static void a_pool_has_stopped_only_when_all_deaths_are_told(void) {
    struct lab_result held = {0};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    REQUIRE_INT(yoke_v1_pool_stopped_on(yoke_master_events(lab.master), on_stopped, NULL), 0);
    REQUIRE_INT(lab_hold(&lab, yoke_child_channel(child_at(0)), "x", 1, &held), 0);
    held.also = cancel_other;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &given_up_call};
    REQUIRE_INT(probe_common_hold(yoke_child_channel(child_at(1)), &request, &options, on_given_up, NULL), 0);
    yoke_pool_stop(lab.pool);
    REQUIRE_INT(yoke_child_kill(child_at(0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(given_up_count, 1);
    CHECK_INT(deaths_before_stop, 2);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

/* ---- Pauses ---------------------------------------------------------------------------------------------------------- */

static void a_pause_after_one_that_left_does_not_outlive_its_pool(void) {
    struct lab_result held = {0};
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 3600000});
    let_leave(0, &held);
    yoke_pool_stop(lab.pool);
    REQUIRE_INT(yoke_child_kill(child_at(0), SIGKILL), 0);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.death_count, 1);
    CHECK_INT(lab.stopped_count, 1);
    lab_close(&lab);
}

/* ---- What a worker has said before it died --------------------------------------------------------------------------- */

/* Workers of the second generation wait until it is set. */
static volatile int *may_greet;

static void on_user_signal(struct ev_loop *loop, ev_signal *watcher, int events) {
    (void)loop;
    (void)events;
    yoke_worker_stop(watcher->data, 0);
}

static int greet_when_told(struct yoke_worker *worker, void *user_data) {
    ev_signal stop;
    (void)user_data;
    ev_signal_init(&stop, on_user_signal, SIGUSR1);
    stop.data = worker;
    ev_signal_start(yoke_worker_loop(worker), &stop);
    while (yoke_worker_generation(worker) > 1 && *may_greet == 0) {
        sched_yield();
    }
    return yoke_worker_run(worker);
}

static bool has_somebody_spoken(void) {
    for (int fd = 3; fd < 256; fd++) {
        int type = 0, pending = 0;
        socklen_t size = sizeof(type);
        if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
            ioctl(fd, FIONREAD, &pending) == 0 && pending > 0) {
            return true;
        }
    }
    return false;
}

/* When the master looks again, it finds its HELLO and its death. */
static void die_behind_hello(const struct yoke_peer *peer, const Yoke__V1__WorkerStarted *event, void *user_data) {
    (void)peer;
    (void)user_data;
    if (event->generation > 1) {
        *may_greet = 1;
        while (!has_somebody_spoken()) {
            sched_yield();
        }
        REQUIRE_INT(kill(event->pid, SIGKILL), 0);
        wait_until_dead(event->pid);
    }
}

static void nobody_makes_room_for_one_that_is_dead(void) {
    may_greet = mmap(NULL, sizeof(*may_greet), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(may_greet != MAP_FAILED);
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = greet_when_told};
    lab_open_master(&lab, &(struct lab_options){.workers = 1});
    trace_open(&trace, lab.master);
    REQUIRE_INT(yoke_v1_worker_started_on(yoke_master_events(lab.master), die_behind_hello, NULL), 0);
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    LAB_WAIT(&lab, trace.ready == 1);
    REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reload_failed + trace.reloaded == 1);
    CHECK_INT(trace.reload_failed, 1);
    CHECK_INT(trace.started, 2);
    CHECK_INT(trace.draining, 0);
    CHECK_INT(yoke_child_id(child_at(0)), 1);
    CHECK_INT(yoke_child_state(child_at(0)), YOKE_CHILD_READY);
    lab_close(&lab);
    REQUIRE_INT(munmap((void *)may_greet, sizeof(*may_greet)), 0);
}

/* It says that it stops, hears nothing any more, and lives on. */
static int leave_and_stay(struct yoke_worker *worker, void *user_data) {
    const int exit_code = greet_when_told(worker, user_data);
    if (yoke_worker_index(worker) == 1) {
        (void)shutdown(3, SHUT_RD);
        *may_greet = 2;
        while (true) {
            pause();
        }
    }
    return exit_code;
}

/* That it cannot be told anything is noticed before what it has said is read. */
static void a_reload_does_not_wait_for_one_that_left_and_lives_on(void) {
    may_greet = mmap(NULL, sizeof(*may_greet), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(may_greet != MAP_FAILED);
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 2, .entry = leave_and_stay,
                                              .stop.drain_ms = YOKE_NEVER};
    lab_open_master(&lab, &(struct lab_options){.workers = 2});
    trace_open(&trace, lab.master);
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    LAB_WAIT(&lab, trace.ready == 2);
    REQUIRE_INT(yoke_child_kill(child_at(1), SIGUSR1), 0);
    while (*may_greet != 2) {
        sched_yield();
    }
    Probe__Tick tick = PROBE__TICK__INIT;
    REQUIRE_INT(probe_tick_emit(yoke_child_channel(child_at(1)), &tick), 0);
    LAB_WAIT(&lab, yoke_child_state(child_at(1)) == YOKE_CHILD_STOPPING);
    ev_run(lab.loop, EVRUN_NOWAIT);
    CHECK_INT(yoke_pool_scale(lab.pool, 1), 0);
    CHECK_INT(yoke_pool_reload(lab.pool), 0);
    LAB_WAIT(&lab, trace.reloaded == 1);
    CHECK_INT(trace.replaced, 1);
    lab_close(&lab);
    REQUIRE_INT(munmap((void *)may_greet, sizeof(*may_greet)), 0);
}

/* ---- What a worker is told before it has said anything --------------------------------------------------------------- */

static void stop_at_once(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    yoke_worker_stop(worker, 9);
}

static int drain_before_ready(struct yoke_worker *worker, void *user_data) {
    (void)user_data;
    if (yoke_worker_postpone_ready(worker) != 0 || yoke_worker_on_drain(worker, stop_at_once, NULL) != 0) {
        return 1;
    }
    return yoke_worker_run(worker);
}

static void one_that_drains_is_told_though_it_is_not_ready(void) {
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = drain_before_ready,
                                              .stop.drain_ms = YOKE_NEVER};
    lab_open_master(&lab, &(struct lab_options){.workers = 1});
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
    CHECK_INT(lab.deaths[0].exit_code, 9);
    CHECK_INT(lab.ready_count, 0);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a pool can shrink and grow while one dies that was leaving",
     .run = a_pool_can_shrink_and_grow_while_one_dies_that_was_leaving},
    {.name = "what runs the loop while a master is destroyed buries nobody",
     .run = what_runs_the_loop_while_a_master_is_destroyed_buries_nobody},
    {.name = "a pool has stopped only when all deaths are told",
     .run = a_pool_has_stopped_only_when_all_deaths_are_told},
    {.name = "a pause after one that left does not outlive its pool",
     .run = a_pause_after_one_that_left_does_not_outlive_its_pool},
    {.name = "nobody makes room for one that is dead", .run = nobody_makes_room_for_one_that_is_dead},
    {.name = "a reload does not wait for one that left and lives on",
     .run = a_reload_does_not_wait_for_one_that_left_and_lives_on},
    {.name = "one that drains is told though it is not ready", .run = one_that_drains_is_told_though_it_is_not_ready},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"fork", cases, &lab_fork_mode}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
