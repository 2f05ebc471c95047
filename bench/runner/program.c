/* See program.h. Programs are looked for in the directory of the runner's own. */
#include "runner/program.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"

/* More than any program prints. */
#define OUTPUT_MAX 512

/* The words of a command line, without the program. */
#define ARGUMENTS_MAX 7

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

/* The figures of the line that a program has printed. False when it is no such line. */
static bool parse_figures(const struct bench_case *bench_case, const char *line, double rate, double *ret_figures) {
    double ops;
    double ns[3];
    switch (bench_case->measure) {
    case BENCH_MEASURES_TIME:
        if (sscanf(line, " { \"ops\" : %lf , \"ns\" : %lf }", &ops, ns) != 2 || !(ops >= 1)) {
            return false;
        }
        ret_figures[FIGURE_US_PER_OP] = ns[0] / ops / 1000;
        return true;
    case BENCH_MEASURES_LATENCY:
        if (sscanf(line, " { \"ops\" : %lf , \"p50_ns\" : %lf , \"p99_ns\" : %lf , \"p999_ns\" : %lf }", &ops, &ns[0],
                   &ns[1], &ns[2]) != 4) {
            return false;
        }
        ret_figures[FIGURE_P50_US] = ns[0] / 1000;
        ret_figures[FIGURE_P99_US] = ns[1] / 1000;
        ret_figures[FIGURE_P999_US] = ns[2] / 1000;
        ret_figures[FIGURE_RATE] = rate;
        return true;
    case BENCH_MEASURES_MEMORY:
        return sscanf(line, " { \"bytes\" : %lf }", &ret_figures[FIGURE_BYTES]) == 1;
    }
    return false;
}

/* The command line, in words that are printed into `words`. */
static void make_arguments(const struct bench_case *bench_case, double seconds, double rate, char (*words)[64],
                           char **argv) {
    size_t count = 0;
    snprintf(words[count++], sizeof *words, "case=%s", bench_case->name);
    snprintf(words[count++], sizeof *words, "size=%zu", bench_case->size);
    snprintf(words[count++], sizeof *words, "depth=%u", bench_case->depth);
    snprintf(words[count++], sizeof *words, "workers=%u", bench_case->workers);
    snprintf(words[count++], sizeof *words, "streams=%u", bench_case->streams);
    snprintf(words[count++], sizeof *words, "seconds=%g", seconds);
    if (bench_case->measure == BENCH_MEASURES_LATENCY) {
        snprintf(words[count++], sizeof *words, "rate=%.3f", rate);
    }
    for (size_t i = 0; i < count; i++) {
        argv[i] = words[i];
    }
    argv[count] = NULL;
}

enum program_outcome program_measure(const struct bench_system *system, const struct bench_case *bench_case,
                                     double seconds, double rate, double *ret_figures) {
    char path[4096];
    char words[ARGUMENTS_MAX][64];
    char *argv[ARGUMENTS_MAX + 2] = {path};
    find_program(system->program, path, sizeof path);
    make_arguments(bench_case, seconds, rate, words, argv + 1);
    char output[OUTPUT_MAX];
    int code = run(argv, false, output, sizeof output);
    if (code == BENCH_UNSUPPORTED) {
        return PROGRAM_UNSUPPORTED;
    }
    if (code || !parse_figures(bench_case, output, rate, ret_figures)) {
        for (char **argument = argv; *argument; argument++) {
            fprintf(stderr, "%s ", *argument);
        }
        fprintf(stderr, "has no result; exit code %d\n", code);
        return PROGRAM_FAILED;
    }
    return PROGRAM_MEASURED;
}
