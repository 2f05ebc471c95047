/* fds_test.c: the descriptors that workers have, and those that a master keeps. Nothing else may be inherited. */
#include "lab.h"

#include "fdlist.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIBLINGS 20

/* ---- From inside: what each worker found before it did anything */

/* What libev and Yoke make for a worker's own loop before the entry of a forked worker runs: one of each at most. */
static bool is_own_loop(const char *target, unsigned seen[4]) {
    static const char *const kinds[] = {"anon_inode:[eventpoll]", "anon_inode:[eventfd]", "anon_inode:[timerfd]",
                                        "anon_inode:[pidfd]"};
    for (size_t i = 0; i < 4; i++) {
        if (strcmp(target, kinds[i]) == 0) {
            return ++seen[i] == 1;
        }
    }
    return false;
}

static void check_inspection(struct yoke_call *call, const struct yoke_status *status, const Probe__Inspection *reply,
                             void *user_data) {
    (void)call;
    struct lab *lab = user_data;
    unsigned seen[4] = {0};
    bool standard[4] = {false};
    lab->noticed_count++;
    REQUIRE_INT(status->code, YOKE_OK);
    for (size_t i = 0; i < reply->n_descriptors; i++) {
        const Probe__Descriptor *descriptor = reply->descriptors[i];
        bool fine = false;
        if (descriptor->number < 4) {
            standard[descriptor->number] = true;
            /* Files of the case at 0 to 2; were a socket or pidfd there, it would be the master's. */
            fine = (descriptor->number == 3) == (strncmp(descriptor->target, "socket:", 7) == 0) &&
                   strncmp(descriptor->target, "anon_inode:", 11) != 0;
        } else if (!lab_is_exec()) {
            fine = is_own_loop(descriptor->target, seen);
        }
        if (!fine) {
            printf("worker %d has %d -> %s\n", reply->pid, descriptor->number, descriptor->target);
        }
        CHECK(fine);
    }
    CHECK(standard[0] && standard[1] && standard[2] && standard[3]);
}

static void check_from_inside(struct lab *lab) {
    const Google__Protobuf__Empty request = GOOGLE__PROTOBUF__EMPTY__INIT;
    const unsigned size = yoke_pool_size(lab->pool);
    lab->noticed_count = 0;
    for (unsigned i = 0; i < size; i++) {
        struct yoke_channel *channel = yoke_child_channel(yoke_pool_child(lab->pool, i));
        REQUIRE_INT(probe_worker_inspect(channel, &request, NULL, check_inspection, lab), 0);
    }
    LAB_WAIT(lab, lab->noticed_count == size);
}

/* ---- From outside: what /proc says of them while all live */

/* The one socket that this process has open; its other descriptors are checked to be harmless. */
static unsigned long find_socket(pid_t pid) {
    char path[300];
    char target[120];
    unsigned long inode = 0;
    unsigned sockets = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *directory = opendir(path);
    REQUIRE(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        ssize_t length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
        target[length > 0 ? length : 0] = '\0';
        if (sscanf(target, "socket:[%lu]", &inode) == 1) {
            sockets++;
            CHECK_STR(entry->d_name, "3");
        } else if (atoi(entry->d_name) > 3) {
            CHECK_CONTAINS(target, "anon_inode:");
        }
    }
    closedir(directory);
    CHECK_INT(sockets, 1);
    return inode;
}

static void check_from_outside(struct lab *lab) {
    unsigned long inodes[SIBLINGS];
    const unsigned size = yoke_pool_size(lab->pool);
    REQUIRE(size <= SIBLINGS);
    for (unsigned i = 0; i < size; i++) {
        inodes[i] = find_socket(yoke_child_pid(yoke_pool_child(lab->pool, i)));
        for (unsigned j = 0; j < i; j++) {
            CHECK(inodes[i] != inodes[j]);
        }
    }
    struct test_fdlist own;
    test_fdlist_take(&own);
    for (size_t i = 0; i < own.count; i++) {
        unsigned long inode = 0;
        for (unsigned j = 0; j < size && sscanf(own.fds[i].target, "socket:[%lu]", &inode) == 1; j++) {
            CHECK(inode != inodes[j]); /* the worker's end is not the master's */
        }
    }
    test_fdlist_release(&own);
}

static void a_worker_has_four_descriptors_while_twenty_siblings_live(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = SIBLINGS});
    check_from_inside(&lab);
    check_from_outside(&lab);
    lab_close(&lab);
}

static void a_replacement_has_four_descriptors_too(void) {
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 6, .restart = true, .restart_pause_ms = 1});
    for (unsigned i = 0; i < 6; i += 2) {
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, i), SIGKILL), 0);
    }
    LAB_WAIT(&lab, lab.ready_count == 9);
    check_from_inside(&lab);
    check_from_outside(&lab);
    lab_close(&lab);
}

static void a_second_pools_workers_have_four_descriptors_too(void) {
    struct lab lab;
    struct yoke_pool *first;
    const struct lab_options options = {.workers = 3};
    lab_open(&lab, &options);
    first = lab.pool;
    REQUIRE_INT(lab_create_pool(&lab, &options, &lab.pool), 0);
    LAB_WAIT(&lab, lab.ready_count == 6);
    check_from_inside(&lab);
    lab.pool = first;
    check_from_inside(&lab);
    lab_close(&lab);
}

/* ---- Masters with much open, none of it close-on-exec */

