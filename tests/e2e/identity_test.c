/* identity_test.c: as whom workers run. Looked at from outside, because a worker of another user may not look at itself. */
#include "lab.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Debian's, like everybody's. */
#define NOBODY "nobody"
#define NOBODY_UID 65534

/* ---- Looking ----------------------------------------------------------------------------------------------------- */

/* A file of /proc/PID, up to `capacity` - 1 bytes; bytes of zero are blanks. */
static void read_proc(pid_t pid, const char *name, char *ret_text, size_t capacity) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd >= 0 ? read(fd, ret_text, capacity - 1) : -1;
    close(fd);
    REQUIRE(size >= 0);
    for (ssize_t i = 0; i < size; i++) {
        ret_text[i] = ret_text[i] != '\0' ? ret_text[i] : ' ';
    }
    ret_text[size] = '\0';
}

static void read_link(pid_t pid, const char *name, char *ret_text, size_t capacity) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    ssize_t size = readlink(path, ret_text, capacity - 1);
    ret_text[size > 0 ? size : 0] = '\0';
}

static void check_status(pid_t pid, const char *line) {
    char text[8192];
    read_proc(pid, "status", text, sizeof text);
    CHECK_CONTAINS(text, line);
}

static pid_t worker_pid(struct lab *lab, unsigned index) {
    return yoke_child_pid(yoke_pool_child(lab->pool, index));
}

/* ---- Skipping ---------------------------------------------------------------------------------------------------- */

/* Can nobody run the tests' worker, where it lies? In exec mode it must be able to. */
static bool nobody_can_run_worker(void) {
    pid_t pid = fork();
    if (pid == 0) {
        _exit(setgid(NOBODY_UID) == 0 && setuid(NOBODY_UID) == 0 && access(lab_worker_path(), X_OK) == 0 ? 0 : 1);
    }
    int status = 1;
    waitpid(pid, &status, 0);
    return status == 0;
}

static bool is_root(void) {
    if (geteuid() != 0) {
        test_skip("only root can do this");
        return false;
    }
    return true;
}

static bool can_be_nobody(void) {
    if (!is_root()) {
        return false;
    }
    if (lab_is_exec() && !nobody_can_run_worker()) {
        test_skip("nobody's processes cannot reach the worker's program where it was built");
        return false;
    }
    return true;
}

/* ---- Users ------------------------------------------------------------------------------------------------------- */

static void check_nobody(const struct yoke_identity_options *identity, const char *groups) {
    struct lab lab;
    REQUIRE_INT(setgroups(2, (const gid_t[]){0, 4713}), 0);
    lab_open(&lab, &(struct lab_options){.identity = *identity});
    check_status(worker_pid(&lab, 0), "Uid:\t65534\t65534\t65534\t65534\n");
    check_status(worker_pid(&lab, 0), "Gid:\t65534\t65534\t65534\t65534\n");
    check_status(worker_pid(&lab, 0), groups);
    lab_check_echo(&lab, lab_channel(&lab));
    CHECK_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.death_count == 1);
    CHECK_INT(lab.deaths[0].signal, SIGKILL);
    lab_close(&lab);
}

static void a_worker_runs_as_another_user_with_no_group_of_the_masters(void) {
    if (can_be_nobody()) {
        check_nobody(&(struct yoke_identity_options){.user = NOBODY}, "Groups:\t \n");
    }
}

static void users_and_groups_may_be_numbers(void) {
    const char *const groups[] = {"4711", "4712", NULL};
    if (can_be_nobody()) {
        check_nobody(&(struct yoke_identity_options){.user = "65534", .group = "65534", .groups = groups},
                     "Groups:\t4711 4712 \n");
    }
}

static void a_group_alone_leaves_the_user(void) {
    struct lab lab;
    if (!is_root()) {
        return;
    }
    lab_open(&lab, &(struct lab_options){.identity = {.group = "4711"}});
    check_status(worker_pid(&lab, 0), "Uid:\t0\t0\t0\t0\n");
    check_status(worker_pid(&lab, 0), "Gid:\t4711\t4711\t4711\t4711\n");
    lab_close(&lab);
}

static void the_master_stays_who_it_is(void) {
    struct lab lab;
    char own[8192];
    if (!can_be_nobody()) {
        return;
    }
    lab_open(&lab, &(struct lab_options){.identity = {.user = NOBODY}});
    read_proc(getpid(), "status", own, sizeof own);
    CHECK_CONTAINS(own, "Uid:\t0\t0\t0\t0\n");
    CHECK_INT(setuid(0), 0);
    /* It can still leave a core file, and be debugged. */
    CHECK_INT(prctl(PR_GET_DUMPABLE), 1);
    lab_close(&lab);
}

