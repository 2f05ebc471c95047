/* See processes.h. */
#include "common/processes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bench.h"

/* In a child, first of all: whatever happens to the parent, this process does not survive it. */
static void set_up_child(pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || signal(SIGCHLD, SIG_DFL) == SIG_ERR) {
        bench_die("cannot set up the child");
    }
    if (getppid() != parent) {
        _exit(EXIT_FAILURE);
    }
}

static _Noreturn void leave(int code) {
    fflush(stdout);
    _exit(code);
}

/* ---- A pair --------------------------------------------------------------------------------------------------- */

static int exit_code_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

/* In a parent that answers: the caller, its only child, has ended, and so does this process. */
static void on_caller_ended(int signal_number) {
    (void)signal_number;
    int status;
    if (waitpid(-1, &status, WNOHANG) > 0) {
        _exit(exit_code_of(status));
    }
}

/* The parent answers until the caller ends, which the signal's handler or waitpid() is told of first. */
static int answer_child(const struct bench_job *job, bench_side *answerer, void *user_data) {
    int status = EXIT_FAILURE;
    answerer(job, user_data);
    while (waitpid(-1, &status, 0) < 0 && errno == EINTR) {
    }
    return exit_code_of(status);
}

int bench_run_pair(const struct bench_job *job, bench_side *caller, bench_side *answerer, void *user_data) {
    bool up = job->kind == BENCH_UNARY_UP;
    if (up && signal(SIGCHLD, on_caller_ended) == SIG_ERR) {
        bench_die("signal");
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        bench_die("fork");
    }
    if (!child) {
        set_up_child(parent);
        leave((up ? caller : answerer)(job, user_data));
    }
    if (up) {
        return answer_child(job, answerer, user_data);
    }
    int code = caller(job, user_data);
    bench_end_workers(&child, 1);
    return code;
}

/* ---- Several workers ------------------------------------------------------------------------------------------ */

pid_t bench_fork_worker(const struct bench_job *job, unsigned index, bench_worker *worker, void *user_data) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0) {
        bench_die("fork");
    }
    if (!pid) {
        set_up_child(parent);
        leave(worker(job, index, user_data));
    }
    return pid;
}

void bench_end_workers(const pid_t *pids, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        kill(pids[i], SIGKILL);
    }
    for (unsigned i = 0; i < count; i++) {
        waitpid(pids[i], NULL, 0);
    }
}

int bench_run_workers(const struct bench_job *job, bench_side *caller, bench_worker *worker, void *user_data) {
    pid_t *pids = calloc(job->workers, sizeof *pids);
    if (!pids) {
        bench_die("calloc");
    }
    for (unsigned i = 0; i < job->workers; i++) {
        pids[i] = bench_fork_worker(job, i, worker, user_data);
    }
    int code = caller(job, user_data);
    bench_end_workers(pids, job->workers);
    free(pids);
    return code;
}
