/* listener_test.c: listening sockets that a master opens once and its workers accept from, whatever becomes of the workers. */
#include "dial.h"
#include "lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* More than one worker is likely to take all of. */
#define MANY 64

#define RELOADS 10

static struct yoke_listener *listen_at(struct lab *lab, const char *address, bool reuse_port) {
    const struct yoke_listener_options options = {YOKE_LISTENER_OPTIONS_INIT, .address = address,
                                                  .reuse_port = reuse_port};
    struct yoke_listener *listener = NULL;
    REQUIRE_INT(yoke_master_listen(lab->master, &options, &listener), 0);
    return listener;
}

static int try_listen(struct lab *lab, const char *address) {
    const struct yoke_listener_options options = {YOKE_LISTENER_OPTIONS_INIT, .address = address};
    struct yoke_listener *listener = NULL;
    int error = yoke_master_listen(lab->master, &options, &listener);
    CHECK((error == 0) == (listener != NULL));
    return error;
}

/* A pool whose workers answer at these listeners. */
static void open_pool(struct lab *lab, unsigned workers, struct yoke_listener *const *listeners) {
    const struct yoke_pool_options pool = {.listeners = listeners};
    const struct lab_options options = {.workers = workers, .restart = true, .restart_pause_ms = 1, .pool = &pool};
    REQUIRE_INT(lab_create_pool(lab, &options, &lab->pool), 0);
    LAB_WAIT(lab, lab->ready_count == workers);
}

/* Opens a master with one pool that answers at this address. */
static struct yoke_listener *open_at(struct lab *lab, const char *address, bool reuse_port, unsigned workers) {
    lab_open_master(lab, &(struct lab_options){0});
    struct yoke_listener *listener = listen_at(lab, address, reuse_port);
    open_pool(lab, workers, (struct yoke_listener *[]){listener, NULL});
    return listener;
}

/* A new directory, and a path in it; the directory is removed by leave_directory(), which finds it empty. */
static void enter_directory(char *path, size_t size) {
    char directory[] = "/tmp/yoke-listener-XXXXXX";
    REQUIRE(mkdtemp(directory) != NULL);
    snprintf(path, size, "%s/sock", directory);
}

static void leave_directory(char *path) {
    *strrchr(path, '/') = '\0';
    CHECK_INT(rmdir(path), 0);
}

/* ---- Forms of addresses */

static void check_answers(const char *listened, const char *dialled) {
    struct lab lab;
    struct dial_answer answer = {0};
    const struct yoke_listener *listener = open_at(&lab, listened, false, 1);
    char address[200];
    /* The port that the kernel chose is told. */
    const char *port = strrchr(yoke_listener_address(listener), ':');
    if (strncmp(listened, "tcp:", 4) == 0) {
        CHECK(strcmp(port, ":0") != 0);
        snprintf(address, sizeof(address), "%.*s%s", (int)(strrchr(dialled, ':') - dialled), dialled, port);
    } else {
        CHECK_STR(yoke_listener_address(listener), listened);
        snprintf(address, sizeof(address), "%s", dialled);
    }
    CHECK_INT(dial_once(address, &answer), 0);
    CHECK_INT(answer.pid, yoke_child_pid(yoke_pool_child(lab.pool, 0)));
    lab_close(&lab);
    /* Nobody listens any more, and no file is left. */
    int error = dial(address);
    CHECK(error == -ECONNREFUSED || error == -ENOENT);
}

static void workers_answer_at_every_form_of_address(void) {
    char path[100];
    char address[110];
    check_answers("tcp:127.0.0.1:0", "tcp:127.0.0.1:0");
    check_answers("tcp:[::1]:0", "tcp:[::1]:0");
    check_answers("tcp:*:0", "tcp:127.0.0.1:0");
    check_answers("tcp:*:0", "tcp:[::1]:0");
    enter_directory(path, sizeof(path));
    snprintf(address, sizeof(address), "unix:%s", path);
    check_answers(address, address);
    leave_directory(path);
    snprintf(address, sizeof(address), "unix:@yoke-test-%d", (int)getpid());
    check_answers(address, address);
}

