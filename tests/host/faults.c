/*
 * faults.c: see faults.h. The linker's --wrap leads the calls of this program here; those of libev, a shared library,
 * come because the program defines functions of the same name.
 */
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAYS_MAX 7

/* What a process of this environment is to do, and where its trace is. */
#define PLAN_VARIABLE "YOKE_TEST_FAULTS"

static const struct {
    const char *name;
    int errors[WAYS_MAX]; /* up to the first 0 */
} kinds[FAULT_KINDS] = {
    [FAULT_MALLOC] = {"malloc", {ENOMEM}},
    [FAULT_SENDMSG] = {"sendmsg", {EAGAIN, FAULT_SHORT, EINTR, ENOBUFS, ENOMEM, ETOOMANYREFS, EPIPE}},
    [FAULT_RECVMSG] = {"recvmsg", {EAGAIN, FAULT_SHORT, EINTR, ENOBUFS, ENOMEM, ECONNRESET}},
    [FAULT_SOCKETPAIR] = {"socketpair", {EMFILE, ENFILE, ENOMEM, ENOBUFS}},
    [FAULT_SETSOCKOPT] = {"setsockopt", {ENOPROTOOPT}},
    [FAULT_GETSOCKOPT] = {"getsockopt", {ENOTSOCK}},
    [FAULT_SHUTDOWN] = {"shutdown", {ENOBUFS}},
    [FAULT_IOCTL] = {"ioctl", {ENOMEM}},
    [FAULT_POLL] = {"poll", {EINTR, ENOMEM}},
    [FAULT_FCNTL] = {"fcntl", {EMFILE}},
    [FAULT_DUP3] = {"dup3", {EBUSY, EINTR, EMFILE}},
    [FAULT_CLOSE_RANGE] = {"close_range", {ENOMEM, EMFILE}},
    [FAULT_PRCTL] = {"prctl", {EPERM}},
    [FAULT_MMAP] = {"mmap", {ENOMEM}},
    [FAULT_MEMFD_CREATE] = {"memfd_create", {EMFILE, ENOMEM}},
    [FAULT_FTRUNCATE] = {"ftruncate", {ENOMEM}},
    [FAULT_MADVISE] = {"madvise", {EINVAL}},
    [FAULT_FORK] = {"fork", {EAGAIN, ENOMEM}},
    [FAULT_CLONE] = {"clone", {EAGAIN, ENOMEM}},
    [FAULT_EXECVE] = {"execve", {ENOENT, ENOMEM, E2BIG}},
    [FAULT_PIDFD_OPEN] = {"pidfd_open", {EMFILE, ENOMEM}},
    [FAULT_PIPE] = {"pipe2", {EMFILE, ENFILE}},
    [FAULT_WAITID] = {"waitid", {EINTR}},
    [FAULT_GETRANDOM] = {"getrandom", {EAGAIN}},
    [FAULT_EVENTFD] = {"eventfd", {EMFILE, ENFILE}},
    [FAULT_EPOLL_CREATE] = {"epoll_create", {EMFILE, ENOMEM}},
    [FAULT_EPOLL_CTL] = {"epoll_ctl", {ENOMEM, ENOSPC}},
    /* libev calls abort() at any other. */
    [FAULT_EPOLL_WAIT] = {"epoll_wait", {EINTR}},
};

unsigned fault_ways(enum fault_kind kind) {
    unsigned count = 0;
    while (count < WAYS_MAX && kinds[kind].errors[count] != 0) {
        count++;
    }
    return count;
}

int fault_errno(enum fault_kind kind, unsigned way) {
    unsigned ways = fault_ways(kind);
    return kinds[kind].errors[way < ways ? way : ways - 1];
}

const char *fault_name(enum fault_kind kind) {
    return kinds[kind].name;
}

/* ---- Plans */

static struct fault_plan worker_plan;
static struct fault_plan plan; /* of this process */
static bool is_on;
static unsigned calls, transfers;
static struct fault_trace *trace; /* NULL: nobody wants to know */
static struct fault_traces *traces;
static size_t live_blocks;

