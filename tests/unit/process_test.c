/* process_test.c: what a spawned process is given, wherever the master happens to have it. */
#include "harness.h"
#include "master/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 5

/* ---- Descriptors ------------------------------------------------------------------------------------------------- */

/* In the worker: 4, 5, … are the descriptors of these files, and behind them there is none. */
static ino_t expected[COUNT];

static int check_descriptors(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    struct stat found;
    for (int i = 0; i < COUNT; i++) {
        if (fstat(4 + i, &found) != 0 || found.st_ino != expected[i] || fcntl(4 + i, F_GETFD) != FD_CLOEXEC) {
            return 10 + i;
        }
    }
    return 0;
}

static struct yoke__exit run(const struct yoke__program *program, unsigned listener_count) {
    const struct yoke__worker_setup setup = {
        .id = 1, .generation = 1, .master_pid = getpid(), .listener_count = listener_count};
    struct yoke__process process;
    struct yoke__exit exit;
    REQUIRE_INT(yoke__process_spawn(program, &setup, &process), 0);
    yoke__process_wait(&process, &exit);
    close(process.channel_fd);
    close(process.pidfd);
    return exit;
}

/* Files at the numbers that the worker's descriptors shall have, in an order that makes each stand in another's place. */
static void open_files(const int numbers[COUNT]) {
    for (int i = 0; i < COUNT; i++) {
        char name[] = "/tmp/yoke-process-XXXXXX";
        struct stat stat;
        int fd = mkstemp(name);
        REQUIRE(fd >= 0);
        REQUIRE_INT(unlink(name), 0);
        REQUIRE_INT(fstat(fd, &stat), 0);
        expected[i] = stat.st_ino;
        int above = fcntl(fd, F_DUPFD_CLOEXEC, 100);
        REQUIRE(above >= 0);
        close(fd);
        REQUIRE_INT(dup3(above, numbers[i], O_CLOEXEC), numbers[i]);
        close(above);
    }
}

static void close_files(const int numbers[COUNT]) {
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(close(numbers[i]), 0);
    }
}

static const int orders[][COUNT] = {
    {4, 5, 6, 7, 8}, {8, 7, 6, 5, 4}, {5, 6, 7, 8, 4}, {3, 4, 5, 6, 7}, {20, 3, 8, 30, 4}};

static void a_forked_worker_finds_its_sockets_in_order(void) {
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        open_files(orders[i]);
        struct yoke__exit exit =
            run(&(struct yoke__program){.entry = check_descriptors, .listeners = orders[i]}, COUNT);
        CHECK_INT(exit.exit_code, 0);
        close_files(orders[i]);
    }
}

static void an_executed_worker_finds_its_sockets_in_order(void) {
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char script[1000] = "cd /proc/$$/fd && test ! -e 9";
        open_files(orders[i]);
        for (int j = 0; j < COUNT; j++) {
            size_t length = strlen(script);
            snprintf(script + length, sizeof script - length, " && test $(stat -L -c %%i %d) = %llu", 4 + j,
                     (unsigned long long)expected[j]);
        }
        char *const argv[] = {"sh", "-c", script, NULL};
        struct yoke__exit exit =
            run(&(struct yoke__program){.path = "/bin/sh", .argv = argv, .listeners = orders[i]}, COUNT);
        CHECK_INT(exit.exit_code, 0);
        close_files(orders[i]);
    }
}

static const struct test_case cases[] = {
    {.name = "a forked worker finds its sockets in order", .run = a_forked_worker_finds_its_sockets_in_order},
    {.name = "an executed worker finds its sockets in order", .run = an_executed_worker_finds_its_sockets_in_order},
    {.name = NULL},
};

static const struct test_suite suites[] = {{"process", cases, NULL}, {.name = NULL}};

int main(int argc, char **argv) {
    return test_main(argc, argv, suites);
}