static void who_does_not_exist_is_told_at_once(void) {
    const char *const groups[] = {"no such group", NULL};
    const struct {
        struct yoke_identity_options identity;
        int error;
    } rows[] = {
        {{.user = "no such user"}, -ENOENT},
        {{.group = "no such group"}, -ENOENT},
        {{.groups = groups}, -ENOENT},
        {{.user = ""}, -ENOENT},
        {{.user = "3141592"}, -ENOENT}, /* whose group would be unknown */
        {{.user = "4294967295", .group = "0"}, -EINVAL},
        {{.group = "99999999999999999999"}, -EINVAL},
        {{.title = ""}, -EINVAL},
        {{.set_umask = true, .umask = 01000}, -EINVAL},
        {{.rlimit_count = 1}, -EINVAL},
        {{.rlimits = &(struct yoke_rlimit){.resource = 99}, .rlimit_count = 1}, -EINVAL},
        {{.rlimits = &(struct yoke_rlimit){RLIMIT_CORE, {.rlim_cur = 2, .rlim_max = 1}}, .rlimit_count = 1}, -EINVAL},
        {{.environment = (const char *const[]){"=x", NULL}}, -EINVAL},
        {{.seccomp = YOKE_SECCOMP_NO_FILES + 1}, -EINVAL},
    };
    struct lab lab;
    struct lab_options options = {0};
    struct yoke_pool *pool = NULL;
    lab_open_master(&lab, &options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        options.identity = rows[i].identity;
        CHECK_INT(lab_create_pool(&lab, &options, &pool), rows[i].error);
    }
    CHECK(pool == NULL);
    lab_close(&lab);
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

static void a_step_that_fails_is_an_error_of_the_spawn(void) {
    const struct yoke_rlimit too_much = {RLIMIT_NOFILE, {.rlim_cur = 1ULL << 40, .rlim_max = 1ULL << 40}};
    const struct {
        struct yoke_identity_options identity;
        int error;
    } rows[] = {
        {{.directory = "/no/such/directory"}, -ENOENT},
        {{.directory = "/etc/passwd"}, -ENOTDIR},
        {{.root = "/no/such/directory"}, -ENOENT},
        {{.rlimits = &too_much, .rlimit_count = 1}, -EPERM},
    };
    struct lab lab;
    struct lab_options options = {.workers = 2};
    struct yoke_pool *pool = NULL;
    lab_open_master(&lab, &options);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        options.identity = rows[i].identity;
        CHECK_INT(lab_create_pool(&lab, &options, &pool), rows[i].error);
        CHECK_INT(test_children((pid_t[4]){0}, 4), 0);
    }
    CHECK(pool == NULL);
    lab_close(&lab);
    CHECK_INT(lab.birth_count, 0);
}

/* ---- The rest ---------------------------------------------------------------------------------------------------- */

static void limits_niceness_and_umask_are_set(void) {
    const struct yoke_rlimit limits[] = {{RLIMIT_NOFILE, {.rlim_cur = 50, .rlim_max = 60}},
                                         {RLIMIT_CORE, {.rlim_cur = 0, .rlim_max = 0}}};
    struct lab lab;
    struct rlimit found;
    const mode_t own_mask = umask(022);
    lab_open(&lab,
             &(struct lab_options){
                 .identity = {.rlimits = limits, .rlimit_count = 2, .nice = 3, .set_umask = true, .umask = 0137}});
    const pid_t pid = worker_pid(&lab, 0);
    REQUIRE_INT(prlimit(pid, RLIMIT_NOFILE, NULL, &found), 0);
    CHECK_INT(found.rlim_cur, 50);
    CHECK_INT(found.rlim_max, 60);
    CHECK_INT(getpriority(PRIO_PROCESS, (id_t)pid), getpriority(PRIO_PROCESS, 0) + 3);
    check_status(pid, "Umask:\t0137\n");
    CHECK_INT(umask(own_mask), 022);
    lab_close(&lab);
}

static void workers_spread_over_the_cpus_that_are_usable(void) {
    struct lab lab;
    cpu_set_t own;
    REQUIRE_INT(sched_getaffinity(0, sizeof own, &own), 0);
    const int cpus = CPU_COUNT(&own);
    int seen[CPU_SETSIZE] = {0};
    const unsigned workers = 2 * (unsigned)(cpus < 8 ? cpus : 8);
    lab_open(&lab, &(struct lab_options){.workers = workers, .identity = {.spread = true}});
    for (unsigned i = 0; i < workers; i++) {
        cpu_set_t set;
        REQUIRE_INT(sched_getaffinity(worker_pid(&lab, i), sizeof set, &set), 0);
        CHECK_INT(CPU_COUNT(&set), 1);
        for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &set)) {
                CHECK(CPU_ISSET(cpu, &own));
                seen[cpu]++;
            }
        }
    }
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        CHECK(seen[cpu] == 0 || seen[cpu] == 2 || cpus > 8);
    }
    lab_close(&lab);
}