static void nothing_that_the_master_has_open_is_inherited(void) {
    int opened[16];
    unsigned count = 0;
    int pipes[2];
    opened[count++] = open("/etc/passwd", O_RDONLY);
    opened[count++] = dup2(opened[0], 3 + (opened[0] == 3)); /* 3, where the channel is to be */
    opened[count++] = dup2(opened[0], 1000);
    REQUIRE_INT(pipe(pipes), 0);
    opened[count++] = pipes[0];
    opened[count++] = pipes[1];
    opened[count++] = epoll_create1(0);
    opened[count++] = eventfd(0, 0);
    opened[count++] = timerfd_create(CLOCK_MONOTONIC, 0);
    opened[count++] = open("/tmp", O_DIRECTORY | O_RDONLY);
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.workers = 3});
    check_from_inside(&lab);
    check_from_outside(&lab);
    lab_check_echo(&lab, yoke_pool_channel(lab.pool));
    lab_close(&lab);
    for (unsigned i = 0; i < count; i++) {
        CHECK_INT(close(opened[i]), 0); /* the master still has them all */
    }
}

/* Runs in a process of its own, because the harness does not like lost standard descriptors. */
static void check_closed(unsigned which) {
    pid_t pid = fork();
    if (pid == 0) {
        struct lab lab;
        for (int fd = 0; fd < 3; fd++) {
            if (which & 1u << fd) {
                close(fd);
            }
        }
        lab_open(&lab, &(struct lab_options){.workers = 2});
        check_from_inside(&lab);
        lab_check_echo(&lab, yoke_pool_channel(lab.pool));
        lab_close(&lab);
        _exit(0);
    }
    int status = 0;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
}

static void a_master_without_standard_descriptors_can_have_workers(void) {
    for (unsigned which = 1; which < 8; which++) {
        check_closed(which);
    }
}

/* ---- The master's own */

static size_t count_fds(void) {
    struct test_fdlist list;
    test_fdlist_take(&list);
    size_t count = list.count;
    test_fdlist_release(&list);
    return count;
}

static void a_masters_descriptors_do_not_grow_with_the_dead(void) {
    const char *wanted = getenv("YOKE_TEST_ROUNDS");
    const unsigned rounds = wanted != NULL ? (unsigned)atoi(wanted) : 200;
    struct lab lab;
    lab_open(&lab, &(struct lab_options){.restart = true, .restart_pause_ms = 1});
    size_t before = count_fds();
    for (unsigned i = 0; i < rounds; i++) {
        lab.birth_count = lab.ready_count = lab.death_count = 0;
        REQUIRE_INT(yoke_child_kill(yoke_pool_child(lab.pool, 0), SIGKILL), 0);
        LAB_WAIT(&lab, lab.ready_count == 1);
        REQUIRE_INT(count_fds(), before);
    }
    CHECK_INT(test_children((pid_t[4]){0}, 4), 1);
    lab_close(&lab);
}

static void a_masters_descriptors_are_closed_in_programs_that_it_execs(void) {
    struct test_fdlist before;
    struct test_fdlist after;
    struct lab lab;
    test_fdlist_take(&before);
    lab_open(&lab, &(struct lab_options){.workers = 3});
    test_fdlist_take(&after);
    CHECK(after.count >= before.count + 6); /* a socket and a pidfd for each */
    for (size_t i = 0, old = 0; i < after.count; i++) {
        if (old < before.count && before.fds[old].number == after.fds[i].number) {
            old++;
            continue;
        }
        CHECK_INT(fcntl(after.fds[i].number, F_GETFD), FD_CLOEXEC);
    }
    test_fdlist_release(&before);
    test_fdlist_release(&after);
    lab_close(&lab);
}

static void running_out_of_descriptors_is_an_error_that_leaves_nothing(void) {
    struct lab lab;
    struct rlimit limit;
    struct yoke_pool *pool = NULL;
    const struct lab_options options = {.workers = SIBLINGS};
    lab_open(&lab, NULL);
    REQUIRE_INT(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const rlim_t before = limit.rlim_cur;
    const size_t open_before = count_fds();
    for (unsigned spare = 0; spare < 8; spare++) {
        limit.rlim_cur = open_before + spare;
        REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK_INT(lab_create_pool(&lab, &options, &pool), -EMFILE);
        limit.rlim_cur = before;
        REQUIRE_INT(setrlimit(RLIMIT_NOFILE, &limit), 0);
        CHECK(pool == NULL);
        CHECK_INT(count_fds(), open_before);
        CHECK_INT(test_children((pid_t[4]){0}, 4), 1);
    }
    lab_check_echo(&lab, lab_channel(&lab));
    lab_close(&lab);
    CHECK_INT(lab.birth_count, 1);
    CHECK_INT(lab.death_count, 0);
}

static const struct test_case cases[] = {
    {.name = "a worker has four descriptors while twenty siblings live",
     .run = a_worker_has_four_descriptors_while_twenty_siblings_live},
    {.name = "a replacement has four descriptors too", .run = a_replacement_has_four_descriptors_too},
    {.name = "a second pool's workers have four descriptors too",
     .run = a_second_pools_workers_have_four_descriptors_too},
    {.name = "nothing that the master has open is inherited", .run = nothing_that_the_master_has_open_is_inherited},
    {.name = "a master without standard descriptors can have workers",
     .run = a_master_without_standard_descriptors_can_have_workers},
    {.name = "a master's descriptors do not grow with the dead",
     .run = a_masters_descriptors_do_not_grow_with_the_dead,
     .timeout_ms = 500000}, /* YOKE_TEST_ROUNDS may ask for many */
    {.name = "a master's descriptors are closed in programs that it execs",
     .run = a_masters_descriptors_are_closed_in_programs_that_it_execs},
    {.name = "running out of descriptors is an error that leaves nothing",
     .run = running_out_of_descriptors_is_an_error_that_leaves_nothing},
    {.name = NULL},
};

LAB_MAIN(cases)
