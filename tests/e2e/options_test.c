/* options_test.c: options that are wrong, from the future or from the past; programs that cannot be started. */
#include "lab.h"

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct probe_setup serve = {.scenario = PROBE_SERVE};

static int try_pool(struct lab *lab, const struct yoke_pool_options *options) {
    struct yoke_pool *pool = NULL;
    int error = yoke_pool_create(lab->master, options, &pool);
    if (error != 0) {
        CHECK(pool == NULL); /* outputs are untouched on failure */
        CHECK_INT(test_children((pid_t[1]){0}, 1), 0);
    }
    return error;
}

/* ---- Masters */

static void a_master_without_a_loop_is_refused(void) {
    struct yoke_master *master = NULL;
    CHECK_INT(yoke_master_create(NULL, NULL, &master), -EINVAL);
    CHECK(master == NULL);
}

static void the_default_loop_is_refused(void) {
    struct yoke_master *master = NULL;
    struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO);
    REQUIRE(loop != NULL);
    CHECK_INT(yoke_master_create(loop, NULL, &master), -EINVAL);
    CHECK(master == NULL);
    ev_loop_destroy(loop);
}

static void master_options_that_are_not_initialised_are_refused(void) {
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct yoke_master *master = NULL;
    const struct yoke_master_options options = {.size = 0};
    CHECK_INT(yoke_master_create(loop, &options, &master), -EINVAL);
    CHECK(master == NULL);
    ev_loop_destroy(loop);
}

/* ---- Pools */

static void pool_options_that_are_not_initialised_are_refused(void) {
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    struct yoke_pool_options options = {.entry = probe_worker_entry};
    CHECK_INT(try_pool(&lab, &options), -EINVAL);
    options.size = 4;
    CHECK_INT(try_pool(&lab, &options), -EINVAL);
    lab_close(&lab);
}

static void a_pool_is_of_one_mode(void) {
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT};
    CHECK_INT(try_pool(&lab, &options), -EINVAL); /* neither */
    options.entry = probe_worker_entry;
    options.path = lab_worker_path();
    CHECK_INT(try_pool(&lab, &options), -EINVAL); /* both */
    lab_close(&lab);
}

static void options_of_a_newer_header_are_taken_while_they_ask_for_nothing_new(void) {
    struct lab lab;
    struct {
        struct yoke_pool_options known;
        uint64_t future[4];
    } options = {.known = {.size = sizeof(options), .entry = probe_worker_entry, .workers = 1}};
    options.known.user_data = (void *)(uintptr_t)&serve;
    lab_open_master(&lab, &(struct lab_options){0});
    REQUIRE_INT(yoke_pool_create(lab.master, &options.known, &lab.pool), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    options.future[3] = 1;
    struct yoke_pool *pool = NULL;
    CHECK_INT(yoke_pool_create(lab.master, &options.known, &pool), -E2BIG);
    CHECK(pool == NULL);
    lab_close(&lab);
}

static void options_of_an_older_header_are_taken(void) {
    struct lab lab;
    /* As if the last two fields did not exist yet; what is in their place is not ours to read. */
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .entry = probe_worker_entry, .workers = 1};
    options.user_data = (void *)(uintptr_t)&serve;
    options.size = offsetof(struct yoke_pool_options, restart);
    options.restart.jitter_percent = 0xffffffff;
    options.stop.drain_ms = 0xffffffff;
    lab_open_master(&lab, &(struct lab_options){0});
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void names_and_arguments_are_copied(void) {
    struct lab lab;
    char name[] = "short-lived";
    char path[4096];
    char *argv[] = {(char[]){"probe_worker"}, (char[]){"0"}, (char[]){"0"}, (char[]){"0"}, (char[]){"0"}, NULL};
    snprintf(path, sizeof(path), "%s", lab_worker_path());
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_pool_options options = {
        YOKE_POOL_OPTIONS_INIT, .name = name, .path = path,
        .argv = argv,           .workers = 1, .restart = {.when = YOKE_RESTART_ALWAYS, .pause_ms = 1}};
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    memset(name, 'x', sizeof(name) - 1);
    memset(path, 'x', sizeof(path) - 1);
    argv[0] = argv[1] = argv[2] = argv[3] = argv[4] = NULL;
    LAB_WAIT(&lab, lab.ready_count == 1);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 2);
    CHECK_STR(lab.deaths[0].pool, "short-lived");
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static void defaults_are_a_pool_named_pool_of_one_worker_for_each_cpu(void) {
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .path = lab_worker_path()};
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    CHECK_INT(yoke_pool_size(lab.pool), yoke_usable_cpus());
    yoke_pool_stop(lab.pool);
    LAB_WAIT(&lab, lab.stopped_count == 1);
    CHECK_STR(lab.deaths[0].pool, "pool");
    lab_close(&lab);
}

