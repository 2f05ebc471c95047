/* host_test.c: a master that follows its host: signals, and what systemd is told. */
#include "ear.h"
#include "lab.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REASON(name) YOKE__V1__DEATH_REASON__DEATH_REASON_##name

static void follow(struct lab *lab, const struct yoke_host_options *options) {
    REQUIRE_INT(yoke_master_follow_host(lab->master, options), 0);
}

/* A master with pools of one worker each, which are ready, and a host that hears. */
static void open_heard(struct lab *lab, struct ear *ear, unsigned pools, const struct lab_options *options) {
    ear_open(ear);
    lab_open_master(lab, options);
    ear_attend(ear, lab->loop);
    follow(lab, NULL);
    for (unsigned i = 0; i < pools; i++) {
        REQUIRE_INT(lab_create_pool(lab, options, &lab->pool), 0);
    }
    LAB_WAIT(lab, lab->ready_count == pools);
}

static void close_heard(struct lab *lab, struct ear *ear) {
    ear_detach(ear);
    lab_close(lab);
    ear_close(ear);
}

/* ev_run() without a condition: it returns when Yoke keeps the loop running no more. */
static void run_to_the_end(struct lab *lab, struct ear *ear) {
    ear_detach(ear);
    ev_run(lab->loop, 0);
    ear_read(ear);
}

/* ---- systemd */

static void systemd_is_told_how_it_goes_in_order(void) {
    struct lab lab;
    struct ear ear;
    uint64_t when_us = 0;
    open_heard(&lab, &ear, 2, &(struct lab_options){.workers = 1});
    LAB_WAIT(&lab, ear.count >= 1);
    CHECK_STR(ear.messages[0], "READY=1\n");
    raise(SIGHUP);
    LAB_WAIT(&lab, ear.count >= 3);
    CHECK_INT(sscanf(ear.messages[1], "RELOADING=1\nMONOTONIC_USEC=%" SCNu64 "\n", &when_us), 1);
    CHECK(when_us > 0 && when_us <= test_now_ms() * 1000 + 1000);
    CHECK_STR(ear.messages[2], "READY=1\n");
    CHECK_INT(yoke_pool_generation(lab.pool), 2);
    raise(SIGTERM);
    run_to_the_end(&lab, &ear);
    REQUIRE_INT(ear.count, 4);
    CHECK_STR(ear.messages[3], "STOPPING=1\n");
    CHECK_INT(lab.stopped_count, 2);
    close_heard(&lab, &ear);
}

static void a_reload_of_the_programs_own_is_told_too(void) {
    struct lab lab;
    struct ear ear;
    open_heard(&lab, &ear, 2, &(struct lab_options){.workers = 1});
    LAB_WAIT(&lab, ear.count >= 1);
    CHECK_INT(yoke_master_reload(lab.master), 0);
    LAB_WAIT(&lab, ear.count >= 3);
    CHECK_INT(strncmp(ear.messages[1], "RELOADING=1\n", 12), 0);
    CHECK_STR(ear.messages[2], "READY=1\n");
    CHECK_INT(lab.ready_count, 4);
    close_heard(&lab, &ear);
}

static void a_reload_without_pools_is_over_at_once(void) {
    struct lab lab;
    struct ear ear;
    open_heard(&lab, &ear, 0, &(struct lab_options){.workers = 1});
    LAB_WAIT(&lab, ear.count >= 1);
    raise(SIGHUP);
    LAB_WAIT(&lab, ear.count >= 3);
    CHECK_STR(ear.messages[2], "READY=1\n");
    close_heard(&lab, &ear);
}

static void a_service_is_not_ready_before_each_pool_has_been(void) {
    struct lab lab;
    struct ear ear;
    struct yoke_pool *silent = NULL;
    const struct lab_options silent_options = {.workers = 1, .scenario = PROBE_SILENT};
    ear_open(&ear);
    lab_open_master(&lab, &(struct lab_options){0});
    ear_attend(&ear, lab.loop);
    follow(&lab, NULL);
    REQUIRE_INT(lab_create_pool(&lab, &silent_options, &silent), 0);
    LAB_WAIT(&lab, lab.birth_count == 1);
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 2}, &lab.pool), 0);
    LAB_WAIT(&lab, strstr(ear.status, "lab 0/1 ready, 0 calls; lab 2/2 ready, 0 calls") != NULL);
    CHECK_INT(ear.count, 0);
    close_heard(&lab, &ear);
    CHECK_INT(ear.count, 0);
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    (void)event;
    ++*(unsigned *)user_data;
}

