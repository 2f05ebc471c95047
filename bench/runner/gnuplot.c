/* See gnuplot.h. */
#include "runner/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"

/* Starts the gnuplot that is in PATH. The pid, or -1. */
static pid_t spawn(char **argv, const posix_spawn_file_actions_t *actions) {
    pid_t pid;
    int error = posix_spawnp(&pid, argv[0], actions, NULL, argv, environ);
    errno = error;
    return error ? -1 : pid;
}

/* True when the process has ended well. */
static bool reap(pid_t pid) {
    int status;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR) {
            bench_die("waitpid");
        }
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

bool gnuplot_is_there(void) {
    char *argv[] = {(char[]){"gnuplot"}, (char[]){"--version"}, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    pid_t pid = spawn(argv, &actions);
    posix_spawn_file_actions_destroy(&actions);
    if (pid >= 0 && reap(pid)) {
        return true;
    }
    fprintf(stderr, "yoke-bench: there is no gnuplot to draw with; apt-get install gnuplot-nox brings it\n");
    return false;
}

bool gnuplot_start(struct gnuplot *gnuplot) {
    char *argv[] = {(char[]){"gnuplot"}, NULL};
    int fds[2];
    if (pipe2(fds, O_CLOEXEC)) {
        bench_die("pipe2");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[0], STDIN_FILENO);
    gnuplot->pid = spawn(argv, &actions);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[0]);
    if (gnuplot->pid < 0) {
        perror("yoke-bench: gnuplot");
        close(fds[1]);
        return false;
    }
    gnuplot->commands = fdopen(fds[1], "w");
    /* One that has ended is told of by gnuplot_finish(). */
    if (!gnuplot->commands || signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
        bench_die("gnuplot");
    }
    return true;
}

bool gnuplot_finish(struct gnuplot *gnuplot) {
    bool was_written = fclose(gnuplot->commands) == 0;
    if (!reap(gnuplot->pid) || !was_written) {
        fprintf(stderr, "yoke-bench: gnuplot has failed\n");
        return false;
    }
    return true;
}

void gnuplot_quote(FILE *commands, const char *text) {
    fputc('\'', commands);
    for (; *text; text++) {
        if (*text == '\'') {
            fputc('\'', commands);
        }
        fputc(*text, commands);
    }
    fputc('\'', commands);
}
