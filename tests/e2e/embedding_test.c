/*
 * embedding_test.c: a program keeps what is its own while Yoke works inside it: signal handlers and mask, umask,
 * children, loop, watchers; and what may be hard to live with, like somebody who reaps every child there is.
 */
#include "lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

/* ---- Signals, mask, umask */

static volatile sig_atomic_t sigchld_count;

static void on_sigchld(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)info;
    (void)context;
    sigchld_count++;
}

static void on_other_signal(int signal) {
    (void)signal;
}

struct dispositions {
    struct sigaction actions[_NSIG];
    sigset_t mask;
    mode_t umask;
};

static void take_dispositions(struct dispositions *dispositions) {
    memset(dispositions, 0, sizeof(*dispositions));
    for (int signal = 1; signal < _NSIG; signal++) {
        sigaction(signal, NULL, &dispositions->actions[signal]);
    }
    pthread_sigmask(SIG_BLOCK, NULL, &dispositions->mask);
    dispositions->umask = umask(0);
    umask(dispositions->umask);
}

static void check_same(const struct dispositions *before) {
    struct dispositions after;
    take_dispositions(&after);
    for (int signal = 1; signal < _NSIG; signal++) {
        CHECK(before->actions[signal].sa_sigaction == after.actions[signal].sa_sigaction);
        CHECK_INT(before->actions[signal].sa_flags, after.actions[signal].sa_flags);
        for (int other = 1; other < _NSIG; other++) {
            CHECK_INT(sigismember(&before->actions[signal].sa_mask, other),
                      sigismember(&after.actions[signal].sa_mask, other));
        }
        CHECK_INT(sigismember(&before->mask, signal), sigismember(&after.mask, signal));
    }
    CHECK_INT(before->umask, after.umask);
}

/* Something of everything, so that losing it or passing it on shows. */
static void set_dispositions(void) {
    struct sigaction action = {.sa_sigaction = on_sigchld, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NOCLDSTOP};
    sigaddset(&action.sa_mask, SIGUSR2);
    REQUIRE_INT(sigaction(SIGCHLD, &action, NULL), 0);
    signal(SIGUSR2, on_other_signal);
    signal(SIGPIPE, on_other_signal);
    signal(SIGHUP, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGRTMIN + 3);
    REQUIRE_INT(pthread_sigmask(SIG_SETMASK, &blocked, NULL), 0);
    umask(037);
}

static void check_inspection(struct yoke_call *call, const struct yoke_status *status, const Probe__Inspection *reply,
                             void *user_data) {
    (void)call;
    struct lab *lab = user_data;
    lab->noticed_count++;
    REQUIRE_INT(status->code, YOKE_OK);
    uint64_t caught = reply->caught_signals;
    if (lab_is_exec() && test_has_asan()) {
        caught = 0; /* the sanitizer catches some in every program */
    }
    CHECK_INT(reply->blocked_signals, 0);
    CHECK_INT(reply->ignored_signals, 0);
    CHECK_INT(caught, 0);
    CHECK_INT(reply->umask, 037);
}

static void signal_handlers_mask_and_umask_are_kept_and_not_passed_on(void) {
    struct lab lab;
    struct dispositions before;
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    set_dispositions();
    take_dispositions(&before);
    lab_open(&lab, &(struct lab_options){.workers = 2, .restart = true, .restart_pause_ms = 1});
    check_same(&before);
    REQUIRE_INT(probe_worker_inspect(lab_channel(&lab), &request, NULL, check_inspection, &lab), 0);
    LAB_WAIT(&lab, lab.noticed_count == 1);
    /* Blocked here, and yet it ends a worker. */
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGTERM), 0);
    LAB_WAIT(&lab, lab.ready_count == 3);
    CHECK_INT(lab.deaths[0].signal, SIGTERM);
    check_same(&before);
    REQUIRE_INT(probe_worker_inspect(lab_channel(&lab), &request, NULL, check_inspection, &lab), 0);
    LAB_WAIT(&lab, lab.noticed_count == 2);
    yoke_master_stop(lab.master);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    check_same(&before);
    lab_close(&lab);
    check_same(&before);
}

/* ---- Children */

static pid_t fork_child(int exit_code, int *ret_word_fd) {
    int words[2];
    REQUIRE_INT(pipe(words), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char word;
        close(words[1]);
        _exit(read(words[0], &word, 1) == 1 ? exit_code : 1);
    }
    close(words[0]);
    *ret_word_fd = words[1];
    return pid;
}

static void end_child(int word_fd) {
    CHECK_INT(write(word_fd, "x", 1), 1);
    close(word_fd);
}