static void a_reload_that_fails_makes_no_service_ready(void) {
    struct lab lab;
    struct ear ear;
    unsigned failed = 0;
    const struct lab_options silent = {.workers = 1, .scenario = PROBE_SILENT};
    ear_open(&ear);
    lab_open_master(&lab, &silent);
    REQUIRE_INT(yoke_v1_pool_reload_failed_on(yoke_master_events(lab.master), on_reload_failed, &failed), 0);
    ear_attend(&ear, lab.loop);
    follow(&lab, NULL);
    REQUIRE_INT(lab_create_pool(&lab, &silent, &lab.pool), 0);
    LAB_WAIT(&lab, lab.birth_count == 1);
    raise(SIGHUP);
    LAB_WAIT(&lab, lab.birth_count == 2);
    REQUIRE_INT(kill(lab.births[1].pid, SIGKILL), 0);
    LAB_WAIT(&lab, failed == 1);
    /* The master looks around before the loop sleeps. */
    ev_run(lab.loop, EVRUN_NOWAIT);
    ear_read(&ear);
    CHECK_INT(ear.count, 0);
    close_heard(&lab, &ear);
}

static void the_status_tells_of_calls(void) {
    struct lab lab;
    struct ear ear;
    struct lab_result results[3] = {0};
    setenv("WATCHDOG_USEC", "20000", 1);
    open_heard(&lab, &ear, 1, &(struct lab_options){.workers = 1});
    for (unsigned i = 0; i < 3; i++) {
        REQUIRE_INT(lab_never(&lab, yoke_pool_channel(lab.pool), &results[i]), 0);
    }
    LAB_WAIT(&lab, strcmp(ear.status, "lab 1/1 ready, 3 calls") == 0);
    close_heard(&lab, &ear);
    unsetenv("WATCHDOG_USEC");
}

static void the_watchdog_is_fed_if_it_is_ours(void) {
    struct lab lab;
    struct ear ear;
    char pid[16];
    snprintf(pid, sizeof(pid), "%d", (int)getpid());
    setenv("WATCHDOG_USEC", "20000", 1);
    setenv("WATCHDOG_PID", pid, 1);
    open_heard(&lab, &ear, 1, &(struct lab_options){.workers = 1});
    LAB_WAIT(&lab, ear.watchdog_count >= 3);
    close_heard(&lab, &ear);

    /* A few times its interval; when it is not fed, nothing comes. */
    setenv("WATCHDOG_PID", "1", 1);
    struct lab_result slow = {0};
    open_heard(&lab, &ear, 1, &(struct lab_options){.workers = 1});
    REQUIRE_INT(lab_slow(&lab, yoke_pool_channel(lab.pool), 60, &slow), 0);
    LAB_WAIT(&lab, slow.count == 1);
    ear_read(&ear);
    CHECK_INT(ear.watchdog_count, 0);
    close_heard(&lab, &ear);
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

static void a_socket_that_nobody_reads_does_not_stop_a_master(void) {
    struct lab lab;
    struct ear ear;
    ear_open(&ear);
    struct sockaddr_un where = {0};
    socklen_t length = sizeof(where);
    REQUIRE_INT(getsockname(ear.watcher.fd, (struct sockaddr *)&where, &length), 0);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    while (sendto(fd, "x", 1, 0, (const struct sockaddr *)&where, length) == 1) {
    }
    CHECK_INT(errno, EAGAIN);
    close(fd);
    lab_open_master(&lab, &(struct lab_options){0});
    follow(&lab, NULL);
    REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 1}, &lab.pool), 0);
    LAB_WAIT(&lab, lab.log_count == 1);
    CHECK_CONTAINS(lab.last_log, "systemd cannot be told READY=1");
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    lab_close(&lab);
    ear_close(&ear);
}

