/* upgrade_test.c: a master hands its sockets and state to a new one, and goes on as if nothing had been when that fails. */
#include "dial.h"
#include "ear.h"
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UPGRADES 5

/* What the old master, this process, hears of its upgrade. */
struct news {
    unsigned upgraded_count, failed_count;
    pid_t pid;
    char detail[200];
};

static void on_upgraded(const struct yoke_peer *peer, const Yoke__V1__MasterUpgraded *event, void *user_data) {
    struct news *news = user_data;
    CHECK_INT(peer->worker_id, 0);
    news->upgraded_count++;
    news->pid = event->pid;
    CHECK(event->duration_us > 0);
}

static void on_failed(const struct yoke_peer *peer, const Yoke__V1__MasterUpgradeFailed *event, void *user_data) {
    struct news *news = user_data;
    CHECK_INT(peer->worker_id, 0);
    news->failed_count++;
    news->pid = event->pid;
    snprintf(news->detail, sizeof(news->detail), "%s", event->detail);
}

/* An abstract address that no other test has. One of them at a time. */
static const char *own_name(const char *what) {
    static char name[64];
    snprintf(name, sizeof(name), "unix:@yoke-test-%s-%d", what, (int)getpid());
    return name;
}

static void open_old(struct lab *lab, struct news *news) {
    *news = (struct news){.pid = 0};
    lab_open_master(lab, &(struct lab_options){0});
    struct yoke_events *events = yoke_master_events(lab->master);
    REQUIRE_INT(yoke_v1_master_upgraded_on(events, on_upgraded, news), 0);
    REQUIRE_INT(yoke_v1_master_upgrade_failed_on(events, on_failed, news), 0);
}

static struct yoke_listener *listen_at(struct lab *lab, const char *address) {
    const struct yoke_listener_options options = {YOKE_LISTENER_OPTIONS_INIT, .address = address + (address[0] == '+'),
                                                  .reuse_port = address[0] == '+'};
    struct yoke_listener *listener = NULL;
    REQUIRE_INT(yoke_master_listen(lab->master, &options, &listener), 0);
    return listener;
}

static void open_pool(struct lab *lab, struct yoke_listener *const *listeners) {
    const struct yoke_pool_options pool = {.listeners = listeners};
    const struct lab_options options = {.workers = 2, .restart = true, .restart_pause_ms = 1, .pool = &pool};
    REQUIRE_INT(lab_create_pool(lab, &options, &lab->pool), 0);
    LAB_WAIT(lab, lab->ready_count == 2);
}

static const char *program_path(void) {
    static char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/upgrade_program", test_program_dir());
    return path;
}

static const char *mode_name(void) {
    return lab_is_exec() ? "exec" : "fork";
}

/* Begins an upgrade to a program that behaves so and expects this state, at one address or two. */
static int try_upgrade(struct lab *lab, const char *behaviour, const char *state, const char *first, const char *second,
                       const struct yoke_upgrade_options *more) {
    const char *argv[] = {"upgrade_program", mode_name(), behaviour, state, first, second, NULL};
    struct yoke_upgrade_options options = *more;
    options.size = sizeof(options);
    options.path = program_path();
    options.argv = (char *const *)(uintptr_t)argv;
    return yoke_master_upgrade(lab->master, &options);
}

static void upgrade(struct lab *lab, const char *behaviour, const char *address) {
    REQUIRE_INT(try_upgrade(lab, behaviour, "", address, NULL, &(struct yoke_upgrade_options){.size = 0}), 0);
}

/* The old master has stopped; its loop ends, too. */
static void run_to_the_end(struct lab *lab) {
    ev_run(lab->loop, 0);
    CHECK_INT(lab->stopped_count, 1);
}