static void a_directory_is_the_workers_own(void) {
    struct lab lab;
    char found[200];
    lab_open(&lab, &(struct lab_options){.identity = {.directory = "/usr"}});
    read_link(worker_pid(&lab, 0), "cwd", found, sizeof found);
    CHECK_STR(found, "/usr");
    lab_close(&lab);
}

static void a_root_shuts_the_worker_in(void) {
    struct lab lab;
    char found[200];
    char root[] = "/tmp/yoke-root-XXXXXX";
    char inner[40];
    if (!is_root()) {
        return;
    }
    REQUIRE(mkdtemp(root) != NULL);
    snprintf(inner, sizeof inner, "%s/in", root);
    REQUIRE_INT(mkdir(inner, 0755), 0);
    const struct lab_options options = {.identity = {.root = root, .directory = "in"}};
    lab_open_master(&lab, &options);
    int error = lab_create_pool(&lab, &options, &lab.pool);
    if (lab_is_exec()) {
        CHECK_INT(error, -ENOENT); /* the program is not in there */
    } else {
        REQUIRE_INT(error, 0);
        LAB_WAIT(&lab, lab.ready_count == 1);
        read_link(worker_pid(&lab, 0), "root", found, sizeof found);
        CHECK_STR(found, root);
        read_link(worker_pid(&lab, 0), "cwd", found, sizeof found);
        CHECK_STR(found, inner);
        lab_check_echo(&lab, lab_channel(&lab));
    }
    lab_close(&lab);
    CHECK_INT(rmdir(inner), 0);
    CHECK_INT(rmdir(root), 0);
}

static void a_worker_can_leave_the_masters_process_group(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.identity = {.own_process_group = true, .no_new_privs = true}});
    CHECK_INT(getpgid(worker_pid(&lab, 0)), worker_pid(&lab, 0));
    check_status(worker_pid(&lab, 0), "NoNewPrivs:\t1\n");
    lab_close(&lab);
    lab_open(&lab, NULL);
    CHECK_INT(getpgid(worker_pid(&lab, 0)), getpgid(0));
    check_status(worker_pid(&lab, 0), "NoNewPrivs:\t0\n");
    lab_close(&lab);
}

/* The value of a variable in the worker; NULL when it has none. Free it. */
static char *get_environment(struct lab *lab, const char *name) {
    struct lab_result result = {.lab = lab};
    Probe__Payload request = PROBE__PAYLOAD__INIT;
    request.data.data = (uint8_t *)(uintptr_t)name;
    request.data.len = strlen(name);
    REQUIRE_INT(probe_acts_get_environment(lab_channel(lab), &request, NULL, lab_on_payload, &result), 0);
    LAB_WAIT(lab, result.count > 0);
    char *value = result.code == YOKE_OK ? strdup((const char *)result.data) : NULL;
    CHECK(result.code == YOKE_OK || result.code == YOKE_NOT_FOUND);
    lab_release(&result);
    return value;
}

static void check_variable(struct lab *lab, const char *name, const char *expected) {
    char *value = get_environment(lab, name);
    CHECK_STR(value, expected);
    free(value);
}

static void the_environment_is_the_masters_but_for_what_is_changed(void) {
    struct lab lab;
    REQUIRE_INT(setenv("YOKE_TEST_KEPT", "kept", 1), 0);
    REQUIRE_INT(setenv("YOKE_TEST_REPLACED", "old", 1), 0);
    REQUIRE_INT(setenv("YOKE_TEST_REMOVED", "old", 1), 0);
    char replaced[] = "YOKE_TEST_REPLACED=new";
    const char *const changes[] = {replaced, "YOKE_TEST_REMOVED", "YOKE_TEST_ADDED=a=b", "YOKE_TEST_NONE", NULL};
    const struct lab_options options = {.restart = true, .restart_pause_ms = 1, .identity = {.environment = changes}};
    lab_open(&lab, &options);
    memset(replaced, 'x', sizeof replaced - 1); /* it was copied, as the next worker shows */
    CHECK_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
    LAB_WAIT(&lab, lab.ready_count == 2);
    check_variable(&lab, "YOKE_TEST_KEPT", "kept");
    check_variable(&lab, "YOKE_TEST_REPLACED", "new");
    check_variable(&lab, "YOKE_TEST_REMOVED", NULL);
    check_variable(&lab, "YOKE_TEST_ADDED", "a=b");
    check_variable(&lab, "YOKE_TEST_NONE", NULL);
    check_variable(&lab, "YOKE_WORKER", NULL);
    CHECK_STR(getenv("YOKE_TEST_REPLACED"), "old");
    lab_close(&lab);
}

