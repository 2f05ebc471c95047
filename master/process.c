/* process.c: see process.h. */
#include "master/process.h"

#include "master/prepare.h"
#include "worker/seccomp.h"
#include "worker/title.h"

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

/* For the few calls between vfork and exec. */
#define SPAWN_STACK_SIZE ((size_t)64 * 1024)

/* ---- Exec mode ------------------------------------------------------------------------------------------------- */

struct exec_request {
    const char *path;
    char *const *argv;
    char **environment;
    struct yoke__child_plan *plan;
    int error; /* written by the child, in our memory */
};

YOKE__IN_CHILD static int exec_child(void *argument) {
    struct exec_request *request = argument;
    request->error = yoke__prepare_child(request->plan);
    if (request->error == 0) {
        (void)execve(request->path, request->argv, request->environment);
        request->error = -errno;
    }
    _exit(YOKE__EXIT_NOT_STARTED);
}

/* Like vfork and exec: the child borrows our memory until it has its own, so the size of ours does not matter. */
static int clone_and_exec(struct exec_request *request, struct yoke__process *process) {
    char *stack = mmap(NULL, SPAWN_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        return -errno;
    }
    bool is_dumpable = prctl(PR_GET_DUMPABLE) == 1;
    pid_t pid = clone(exec_child, stack + SPAWN_STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, request,
                      &process->pidfd);
    int error = pid < 0 ? -errno : request->error;
    if (is_dumpable) {
        /* A child that takes another user's id has the memory that it borrows kept from that user. It is ours alone again. */
        (void)prctl(PR_SET_DUMPABLE, 1);
    }
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
                      struct yoke__child_plan *plan, struct yoke__process *process) {
    char variable[160];
    (void)snprintf(variable, sizeof variable, "%s=%" PRIu64 ":%u:%" PRIu64 ":%d:%u:%u:%u:%.*s", YOKE__WORKER_VARIABLE,
                   setup->id, setup->index, setup->generation, (int)setup->master_pid, setup->listener_count,
                   setup->is_captured, (unsigned)setup->seccomp, YOKE__COMM_MAX,
                   setup->comm != NULL ? setup->comm : "");
    struct exec_request request = {
        .path = program->path,
        .argv = program->argv,
        .environment = yoke__identity_make_environment(plan->identity, variable),
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

/* What needs the files of the system, before the child may lose sight of them. */
static int set_up_fork(const struct yoke__identity *identity, const struct yoke__worker_setup *setup) {
    if (setup->comm != NULL) {
        char title[512];
        (void)snprintf(title, sizeof title, "%s: pool %s worker %u", setup->comm, identity->pool_name, setup->index);
        yoke__title_set_comm(setup->comm);
        yoke__title_set(title);
    }
    return yoke__identity_set_environment(identity);
}

/* In the child, which reports to the last descriptor of its plan. */
_Noreturn static void live(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                           struct yoke__child_plan *plan, bool reports) {
    int error = plan->identity != NULL ? set_up_fork(plan->identity, setup) : 0;
    error = error != 0 ? error : yoke__prepare_child(plan);
    if (error == 0 && setup->seccomp != YOKE_SECCOMP_NONE) {
        error = yoke__seccomp_enter(setup->seccomp, setup->filter, YOKE__LAST_WORD_FD(setup));
    }
    if (reports) {
        int report_fd = plan->fds[plan->fd_count - 1];
        (void)!write(report_fd, &error, sizeof error);
        (void)close(report_fd);
    }
    if (error != 0) {
        _exit(YOKE_EXIT_BOOT);
    }
    yoke__worker_live(setup, program->entry, program->user_data);
}

/* Wait for the child's report. One that dies before is dead soon enough to us, too. */
static int await_report(int fd) {
    int error = 0;
    ssize_t size;
    do {
        size = read(fd, &error, sizeof error);
    } while (size < 0 && errno == EINTR);
    return size == sizeof error ? error : 0;
}

static void kill_and_reap(pid_t pid) {
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

/* Fork; the child says on `report`, a pipe, or NULL, whether it is what it should be. */
static int fork_and_await(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                          struct yoke__child_plan *plan, int report[2], pid_t *ret_pid) {
    pid_t pid = fork();
    if (pid == 0) {
        live(program, setup, plan, report != NULL);
    }
    int error = pid < 0 ? -errno : 0;
    if (report != NULL) {
        (void)close(report[1]);
        error = error != 0 ? error : await_report(report[0]);
        (void)close(report[0]);
        if (error != 0 && pid > 0) {
            kill_and_reap(pid);
        }
    }
    *ret_pid = pid;
    return error;
}

static int spawn_fork(const struct yoke__program *program, const struct yoke__worker_setup *setup,
                      struct yoke__child_plan *plan, struct yoke__process *process) {
    /* Without an identity there is next to nothing that can fail, and no need to wait. */
    int report[2];
    if (plan->identity != NULL) {
        if (pipe2(report, O_CLOEXEC) != 0) {
            return -errno;
        }
        plan->fds[plan->fd_count++] = report[1];
    }
    int error = fork_and_await(program, setup, plan, plan->identity != NULL ? report : NULL, &process->pid);
    if (error != 0) {
        return error;
    }
    process->pidfd = pidfd_open(process->pid, 0);
    if (process->pidfd < 0) {
        error = -errno;
        kill_and_reap(process->pid);
    }
    return error;
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
    struct yoke__child_plan plan = {
        .master_pid = setup->master_pid,
        .index = setup->index,
        .will_exec = program->entry == NULL,
        .identity = program->identity,
        .output = {program->output != NULL ? program->output[0] : -1,
                   program->output != NULL ? program->output[1] : -1},
    };
    plan.fds[plan.fd_count++] = ends[1];
    for (unsigned i = 0; i < setup->listener_count; i++) {
        plan.fds[plan.fd_count++] = program->listeners[i];
    }
    if (setup->seccomp != YOKE_SECCOMP_NONE) {
        plan.fds[plan.fd_count++] = program->last_word;
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