static void end_program(pid_t pid) {
    int status = -1;
    REQUIRE_INT(kill(pid, SIGTERM), 0);
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

/* Workers of a new master that has failed die with it; whatever else were left would keep this waiting for ever. */
static void reap_orphans(const struct lab *lab) {
    pid_t pids[16];
    size_t count = test_children(pids, 16);
    for (size_t i = 0; i < count; i++) {
        bool is_own = false;
        for (unsigned j = 0; lab != NULL && j < yoke_pool_size(lab->pool); j++) {
            is_own |= yoke_child_pid(yoke_pool_child(lab->pool, j)) == pids[i];
        }
        if (!is_own) {
            REQUIRE_INT(waitpid(pids[i], NULL, 0), pids[i]);
        }
    }
}

/* ---- Success */

static void check_upgrade(const char *address) {
    struct lab lab;
    struct news news;
    struct dial_answer answer = {0};
    char actual[300];
    open_old(&lab, &news);
    struct yoke_listener *listener = listen_at(&lab, address);
    snprintf(actual, sizeof(actual), "%s", yoke_listener_address(listener));
    open_pool(&lab, (struct yoke_listener *[]){listener, NULL});
    REQUIRE_INT(dial_once(actual, &answer), 0);
    CHECK_INT(answer.master, getpid());
    upgrade(&lab, "serve", address);
    LAB_WAIT(&lab, news.upgraded_count + news.failed_count == 1);
    CHECK_STR(news.detail, "");
    run_to_the_end(&lab);
    CHECK_INT(yoke_master_exit_code(lab.master), 0);
    lab_close(&lab);
    /* It is the one that serves now, at the same address, and the same port if the kernel chose it. */
    for (unsigned i = 0; i < 20; i++) {
        REQUIRE_INT(dial_once(actual, &answer), 0);
        CHECK_INT(answer.master, news.pid);
    }
    end_program(news.pid);
    int error = dial(actual);
    CHECK(error == -ECONNREFUSED || error == -ENOENT);
}

static void a_new_master_serves_where_the_old_one_did(void) {
    char directory[] = "/tmp/yoke-upgrade-XXXXXX";
    char address[100];
    check_upgrade("tcp:127.0.0.1:0");
    check_upgrade("+tcp:127.0.0.1:0");
    check_upgrade("tcp:*:0");
    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(address, sizeof(address), "unix:%s/sock", directory);
    check_upgrade(address);
    /* The new master has removed the file, in the end. */
    CHECK_INT(rmdir(directory), 0);
}

static void a_connection_is_served_to_its_end_by_the_worker_that_has_it(void) {
    struct lab lab;
    struct news news;
    struct dial_answer before = {0};
    struct dial_answer after = {0};
    open_old(&lab, &news);
    struct yoke_listener *listener = listen_at(&lab, own_name("upgrade"));
    open_pool(&lab, (struct yoke_listener *[]){listener, NULL});
    int fd = dial(yoke_listener_address(listener));
    REQUIRE(fd >= 0);
    REQUIRE(dial_say(fd, "who") && dial_hear(fd, &before));
    upgrade(&lab, "serve", own_name("upgrade"));
    LAB_WAIT(&lab, news.upgraded_count == 1 && lab.death_count == 1);
    /* One worker is gone, the other has this connection still. */
    REQUIRE(dial_say(fd, "who") && dial_hear(fd, &after));
    CHECK_INT(after.pid, before.pid);
    close(fd);
    run_to_the_end(&lab);
    lab_close(&lab);
    end_program(news.pid);
}

static void state_is_handed_over(void) {
    static const char *const expectations[] = {"", "a few bytes", "large:1", "large:4096", "large:5000000"};
    for (unsigned i = 0; i < sizeof(expectations) / sizeof(expectations[0]); i++) {
        struct lab lab;
        struct news news;
        bool is_large = strncmp(expectations[i], "large:", 6) == 0;
        size_t size = is_large ? strtoul(expectations[i] + 6, NULL, 10) : strlen(expectations[i]);
        char *state = malloc(size + 1);
        REQUIRE(state != NULL);
        for (size_t j = 0; j < size; j++) {
            state[j] = is_large ? (char)(j * 7) : expectations[i][j];
        }
        const struct yoke_upgrade_options options = {.state = state, .state_size = size};
        open_old(&lab, &news);
        size_t inherited = 1;
        CHECK(yoke_master_inherited_state(lab.master, &inherited) == NULL);
        CHECK_INT(inherited, 0);
        open_pool(&lab, NULL);
        REQUIRE_INT(try_upgrade(&lab, "serve", expectations[i], own_name("state"), NULL, &options), 0);
        free(state);
        LAB_WAIT(&lab, news.upgraded_count + news.failed_count == 1);
        CHECK_STR(news.detail, "");
        CHECK_INT(news.upgraded_count, 1);
        run_to_the_end(&lab);
        lab_close(&lab);
        end_program(news.pid);
    }
}

static void what_the_new_master_does_not_ask_for_is_closed(void) {
    struct lab lab;
    struct news news;
    struct dial_answer answer;
    char directory[] = "/tmp/yoke-upgrade-XXXXXX";
    char file[100];
    char second[300];
    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(file, sizeof(file), "unix:%s/sock", directory);
    open_old(&lab, &news);
    struct yoke_listener *listeners[] = {listen_at(&lab, own_name("asked")), listen_at(&lab, "tcp:127.0.0.1:0"),
                                         listen_at(&lab, file), NULL};
    snprintf(second, sizeof(second), "%s", yoke_listener_address(listeners[1]));
    open_pool(&lab, listeners);
    upgrade(&lab, "serve", own_name("asked"));
    LAB_WAIT(&lab, news.upgraded_count == 1);
    run_to_the_end(&lab);
    lab_close(&lab);
    /* The new master had no answer to wait for, but for this it must be in charge. */
    REQUIRE_INT(dial_once(own_name("asked"), &answer), 0);
    end_program(news.pid);
    CHECK_INT(dial(second), -ECONNREFUSED);
    CHECK_INT(rmdir(directory), 0);
}

static void an_address_can_be_asked_for_by_the_port_that_was_chosen(void) {
    struct lab lab;
    struct news news;
    struct dial_answer answer = {0};
    char actual[300];
    open_old(&lab, &news);
    struct yoke_listener *listener = listen_at(&lab, "tcp:127.0.0.1:0");
    snprintf(actual, sizeof(actual), "%s", yoke_listener_address(listener));
    open_pool(&lab, (struct yoke_listener *[]){listener, NULL});
    upgrade(&lab, "serve", actual);
    LAB_WAIT(&lab, news.upgraded_count + news.failed_count == 1);
    CHECK_STR(news.detail, "");
    run_to_the_end(&lab);
    lab_close(&lab);
    REQUIRE_INT(dial_once(actual, &answer), 0);
    CHECK_INT(answer.master, news.pid);
    end_program(news.pid);
}

/* ---- Clients that never rest */

/* Starts the program as it would be by systemd. */
static pid_t start_program(const char *behaviour, const char *address) {
    pid_t pid = fork();
    if (pid == 0) {
        char own[16];
        snprintf(own, sizeof(own), "%d", (int)getpid());
        setenv("WATCHDOG_PID", own, 1);
        setenv("WATCHDOG_USEC", "20000", 1);
        execl(program_path(), "upgrade_program", mode_name(), behaviour, "the state", address, (char *)NULL);
        _exit(127);
    }
    REQUIRE(pid > 0);
    return pid;
}

/* Waits for what systemd is to hear next. */
static const char *hear(struct ear *ear, unsigned number) {
    while (ear->count <= number) {
        ev_run(ear->loop, EVRUN_ONCE);
    }
    return ear->messages[number];
}

static void no_client_is_refused_or_lost_by_upgrades(void) {
    const char *address = own_name("load");
    struct ear ear;
    struct dial_clients clients;
    struct dial_answer answer = {0};
    int status = -1;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    unsigned heard = 0;
    ear_open(&ear);
    ear_attend(&ear, loop);
    pid_t pid = start_program("serve", address);
    CHECK_STR(hear(&ear, heard++), "READY=1\n");
    dial_start_clients(&clients, address);
    for (unsigned i = 0; i < UPGRADES; i++) {
        REQUIRE_INT(kill(pid, SIGUSR2), 0);
        int next = 0;
        REQUIRE_INT(sscanf(hear(&ear, heard++), "MAINPID=%d\n", &next), 1);
        CHECK_STR(hear(&ear, heard++), "READY=1\n");
        REQUIRE_INT(waitpid(pid, &status, 0), pid);
        CHECK_INT(status, 0);
        REQUIRE(next != pid);
        pid = next;
        REQUIRE_INT(dial_once(address, &answer), 0);
        CHECK_INT(answer.master, pid);
        /* The watchdog's pid was the old one's. */
        unsigned fed = ear.watchdog_count;
        while (ear.watchdog_count == fed) {
            ev_run(loop, EVRUN_ONCE);
        }
    }
    dial_end_clients(&clients);
    REQUIRE_INT(kill(pid, SIGTERM), 0);
    CHECK_STR(hear(&ear, heard++), "STOPPING=1\n");
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    ear_close(&ear);
    ev_loop_destroy(loop);
}

static void the_program_that_is_there_then_is_started(void) {
    char directory[] = "/tmp/yoke-upgrade-XXXXXX";
    char program[100];
    char copy[3 * PATH_MAX];
    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(program, sizeof(program), "%s/program", directory);
    REQUIRE_INT(symlink(program_path(), program), 0);
    /* A copy, which is replaced by another file while it runs. */
    snprintf(copy, sizeof(copy), "cp %s %s/copy && cp %s/probe_worker %s/", program_path(), directory,
             test_program_dir(), directory);
    REQUIRE_INT(system(copy), 0);
    snprintf(copy, sizeof(copy), "%s/copy", directory);
    struct ear ear;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    int status = -1;
    int next = 0;
    ear_open(&ear);
    ear_attend(&ear, loop);
    pid_t pid = fork();
    if (pid == 0) {
        execl(copy, "copy", mode_name(), "serve", "the state", own_name("copy"), (char *)NULL);
        _exit(127);
    }
    CHECK_STR(hear(&ear, 0), "READY=1\n");
    REQUIRE_INT(unlink(copy), 0);
    REQUIRE_INT(rename(program, copy), 0);
    REQUIRE_INT(kill(pid, SIGUSR2), 0);
    REQUIRE_INT(sscanf(hear(&ear, 1), "MAINPID=%d\n", &next), 1);
    CHECK_STR(hear(&ear, 2), "READY=1\n");
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    end_program(next);
    ear_close(&ear);
    ev_loop_destroy(loop);
    REQUIRE_INT(unlink(copy), 0);
    snprintf(copy, sizeof(copy), "%s/probe_worker", directory);
    REQUIRE_INT(unlink(copy), 0);
    CHECK_INT(rmdir(directory), 0);
}

/* ---- Failure */

/* The old master serves as before, and there is no other. */
static void check_still_there(struct lab *lab, const char *address) {
    struct dial_answer answer = {0};
    REQUIRE_INT(dial_once(address, &answer), 0);
    CHECK_INT(answer.master, getpid());
    lab_check_echo(lab, yoke_pool_channel(lab->pool));
    reap_orphans(lab);
    CHECK_INT(test_children((pid_t[4]){0}, 4), 2);
    CHECK_INT(lab->death_count, 0);
}

static void a_new_master_that_fails_leaves_everything_as_it_was(void) {
    static const struct {
        const char *behaviour, *detail;
        uint32_t timeout_ms;
    } rows[] = {
        {"exit", "it exited with code 7 before it was ready", 0},
        {"silent", "it was not ready within 300 ms", 300},
        {"hang", "it was not ready within 50 ms", 50},
        {"leave", "it was not ready within 300 ms", 300},
    };
    struct lab lab;
    struct news news;
    struct ear ear;
    ear_open(&ear);
    setenv("WATCHDOG_USEC", "20000", 1);
    open_old(&lab, &news);
    struct yoke_listener *listener = listen_at(&lab, "tcp:127.0.0.1:0");
    const char *address = yoke_listener_address(listener);
    open_pool(&lab, (struct yoke_listener *[]){listener, NULL});
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct yoke_upgrade_options options = {.timeout_ms = rows[i].timeout_ms};
        REQUIRE_INT(try_upgrade(&lab, rows[i].behaviour, "", address, NULL, &options), 0);
        LAB_WAIT(&lab, news.failed_count == i + 1);
        CHECK_STR(news.detail, rows[i].detail);
        CHECK(!test_process_lives(news.pid));
        check_still_there(&lab, address);
    }
    /* One that finds a state that it does not expect. */
    const struct yoke_upgrade_options options = {.state = "other", .state_size = 5};
    REQUIRE_INT(try_upgrade(&lab, "serve", "expected", address, NULL, &options), 0);
    LAB_WAIT(&lab, news.failed_count == 5);
    CHECK_CONTAINS(news.detail, "it exited with code 25");
    /* Systemd has heard nothing of these; this process has not wanted to tell it anything itself. */
    ear_read(&ear);
    CHECK_INT(ear.count, 0);
    CHECK_INT(ear.watchdog_count, 0);
    CHECK_STR(ear.status, "");
    ear_close(&ear);
    unsetenv("WATCHDOG_USEC");
    /* And after all that one can succeed. */
    upgrade(&lab, "serve", address);
    LAB_WAIT(&lab, news.upgraded_count == 1);
    run_to_the_end(&lab);
    lab_close(&lab);
    end_program(news.pid);
}