void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_fcntl(int fd, int command, ...);

static void begin(const struct fault_plan *chosen, struct fault_trace *where) {
    plan = *chosen;
    trace = where;
    calls = transfers = 0;
    is_on = true;
}

static struct fault_traces *map_traces(int fd) {
    void *memory = __real_mmap(NULL, sizeof(struct fault_traces), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        abort();
    }
    return memory;
}

static int traces_fd = -1;

void faults_open(void) {
    traces_fd = memfd_create("traces", MFD_CLOEXEC);
    if (traces_fd < 0 || ftruncate(traces_fd, sizeof(struct fault_traces)) != 0) {
        abort();
    }
    traces = map_traces(traces_fd);
}

void faults_close(void) {
    (void)munmap(traces, sizeof(*traces));
    close(traces_fd);
}

void faults_begin(const struct fault_plan *master, const struct fault_plan *worker) {
    char text[120];
    memset(traces, 0, sizeof(*traces));
    worker_plan = *worker;
    /* The file has no name, but the master's descriptor of it has one. */
    snprintf(text, sizeof(text), "%d:%u:%u:%u /proc/%d/fd/%d", (int)worker->action, worker->at, worker->span,
             worker->way, (int)getpid(), traces_fd);
    setenv(PLAN_VARIABLE, text, 1);
    begin(master, &traces->master);
}

void faults_begin_executed(void) {
    struct fault_plan own = {0};
    int action = 0;
    char path[60];
    const char *text = getenv(PLAN_VARIABLE);
    if (text == NULL || sscanf(text, "%d:%u:%u:%u %59s", &action, &own.at, &own.span, &own.way, path) != 5) {
        return;
    }
    own.action = (enum fault_action)action;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return; /* its master is dead */
    }
    struct fault_traces *theirs = map_traces(fd);
    close(fd);
    begin(&own, &theirs->worker);
}

void faults_end(void) {
    is_on = false;
}

const struct fault_traces *faults_traces(void) {
    return traces;
}

size_t faults_live_blocks(void) {
    return live_blocks;
}

/* What Yoke has to get over without anybody noticing. */
static bool is_harmless(enum fault_kind kind, int error) {
    switch (kind) {
    case FAULT_SENDMSG:
        return error != EPIPE;
    case FAULT_RECVMSG:
        return error != ECONNRESET;
    case FAULT_MEMFD_CREATE:
    case FAULT_FTRUNCATE:
    case FAULT_MADVISE:
    case FAULT_SETSOCKOPT:
    case FAULT_SHUTDOWN:
    case FAULT_IOCTL:
    case FAULT_POLL:
    case FAULT_WAITID:
    case FAULT_GETRANDOM:
    case FAULT_EPOLL_WAIT:
        return true;
    default:
        return false;
    }
}

/* Counts a call. 0, or how it is to fail. */
static int fails(enum fault_kind kind) {
    if (!is_on) {
        return 0;
    }
    unsigned number = calls++;
    if (trace != NULL && number < FAULT_TRACE_MAX) {
        trace->kinds[number] = (uint8_t)kind;
        trace->count = number + 1;
    }
    if (plan.action != FAULT_FAIL || number < plan.at || number - plan.at >= plan.span) {
        return 0;
    }
    int error = fault_errno(kind, plan.way);
    if (trace != NULL && !is_harmless(kind, error)) {
        trace->is_harmed = true;
    }
    errno = error;
    return error;
}

/* Behind a transfer. */
static void transferred(void) {
    if (!is_on) {
        return;
    }
    unsigned number = transfers++;
    if (trace != NULL) {
        trace->transfers = transfers;
    }
    if (plan.action == FAULT_KILL && number == plan.at) {
        trace->is_harmed = true;
        kill(getpid(), SIGKILL);
    }
}

/* ---- The allocator */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t members, size_t size);
void *__wrap_reallocarray(void *memory, size_t members, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *string);
void __wrap_free(void *memory);