static void an_address_of_ipv6_alone_is_not_one_of_ipv4(void) {
    struct lab lab;
    char address[64];
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_listener *listener = listen_at(&lab, "tcp:[::]:0", false);
    snprintf(address, sizeof(address), "tcp:127.0.0.1%s", strrchr(yoke_listener_address(listener), ':'));
    CHECK_INT(dial(address), -ECONNREFUSED);
    lab_close(&lab);
}

static void an_address_that_is_in_use_is_refused(void) {
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_listener *listener = listen_at(&lab, "tcp:127.0.0.1:0", false);
    CHECK_INT(try_listen(&lab, yoke_listener_address(listener)), -EADDRINUSE);
    lab_close(&lab);
}

static void options_that_are_wrong_are_refused(void) {
    struct lab lab;
    struct yoke_listener *listener = NULL;
    lab_open_master(&lab, &(struct lab_options){0});
    CHECK_INT(try_listen(&lab, "tcp:localhost:80"), -EINVAL);
    CHECK_INT(try_listen(&lab, NULL), -EINVAL);
    CHECK_INT(try_listen(&lab, "unix:/nowhere/at/all"), -ENOENT);
    CHECK_INT(try_listen(&lab, "systemd:none"), -ENOENT);
    struct yoke_listener_options options = {.address = "tcp:127.0.0.1:0"};
    CHECK_INT(yoke_master_listen(lab.master, &options, &listener), -EINVAL);
    options = (struct yoke_listener_options){YOKE_LISTENER_OPTIONS_INIT, .address = "unix:@a", .reuse_port = true};
    CHECK_INT(yoke_master_listen(lab.master, &options, &listener), -EINVAL);
    options = (struct yoke_listener_options){YOKE_LISTENER_OPTIONS_INIT, .address = "unix:@a", .unix_mode = 01777};
    CHECK_INT(yoke_master_listen(lab.master, &options, &listener), -EINVAL);
    CHECK(listener == NULL);
    lab_close(&lab);
}

static void a_pool_takes_its_own_masters_listeners_and_not_too_many(void) {
    struct lab lab;
    struct lab other;
    struct yoke_listener *listeners[YOKE_LISTENERS_MAX + 2] = {NULL};
    struct yoke_pool *pool = NULL;
    const struct yoke_pool_options pool_options = {.listeners = listeners};
    const struct lab_options options = {.workers = 1, .pool = &pool_options};
    lab_open_master(&lab, &(struct lab_options){0});
    lab_open_master(&other, &(struct lab_options){0});
    listeners[0] = listen_at(&other, "tcp:127.0.0.1:0", false);
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -EINVAL);
    listeners[0] = listen_at(&lab, "tcp:127.0.0.1:0", false);
    for (unsigned i = 1; i <= YOKE_LISTENERS_MAX; i++) {
        listeners[i] = listeners[0];
    }
    CHECK_INT(lab_create_pool(&lab, &options, &pool), -EINVAL);
    CHECK(pool == NULL);
    listeners[YOKE_LISTENERS_MAX] = NULL;
    CHECK_INT(lab_create_pool(&lab, &options, &pool), 0);
    lab_close(&lab);
    lab_close(&other);
}

/* ---- Workers' descriptors */

struct expectation {
    unsigned sockets;  /* from descriptor 3 on */
    unsigned count;    /* inspections that were checked */
    char first[4][32]; /* the first listening socket of each place: "socket:[INODE]" */
};

static void check_inspection(struct yoke_call *call, const struct yoke_status *status, const Probe__Inspection *reply,
                             void *user_data) {
    struct expectation *expectation = user_data;
    unsigned sockets = 0;
    (void)call;
    expectation->count++;
    REQUIRE_INT(status->code, YOKE_OK);
    for (size_t i = 0; i < reply->n_descriptors; i++) {
        const Probe__Descriptor *descriptor = reply->descriptors[i];
        unsigned number = (unsigned)descriptor->number;
        bool is_socket = strncmp(descriptor->target, "socket:", 7) == 0;
        sockets += is_socket;
        if (number == 4 && reply->worker_index < 4) {
            snprintf(expectation->first[reply->worker_index], sizeof(expectation->first[0]), "%s", descriptor->target);
        }
        CHECK_INT(is_socket, number >= 3 && number < 3 + expectation->sockets);
        /* A forked worker has its loop already. */
        CHECK(number < 3 + expectation->sockets ||
              (!lab_is_exec() && strncmp(descriptor->target, "anon_inode:[", 12) == 0));
    }
    CHECK_INT(sockets, expectation->sockets);
}