/* ---- Programs that cannot be started */

static void write_file(const char *path, const char *text, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    REQUIRE(fd >= 0);
    CHECK_INT(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    CHECK_INT(fchmod(fd, mode), 0);
    close(fd);
}

static void a_program_that_cannot_be_started_is_told_at_once(void) {
    static const struct {
        const char *name, *text;
        mode_t mode;
        int error;
    } rows[] = {
        {"plain", "#!/bin/sh\n", 0644, -EACCES},
        {"script", "#!/nonexistent/interpreter\n", 0755, -ENOENT},
        {"nothing", "neither this nor that\n", 0755, -ENOEXEC},
    };
    char directory[] = "/tmp/yoke-options-XXXXXX";
    char path[64];
    struct lab lab;
    REQUIRE(mkdtemp(directory) != NULL);
    lab_open_master(&lab, &(struct lab_options){0});
    struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .path = path, .workers = 3};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, rows[i].name);
        write_file(path, rows[i].text, rows[i].mode);
        CHECK_INT(try_pool(&lab, &options), rows[i].error);
        CHECK_INT(unlink(path), 0);
    }
    snprintf(path, sizeof(path), "%s/missing", directory);
    CHECK_INT(try_pool(&lab, &options), -ENOENT);
    snprintf(path, sizeof(path), "%s", directory);
    CHECK_INT(try_pool(&lab, &options), -EACCES);
    options.path = "sh"; /* PATH is not searched */
    CHECK_INT(try_pool(&lab, &options), -ENOENT);
    CHECK_INT(rmdir(directory), 0);
    ev_run(lab.loop, 0);
    CHECK_INT(lab.birth_count, 0);
    CHECK_INT(lab.death_count, 0);
    lab_close(&lab);
}

static void a_failed_pool_does_not_disturb_another(void) {
    struct lab lab;
    struct yoke_pool *pool = NULL;
    lab_open(&lab, &(struct lab_options){.workers = 2});
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .path = "/nonexistent", .workers = 3};
    CHECK_INT(yoke_pool_create(lab.master, &options, &pool), -ENOENT);
    CHECK(pool == NULL);
    CHECK_INT(test_children((pid_t[4]){0}, 4), 2);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    lab_close(&lab);
}

/* ---- Calls */

static void call_options_that_are_not_initialised_are_refused(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    const struct yoke_call_options none = {.size = 0};
    lab_open(&lab, NULL);
    CHECK_INT(probe_common_echo(lab_channel(&lab), &request, &none, lab_on_payload, &result), -EINVAL);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(result.count, 0);
    lab_close(&lab);
}

static void call_options_of_a_newer_header_are_taken_while_they_ask_for_nothing_new(void) {
    struct lab lab;
    struct lab_result result = {.lab = &lab};
    const Probe__Payload request = PROBE__PAYLOAD__INIT;
    struct {
        struct yoke_call_options known;
        uint64_t future[2];
    } options = {.known = {.size = sizeof(options)}};
    lab_open(&lab, NULL);
    REQUIRE_INT(probe_common_echo(lab_channel(&lab), &request, &options.known, lab_on_payload, &result), 0);
    LAB_WAIT(&lab, result.count > 0);
    LAB_CHECK_ENDED(&result, YOKE_OK);
    options.future[1] = 1;
    CHECK_INT(probe_common_echo(lab_channel(&lab), &request, &options.known, lab_on_payload, &result), -E2BIG);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(result.count, 1);
    lab_release(&result);
    lab_close(&lab);
}