static void check_reaped_by_us(pid_t pid, int exit_code) {
    int status = 0;
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), exit_code);
}

static void own_children_stay_ours_to_wait_for(void) {
    struct lab lab;
    int words[4];
    pid_t pids[4];
    set_dispositions();
    pids[0] = fork_child(40, &words[0]);
    pids[1] = fork_child(41, &words[1]);
    lab_open(&lab, &(struct lab_options){.workers = 3});
    pids[2] = fork_child(42, &words[2]);
    pids[3] = fork_child(43, &words[3]);
    for (int i = 0; i < 3; i++) {
        end_child(words[i]); /* these die while the pool lives, and are reaped when it is gone */
    }
    for (int i = 0; i < 3; i++) {
        while (test_process_lives(pids[i])) {
            usleep(1000);
        }
    }
    lab_check_echo(&lab, lab_channel(&lab));
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 1), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    check_reaped_by_us(pids[0], 40);
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(lab.death_count, 3);
    CHECK_INT(waitpid(pids[3], NULL, WNOHANG), 0); /* alive */
    lab_close(&lab);
    CHECK_INT(waitpid(pids[3], NULL, WNOHANG), 0);
    check_reaped_by_us(pids[1], 41);
    check_reaped_by_us(pids[2], 42);
    end_child(words[3]);
    check_reaped_by_us(pids[3], 43);
    CHECK(sigchld_count > 0); /* our handler ran for our children */
}

/* Whatever becomes of the status, each worker dies once, and nothing hangs. */
static void check_lives(struct lab *lab) {
    for (unsigned i = 1; i <= 20; i++) {
        struct lab_result result = {0};
        REQUIRE_INT(lab_never(lab, lab_channel(lab), &result), 0);
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab->pool, 0), SIGKILL), 0);
        LAB_WAIT(lab, lab->ready_count == i + 1);
        LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
        REQUIRE_INT(lab->death_count, i);
        const struct lab_death *death = &lab->deaths[i - 1];
        if (death->reason == REASON(UNKNOWN)) {
            CHECK_INT(death->exit_code, -1);
            CHECK_INT(death->signal, 0);
        } else {
            CHECK_INT(death->reason, REASON(SIGNALLED));
            CHECK_INT(death->signal, SIGKILL);
        }
    }
    lab_check_echo(lab, lab_channel(lab));
    yoke_pool_stop(lab->pool);
    ev_run(lab->loop, 0);
    CHECK_INT(lab->death_count, 21);
    CHECK_INT(lab->stopped_count, 1);
}

static const struct lab_options restarting = {.restart = true, .restart_pause_ms = 1};

static void ignored_sigchld_costs_the_exit_code_at_most(void) {
    struct lab lab;
    signal(SIGCHLD, SIG_IGN);
    lab_open(&lab, &restarting);
    check_lives(&lab);
    lab_close(&lab);
    lab_open(&lab, &(struct lab_options){.workers = 3});
    lab_close(&lab); /* destroyed alive */
    signal(SIGCHLD, SIG_DFL);
}

static void on_sigchld_reap_all(int signal) {
    (void)signal;
    int saved = errno;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    errno = saved;
}

static void a_handler_that_reaps_everybody_costs_the_exit_code_at_most(void) {
    struct lab lab;
    signal(SIGCHLD, on_sigchld_reap_all);
    lab_open(&lab, &restarting);
    check_lives(&lab);
    lab_close(&lab);
    lab_open(&lab, &(struct lab_options){.workers = 3});
    lab_close(&lab);
    signal(SIGCHLD, SIG_DFL);
}

/* The pid of a reaped worker may be another process's; a handle on it must not hit that. */
static void a_reaped_workers_pid_is_not_signalled(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    struct yoke_child *child = yoke_pool_child(lab.pool, 0);
    const pid_t pid = yoke_child_pid(child);
    REQUIRE_INT(kill(pid, SIGKILL), 0);
    REQUIRE_INT(waitpid(pid, NULL, 0), pid);
    CHECK_INT(yoke_child_kill(child, SIGTERM), -ESRCH); /* before the master has heard of the death */
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(lab.deaths[0].reason, REASON(UNKNOWN));
    lab_close(&lab);
}

static void an_exec_that_fails_with_sigchld_ignored_is_told(void) {
    struct lab lab;
    struct yoke_pool *pool = NULL;
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .path = "/nonexistent", .workers = 2};
    signal(SIGCHLD, SIG_IGN);
    lab_open_master(&lab, &(struct lab_options){0});
    CHECK_INT(yoke_pool_create(lab.master, &options, &pool), -ENOENT);
    lab_close(&lab);
    signal(SIGCHLD, SIG_DFL);
}