static struct expectation inspect_all(struct lab *lab, unsigned listeners) {
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    struct expectation expectation = {.sockets = 1 + listeners};
    const unsigned size = yoke_pool_size(lab->pool);
    for (unsigned i = 0; i < size; i++) {
        struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab->pool, i));
        REQUIRE_INT(probe_worker_inspect(channel, &request, NULL, check_inspection, &expectation), 0);
    }
    LAB_WAIT(lab, expectation.count == size);
    return expectation;
}

static void a_worker_has_the_sockets_of_its_pool_and_no_other(void) {
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    struct yoke_listener *first = listen_at(&lab, "tcp:127.0.0.1:0", false);
    char name[64];
    snprintf(name, sizeof(name), "unix:@yoke-test-fds-%d", (int)getpid());
    struct yoke_listener *second = listen_at(&lab, name, false);
    struct yoke_listener *third = listen_at(&lab, "tcp:127.0.0.1:0", true);
    (void)listen_at(&lab, "tcp:127.0.0.1:0", true);
    open_pool(&lab, 3, (struct yoke_listener *[]){third, first, second, NULL});
    (void)inspect_all(&lab, 3);
    const struct yoke_listener *in_order[] = {third, first, second};
    for (unsigned i = 0; i < 3; i++) {
        struct dial_answer answer = {0};
        REQUIRE_INT(dial_once(yoke_listener_address(in_order[i]), &answer), 0);
        CHECK_INT(answer.listener, i);
    }
    /* A second pool, without. */
    lab.ready_count = 0;
    open_pool(&lab, 2, NULL);
    (void)inspect_all(&lab, 0);
    lab_close(&lab);
}

static void a_worker_can_have_as_many_sockets_as_are_promised(void) {
    struct lab lab;
    struct yoke_listener *listeners[YOKE_LISTENERS_MAX + 1] = {NULL};
    struct dial_answer answer = {0};
    lab_open_master(&lab, &(struct lab_options){0});
    for (unsigned i = 0; i < YOKE_LISTENERS_MAX; i++) {
        listeners[i] = listen_at(&lab, "tcp:127.0.0.1:0", false);
    }
    open_pool(&lab, 1, listeners);
    CHECK_INT(dial_once(yoke_listener_address(listeners[YOKE_LISTENERS_MAX - 1]), &answer), 0);
    CHECK_INT(answer.listener, YOKE_LISTENERS_MAX - 1);
    lab_close(&lab);
}

/* ---- Deaths */

static void a_connection_that_comes_while_no_worker_lives_is_served_by_the_next(void) {
    struct lab lab;
    struct dial_answer answer = {0};
    const struct yoke_listener *listener = open_at(&lab, "tcp:127.0.0.1:0", false, 1);
    const char *address = yoke_listener_address(listener);
    int dying = dial(address);
    REQUIRE(dying >= 0);
    REQUIRE(dial_say(dying, "die"));
    /* The master has not run meanwhile, so there is no replacement. */
    CHECK(!dial_hear(dying, &answer));
    close(dying);
    int fd = dial(address);
    REQUIRE(fd >= 0);
    REQUIRE(dial_say(fd, "who"));
    CHECK_INT(lab.death_count, 0);
    LAB_WAIT(&lab, lab.ready_count == 2);
    REQUIRE(dial_hear(fd, &answer));
    CHECK_INT(answer.pid, yoke_child_pid(yoke_pool_child(lab.pool, 0)));
    CHECK_INT(lab.death_count, 1);
    close(fd);
    lab_close(&lab);
}

