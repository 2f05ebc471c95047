/* seccomp_test.c: what confined workers can do, what kills them, and how that is told. */
#include "lab.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY_UID 65534

/* LeakSanitizer ends a program by tracing it. */
static const char *const environment[] = {"ASAN_OPTIONS=detect_leaks=0", NULL};

/* What is told of a worker's death. */
struct refusal {
    char system_call[32];
    int reason, signal;
};

static void on_died(const struct yoke_peer *peer, const Yoke__V1__WorkerDied *event, void *user_data) {
    (void)peer;
    struct refusal *refusal = user_data;
    snprintf(refusal->system_call, sizeof refusal->system_call, "%s", event->system_call);
    refusal->reason = (int)event->reason;
    refusal->signal = event->signal;
}

static void open_confined(struct lab *lab, const struct yoke_identity_options *identity, struct refusal *refusal) {
    struct lab_options options = {.identity = *identity};
    *refusal = (struct refusal){0};
    options.identity.environment = environment;
    lab_open_master(lab, &options);
    REQUIRE_INT(yoke_v1_worker_died_on(yoke_master_events(lab->master), on_died, refusal), 0);
    REQUIRE_INT(lab_create_pool(lab, &options, &lab->pool), 0);
    LAB_WAIT(lab, lab->ready_count == yoke_pool_size(lab->pool) || lab->death_count > 0);
    REQUIRE_INT(lab->death_count, 0);
}

/* Has the worker try a call and waits for its answer, or its death. */
static void try_in_worker(struct lab *lab, const char *name, struct lab_result *ret_result) {
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    request.data.data = (uint8_t *)(uintptr_t)name;
    request.data.len = strlen(name);
    *ret_result = (struct lab_result){.lab = lab};
    REQUIRE_INT(probe_acts_try(lab_channel(lab), &request, NULL, lab_on_number, ret_result), 0);
    LAB_WAIT(lab, ret_result->count > 0);
}

/* The profile refuses it, as `system_call`; or, when that is NULL, it does not. */
static void check(enum yoke_seccomp profile, const char *name, const char *system_call) {
    struct lab lab;
    struct refusal refusal;
    struct lab_result result;
    printf("%s, profile %d\n", name, (int)profile);
    open_confined(&lab, &(struct yoke_identity_options){.seccomp = profile}, &refusal);
    try_in_worker(&lab, name, &result);
    if (system_call == NULL) {
        LAB_CHECK_ENDED(&result, YOKE_OK);
        CHECK(result.number != -ENOSYS || strcmp(name, "io_uring") == 0);
        lab_check_echo(&lab, lab_channel(&lab));
    } else {
        LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
        LAB_WAIT(&lab, result.code == YOKE_OK || lab.death_count == 1);
        CHECK_INT(refusal.reason, YOKE__V1__DEATH_REASON__DEATH_REASON_SYSTEM_CALL);
        CHECK_INT(refusal.signal, SIGSYS);
        CHECK_STR(refusal.system_call, system_call);
        CHECK(lab.death_count == 0 || strstr(lab.deaths[0].detail, system_call) != NULL);
    }
    lab_release(&result);
    lab_close(&lab);
}