static void a_title_is_what_ps_shows(void) {
    struct lab lab;
    char text[4096];
    char own[4096];
    lab_open(&lab, &(struct lab_options){.workers = 2, .identity = {.title = "a rather long name"}});
    read_proc(worker_pid(&lab, 1), "comm", text, sizeof text);
    CHECK_STR(text, "a rather long n\n");
    read_proc(worker_pid(&lab, 1), "cmdline", text, sizeof text);
    if (lab_is_exec()) {
        CHECK_STR(text, "probe_worker 0 0 0 0 ");
    } else {
        CHECK_STR(text, "a rather long name: pool lab worker 1 ");
        read_proc(getpid(), "cmdline", own, sizeof own);
        CHECK(strstr(own, "identity") != NULL);
    }
    /* Nothing was taken from under the environment. */
    read_proc(worker_pid(&lab, 1), "environ", text, sizeof text);
    read_proc(getpid(), "environ", own, sizeof own);
    CHECK(lab_is_exec() || strcmp(text, own) == 0);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    lab_close(&lab);
}

/* ---- What must hold for others, too ------------------------------------------------------------------------------ */

static void a_worker_of_another_user_has_four_descriptors(void) {
    struct lab lab;
    if (!can_be_nobody()) {
        return;
    }
    lab_open(&lab, &(struct lab_options){.identity = {.user = NOBODY, .title = "x", .environment = NULL}});
    char target[200];
    for (int fd = 0; fd < 10; fd++) {
        char name[20];
        snprintf(name, sizeof name, "fd/%d", fd);
        read_link(worker_pid(&lab, 0), name, target, sizeof target);
        if (fd < 3) {
            CHECK(target[0] == '/');
        } else if (fd == 3) {
            CHECK_CONTAINS(target, "socket:");
        } else {
            CHECK(target[0] == '\0' || strncmp(target, "anon_inode:", 11) == 0);
        }
    }
    lab_close(&lab);
}

/* The promise is a second; this is only how long to look for a survivor before it is called one. */
#define SURVIVOR_MS 10000

static void be_master(int word_fd, enum probe_scenario scenario) {
    struct lab lab;
    struct lab_options options = {.workers = 3, .scenario = scenario, .identity = {.user = NOBODY}};
    lab_open_master(&lab, &options);
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    if (scenario == PROBE_SERVE) {
        LAB_WAIT(&lab, lab.ready_count == 3);
    }
    REQUIRE_INT(write(word_fd, "x", 1), 1);
    for (;;) {
        pause();
    }
}

static void a_worker_of_another_user_dies_with_its_master(void) {
    /* One that never runs Yoke's loop has nothing but what the kernel was told before it began. */
    const enum probe_scenario scenarios[] = {PROBE_SERVE, PROBE_SILENT};
    if (!can_be_nobody()) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        int words[2];
        char word;
        REQUIRE_INT(pipe(words), 0);
        pid_t master = fork();
        if (master == 0) {
            be_master(words[1], scenarios[i]);
        }
        REQUIRE_INT(read(words[0], &word, 1), 1);
        REQUIRE_INT(kill(master, SIGKILL), 0);
        REQUIRE_INT(waitpid(master, NULL, 0), master);
        CHECK_INT(test_await_no_children(SURVIVOR_MS), 0);
        close(words[0]);
        close(words[1]);
    }
}

static const struct test_case cases[] = {
    {.name = "a worker runs as another user, with no group of the master's",
     .run = a_worker_runs_as_another_user_with_no_group_of_the_masters},
    {.name = "users and groups may be numbers", .run = users_and_groups_may_be_numbers},
    {.name = "a group alone leaves the user", .run = a_group_alone_leaves_the_user},
    {.name = "the master stays who it is", .run = the_master_stays_who_it_is},
    {.name = "who does not exist is told at once", .run = who_does_not_exist_is_told_at_once},
    {.name = "a step that fails is an error of the spawn", .run = a_step_that_fails_is_an_error_of_the_spawn},
    {.name = "limits, niceness and umask are set", .run = limits_niceness_and_umask_are_set},
    {.name = "workers spread over the CPUs that are usable", .run = workers_spread_over_the_cpus_that_are_usable},
    {.name = "a directory is the worker's own", .run = a_directory_is_the_workers_own},
    {.name = "a root shuts the worker in", .run = a_root_shuts_the_worker_in},
    {.name = "a worker can leave the master's process group", .run = a_worker_can_leave_the_masters_process_group},
    {.name = "the environment is the master's, but for what is changed",
     .run = the_environment_is_the_masters_but_for_what_is_changed},
    {.name = "a title is what ps shows", .run = a_title_is_what_ps_shows},
    {.name = "a worker of another user has four descriptors", .run = a_worker_of_another_user_has_four_descriptors},
    {.name = "a worker of another user dies with its master", .run = a_worker_of_another_user_dies_with_its_master},
    {.name = NULL},
};

LAB_MAIN(cases)
