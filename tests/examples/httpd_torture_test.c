/*
 * httpd_torture_test.c: httpd under load loses no request while its workers, and its master, are replaced, and no more than the
 * connections of a worker that is killed. bench/httpd/torture does more of it, with wrk.
 */
#include "harness.h"
#include "http_load.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define WORKERS 3
#define CLIENTS 16
#define RELOADS 6
#define UPGRADES 3
#define KILLS 10

/* Requests between two blows. */
#define BETWEEN 300

static struct http_server server;
static struct http_load load;

/* However slow this process is, no client of it is taken for idle. */
static void start(void) {
    static const char *const patient[] = {"--grace-seconds", "1000", "--idle-seconds", "1000", NULL};
    http_server_start(&server, WORKERS, patient);
    http_load_start(&load, &server, CLIENTS);
    http_load_answer(&load, BETWEEN);
}

static void check_faultless(void) {
    CHECK_STR(load.first_fault, "");
    CHECK_INT(load.refused, 0);
    CHECK_INT(load.wrong, 0);
    CHECK_INT(load.broken, 0);
}

/* Every request that was answered has been counted, by one of the masters. */
static void finish_faultless(void) {
    http_load_finish(&load);
    http_server_stop(&server);
    check_faultless();
    CHECK_INT(server.answered, load.answered);
}

static void reloads_cost_nothing(void) {
    start();
    for (unsigned i = 0; i < RELOADS; i++) {
        http_server_signal(&server, SIGHUP);
        CHECK_CONTAINS(http_load_await(&load, "reloaded"), ", 3 workers replaced");
        http_load_answer(&load, BETWEEN);
    }
    finish_faultless();
}

/* The old master is our child; the new one, of which it was the parent, becomes it. */
static void upgrade(void) {
    int status, pid;
    http_server_signal(&server, SIGUSR2);
    const char *line = http_load_await(&load, "has taken over");
    REQUIRE_INT(sscanf(strstr(line, "master "), "master %d has", &pid), 1);
    http_load_await(&load, "ends after ");
    REQUIRE_INT(waitpid(server.pid, &status, 0), server.pid);
    CHECK_INT(status, 0);
    server.pid = pid;
}

static void upgrades_cost_nothing(void) {
    start();
    for (unsigned i = 0; i < UPGRADES; i++) {
        upgrade();
        http_load_answer(&load, BETWEEN);
    }
    http_server_signal(&server, SIGHUP);
    http_load_await(&load, "reloaded");
    finish_faultless();
}

/* What the server prints of the workers, to know whom to kill. */
static bool was_killed(const uint64_t *killed, unsigned count, uint64_t worker) {
    for (unsigned i = 0; i < count; i++) {
        if (killed[i] == worker) {
            return true;
        }
    }
    return false;
}

static void a_kill_costs_only_what_the_worker_held(void) {
    uint64_t killed[KILLS], victim = 0;
    int pid;
    start();
    http_server_signal(&server, SIGHUP);
    for (unsigned i = 0; i < KILLS; i++) {
        /* Whoever was ready last: of the reload, then the successor of the one before. */
        const char *line = http_load_await(&load, " ready after ");
        REQUIRE_INT(sscanf(line, "httpd: worker %" SCNu64 " (pid %d)", &victim, &pid), 2);
        if (i == 0) {
            http_load_await(&load, "reloaded");
        }
        http_load_answer(&load, BETWEEN);
        unsigned broken = load.broken;
        REQUIRE_INT(kill(pid, SIGKILL), 0);
        killed[i] = victim;
        http_load_await(&load, "was killed by signal 9");
        CHECK(load.broken - broken <= CLIENTS);
    }
    http_load_answer(&load, BETWEEN);
    http_load_finish(&load);
    http_server_stop(&server);
    CHECK_INT(load.refused, 0);
    CHECK_INT(load.wrong, 0);
    CHECK(server.answered <= load.answered + load.broken);
    for (unsigned i = 0; i < load.broken; i++) {
        /* 0: it had accepted the connection, and not answered yet. */
        CHECK(load.breakers[i] == 0 || was_killed(killed, KILLS, load.breakers[i]));
    }
}

static const struct test_case cases[] = {
    {.name = "reloads cost nothing", .run = reloads_cost_nothing},
    {.name = "upgrades cost nothing", .run = upgrades_cost_nothing},
    {.name = "a kill costs only what the worker held", .run = a_kill_costs_only_what_the_worker_held},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"httpd, tortured", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