static void what_cannot_be_started_is_an_error_at_once(void) {
    struct lab lab;
    struct news news;
    static const char much = 0;
    open_old(&lab, &news);
    struct yoke_listener *listener = listen_at(&lab, "tcp:127.0.0.1:0");
    open_pool(&lab, (struct yoke_listener *[]){listener, NULL});
    struct yoke_upgrade_options options = {YOKE_UPGRADE_OPTIONS_INIT, .path = "/nowhere/at/all"};
    CHECK_INT(yoke_master_upgrade(lab.master, &options), -ENOENT);
    options.path = "/";
    CHECK_INT(yoke_master_upgrade(lab.master, &options), -EACCES);
    options = (struct yoke_upgrade_options){YOKE_UPGRADE_OPTIONS_INIT, .state_size = 1};
    CHECK_INT(yoke_master_upgrade(lab.master, &options), -EINVAL);
    options =
        (struct yoke_upgrade_options){YOKE_UPGRADE_OPTIONS_INIT, .state = &much, .state_size = ((size_t)64 << 20) + 1};
    CHECK_INT(yoke_master_upgrade(lab.master, &options), -EINVAL);
    options = (struct yoke_upgrade_options){.size = 0};
    CHECK_INT(yoke_master_upgrade(lab.master, &options), -EINVAL);
    check_still_there(&lab, yoke_listener_address(listener));
    CHECK_INT(news.failed_count, 0);
    lab_close(&lab);
}