/* ---- The loop */

struct own_watchers {
    ev_timer timer;
    ev_io io;
    ev_prepare prepare;
    unsigned timer_count, io_count, prepare_count;
};

static void on_own_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    ((struct own_watchers *)timer->data)->timer_count++;
}

static void on_own_io(struct ev_loop *loop, ev_io *io, int events) {
    (void)loop;
    (void)events;
    char word;
    ((struct own_watchers *)io->data)->io_count += read(io->fd, &word, 1) == 1;
}

static void on_own_prepare(struct ev_loop *loop, ev_prepare *prepare, int events) {
    (void)loop;
    (void)events;
    ((struct own_watchers *)prepare->data)->prepare_count++;
}

static void own_watchers_go_on(void) {
    struct lab lab;
    struct own_watchers own = {0};
    int words[2];
    REQUIRE_INT(pipe(words), 0);
    const struct lab_options options = {.workers = 2};
    lab_open_master(&lab, &options);
    ev_timer_init(&own.timer, on_own_timer, 0.001, 0.001);
    ev_io_init(&own.io, on_own_io, words[0], EV_READ);
    ev_prepare_init(&own.prepare, on_own_prepare);
    own.timer.data = own.io.data = own.prepare.data = &own;
    ev_timer_start(lab.loop, &own.timer);
    ev_io_start(lab.loop, &own.io);
    ev_prepare_start(lab.loop, &own.prepare);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    LAB_WAIT(&lab, lab.ready_count == 2);
    CHECK_INT(write(words[1], "x", 1), 1);
    LAB_WAIT(&lab, own.timer_count >= 3 && own.io_count == 1);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_INT(yoke_master_destroy(lab.master), 0);
    const unsigned timer_count = own.timer_count;
    CHECK_INT(write(words[1], "x", 1), 1);
    LAB_WAIT(&lab, own.timer_count >= timer_count + 3 && own.io_count == 2);
    CHECK(own.prepare_count > 0);
    ev_timer_stop(lab.loop, &own.timer);
    ev_io_stop(lab.loop, &own.io);
    ev_prepare_stop(lab.loop, &own.prepare);
    /* Our references are the last: Yoke has given back all of its own, and no more. */
    CHECK_INT(ev_run(lab.loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(lab.loop);
    close(words[0]);
    close(words[1]);
}

static void a_loop_can_have_several_masters_one_after_another_and_at_once(void) {
    struct lab lab;
    lab_open(&lab, NULL);
    for (int i = 0; i < 3; i++) {
        struct yoke_master *second = NULL;
        struct yoke_pool *pool = NULL;
        struct lab_result result = {0};
        REQUIRE_INT(yoke_master_create(lab.loop, NULL, &second), 0);
        const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .path = lab_worker_path(), .workers = 1};
        REQUIRE_INT(yoke_pool_create(second, &options, &pool), 0);
        REQUIRE_INT(lab_echo(&lab, yoke_pool_channel(pool), "x", 1, &result), 0);
        LAB_WAIT(&lab, result.count > 0);
        LAB_CHECK_ENDED(&result, YOKE_OK);
        CHECK_INT(yoke_master_destroy(second), 0);
        lab_check_echo(&lab, lab_channel(&lab));
        lab_release(&result);
    }
    lab_close(&lab);
}

/* libev's default loop reaps every child, so it is a thief of the kind above; our own children it must still see. */
static int own_child_status;

static void on_own_child(struct ev_loop *loop, ev_child *child, int events) {
    (void)loop;
    (void)events;
    own_child_status = child->rstatus;
}

static void ev_child_on_the_default_loop_still_works(void) {
    struct lab lab;
    int word_fd = -1;
    struct ev_loop *default_loop = ev_default_loop(EVFLAG_AUTO);
    ev_child watcher;
    pid_t pid = fork_child(44, &word_fd);
    own_child_status = -1;
    ev_child_init(&watcher, on_own_child, pid, 0);
    ev_child_start(default_loop, &watcher);
    lab_open(&lab, NULL);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    end_child(word_fd);
    while (own_child_status == -1) {
        ev_run(default_loop, EVRUN_ONCE);
    }
    CHECK_INT(WEXITSTATUS(own_child_status), 44);
    ev_child_stop(default_loop, &watcher);
    lab_close(&lab);
    ev_loop_destroy(default_loop);
}

/* ---- Forks of the program's own */

static void check_own_fork(void (*body)(struct lab *), struct lab *lab) {
    pid_t pid = fork();
    if (pid == 0) {
        body(lab);
        _exit(0);
    }
    int status = 0;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

static void use_everything(struct lab *lab) {
    struct lab_result result = {0};
    struct yoke_pool *pool = NULL;
    Probe__Tick tick = PROBE__TICK__INIT;
    CHECK_INT(lab_echo(lab, lab_channel(lab), "x", 1, &result), -ECHILD);
    CHECK_INT(lab_echo(lab, yoke_pool_channel(lab->pool), "x", 1, &result), -ECHILD);
    CHECK_INT(probe_tick_emit(lab_channel(lab), &tick), -ECHILD);
    CHECK_INT(probe_tick_emit(yoke_pool_channel(lab->pool), &tick), -ECHILD);
    CHECK_INT(lab_create_pool(lab, &(struct lab_options){0}, &pool), -ECHILD);
    CHECK_INT(yoke_child_kill(yoke_pool_child(lab->pool, 0), SIGKILL), -ECHILD);
    yoke_pool_stop(lab->pool);
    yoke_master_stop(lab->master);
    CHECK_INT(result.count, 0);
}

static void a_forked_copy_of_a_channel_is_refused(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    check_own_fork(use_everything, &lab);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

static void destroy_master(struct lab *lab) {
    CHECK_INT(yoke_master_destroy(lab->master), 0);
}

static void a_forked_copy_that_destroys_the_master_kills_nobody(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 3});
    check_own_fork(destroy_master, &lab);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(test_process_lives(yoke_child_pid(yoke_pool_child(lab.pool, i))));
        lab_check_echo(&lab, yoke_child_channel(yoke_pool_child(lab.pool, i)));
    }
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

static void a_forked_copy_that_just_exits_disturbs_nobody(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    pid_t pid = fork();
    if (pid == 0) {
        _exit(0);
    }
    REQUIRE_INT(waitpid(pid, NULL, 0), pid);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

/* A process that the worker's master forked for itself may live on; the worker's death is seen all the same. */
static void a_death_is_seen_though_a_fork_of_the_master_holds_the_socket(void) {
    struct lab lab;
    struct lab_result result = {0};
    int word_fd = -1;
    lab_open(&lab, NULL);
    pid_t pid = fork_child(0, &word_fd);
    REQUIRE_INT(lab_never(&lab, lab_channel(&lab), &result), 0);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    end_child(word_fd);
    check_reaped_by_us(pid, 0);
    lab_close(&lab);
}

static void a_worker_cannot_use_its_masters_channels(void) {
    if (lab_is_exec()) {
        return; /* nothing of the master is there to be used */
    }
    struct lab lab;
    struct yoke_pool *second = NULL;
    struct lab_result result = {0};
    lab_open(&lab, NULL);
    probe_foreign_channel = yoke_pool_channel(lab.pool);
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){0}, &second), 0);
    REQUIRE_INT(lab_call_number(&lab, probe_worker_use_foreign_channel, yoke_pool_channel(second), &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    CHECK_INT(result.number, -ECHILD);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "signal handlers, mask and umask are kept and not passed on",
     .run = signal_handlers_mask_and_umask_are_kept_and_not_passed_on},
    {.name = "own children stay ours to wait for", .run = own_children_stay_ours_to_wait_for},
    {.name = "ignored SIGCHLD costs the exit code at most", .run = ignored_sigchld_costs_the_exit_code_at_most},
    {.name = "a handler that reaps everybody costs the exit code at most",
     .run = a_handler_that_reaps_everybody_costs_the_exit_code_at_most},
    {.name = "a reaped worker's pid is not signalled", .run = a_reaped_workers_pid_is_not_signalled},
    {.name = "an exec that fails with SIGCHLD ignored is told", .run = an_exec_that_fails_with_sigchld_ignored_is_told},
    {.name = "own watchers go on", .run = own_watchers_go_on},
    {.name = "a loop can have several masters, one after another and at once",
     .run = a_loop_can_have_several_masters_one_after_another_and_at_once},
    {.name = "ev_child on the default loop still works", .run = ev_child_on_the_default_loop_still_works},
    {.name = "a forked copy of a channel is refused", .run = a_forked_copy_of_a_channel_is_refused},
    {.name = "a forked copy that destroys the master kills nobody",
     .run = a_forked_copy_that_destroys_the_master_kills_nobody},
    {.name = "a forked copy that just exits disturbs nobody", .run = a_forked_copy_that_just_exits_disturbs_nobody},
    {.name = "a death is seen though a fork of the master holds the socket",
     .run = a_death_is_seen_though_a_fork_of_the_master_holds_the_socket},
    {.name = "a worker cannot use its master's channels", .run = a_worker_cannot_use_its_masters_channels},
    {.name = NULL},
};

LAB_MAIN(cases)