static void *allocated(void *memory) {
    live_blocks += memory != NULL;
    return memory;
}

void *__wrap_malloc(size_t size) {
    return fails(FAULT_MALLOC) != 0 ? NULL : allocated(__real_malloc(size));
}

void *__wrap_calloc(size_t members, size_t size) {
    return fails(FAULT_MALLOC) != 0 ? NULL : allocated(__real_calloc(members, size));
}

void *__wrap_reallocarray(void *memory, size_t members, size_t size) {
    void *moved = fails(FAULT_MALLOC) != 0 ? NULL : __real_reallocarray(memory, members, size);
    return memory == NULL ? allocated(moved) : moved;
}

void *__wrap_realloc(void *memory, size_t size) {
    return __wrap_reallocarray(memory, 1, size);
}

char *__wrap_strdup(const char *string) {
    size_t size = strlen(string) + 1;
    char *copy = __wrap_malloc(size);
    return copy != NULL ? memcpy(copy, string, size) : NULL;
}

void __wrap_free(void *memory) {
    live_blocks -= memory != NULL;
    __real_free(memory);
}

/* ---- Transfers */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    int error = fails(FAULT_SENDMSG);
    struct msghdr shorter = *message;
    struct iovec byte = {.iov_len = 1};
    if (error > 0) {
        return -1;
    }
    if (error == FAULT_SHORT) {
        byte.iov_base = message->msg_iov[0].iov_base;
        shorter.msg_iov = &byte;
        shorter.msg_iovlen = 1;
    }
    ssize_t sent = __real_sendmsg(fd, &shorter, flags);
    transferred();
    return sent;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags) {
    int error = fails(FAULT_RECVMSG);
    if (error > 0) {
        return -1;
    }
    if (error == FAULT_SHORT) {
        message->msg_iov[0].iov_len = 1;
    }
    ssize_t received = __real_recvmsg(fd, message, flags);
    transferred();
    return received;
}

/* ---- All others */

#define WRAP(kind, type, name, parameters, arguments)                 \
    type __real_##name parameters;                                    \
    type __wrap_##name parameters;                                    \
    type __wrap_##name parameters {                                   \
        return fails(kind) != 0 ? (type)-1 : __real_##name arguments; \
    }

WRAP(FAULT_SOCKETPAIR, int, socketpair, (int domain, int kind, int protocol, int fds[2]), (domain, kind, protocol, fds))
WRAP(FAULT_SETSOCKOPT, int, setsockopt, (int fd, int level, int option, const void *value, socklen_t size),
     (fd, level, option, value, size))
WRAP(FAULT_GETSOCKOPT, int, getsockopt, (int fd, int level, int option, void *value, socklen_t *size),
     (fd, level, option, value, size))
WRAP(FAULT_SHUTDOWN, int, shutdown, (int fd, int how), (fd, how))
WRAP(FAULT_POLL, int, poll, (struct pollfd * fds, nfds_t number, int timeout), (fds, number, timeout))
WRAP(FAULT_DUP3, int, dup3, (int from, int to, int flags), (from, to, flags))
WRAP(FAULT_CLOSE_RANGE, int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags))
WRAP(FAULT_MMAP, void *, mmap, (void *address, size_t size, int protection, int flags, int fd, off_t offset),
     (address, size, protection, flags, fd, offset))
WRAP(FAULT_MEMFD_CREATE, int, memfd_create, (const char *name, unsigned flags), (name, flags))
WRAP(FAULT_FTRUNCATE, int, ftruncate, (int fd, off_t size), (fd, size))
WRAP(FAULT_MADVISE, int, madvise, (void *address, size_t size, int advice), (address, size, advice))
WRAP(FAULT_EXECVE, int, execve, (const char *path, char *const *argv, char *const *environment),
     (path, argv, environment))