static void state_that_no_file_can_hold_is_an_error_too(void) {
    struct lab lab;
    struct news news;
    static const char state[8192];
    struct rlimit limit;
    open_old(&lab, &news);
    open_pool(&lab, NULL);
    REQUIRE_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    REQUIRE_INT(setrlimit(RLIMIT_FSIZE, &(struct rlimit){8192, limit.rlim_max}), 0);
    const struct yoke_upgrade_options options = {YOKE_UPGRADE_OPTIONS_INIT, .state = state,
                                                 .state_size = sizeof(state)};
    CHECK_INT(yoke_master_upgrade(lab.master, &options), -EFBIG);
    REQUIRE_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    lab_close(&lab);
}

static void there_is_one_upgrade_at_a_time(void) {
    struct lab lab;
    struct news news;
    const struct yoke_upgrade_options none = {.size = 0};
    open_old(&lab, &news);
    open_pool(&lab, NULL);
    upgrade(&lab, "hang", own_name("one"));
    CHECK_INT(try_upgrade(&lab, "serve", "", own_name("one"), NULL, &none), -EINPROGRESS);
    /* A master that stops has no use for a successor. */
    yoke_master_stop(lab.master);
    CHECK_INT(try_upgrade(&lab, "serve", "", own_name("one"), NULL, &none), -ESHUTDOWN);
    run_to_the_end(&lab);
    CHECK_INT(news.failed_count, 1);
    CHECK_STR(news.detail, "the master that started it was told to stop");
    reap_orphans(&lab);
    lab_close(&lab);
}

