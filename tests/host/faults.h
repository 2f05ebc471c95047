/*
 * faults.h: the kernel and the allocator as the tests want them. Programs that link this make all their system calls
 * and allocations, Yoke's among them, through it; it counts them, and lets those fail that a plan says. A master has
 * one plan, its workers have another.
 */
#ifndef YOKE_TESTS_HOST_FAULTS_H
#define YOKE_TESTS_HOST_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is made to fail. */
enum fault_kind {
    FAULT_MALLOC,
    FAULT_SENDMSG,
    FAULT_RECVMSG,
    FAULT_SOCKETPAIR,
    FAULT_SETSOCKOPT,
    FAULT_GETSOCKOPT,
    FAULT_SHUTDOWN,
    FAULT_IOCTL,
    FAULT_POLL,
    FAULT_FCNTL,
    FAULT_DUP3,
    FAULT_CLOSE_RANGE,
    FAULT_PRCTL,
    FAULT_MMAP,
    FAULT_MEMFD_CREATE,
    FAULT_FTRUNCATE,
    FAULT_MADVISE,
    FAULT_FORK,
    FAULT_CLONE,
    FAULT_EXECVE,
    FAULT_PIDFD_OPEN,
    FAULT_PIPE,
    FAULT_WAITID,
    FAULT_GETRANDOM,
    FAULT_EVENTFD,
    FAULT_EPOLL_CREATE,
    FAULT_EPOLL_CTL,
    FAULT_EPOLL_WAIT,
    FAULT_KINDS
};

/* A sendmsg() or recvmsg() that moves one byte, as an "errno". */
#define FAULT_SHORT (-1)

/* In how many ways this kind can fail, and the errno of one of them. */
unsigned fault_ways(enum fault_kind kind);
int fault_errno(enum fault_kind kind, unsigned way);
const char *fault_name(enum fault_kind kind);

enum fault_action {
    FAULT_NONE, /* count only */
    FAULT_FAIL, /* `span` calls from number `at` fail, each in its way number `way`, or its last one */
    FAULT_KILL  /* the process is killed right behind its sendmsg() or recvmsg() number `at` */
};

struct fault_plan {
    enum fault_action action;
    unsigned at, span, way;
};

#define FAULT_TRACE_MAX 8192

/* What a process called. */
struct fault_trace {
    uint32_t count;     /* calls of any kind */
    uint32_t transfers; /* of sendmsg() and recvmsg() */
    bool is_harmed;     /* a call failed that cannot simply be made again, or done without */
    uint8_t kinds[FAULT_TRACE_MAX];
};

/* Of the last master, and of its last worker. */
struct fault_traces {
    struct fault_trace master, worker;
};

/* Make the traces, which this process and those that it forks share; and give them back. */
void faults_open(void);
void faults_close(void);

/* Begin: this process is a master, those that it forks or executes are workers. */
void faults_begin(const struct fault_plan *master, const struct fault_plan *worker);

/* From here on nothing fails any more. */
void faults_end(void);

/* In a program that a master executed: what faults_begin() said. */
void faults_begin_executed(void);

const struct fault_traces *faults_traces(void);

/* Blocks that this program has allocated and not freed. */
size_t faults_live_blocks(void);

#endif
