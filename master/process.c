/* process.c: see process.h. */
#include "master/process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yoke/pool.h>

/* For the few calls between vfork and exec. */
#define SPAWN_STACK_SIZE ((size_t)64 * 1024)

/* The exit code of a child that could not even exec; nobody but us sees it. */
#define EXIT_NOT_STARTED 127

/* ---- In the child, between fork and its own life ------------------------------------------------------------------
 * In exec mode this runs in the master's memory while the master waits, so: system calls only, and no sanitizer marks
 * on a stack that goes away.
 */
#define IN_CHILD __attribute__((no_sanitize("address")))

/*
 * The standard descriptors must exist, or the next files that are opened would become them. In a master that has closed its
 * own, something private may stand in their place; it is close-on-exec, which the real ones never are.
 */
IN_CHILD static void fill_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int flags = fcntl(fd, F_GETFD);
        if (flags >= 0 && (flags & FD_CLOEXEC) == 0) {
            continue;
        }
        int null = open("/dev/null", O_RDWR);
        if (null >= 0 && null != fd) {
            /* The copy that is left over is closed with all the others. */
            (void)dup2(null, fd);
        }
    }
}

IN_CHILD static void reset_signals(void) {
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < _NSIG; signal++) {
        (void)sigaction(signal, &by_default, NULL);
    }
}

/* What a child needs to know before it has a life of its own. */
struct child_plan {
    pid_t master_pid;
    bool will_exec;
    int fds[1 + YOKE_LISTENERS_MAX]; /* what become the descriptors YOKE__CHANNEL_FD, and so on; written by the child */
    unsigned fd_count;
};

/* Each descriptor of the plan to its place, whatever stands there, and no other beyond. 0 or a negative errno value. */
IN_CHILD static int place_descriptors(struct child_plan *plan) {
    const int end = YOKE__CHANNEL_FD + (int)plan->fd_count;
    for (unsigned i = 0; i < plan->fd_count; i++) {
        /* One that stands in another's place moves out of the way first. */
        if (plan->fds[i] < end && (plan->fds[i] = fcntl(plan->fds[i], F_DUPFD_CLOEXEC, end)) < 0) {
            return -errno;
        }
    }
    for (unsigned i = 0; i < plan->fd_count; i++) {
        if (dup3(plan->fds[i], YOKE__CHANNEL_FD + (int)i, plan->will_exec ? 0 : O_CLOEXEC) < 0) {
            return -errno;
        }
    }
    return close_range((unsigned)end, ~0U, 0) == 0 ? 0 : -errno;
}

/* Become what process.h promises of the child. 0 or a negative errno value. */
IN_CHILD static int prepare_child(struct child_plan *plan) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return -errno;
    }
    if (getppid() != plan->master_pid) {
        /* It died before the line above; nobody is left to tell. */
        _exit(EXIT_NOT_STARTED);
    }
    reset_signals();
    fill_standard_descriptors();
    int error = place_descriptors(plan);
    if (error != 0) {
        return error;
    }
    sigset_t none;
    (void)sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0 ? 0 : -errno;
}

/* ---- Exec mode ------------------------------------------------------------------------------------------------- */

struct exec_request {
    const char *path;
    char *const *argv;
    char **environment;
    struct child_plan *plan;
    int error; /* written by the child, in our memory */
};

IN_CHILD static int exec_child(void *argument) {
    struct exec_request *request = argument;
    request->error = prepare_child(request->plan);
    if (request->error == 0) {
        (void)execve(request->path, request->argv, request->environment);
        request->error = -errno;
    }
    _exit(EXIT_NOT_STARTED);
}

/* Our environment and one variable more. Free the result, not the strings. */
static char **make_environment(char *variable) {
    size_t count = 0;
    while (environ != NULL && environ[count] != NULL) {
        count++;
    }
    char **environment = calloc(count + 2, sizeof *environment);
    if (environment == NULL) {
        return NULL;
    }
    const size_t name_length = sizeof YOKE__WORKER_VARIABLE - 1;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_ours = strncmp(environ[i], YOKE__WORKER_VARIABLE, name_length) == 0 && environ[i][name_length] == '=';
        if (!is_ours) {
            environment[kept++] = environ[i];
        }
    }
    environment[kept] = variable;
    return environment;
}

/* Like vfork and exec: the child borrows our memory until it has its own, so the size of ours does not matter. */
static int clone_and_exec(struct exec_request *request, struct yoke__process *process) {
    char *stack = mmap(NULL, SPAWN_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        return -errno;
    }
    pid_t pid = clone(exec_child, stack + SPAWN_STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, request,
                      &process->pidfd);
    int error = pid < 0 ? -errno : request->error;
    (void)munmap(stack, SPAWN_STACK_SIZE);
    if (pid < 0) {
        return error;
    }
    process->pid = pid;
    if (error != 0) {
        struct yoke__exit ignored;
        yoke__process_wait(process, &ignored);
        (void)close(process->pidfd);
    }
    return error;
}