static void a_master_that_is_destroyed_leaves_no_half_successor(void) {
    struct lab lab;
    struct news news;
    open_old(&lab, &news);
    open_pool(&lab, NULL);
    upgrade(&lab, "hang", own_name("half"));
    lab_close(&lab);
    reap_orphans(NULL);
    CHECK_INT(news.failed_count, 0);
}

static void a_new_master_goes_on_when_the_old_one_dies(void) {
    char directory[] = "/tmp/yoke-upgrade-XXXXXX";
    char address[100];
    struct dial_answer answer = {0};
    int status = -1;
    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(address, sizeof(address), "unix:%s/sock", directory);
    struct ear ear;
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    ear_open(&ear);
    ear_attend(&ear, loop);
    pid_t old = start_program("silent-successor", address);
    CHECK_STR(hear(&ear, 0), "READY=1\n");
    REQUIRE_INT(kill(old, SIGUSR2), 0);
    do {
        REQUIRE_INT(dial_once(address, &answer), 0);
    } while (answer.master == old);
    /* Some worker of the new master serves already, but it will never be ready. It looks around meanwhile, and is silent. */
    for (unsigned fed = ear.watchdog_count; ear.watchdog_count < fed + 5;) {
        ev_run(loop, EVRUN_ONCE);
    }
    REQUIRE_INT(kill(old, SIGKILL), 0);
    REQUIRE_INT(waitpid(old, &status, 0), old);
    const pid_t next = answer.master;
    /* The old one's workers die with it. */
    for (unsigned i = 0; i < 20; i++) {
        int error = dial_once(address, &answer);
        CHECK(error == 0 || error == -EPIPE);
    }
    REQUIRE_INT(dial_once(address, &answer), 0);
    CHECK_INT(answer.master, next);
    REQUIRE(test_process_lives(next));
    /* It is in charge, so it tells systemd. */
    while (strstr(ear.status, "silent 0/2 ready") == NULL) {
        ev_run(loop, EVRUN_ONCE);
    }
    /* The file is its own. It is told twice, because one pool's workers would not hear. */
    REQUIRE_INT(kill(next, SIGINT), 0);
    end_program(next);
    reap_orphans(NULL);
    CHECK_INT(rmdir(directory), 0);
    ear_close(&ear);
    ev_loop_destroy(loop);
}