static void without_systemd_nothing_is_told(void) {
    static const char *const names[] = {NULL, "", "@", "nowhere", "vsock:1:2"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct lab lab;
        if (names[i] != NULL) {
            setenv("NOTIFY_SOCKET", names[i], 1);
        }
        lab_open_master(&lab, &(struct lab_options){0});
        follow(&lab, NULL);
        REQUIRE_INT(lab_create_pool(&lab, &(struct lab_options){.workers = 1}, &lab.pool), 0);
        LAB_WAIT(&lab, lab.ready_count == 1);
        raise(SIGTERM);
        ev_run(lab.loop, 0);
        CHECK_INT(lab.stopped_count, 1);
        CHECK_INT(lab.log_count, 0);
        lab_close(&lab);
        unsetenv("NOTIFY_SOCKET");
    }
}

/* ---- Signals */

static void sigterm_and_sigint_stop_a_master(void) {
    const int signals[] = {SIGTERM, SIGINT};
    for (unsigned i = 0; i < 2; i++) {
        struct lab lab;
        lab_open(&lab, &(struct lab_options){.workers = 2});
        follow(&lab, NULL);
        raise(signals[i]);
        ev_run(lab.loop, 0);
        REQUIRE_INT(lab.death_count, 2);
        CHECK_INT(lab.deaths[0].reason, REASON(STOPPED));
        CHECK_INT(lab.stopped_count, 1);
        lab_close(&lab);
    }
}

static void the_second_signal_ends_the_patience(void) {
    struct lab lab;
    struct lab_result never = {0};
    struct yoke_pool *younger;
    const struct lab_options options = {.workers = 1, .stop_timeout_ms = 3600 * 1000};
    lab_open(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &younger), 0);
    LAB_WAIT(&lab, lab.ready_count == 2);
    follow(&lab, NULL);
    REQUIRE_INT(lab_never(&lab, yoke_pool_channel(younger), &never), 0);
    raise(SIGINT);
    LAB_WAIT(&lab, yoke_child_state(yoke_pool_child(younger, 0)) == YOKE_CHILD_STOPPING);
    CHECK_INT(lab.death_count, 0);
    raise(SIGTERM);
    ev_run(lab.loop, 0);
    REQUIRE_INT(lab.death_count, 2);
    for (unsigned i = 0; i < 2; i++) {
        CHECK_INT(lab.deaths[i].reason, REASON(STOP_TIMEOUT));
        CHECK_INT(lab.deaths[i].signal, SIGKILL);
        CHECK_CONTAINS(lab.deaths[i].detail, "at once");
    }
    LAB_CHECK_ENDED(&never, YOKE_UNAVAILABLE);
    CHECK_INT(lab.stopped_count, 2);
    lab_close(&lab);
}

static void stop_with_7(struct ev_loop *loop, ev_signal *watcher, int events) {
    (void)loop;
    (void)events;
    yoke_worker_stop(watcher->data, 7);
}

static int heed_sigterm(struct yoke_worker *worker, void *user_data) {
    ev_signal watcher;
    (void)user_data;
    ev_signal_init(&watcher, stop_with_7, SIGTERM);
    watcher.data = worker;
    ev_signal_start(yoke_worker_loop(worker), &watcher);
    return yoke_worker_run(worker);
}

static void a_forked_worker_can_watch_the_same_signals(void) {
    struct lab lab;
    struct yoke_pool *pool;
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .workers = 1, .entry = heed_sigterm};
    lab_open_master(&lab, &(struct lab_options){0});
    follow(&lab, NULL);
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &pool), 0);
    LAB_WAIT(&lab, lab.ready_count + lab.death_count == 1);
    CHECK_INT(yoke_child_kill(yoke_pool_child(pool, 0), SIGTERM), 0);
    LAB_WAIT(&lab, lab.death_count >= 1);
    CHECK_INT(lab.deaths[0].exit_code, 7);
    raise(SIGTERM);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    lab_close(&lab);
}

static void sighup_reloads(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    follow(&lab, NULL);
    raise(SIGHUP);
    LAB_WAIT(&lab, lab.death_count == 2);
    CHECK_INT(yoke_pool_generation(lab.pool), 2);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    lab_close(&lab);
}