static int spawn_exec(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                      struct child_plan *plan, struct yoke__process *process) {
    char variable[128];
    (void)snprintf(variable, sizeof variable, "%s=%" PRIu64 ":%u:%" PRIu64 ":%d:%u", YOKE__WORKER_VARIABLE, setup->id,
                   setup->index, setup->generation, (int)setup->master_pid, setup->listener_count);
    struct exec_request request = {
        .path = program->path,
        .argv = program->argv,
        .environment = make_environment(variable),
        .plan = plan,
    };
    if (request.environment == NULL) {
        return -ENOMEM;
    }
    int error = clone_and_exec(&request, process);
    free(request.environment);
    return error;
}

/* ---- Fork mode ------------------------------------------------------------------------------------------------- */

static int spawn_fork(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                      struct child_plan *plan, struct yoke__process *process) {
    pid_t pid = fork();
    if (pid < 0) {
        return -errno;
    }
    if (pid == 0) {
        if (prepare_child(plan) != 0) {
            _exit(YOKE_EXIT_BOOT);
        }
        yoke__worker_live(setup, program->entry, program->user_data);
    }
    process->pid = pid;
    process->pidfd = pidfd_open(pid, 0);
    if (process->pidfd < 0) {
        int error = -errno;
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return error;
    }
    return 0;
}

/* ---- Both ------------------------------------------------------------------------------------------------------- */

/* Keep clear of the standard descriptors, should the master have closed its own. */
static int move_above_standard(int *fd) {
    if (*fd > STDERR_FILENO) {
        return 0;
    }
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0) {
        return -errno;
    }
    (void)close(*fd);
    *fd = moved;
    return 0;
}

/* Linux 6.16 can refuse descriptors that a peer would send. Before that, socket.c has to deal with them. */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

static int open_channel(int ends[2]) {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        return -errno;
    }
    const int no = 0;
    (void)setsockopt(ends[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no);
    int error = move_above_standard(&ends[0]);
    if (error == 0) {
        error = move_above_standard(&ends[1]);
    }
    if (error != 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
    return error;
}

int yoke__process_spawn(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                        struct yoke__process *ret_process) {
    int ends[2];
    int error = open_channel(ends);
    if (error != 0) {
        return error;
    }
    struct yoke__process process = {.channel_fd = ends[0]};
    struct child_plan plan = {.master_pid = setup->master_pid, .will_exec = program->entry == NULL};
    plan.fds[plan.fd_count++] = ends[1];
    for (unsigned i = 0; i < setup->listener_count; i++) {
        plan.fds[plan.fd_count++] = program->listeners[i];
    }
    /* A handler of the master's must not run in the child. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = program->entry != NULL ? spawn_fork(program, setup, &plan, &process)
                                   : spawn_exec(program, setup, &plan, &process);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)close(ends[1]);
    if (error != 0) {
        (void)close(ends[0]);
        return error;
    }
    *ret_process = process;
    return 0;
}

static bool wait_for_exit(const struct yoke__process *process, int flags, struct yoke__exit *ret_exit) {
    *ret_exit = (struct yoke__exit){.exit_code = -1};
    siginfo_t info = {0};
    long result;
    do {
        /* The system call itself, because the C library's waitid() does not give the resource usage. */
        result = syscall(SYS_waitid, P_PIDFD, process->pidfd, &info, WEXITED | flags, &ret_exit->usage);
    } while (result != 0 && errno == EINTR);
    if (result != 0) {
        return true;
    }
    if (info.si_pid == 0) {
        return false;
    }
    ret_exit->known = true;
    if (info.si_code == CLD_EXITED) {
        ret_exit->exit_code = info.si_status;
    } else {
        ret_exit->signal = info.si_status;
        ret_exit->core_dumped = info.si_code == CLD_DUMPED;
    }
    return true;
}

void yoke__process_wait(const struct yoke__process *process, struct yoke__exit *ret_exit) {
    (void)wait_for_exit(process, 0, ret_exit);
}

bool yoke__process_reap(const struct yoke__process *process, struct yoke__exit *ret_exit) {
    return wait_for_exit(process, WNOHANG, ret_exit);
}

int yoke__process_signal(const struct yoke__process *process, int signal) {
    return pidfd_send_signal(process->pidfd, signal, NULL, 0) == 0 ? 0 : -errno;
}
