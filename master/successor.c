/* successor.c: see successor.h. */
#include "master/successor.h"

#include "master/activation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- Descriptors ---------------------------------------------------------------------------------------------------- */

/*
 * Copies of what is handed over, above the numbers that it gets in the new process, so that none is overwritten before it has its
 * place. -EMFILE; nothing is left then.
 */
static int copy_up(const struct yoke__handover *handover, int talk, int *copies, size_t count) {
    const int above = YOKE__HANDOVER_TALK + (int)count;
    for (size_t i = 0; i < count; i++) {
        int fd = i == 0 ? talk : i == 1 ? handover->file : handover->sockets[i - 2];
        copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, above);
        if (copies[i] < 0) {
            int error = -errno;
            while (i > 0) {
                (void)close(copies[--i]);
            }
            return error;
        }
    }
    return 0;
}

static int place(posix_spawn_file_actions_t *actions, const int *copies, size_t count) {
    int error = 0;
    for (size_t i = 0; i < count && error == 0; i++) {
        error = posix_spawn_file_actions_adddup2(actions, copies[i], YOKE__HANDOVER_TALK + (int)i);
    }
    if (error == 0) {
        error = posix_spawn_file_actions_addclosefrom_np(actions, YOKE__HANDOVER_TALK + (int)count);
    }
    return -error;
}

/* ---- Environment ---------------------------------------------------------------------------------------------------- */

static bool is_named(const char *variable, const char *name) {
    size_t length = strlen(name);
    return strncmp(variable, name, length) == 0 && variable[length] == '=';
}

/* Ours, without what was meant for this process, and one variable more. Free the result, not the strings. */
static char **make_environment(char *variable) {
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **environment = calloc(count + 2, sizeof *environment);
    if (environment == NULL) {
        return NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_named(environ[i], YOKE__UPGRADE_VARIABLE) && !is_named(environ[i], YOKE__WORKER_VARIABLE) &&
            !yoke__activation_is_variable(environ[i])) {
            environment[kept++] = environ[i];
        }
    }
    environment[kept] = variable;
    return environment;
}

/* ---- Process -------------------------------------------------------------------------------------------------------- */

static int set_signals(posix_spawnattr_t *attributes) {
    sigset_t all;
    sigset_t none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    int error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    error = error != 0 ? error : posix_spawnattr_setsigdefault(attributes, &all);
    return -(error != 0 ? error : posix_spawnattr_setsigmask(attributes, &none));
}

static int run(const char *path, char *const *argv, char **environment, const int *copies, size_t count,
               pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = -posix_spawn_file_actions_init(&actions);
    if (error != 0) {
        return error;
    }
    error = -posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = place(&actions, copies, count);
        error = error != 0 ? error : set_signals(&attributes);
        error = error != 0 ? error : -posix_spawn(ret_pid, path, &actions, &attributes, argv, environment);
        (void)posix_spawnattr_destroy(&attributes);
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int run_with(const char *path, char *const *argv, const struct yoke__handover *handover, int talk,
                    pid_t *ret_pid) {
    char variable[64];
    (void)snprintf(variable, sizeof variable, "%s=1:%d:%zu", YOKE__UPGRADE_VARIABLE, (int)getpid(), handover->count);
    const size_t count = 2 + handover->count;
    char **environment = make_environment(variable);
    int *copies = calloc(count, sizeof *copies);
    int error = environment != NULL && copies != NULL ? copy_up(handover, talk, copies, count) : -ENOMEM;
    if (error == 0) {
        error = run(path, argv, environment, copies, count, ret_pid);
        for (size_t i = 0; i < count; i++) {
            (void)close(copies[i]);
        }
    }
    free(copies);
    free(environment);
    return error;
}

int yoke__successor_spawn(const char *path, char *const *argv, const struct yoke__handover *handover,
                          struct yoke__process *ret_process) {
    int ends[2];
    struct yoke__process process;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return -errno;
    }
    process.channel_fd = ends[0];
    int error = run_with(path, argv, handover, ends[1], &process.pid);
    if (error == 0) {
        process.pidfd = pidfd_open(process.pid, 0);
        if (process.pidfd < 0) {
            error = -errno;
            (void)kill(process.pid, SIGKILL);
            (void)waitpid(process.pid, NULL, 0);
        }
    }
    (void)close(ends[1]);
    if (error != 0) {
        (void)close(ends[0]);
        return error;
    }
    *ret_process = process;
    return 0;
}
