/* See program.h. Programs are looked for in the directory of the runner's own. */
#include "runner/program.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"

/* More than any program prints. */
#define OUTPUT_MAX 512

static void find_program(const char *name, char *ret_path, size_t capacity) {
    char own[2048];
    ssize_t length = readlink("/proc/self/exe", own, sizeof own - 1);
    own[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(own, '/');
    if (!slash) {
        bench_die("/proc/self/exe");
    }
    *slash = '\0';
    snprintf(ret_path, capacity, "%s/%s", own, name);
}

/* Starts a program with its stdout in a pipe. The pid, or -1; the pipe's end for reading in `ret_fd`. */
static pid_t start(char **argv, bool quiet, int *ret_fd) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        bench_die("pipe2");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    if (quiet) {
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    pid_t pid;
    int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (error) {
        close(fds[0]);
        return -1;
    }
    *ret_fd = fds[0];
    return pid;
}

/* Reads to the end; what does not fit is read and dropped. */
static void read_output(int fd, char *output, size_t capacity) {
    size_t used = 0;
    char rest[256];
    for (;;) {
        bool full = used + 1 >= capacity;
        ssize_t n = full ? read(fd, rest, sizeof rest) : read(fd, output + used, capacity - 1 - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            break;
        }
        used += full ? 0 : (size_t)n;
    }
    output[used] = '\0';
}

/* Runs a program to its end. Its exit code; 128 + signal; or -1 when it cannot be started. */
static int run(char **argv, bool quiet, char *output, size_t capacity) {
    int fd = -1;
    pid_t pid = start(argv, quiet, &fd);
    if (pid < 0) {
        return -1;
    }
    read_output(fd, output, capacity);
    close(fd);
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            bench_die("waitpid");
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool program_version(const struct bench_system *system, char *ret_version, size_t capacity) {
    char path[4096];
    find_program(system->program, path, sizeof path);
    char option[] = "--version";
    char *argv[] = {path, option, NULL};
    if (run(argv, true, ret_version, capacity) != EXIT_SUCCESS) {
        return false;
    }
    ret_version[strcspn(ret_version, "\n")] = '\0';
    return true;
}

enum program_outcome program_measure(const struct bench_system *system, const struct bench_case *bench_case,
                                     double seconds, double *ret_us_per_op) {
    char path[4096];
    char name[64];
    char size[32];
    char depth[32];
    char time[32];
    find_program(system->program, path, sizeof path);
    snprintf(name, sizeof name, "case=%s", bench_case->name);
    snprintf(size, sizeof size, "size=%zu", bench_case->size);
    snprintf(depth, sizeof depth, "depth=%u", bench_case->depth);
    snprintf(time, sizeof time, "seconds=%g", seconds);
    char *argv[] = {path, name, size, depth, time, NULL};
    char output[OUTPUT_MAX];
    int code = run(argv, false, output, sizeof output);
    if (code == BENCH_UNSUPPORTED) {
        return PROGRAM_UNSUPPORTED;
    }
    uint64_t ops;
    uint64_t ns;
    if (code || sscanf(output, " { \"ops\" : %" SCNu64 " , \"ns\" : %" SCNu64, &ops, &ns) != 2 || !ops) {
        fprintf(stderr, "%s %s %s %s %s: no result; exit code %d\n", system->program, name, size, depth, time, code);
        return PROGRAM_FAILED;
    }
    *ret_us_per_op = (double)ns / (double)ops / 1000;
    return PROGRAM_MEASURED;
}