static void a_socket_of_its_own_belongs_to_a_place(void) {
    struct lab lab;
    int fds[MANY];
    unsigned answered[2] = {0, 0};
    const struct yoke_listener *listener = open_at(&lab, "tcp:127.0.0.1:0", true, 2);
    const struct expectation before = inspect_all(&lab, 1);
    CHECK(strcmp(before.first[0], before.first[1]) != 0);
    /* Both places are dead; what comes now waits in their sockets. */
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, i), SIGKILL), 0);
    }
    for (unsigned i = 0; i < MANY; i++) {
        fds[i] = dial(yoke_listener_address(listener));
        REQUIRE(fds[i] >= 0);
        REQUIRE(dial_say(fds[i], "who"));
    }
    LAB_WAIT(&lab, lab.ready_count == 4);
    for (unsigned i = 0; i < MANY; i++) {
        struct dial_answer answer = {0};
        REQUIRE(dial_hear(fds[i], &answer));
        REQUIRE(answer.index < 2);
        CHECK_INT(answer.pid, yoke_child_pid(yoke_pool_child(lab.pool, answer.index)));
        answered[answer.index]++;
        close(fds[i]);
    }
    /* The kernel spreads them by a hash of both addresses. */
    CHECK(answered[0] > 0 && answered[1] > 0);
    const struct expectation after = inspect_all(&lab, 1);
    CHECK_STR(after.first[0], before.first[0]);
    CHECK_STR(after.first[1], before.first[1]);
    lab_close(&lab);
}

static void no_connection_waits_for_a_place_that_is_no_more(void) {
    struct lab lab;
    struct dial_answer answer;
    lab_open_master(&lab, &(struct lab_options){0});
    struct yoke_listener *const listeners[] = {listen_at(&lab, "tcp:127.0.0.1:0", true), NULL};
    open_pool(&lab, 2, listeners);
    struct yoke_pool *first = lab.pool;
    lab.ready_count = 0;
    open_pool(&lab, 2, listeners);
    yoke_pool_stop(first);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    for (unsigned i = 0; i < MANY; i++) {
        REQUIRE_INT(dial_once(yoke_listener_address(listeners[0]), &answer), 0);
    }
    lab_close(&lab);
}

static void no_client_is_refused_or_lost_by_reloads(void) {
    struct lab lab;
    struct dial_clients clients;
    const struct yoke_listener *listener = open_at(&lab, "tcp:127.0.0.1:0", false, 2);
    dial_start_clients(&clients, yoke_listener_address(listener));
    for (unsigned i = 1; i <= RELOADS; i++) {
        REQUIRE_INT(yoke_pool_reload(lab.pool), 0);
        LAB_WAIT(&lab, lab.death_count == 2 * i);
    }
    CHECK_INT(yoke_pool_generation(lab.pool), RELOADS + 1);
    dial_end_clients(&clients);
    lab_close(&lab);
}

