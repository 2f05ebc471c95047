/*
 * post_test.c: functions handed to the loop: their order, when they run, and what becomes of them when it ends. Here all is
 * one thread; many are in the end-to-end suite.
 */
#include "harness.h"
#include "memory.h"
#include "rpc/io.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ev_loop *loop;
static struct yoke__engine engine;
static struct yoke__io io;
static unsigned ran[16];
static size_t ran_count;

static void start(void) {
    static const struct yoke_limits limits = {0};
    loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    REQUIRE_INT(yoke__engine_init(&engine, &limits, NULL, NULL), 0);
    REQUIRE_INT(yoke__io_init(&io, loop, &engine), 0);
    ran_count = 0;
}

static void finish(void) {
    yoke__io_release(&io);
    yoke__engine_release(&engine);
    CHECK_INT(ev_run(loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(loop);
    CHECK_INT(memory_live_blocks(), 0);
}

static unsigned numbers[] = {0, 1, 2, 3, 4, 5, 6, 7};

static void run(void *user_data) {
    REQUIRE(ran_count < sizeof(ran) / sizeof(*ran));
    ran[ran_count++] = *(unsigned *)user_data;
    CHECK_INT(engine.callback_depth, 1);
}

static void post(unsigned number) {
    REQUIRE_INT(yoke__io_post(&io, run, &numbers[number]), 0);
}

static void check_ran(size_t count) {
    CHECK_INT(ran_count, count);
    for (size_t i = 0; i < ran_count; i++) {
        CHECK_INT(ran[i], i);
    }
}

static void they_run_once_in_order_from_the_loop(void) {
    start();
    for (unsigned i = 0; i < 5; i++) {
        post(i);
    }
    check_ran(0);
    ev_run(loop, EVRUN_NOWAIT);
    check_ran(5);
    ev_run(loop, EVRUN_NOWAIT);
    check_ran(5);
    CHECK_INT(engine.callback_depth, 0);
    finish();
}

static void the_loop_is_woken_once_for_all_that_gathers(void) {
    struct yoke__posts posts;
    bool must_wake = false;
    yoke__posts_init(&posts);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++) {
            REQUIRE_INT(yoke__posts_add(&posts, run, &numbers[i], &must_wake), 0);
            CHECK_INT(must_wake, i == 0);
        }
        engine.callback_depth = 1;
        yoke__posts_run(&posts);
        CHECK_INT(ran_count, 3);
        ran_count = 0;
    }
    yoke__posts_release(&posts);
}

static void run_and_post(void *user_data) {
    run(user_data);
    post(*(unsigned *)user_data + 2);
}

static void what_they_post_runs_in_the_next_turn(void) {
    start();
    REQUIRE_INT(yoke__io_post(&io, run_and_post, &numbers[0]), 0);
    post(1);
    ev_run(loop, EVRUN_NOWAIT);
    check_ran(2);
    ev_run(loop, EVRUN_NOWAIT);
    check_ran(3);
    finish();
}

static void run_and_turn(void *user_data) {
    run(user_data);
    post(3);
    engine.callback_depth = 0;
    ev_run(loop, EVRUN_NOWAIT);
    engine.callback_depth = 1;
}

static void a_loop_within_keeps_the_order(void) {
    start();
    post(0);
    REQUIRE_INT(yoke__io_post(&io, run_and_turn, &numbers[1]), 0);
    post(2);
    ev_run(loop, EVRUN_NOWAIT);
    check_ran(4);
    finish();
}

static void what_has_not_run_is_freed(void) {
    start();
    post(0);
    post(1);
    finish();
    check_ran(0);
}

static void they_do_not_keep_the_loop_running(void) {
    start();
    /* It would block for ever, and the case time out. */
    CHECK_INT(ev_run(loop, 0), 0);
    finish();
}

static void without_memory_it_is_refused(void) {
    start();
    memory_fail_once(0);
    CHECK_INT(yoke__io_post(&io, run, &numbers[0]), -ENOMEM);
    CHECK(memory_fail_never());
    CHECK_INT(yoke__io_post(&io, NULL, NULL), -EINVAL);
    ev_run(loop, EVRUN_NOWAIT);
    check_ran(0);
    finish();
}

/* As if another thread, which is not in the copy, had been about to post. */
static void a_forked_copy_is_refused_and_does_not_hang(void) {
    start();
    pthread_mutex_lock(&io.posts.mutex);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(10);
        CHECK_INT(yoke__io_post(&io, run, &numbers[0]), -ECHILD);
        _exit(0);
    }
    int status = 1;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    pthread_mutex_unlock(&io.posts.mutex);
    finish();
}

static void without_a_descriptor_there_is_no_door(void) {
    static const struct yoke_limits limits = {0};
    struct rlimit before;
    loop = ev_loop_new(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    REQUIRE_INT(yoke__engine_init(&engine, &limits, NULL, NULL), 0);
    REQUIRE_INT(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
    int error = yoke__io_init(&io, loop, &engine);
    REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &before), 0);
    CHECK_INT(error, -EMFILE);
    yoke__engine_release(&engine);
    CHECK_INT(ev_run(loop, EVRUN_NOWAIT), 0);
    ev_loop_destroy(loop);
}

#define CASE(function) \
    { .name = #function, .run = (function) }
static const struct test_case cases[] = {
    CASE(they_run_once_in_order_from_the_loop),
    CASE(the_loop_is_woken_once_for_all_that_gathers),
    CASE(what_they_post_runs_in_the_next_turn),
    CASE(a_loop_within_keeps_the_order),
    CASE(what_has_not_run_is_freed),
    CASE(they_do_not_keep_the_loop_running),
    CASE(without_memory_it_is_refused),
    CASE(a_forked_copy_is_refused_and_does_not_hang),
    CASE(without_a_descriptor_there_is_no_door),
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "post", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