static void both_profiles_refuse_what_no_worker_needs(void) {
    const struct {
        const char *name, *system_call;
    } rows[] = {
        {"execve", "execve"},
        {"setuid", "setuid"},
        {"unshare", "unshare"},
        {"clone", "clone"},
        {"mount", "mount"},
        {"ptrace", "ptrace"},
        {"io_uring", "io_uring_setup"},
        {"process_vm_readv", "process_vm_readv"},
        {"tty", "ioctl"},
        {"handler", "rt_sigaction"},
        {"sly handler", "rt_sigaction"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(YOKE_SECCOMP_WORKER, rows[i].name, rows[i].system_call);
        check(YOKE_SECCOMP_NO_FILES, rows[i].name, rows[i].system_call);
    }
}

static void only_the_second_refuses_files_and_sockets(void) {
    const struct {
        const char *name, *system_call;
    } rows[] = {
        {"open", "openat"},   {"openat2", "openat2"}, {"socket", "socket"},
        {"unlink", "unlink"}, {"mkdir", "mkdir"},     {"thread open", "openat"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        check(YOKE_SECCOMP_WORKER, rows[i].name, NULL);
        check(YOKE_SECCOMP_NO_FILES, rows[i].name, rows[i].system_call);
    }
}

/* Only there when coverage is counted: then a process writes files when it ends. */
extern void __gcov_dump(void) __attribute__((weak));

static void a_confined_worker_does_its_work(void) {
    if (__gcov_dump != NULL) {
        test_skip("a worker whose coverage is counted opens files in the end");
        return;
    }
    const enum yoke_seccomp profiles[] = {YOKE_SECCOMP_WORKER, YOKE_SECCOMP_NO_FILES};
    for (size_t i = 0; i < 2; i++) {
        struct lab lab;
        struct refusal refusal;
        struct lab_result result;
        char path[64];
        char status[8192];
        open_confined(&lab, &(struct yoke_identity_options){.seccomp = profiles[i]}, &refusal);
        snprintf(path, sizeof path, "/proc/%d/status", (int)yoke_child_pid(yoke_pool_child(lab.pool, 0)));
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = read(fd, status, sizeof status - 1);
        close(fd);
        status[size > 0 ? size : 0] = '\0';
        CHECK_CONTAINS(status, "NoNewPrivs:\t1\n");
        CHECK_CONTAINS(status, "Seccomp:\t2\n");
        try_in_worker(&lab, "threads", &result);
        LAB_CHECK_ENDED(&result, YOKE_OK);
        CHECK_INT(result.number, 0);
        lab_release(&result);
        /* Through shared memory, both ways. */
        static uint8_t data[2 << 20];
        result = (struct lab_result){0};
        REQUIRE_INT(lab_echo(&lab, lab_channel(&lab), data, sizeof data, &result), 0);
        LAB_WAIT(&lab, result.count > 0);
        LAB_CHECK_ENDED(&result, YOKE_OK);
        CHECK_INT(result.size, sizeof data);
        lab_release(&result);
        yoke_pool_stop(lab.pool);
        LAB_WAIT(&lab, lab.stopped_count == 1);
        CHECK_INT(refusal.reason, YOKE__V1__DEATH_REASON__DEATH_REASON_STOPPED);
        CHECK_STR(refusal.system_call, "");
        lab_close(&lab);
    }
}

static void a_sigsys_from_elsewhere_is_just_a_signal(void) {
    struct lab lab;
    struct refusal refusal;
    open_confined(&lab, &(struct yoke_identity_options){.seccomp = YOKE_SECCOMP_WORKER}, &refusal);
    REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGSYS), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(refusal.reason, YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED);
    CHECK_INT(refusal.signal, SIGSYS);
    CHECK_STR(refusal.system_call, "");
    lab_close(&lab);
}

static void a_worker_that_blocks_the_signal_dies_all_the_same(void) {
    struct lab lab;
    struct refusal refusal;
    struct lab_result result;
    open_confined(&lab, &(struct yoke_identity_options){.seccomp = YOKE_SECCOMP_NO_FILES}, &refusal);
    try_in_worker(&lab, "blocked", &result);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(refusal.reason, YOKE__V1__DEATH_REASON__DEATH_REASON_SIGNALLED);
    CHECK_INT(refusal.signal, SIGSYS);
    lab_release(&result);
    lab_close(&lab);
}

/* ---- As another user ---------------------------------------------------------------------------------------------- */

static bool nobody_can_run_worker(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(setgid(NOBODY_UID) == 0 && setuid(NOBODY_UID) == 0 && access(lab_worker_path(), X_OK) == 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

static int64_t open_in_worker(struct lab *lab, const char *path, struct lab_result *ret_result) {
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    request.data.data = (uint8_t *)(uintptr_t)path;
    request.data.len = strlen(path);
    *ret_result = (struct lab_result){.lab = lab};
    REQUIRE_INT(probe_acts_open(lab_channel(lab), &request, NULL, lab_on_number, ret_result), 0);
    LAB_WAIT(lab, ret_result->count > 0);
    return ret_result->number;
}

static void another_user_with_a_profile_cannot_open_what_it_should_not(void) {
    struct lab lab;
    struct refusal refusal;
    struct lab_result result;
    if (geteuid() != 0 || (lab_is_exec() && !nobody_can_run_worker())) {
        test_skip("only root can run workers as nobody, and in exec mode from where nobody can reach their program");
        return;
    }
    /* The user keeps it from what is root's, and may open the rest … */
    open_confined(&lab, &(struct yoke_identity_options){.user = "nobody", .seccomp = YOKE_SECCOMP_WORKER}, &refusal);
    CHECK_INT(open_in_worker(&lab, "/etc/shadow", &result), -EACCES);
    CHECK_INT(open_in_worker(&lab, "/etc/passwd", &result), 0);
    lab_close(&lab);
    /* … and the profile keeps it from everything, and says so. */
    open_confined(&lab, &(struct yoke_identity_options){.user = "nobody", .seccomp = YOKE_SECCOMP_NO_FILES}, &refusal);
    (void)open_in_worker(&lab, "/etc/passwd", &result);
    LAB_CHECK_ENDED(&result, YOKE_UNAVAILABLE);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(refusal.reason, YOKE__V1__DEATH_REASON__DEATH_REASON_SYSTEM_CALL);
    CHECK_STR(refusal.system_call, "openat");
    lab_close(&lab);
}

static void a_confined_worker_has_four_descriptors(void) {
    struct lab lab;
    struct refusal refusal;
    open_confined(&lab, &(struct yoke_identity_options){.seccomp = YOKE_SECCOMP_NO_FILES}, &refusal);
    for (int fd = 3; fd < 20; fd++) {
        char path[64];
        char target[100];
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)yoke_child_pid(yoke_pool_child(lab.pool, 0)), fd);
        ssize_t size = readlink(path, target, sizeof target - 1);
        target[size > 0 ? size : 0] = '\0';
        CHECK(fd == 3 ? strncmp(target, "socket:", 7) == 0
                      : target[0] == '\0' || strncmp(target, "anon_inode:", 11) == 0);
    }
    lab_close(&lab);
}

static void a_worker_that_may_write_no_file_can_be_confined(void) {
    struct lab lab;
    struct refusal refusal;
    const struct yoke_rlimit none = {RLIMIT_FSIZE, {.rlim_cur = 0, .rlim_max = 0}};
    open_confined(
        &lab, &(struct yoke_identity_options){.seccomp = YOKE_SECCOMP_NO_FILES, .rlimits = &none, .rlimit_count = 1},
        &refusal);
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
}

static const struct test_case cases[] = {
    {.name = "both profiles refuse what no worker needs", .run = both_profiles_refuse_what_no_worker_needs},
    {.name = "only the second refuses files and sockets", .run = only_the_second_refuses_files_and_sockets},
    {.name = "a confined worker does its work", .run = a_confined_worker_does_its_work},
    {.name = "a SIGSYS from elsewhere is just a signal", .run = a_sigsys_from_elsewhere_is_just_a_signal},
    {.name = "a worker that blocks the signal dies all the same",
     .run = a_worker_that_blocks_the_signal_dies_all_the_same},
    {.name = "another user with a profile cannot open what it should not",
     .run = another_user_with_a_profile_cannot_open_what_it_should_not},
    {.name = "a confined worker has four descriptors", .run = a_confined_worker_has_four_descriptors},
    {.name = "a worker that may write no file can be confined", .run = a_worker_that_may_write_no_file_can_be_confined},
    {.name = NULL},
};

LAB_MAIN(cases)