static void a_variable_that_is_not_true_is_not_believed(void) {
    static const char *const values[] = {"", "1", "1:1:0", "1:x:0", "2:1:0", "1:1:99999999", "1:1:0x"};
    for (unsigned i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct lab lab;
        struct news news;
        setenv("YOKE_UPGRADE", values[i], 1);
        open_old(&lab, &news);
        CHECK(getenv("YOKE_UPGRADE") == NULL);
        CHECK(yoke_master_inherited_state(lab.master, NULL) == NULL);
        open_pool(&lab, NULL);
        lab_check_echo(&lab, yoke_pool_channel(lab.pool));
        lab_close(&lab);
    }
}

/* Everything fits, but the list is in a file that somebody could shorten while it is read. */
static void a_list_that_can_change_is_not_believed(void) {
    int ends[2];
    char variable[40];
    char path[] = "/tmp/yoke-list-XXXXXX";
    int file = mkstemp(path);
    REQUIRE_INT(write(file, "state 0 0\n", 10), 10);
    REQUIRE_INT(unlink(path), 0);
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    REQUIRE(file == 3 && ends[0] == 4);
    /* The other way round, as they are handed over. */
    REQUIRE_INT(dup2(ends[0], 10), 10);
    REQUIRE_INT(dup2(file, 4), 4);
    REQUIRE_INT(dup2(10, 3), 3);
    close(10);
    snprintf(variable, sizeof(variable), "1:%d:0", (int)getpid());
    setenv("YOKE_UPGRADE", variable, 1);
    struct lab lab;
    struct news news;
    open_old(&lab, &news);
    /* It is not waiting for a master before it, then. */
    CHECK_INT(yoke_master_upgrade(lab.master, &(struct yoke_upgrade_options){YOKE_UPGRADE_OPTIONS_INIT, .path = "/"}),
              -EACCES);
    lab_close(&lab);
    close(3);
    close(4);
    close(ends[1]);
}

static const struct test_case cases[] = {
    {.name = "a new master serves where the old one did", .run = a_new_master_serves_where_the_old_one_did},
    {.name = "a connection is served to its end by the worker that has it",
     .run = a_connection_is_served_to_its_end_by_the_worker_that_has_it},
    {.name = "state is handed over", .run = state_is_handed_over},
    {.name = "what the new master does not ask for is closed", .run = what_the_new_master_does_not_ask_for_is_closed},
    {.name = "an address can be asked for by the port that was chosen",
     .run = an_address_can_be_asked_for_by_the_port_that_was_chosen},
    {.name = "no client is refused or lost by upgrades", .run = no_client_is_refused_or_lost_by_upgrades},
    {.name = "the program that is there then is started", .run = the_program_that_is_there_then_is_started},
    {.name = "a new master that fails leaves everything as it was",
     .run = a_new_master_that_fails_leaves_everything_as_it_was},
    {.name = "what cannot be started is an error at once", .run = what_cannot_be_started_is_an_error_at_once},
    {.name = "state that no file can hold is an error, too", .run = state_that_no_file_can_hold_is_an_error_too},
    {.name = "there is one upgrade at a time", .run = there_is_one_upgrade_at_a_time},
    {.name = "a master that is destroyed leaves no half successor",
     .run = a_master_that_is_destroyed_leaves_no_half_successor},
    {.name = "a new master goes on when the old one dies", .run = a_new_master_goes_on_when_the_old_one_dies},
    {.name = "a variable that is not true is not believed", .run = a_variable_that_is_not_true_is_not_believed},
    {.name = "a list that can change is not believed", .run = a_list_that_can_change_is_not_believed},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
