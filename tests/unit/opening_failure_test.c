/*
 * opening_failure_test.c: a master that listens, follows its host, and begins an upgrade, while each allocation fails in turn, or with
 * too few descriptors.
 */
#include "memory.h"

#include "fdlist.h"
#include "harness.h"

#include <yoke/yoke.h>

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static struct ev_loop *loop;

/* As far as it comes; what fails says so. */
static int open_all(struct yoke_master **ret_master) {
    const char state[] = "a state";
    char *argv[] = {(char[]){"true"}, NULL};
    const struct yoke_listener_options one = {YOKE_LISTENER_OPTIONS_INIT, .address = "tcp:127.0.0.1:0"};
    const struct yoke_listener_options each = {YOKE_LISTENER_OPTIONS_INIT, .address = "tcp:127.0.0.1:0",
                                               .reuse_port = true};
    const struct yoke_upgrade_options upgrade = {YOKE_UPGRADE_OPTIONS_INIT, .path = "/bin/true", .argv = argv,
                                                 .state = state, .state_size = sizeof(state)};
    const struct yoke_host_options host = {YOKE_HOST_OPTIONS_INIT, .upgrade = &upgrade};
    struct yoke_listener *listener;
    int error = yoke_master_create(loop, NULL, ret_master);
    error = error != 0 ? error : yoke_master_listen(*ret_master, &one, &listener);
    error = error != 0 ? error : yoke_master_listen(*ret_master, &each, &listener);
    error = error != 0 ? error : yoke_master_follow_host(*ret_master, &host);
    return error != 0 ? error : yoke_master_upgrade(*ret_master, &upgrade);
}

static bool run(size_t nth, void (*fail)(size_t nth)) {
    struct yoke_master *master = NULL;
    const size_t blocks = memory_live_blocks();
    fail(nth);
    int error = open_all(&master);
    bool has_failed = memory_fail_never();
    CHECK_INT(error, has_failed ? -ENOMEM : 0);
    CHECK_INT(yoke_master_destroy(master), 0);
    CHECK_INT(memory_live_blocks(), blocks);
    CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
    return has_failed;
}

static void run_each(void (*fail)(size_t nth)) {
    setenv("NOTIFY_SOCKET", "@yoke-test-nobody", 1);
    setenv("WATCHDOG_USEC", "1000000", 1);
    loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    /* More than a handful, or this test is about nothing. */
    CHECK(memory_fail_each(run, fail) > 10);
    ev_loop_destroy(loop);
}

static void each_one_fails(void) {
    run_each(memory_fail_once);
}

static void all_fail_from_one_on(void) {
    run_each(memory_fail_from);
}

/* With room for no descriptor, for one, and so on, until there is enough. */
static void descriptors_run_out(void) {
    struct rlimit limit;
    struct test_fdlist open;
    int error = -EMFILE;
    unsigned failures = 0;
    setenv("NOTIFY_SOCKET", "@yoke-test-nobody", 1);
    loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    test_fdlist_take(&open);
    REQUIRE_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlim_t enough = limit.rlim_cur;
    for (rlim_t most = (rlim_t)open.fds[open.count - 1].number + 1; error != 0; most++) {
        struct yoke_master *master = NULL;
        limit.rlim_cur = most;
        REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        error = open_all(&master);
        limit.rlim_cur = enough;
        REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK(error == 0 || error == -EMFILE);
        failures += error != 0;
        CHECK_INT(yoke_master_destroy(master), 0);
        CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
    }
    CHECK(failures > 5);
    test_fdlist_release(&open);
    ev_loop_destroy(loop);
}

static const struct test_case cases[] = {
    {.name = "each allocation fails", .run = each_one_fails},
    {.name = "all allocations fail from one on", .run = all_fail_from_one_on},
    {.name = "descriptors run out", .run = descriptors_run_out},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "opening", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