static void following_does_not_keep_the_loop_running(void) {
    struct lab lab;
    struct ear ear;
    ear_open(&ear);
    setenv("WATCHDOG_USEC", "1000000", 1);
    lab_open_master(&lab, &(struct lab_options){0});
    follow(&lab, NULL);
    ev_run(lab.loop, 0);
    ear_read(&ear);
    CHECK_INT(ear.count, 1);
    lab_close(&lab);
    /* Nor is anything of it left. */
    ear_close(&ear);
    unsetenv("WATCHDOG_USEC");
}

static void on_own_signal(int number) {
    (void)number;
}

static void a_program_gets_its_own_handlers_back(void) {
    struct lab lab;
    struct sigaction after;
    const struct sigaction own = {.sa_handler = on_own_signal};
    signal(SIGTERM, SIG_IGN);
    REQUIRE_INT(sigaction(SIGHUP, &own, NULL), 0);
    REQUIRE_INT(sigaction(SIGUSR2, &own, NULL), 0);
    lab_open_master(&lab, &(struct lab_options){0});
    follow(&lab, NULL);
    /* Without options for an upgrade, this one is left alone. */
    REQUIRE_INT(sigaction(SIGUSR2, NULL, &after), 0);
    CHECK(after.sa_handler == on_own_signal);
    REQUIRE_INT(sigaction(SIGTERM, NULL, &after), 0);
    CHECK(after.sa_handler != SIG_IGN);
    lab_close(&lab);
    REQUIRE_INT(sigaction(SIGTERM, NULL, &after), 0);
    CHECK(after.sa_handler == SIG_IGN);
    REQUIRE_INT(sigaction(SIGHUP, NULL, &after), 0);
    CHECK(after.sa_handler == on_own_signal);
    REQUIRE_INT(sigaction(SIGINT, NULL, &after), 0);
    CHECK(after.sa_handler == SIG_DFL);
}

static void signals_are_left_alone_if_wanted(void) {
    struct lab lab;
    struct sigaction after;
    lab_open_master(&lab, &(struct lab_options){0});
    follow(&lab, &(struct yoke_host_options){YOKE_HOST_OPTIONS_INIT, .no_signals = true});
    REQUIRE_INT(sigaction(SIGTERM, NULL, &after), 0);
    CHECK(after.sa_handler == SIG_DFL);
    CHECK_INT(yoke_master_follow_host(lab.master, NULL), -EALREADY);
    lab_close(&lab);
}

static void options_that_are_wrong_are_refused(void) {
    struct lab lab;
    const struct yoke_host_options options = {.no_signals = true};
    lab_open_master(&lab, &(struct lab_options){0});
    CHECK_INT(yoke_master_follow_host(lab.master, &options), -EINVAL);
    CHECK_INT(yoke_master_follow_host(lab.master, NULL), 0);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "systemd is told how it goes, in order", .run = systemd_is_told_how_it_goes_in_order},
    {.name = "a reload of the program's own is told, too", .run = a_reload_of_the_programs_own_is_told_too},
    {.name = "a reload without pools is over at once", .run = a_reload_without_pools_is_over_at_once},
    {.name = "a service is not ready before each pool has been",
     .run = a_service_is_not_ready_before_each_pool_has_been},
    {.name = "a reload that fails makes no service ready", .run = a_reload_that_fails_makes_no_service_ready},
    {.name = "the status tells of calls", .run = the_status_tells_of_calls},
    {.name = "the watchdog is fed if it is ours", .run = the_watchdog_is_fed_if_it_is_ours},
    {.name = "a socket that nobody reads does not stop a master",
     .run = a_socket_that_nobody_reads_does_not_stop_a_master},
    {.name = "without systemd, nothing is told", .run = without_systemd_nothing_is_told},
    {.name = "SIGTERM and SIGINT stop a master", .run = sigterm_and_sigint_stop_a_master},
    {.name = "the second signal ends the patience", .run = the_second_signal_ends_the_patience},
    {.name = "a forked worker can watch the same signals", .run = a_forked_worker_can_watch_the_same_signals},
    {.name = "SIGHUP reloads", .run = sighup_reloads},
    {.name = "following does not keep the loop running", .run = following_does_not_keep_the_loop_running},
    {.name = "a program gets its own handlers back", .run = a_program_gets_its_own_handlers_back},
    {.name = "signals are left alone if wanted", .run = signals_are_left_alone_if_wanted},
    {.name = "options that are wrong are refused", .run = options_that_are_wrong_are_refused},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
