/* program.c: see program.h. Output goes to files without names, so neither pipe can fill up while we read the other. */
#include "program.h"

#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *read_all(int fd) {
    off_t size = lseek(fd, 0, SEEK_END);
    REQUIRE(size >= 0);
    char *text = calloc(1, (size_t)size + 1);
    REQUIRE(text != NULL);
    REQUIRE_INT(pread(fd, text, (size_t)size, 0), size);
    close(fd);
    return text;
}

static void become(const char *const *argv, const struct program_options *options, int out, int err) {
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) {
        _exit(126);
    }
    if (options->cpu_seconds != 0) {
        const struct rlimit limit = {options->cpu_seconds, options->cpu_seconds};
        if (setrlimit(RLIMIT_CPU, &limit) < 0) {
            _exit(126);
        }
    }
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

void program_run(const char *const *argv, const struct program_options *options, struct program_run *ret_run) {
    const struct program_options defaults = {0};
    int out = memfd_create("out", MFD_CLOEXEC);
    int err = memfd_create("err", MFD_CLOEXEC);
    REQUIRE(out >= 0 && err >= 0);
    /* Several processes write, and such a file does not keep them from writing at the same offset. */
    REQUIRE(fcntl(out, F_SETFL, O_APPEND) == 0 && fcntl(err, F_SETFL, O_APPEND) == 0);
    if (options == NULL) {
        options = &defaults;
    }

    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        become(argv, options, out, options->err_fd != 0 ? options->err_fd : err);
    }
    int status;
    REQUIRE_INT(waitpid(pid, &status, 0), pid);
    ret_run->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    ret_run->out = read_all(out);
    ret_run->err = read_all(err);
}

void program_run_release(struct program_run *run) {
    free(run->out);
    free(run->err);
}

size_t program_count(const char *text, const char *part) {
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        count++;
        text += strlen(part);
    }
    return count;
}