WRAP(FAULT_PIDFD_OPEN, int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags))
WRAP(FAULT_PIPE, int, pipe2, (int ends[2], int flags), (ends, flags))
WRAP(FAULT_GETRANDOM, ssize_t, getrandom, (void *buffer, size_t size, unsigned flags), (buffer, size, flags))

/* With a varying argument, which is a word for all that Yoke asks. */
#define WRAP_VARYING(kind, name, first, second)                           \
    int __real_##name(first, second, ...);                                \
    int __wrap_##name(first, second, ...);                                \
    int __wrap_##name(first left, second right, ...) {                    \
        va_list arguments;                                                \
        va_start(arguments, right);                                       \
        unsigned long third = va_arg(arguments, unsigned long);           \
        va_end(arguments);                                                \
        return fails(kind) != 0 ? -1 : __real_##name(left, right, third); \
    }

WRAP_VARYING(FAULT_IOCTL, ioctl, int, unsigned long)
WRAP_VARYING(FAULT_FCNTL, fcntl, int, int)

int __real_prctl(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth);
int __wrap_prctl(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth);

int __wrap_prctl(int option, unsigned long second, unsigned long third, unsigned long fourth, unsigned long fifth) {
    return fails(FAULT_PRCTL) != 0 ? -1 : __real_prctl(option, second, third, fourth, fifth);
}

pid_t __real_fork(void);
pid_t __wrap_fork(void);

pid_t __wrap_fork(void) {
    if (fails(FAULT_FORK) != 0) {
        return -1;
    }
    pid_t pid = __real_fork();
    if (pid == 0 && is_on) {
        begin(&worker_plan, &traces->worker);
    }
    return pid;
}

/* Yoke's clone() has the child execute or exit before the master goes on; its calls count as the master's. */
int __real_clone(int (*run)(void *argument), void *stack, int flags, void *argument, int *pidfd);
int __wrap_clone(int (*run)(void *argument), void *stack, int flags, void *argument, int *pidfd);

int __wrap_clone(int (*run)(void *argument), void *stack, int flags, void *argument, int *pidfd) {
    return fails(FAULT_CLONE) != 0 ? -1 : __real_clone(run, stack, flags, argument, pidfd);
}

/* Yoke calls waitid() so, and nothing else. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, long first, long second, long third, long fourth, long fifth);

long __wrap_syscall(long number, long first, long second, long third, long fourth, long fifth) {
    return fails(FAULT_WAITID) != 0 ? -1 : __real_syscall(number, first, second, third, fourth, fifth);
}

/* ---- libev's */

/*
 * The first one, with which a loop is made. When libev makes another, to be rid of stale descriptors, it cannot fail:
 * it calls abort() then.
 */
int epoll_create1(int flags) {
    static pid_t made_by;
    bool is_first = made_by != getpid();
    made_by = getpid();
    return is_first && fails(FAULT_EPOLL_CREATE) != 0 ? -1 : (int)__real_syscall(SYS_epoll_create1, flags);
}

/*
 * The descriptor by which other threads wake a loop. libev makes do with a pipe, but of either it loses sight when it
 * cannot be watched: it is not closed then.
 */
static int wakeup_fd = -1;

int eventfd(unsigned count, int flags) {
    if (fails(FAULT_EVENTFD) != 0) {
        return -1;
    }
    wakeup_fd = (int)__real_syscall(SYS_eventfd2, count, flags);
    return wakeup_fd;
}

int pipe(int pipedes[2]) {
    int result = (int)__real_syscall(SYS_pipe2, pipedes, 0);
    wakeup_fd = result == 0 ? pipedes[0] : -1;
    return result;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event) {
    if (fd == wakeup_fd) {
        return (int)__real_syscall(SYS_epoll_ctl, epfd, op, fd, event);
    }
    return fails(FAULT_EPOLL_CTL) != 0 ? -1 : (int)__real_syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout) {
    return fails(FAULT_EPOLL_WAIT) != 0
               ? -1
               : (int)__real_syscall(SYS_epoll_pwait, epfd, events, maxevents, timeout, NULL, 0);
}
