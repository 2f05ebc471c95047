/*
 * orphan_test.c: a master that dies, however it dies, leaves no workers. The master is a child of the case here; the
 * case is the subreaper, so whatever survives its master becomes a child of the case, where it is seen.
 */
#include "lab.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4

/* The promise is a second; this is only how long to look for a survivor before it is called one. */
#define SURVIVOR_MS 10000

static void say(int fd) {
    CHECK_INT(write(fd, "x", 1), 1);
}

static void listen_for_word(int fd) {
    char word;
    CHECK_INT(read(fd, &word, 1), 1);
}

static void check_no_survivor(void) {
    unsigned long long start = test_now_ms();
    CHECK_INT(test_await_no_children(SURVIVOR_MS), 0);
    printf("no worker left after %llu ms\n", test_now_ms() - start);
}

enum plight { IDLE, BLOCKED, FROZEN, NOT_RUNNING };

/* A master with ready workers in some plight, which says a word and goes on until it is killed. */
static void be_master(int word_fd, enum plight plight) {
    struct lab lab;
    struct lab_result results[WORKERS] = {0};
    const struct lab_options options = {.workers = WORKERS,
                                        .scenario = plight == NOT_RUNNING ? PROBE_SILENT : PROBE_SERVE};
    if (plight == NOT_RUNNING) {
        lab_open_master(&lab, &options);
        REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    } else {
        lab_open(&lab, &options);
    }
    for (unsigned i = 0; i < WORKERS; i++) {
        struct yoke_child *child = yoke_pool_child(lab.pool, i);
        if (plight == BLOCKED) {
            REQUIRE_INT(lab_call_empty(&lab, probe_worker_block, yoke_child_channel(child), &results[i]), 0);
        } else if (plight == FROZEN) {
            REQUIRE_INT(yoke_child_kill(child, SIGSTOP), 0);
        }
    }
    ev_run(lab.loop, EVRUN_NOWAIT);
    say(word_fd);
    for (;;) {
        ev_run(lab.loop, 0);
    }
}

static void check_kill(enum plight plight, int signal) {
    int words[2];
    REQUIRE_INT(pipe(words), 0);
    pid_t master = fork();
    if (master == 0) {
        be_master(words[1], plight);
    }
    listen_for_word(words[0]);
    REQUIRE_INT(kill(master, signal), 0);
    REQUIRE_INT(waitpid(master, NULL, 0), master);
    check_no_survivor();
    close(words[0]);
    close(words[1]);
}

static void a_master_killed_leaves_no_workers(void) {
    check_kill(IDLE, SIGKILL);
}

static void a_master_terminated_leaves_no_workers(void) {
    check_kill(IDLE, SIGTERM);
}

static void a_master_killed_leaves_no_blocked_workers(void) {
    check_kill(BLOCKED, SIGKILL);
}

static void a_master_killed_leaves_no_frozen_workers(void) {
    check_kill(FROZEN, SIGKILL);
}

static void a_master_killed_leaves_no_workers_that_never_ran(void) {
    check_kill(NOT_RUNNING, SIGKILL);
}

static void check_exit(void (*leave)(int)) {
    pid_t master = fork();
    if (master == 0) {
        struct lab lab;
        lab_open(&lab, &(struct lab_options){.workers = WORKERS});
        leave(0);
    }
    REQUIRE_INT(waitpid(master, NULL, 0), master);
    check_no_survivor();
}

static void a_master_that_just_exits_leaves_no_workers(void) {
    check_exit(_exit);
}

/* ---- Killed while it spawns */

static void spawn_for_ever(int word_fd) {
    say(word_fd);
    for (;;) {
        struct lab lab;
        const struct lab_options options = {.workers = WORKERS};
        lab_open_master(&lab, &options);
        REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
        ev_run(lab.loop, EVRUN_NOWAIT);
        lab_close(&lab);
    }
}

static void a_master_killed_at_any_moment_of_spawning_leaves_no_workers(void) {
    srand(1);
    for (int round = 0; round < 40; round++) {
        int words[2];
        REQUIRE_INT(pipe(words), 0);
        pid_t master = fork();
        if (master == 0) {
            spawn_for_ever(words[1]);
        }
        listen_for_word(words[0]);
        usleep((useconds_t)(rand() % 20000)); /* any moment will do */
        REQUIRE_INT(kill(master, SIGKILL), 0);
        REQUIRE_INT(waitpid(master, NULL, 0), master);
        CHECK_INT(test_await_no_children(SURVIVOR_MS), 0);
        close(words[0]);
        close(words[1]);
    }
}

/* Runs in a forked worker before anything of Yoke's: says that it is there, and waits until its master is dead. */
static int in_fork_fd;
static pid_t dying_master;

static void linger_after_fork(void) {
    say(in_fork_fd);
    while (getppid() == dying_master) {
        usleep(1000);
    }
}

static void a_worker_whose_master_dies_inside_fork_does_not_live(void) {
    if (lab_is_exec()) {
        return; /* there the master cannot run, nor hold a hook, before the worker is another program */
    }
    int words[2];
    REQUIRE_INT(pipe(words), 0);
    pid_t master = fork();
    if (master == 0) {
        struct lab lab;
        const struct lab_options options = {.scenario = PROBE_SILENT};
        in_fork_fd = words[1];
        dying_master = getpid();
        REQUIRE_INT(pthread_atfork(NULL, NULL, linger_after_fork), 0);
        lab_open_master(&lab, &options);
        REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
        for (;;) {
            pause();
        }
    }
    listen_for_word(words[0]);
    REQUIRE_INT(kill(master, SIGKILL), 0);
    REQUIRE_INT(waitpid(master, NULL, 0), master);
    check_no_survivor();
    close(words[0]);
    close(words[1]);
}

static const struct test_case cases[] = {
    {.name = "a master killed leaves no workers", .run = a_master_killed_leaves_no_workers},
    {.name = "a master terminated leaves no workers", .run = a_master_terminated_leaves_no_workers},
    {.name = "a master killed leaves no blocked workers", .run = a_master_killed_leaves_no_blocked_workers},
    {.name = "a master killed leaves no frozen workers", .run = a_master_killed_leaves_no_frozen_workers},
    {.name = "a master killed leaves no workers that never ran",
     .run = a_master_killed_leaves_no_workers_that_never_ran},
    {.name = "a master that just exits leaves no workers", .run = a_master_that_just_exits_leaves_no_workers},
    {.name = "a master killed at any moment of spawning leaves no workers",
     .run = a_master_killed_at_any_moment_of_spawning_leaves_no_workers},
    {.name = "a worker whose master dies inside fork does not live",
     .run = a_worker_whose_master_dies_inside_fork_does_not_live},
    {.name = NULL},
};

LAB_MAIN(cases)