static void places_of_their_own_sockets_come_and_go(void) {
    struct lab lab;
    struct dial_answer answer = {0};
    const struct yoke_listener *listener = open_at(&lab, "tcp:127.0.0.1:0", true, 1);
    REQUIRE_INT(yoke_pool_scale(lab.pool, 3), 0);
    LAB_WAIT(&lab, yoke_pool_ready(lab.pool) == 3);
    const struct expectation three = inspect_all(&lab, 1);
    CHECK(strcmp(three.first[0], three.first[1]) != 0);
    CHECK(strcmp(three.first[1], three.first[2]) != 0);
    /* One of the others has a connection, so that it drains for as long as that lasts. */
    int fd = -1;
    while (answer.index == 0) {
        if (fd >= 0) {
            close(fd);
        }
        fd = dial(yoke_listener_address(listener));
        REQUIRE(fd >= 0 && dial_say(fd, "who") && dial_hear(fd, &answer));
    }
    REQUIRE_INT(yoke_pool_scale(lab.pool, 1), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    /* If a socket of the others was left, some of these would wait there for ever. */
    for (unsigned i = 0; i < MANY; i++) {
        REQUIRE_INT(dial_once(yoke_listener_address(listener), &answer), 0);
        CHECK_INT(answer.index, 0);
    }
    REQUIRE(dial_say(fd, "who") && dial_hear(fd, &answer));
    CHECK(answer.index > 0);
    close(fd);
    lab_close(&lab);
}

/* ---- Files */

static void a_file_on_which_nobody_listens_is_replaced(void) {
    char path[100];
    char address[110];
    struct stat before;
    struct stat file;
    struct lab lab;
    enter_directory(path, sizeof(path));
    snprintf(address, sizeof(address), "unix:%s", path);
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_listener_options options = {YOKE_LISTENER_OPTIONS_INIT, .address = address, .unix_mode = 0666};
    struct yoke_listener *listener = NULL;
    REQUIRE_INT(try_listen(&lab, address), 0);
    REQUIRE_INT(stat(path, &before), 0);
    CHECK_INT(before.st_mode & 07777, 0600);
    /* Somebody listens. */
    CHECK_INT(try_listen(&lab, address), -EADDRINUSE);
    /* A copy of the file survives its master. */
    char kept[110];
    snprintf(kept, sizeof(kept), "%s.kept", path);
    REQUIRE_INT(link(path, kept), 0);
    lab_close(&lab);
    CHECK_INT(stat(path, &file), -1);
    REQUIRE_INT(rename(kept, path), 0);
    lab_open_master(&lab, &(struct lab_options){0});
    mode_t umask_before = umask(077);
    REQUIRE_INT(yoke_master_listen(lab.master, &options, &listener), 0);
    umask(umask_before);
    REQUIRE_INT(stat(path, &file), 0);
    CHECK_INT(file.st_mode & 07777, 0666);
    lab_close(&lab);
    leave_directory(path);
}

static void a_file_that_is_no_socket_is_left_alone(void) {
    char path[100];
    char address[110];
    struct lab lab;
    enter_directory(path, sizeof(path));
    snprintf(address, sizeof(address), "unix:%s", path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    close(fd);
    lab_open_master(&lab, &(struct lab_options){0});
    CHECK_INT(try_listen(&lab, address), -EADDRINUSE);
    /* Nor is one removed that has come in its place. */
    REQUIRE_INT(unlink(path), 0);
    REQUIRE_INT(try_listen(&lab, address), 0);
    REQUIRE_INT(unlink(path), 0);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    close(fd);
    lab_close(&lab);
    CHECK_INT(unlink(path), 0);
    leave_directory(path);
}

/* ---- systemd */

static int make_listening(void) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(fd >= 0);
    REQUIRE_INT(listen(fd, 16), 0);
    return fd;
}

static void set_number(const char *name, int value) {
    char text[16];
    snprintf(text, sizeof(text), "%d", value);
    setenv(name, text, 1);
}

/* Runs in a process of its own, in which the descriptors from 3 on are systemd's: two named "a", one "b", and a pipe "c". */
static void run_activated(void (*run)(struct lab *lab)) {
    pid_t pid = fork();
    if (pid == 0) {
        struct lab lab;
        int fds[4] = {make_listening(), make_listening(), make_listening(), dup(0)};
        for (int i = 0; i < 4; i++) {
            fds[i] = fcntl(fds[i], F_DUPFD, 100);
        }
        for (int i = 0; i < 4; i++) {
            REQUIRE_INT(dup2(fds[i], 3 + i), 3 + i);
            close(fds[i]);
        }
        close_range(7, 100, 0);
        set_number("LISTEN_PID", getpid());
        set_number("LISTEN_FDS", 4);
        setenv("LISTEN_FDNAMES", "a:a:b:c", 1);
        lab_open_master(&lab, &(struct lab_options){0});
        run(&lab);
        lab_close(&lab);
        _exit(0);
    }
    int status = 0;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

static void check_sockets_of_systemd(struct lab *lab) {
    struct yoke_listener *first = listen_at(lab, "systemd:a", false);
    struct yoke_listener *second = listen_at(lab, "systemd:a", false);
    struct yoke_listener *third = listen_at(lab, "systemd:b", false);
    CHECK_INT(try_listen(lab, "systemd:a"), -ENOENT);
    CHECK_INT(try_listen(lab, "systemd:c"), -ENOENT);
    CHECK(getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL && getenv("LISTEN_FDNAMES") == NULL);
    for (int fd = 3; fd < 7; fd++) {
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
        CHECK_INT((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, fd < 6);
    }
    CHECK(strcmp(yoke_listener_address(first), yoke_listener_address(second)) != 0);
    CHECK(strncmp(yoke_listener_address(third), "tcp:0.0.0.0:", 12) == 0);
    open_pool(lab, 1, (struct yoke_listener *[]){first, second, third, NULL});
    (void)inspect_all(lab, 3);
    struct dial_answer answer = {0};
    REQUIRE_INT(dial_once(yoke_listener_address(third), &answer), 0);
    CHECK_INT(answer.listener, 2);
    REQUIRE_INT(dial_once(yoke_listener_address(second), &answer), 0);
    CHECK_INT(answer.listener, 1);
}

static void sockets_of_systemd_are_found_by_name(void) {
    run_activated(check_sockets_of_systemd);
}

static void check_untrue(struct lab *lab, const char *variable, const char *value) {
    char before[32];
    snprintf(before, sizeof(before), "%s", getenv(variable));
    setenv(variable, value, 1);
    if (try_listen(lab, "systemd:a") != -ENOENT) {
        printf("%s=%s is believed\n", variable, value);
        CHECK(false);
    }
    /* It may be meant for somebody else. */
    CHECK(getenv("LISTEN_PID") != NULL);
    CHECK_INT(fcntl(3, F_GETFD), 0);
    setenv(variable, before, 1);
}

static void check_untrue_variables(struct lab *lab) {
    check_untrue(lab, "LISTEN_PID", "1");
    check_untrue(lab, "LISTEN_PID", "");
    check_untrue(lab, "LISTEN_FDS", "0");
    check_untrue(lab, "LISTEN_FDS", "-1");
    check_untrue(lab, "LISTEN_FDS", "1x");
    check_untrue(lab, "LISTEN_FDS", "99999999999999999999");
    /* So many are not open. */
    check_untrue(lab, "LISTEN_FDS", "60");
    CHECK_INT(try_listen(lab, "systemd:a"), 0);
}

static void variables_of_systemd_that_are_not_true_are_not_believed(void) {
    run_activated(check_untrue_variables);
}

static void check_names(struct lab *lab) {
    unsetenv("LISTEN_FDNAMES");
    for (unsigned i = 0; i < 3; i++) {
        CHECK_INT(try_listen(lab, "systemd:unknown"), 0);
    }
    CHECK_INT(try_listen(lab, "systemd:unknown"), -ENOENT);
}

static void sockets_of_systemd_without_names_are_unknown(void) {
    run_activated(check_names);
}

static const struct test_case cases[] = {
    {.name = "workers answer at every form of address", .run = workers_answer_at_every_form_of_address},
    {.name = "an address of IPv6 alone is not one of IPv4", .run = an_address_of_ipv6_alone_is_not_one_of_ipv4},
    {.name = "an address that is in use is refused", .run = an_address_that_is_in_use_is_refused},
    {.name = "options that are wrong are refused", .run = options_that_are_wrong_are_refused},
    {.name = "a pool takes its own master's listeners, and not too many",
     .run = a_pool_takes_its_own_masters_listeners_and_not_too_many},
    {.name = "a worker has the sockets of its pool and no other",
     .run = a_worker_has_the_sockets_of_its_pool_and_no_other},
    {.name = "a worker can have as many sockets as are promised",
     .run = a_worker_can_have_as_many_sockets_as_are_promised},
    {.name = "a connection that comes while no worker lives is served by the next",
     .run = a_connection_that_comes_while_no_worker_lives_is_served_by_the_next},
    {.name = "a socket of its own belongs to a place", .run = a_socket_of_its_own_belongs_to_a_place},
    {.name = "no connection waits for a place that is no more", .run = no_connection_waits_for_a_place_that_is_no_more},
    {.name = "no client is refused or lost by reloads", .run = no_client_is_refused_or_lost_by_reloads},
    {.name = "places with sockets of their own come and go", .run = places_of_their_own_sockets_come_and_go},
    {.name = "a file on which nobody listens is replaced", .run = a_file_on_which_nobody_listens_is_replaced},
    {.name = "a file that is no socket is left alone", .run = a_file_that_is_no_socket_is_left_alone},
    {.name = "sockets of systemd are found by name", .run = sockets_of_systemd_are_found_by_name},
    {.name = "variables of systemd that are not true are not believed",
     .run = variables_of_systemd_that_are_not_true_are_not_believed},
    {.name = "sockets of systemd without names are unknown", .run = sockets_of_systemd_without_names_are_unknown},
    {.name = NULL},
};

LAB_MAIN_WITHOUT_LEAK_CHECKS(cases)