/* ---- Workers */

static int never_reached(struct yoke_worker *worker, void *user_data) {
    (void)worker;
    (void)user_data;
    test_check(false, "the entry is not called without a master", __FILE__, __LINE__, false);
    return 0;
}

static void a_worker_program_without_a_master_says_so(void) {
    const struct yoke_worker_options none = {.size = 0};
    CHECK_INT(yoke_worker_main(never_reached, NULL, NULL), -ENOTCONN);
    CHECK_INT(yoke_worker_main(never_reached, &none, NULL), -EINVAL);
}

/* The same as people meet it: the program started by hand. */
static void a_worker_program_started_by_hand_ends_with_an_error(void) {
    pid_t pid = fork();
    if (pid == 0) {
        execl(lab_worker_path(), "probe_worker", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), EXIT_FAILURE);
}

/* ---- CPUs */

static void usable_cpus_follow_the_affinity_mask(void) {
    cpu_set_t all;
    cpu_set_t one;
    REQUIRE_INT(sched_getaffinity(0, sizeof(all), &all), 0);
    const unsigned before = yoke_usable_cpus();
    CHECK(before >= 1 && before <= (unsigned)CPU_COUNT(&all));
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            REQUIRE_INT(sched_setaffinity(0, sizeof(one), &one), 0);
            CHECK_INT(yoke_usable_cpus(), 1);
        }
    }
    struct lab lab;
    lab_open_master(&lab, &(struct lab_options){0});
    const struct yoke_pool_options options = {YOKE_POOL_OPTIONS_INIT, .path = lab_worker_path()};
    REQUIRE_INT(yoke_pool_create(lab.master, &options, &lab.pool), 0);
    CHECK_INT(yoke_pool_size(lab.pool), 1);
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "a master without a loop is refused", .run = a_master_without_a_loop_is_refused},
    {.name = "the default loop is refused", .run = the_default_loop_is_refused},
    {.name = "master options that are not initialised are refused",
     .run = master_options_that_are_not_initialised_are_refused},
    {.name = "pool options that are not initialised are refused",
     .run = pool_options_that_are_not_initialised_are_refused},
    {.name = "a pool is of one mode", .run = a_pool_is_of_one_mode},
    {.name = "options of a newer header are taken while they ask for nothing new",
     .run = options_of_a_newer_header_are_taken_while_they_ask_for_nothing_new},
    {.name = "options of an older header are taken", .run = options_of_an_older_header_are_taken},
    {.name = "names and arguments are copied", .run = names_and_arguments_are_copied},
    {.name = "defaults are a pool named pool, of one worker for each CPU",
     .run = defaults_are_a_pool_named_pool_of_one_worker_for_each_cpu},
    {.name = "a program that cannot be started is told at once",
     .run = a_program_that_cannot_be_started_is_told_at_once},
    {.name = "a failed pool does not disturb another", .run = a_failed_pool_does_not_disturb_another},
    {.name = "call options that are not initialised are refused",
     .run = call_options_that_are_not_initialised_are_refused},
    {.name = "call options of a newer header are taken while they ask for nothing new",
     .run = call_options_of_a_newer_header_are_taken_while_they_ask_for_nothing_new},
    {.name = "a worker program without a master says so", .run = a_worker_program_without_a_master_says_so},
    {.name = "a worker program started by hand ends with an error",
     .run = a_worker_program_started_by_hand_ends_with_an_error},
    {.name = "usable CPUs follow the affinity mask", .run = usable_cpus_follow_the_affinity_mask},
    {.name = NULL},
};

static const struct test_suite suites[] = {{"options", cases, NULL}, {.name = NULL}};

int main(int argc, char **argv) {
    return test_main(argc, argv, suites);
}
