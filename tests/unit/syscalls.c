/* syscalls.c: see syscalls.h. The linker's --wrap leads the calls here. */
#include "syscalls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

int __real_memfd_create(const char *name, unsigned flags);
int __wrap_memfd_create(const char *name, unsigned flags);
int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
void *__real_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset);
int __real_madvise(void *address, size_t size, int advice);
int __wrap_madvise(void *address, size_t size, int advice);

static size_t count, fail_at, cut, cut_next;
static int refusals[SYSCALLS_KINDS];
static size_t counts[SYSCALLS_KINDS];
static int fail_error;
static bool fails_alternately, has_failed;
static void (*before_receiving)(void);

void syscalls_reset(void) {
    count = 0;
    fail_at = cut = cut_next = SIZE_MAX;
    for (size_t i = 0; i < SYSCALLS_KINDS; i++) {
        refusals[i] = 0;
        counts[i] = 0;
    }
    fails_alternately = has_failed = false;
    before_receiving = NULL;
}

size_t syscalls_count(void) {
    return count;
}

void syscalls_cut(size_t bytes) {
    cut = bytes;
}

void syscalls_fail_once(size_t nth, int error) {
    fail_at = count + nth;
    fail_error = error;
}

void syscalls_fail_alternately(int error) {
    fails_alternately = true;
    fail_error = error;
}

void syscalls_before_receiving(void (*hook)(void)) {
    before_receiving = hook;
}

void syscalls_cut_next_receiving(size_t bytes) {
    cut_next = bytes;
}

void syscalls_refuse(enum syscalls_kind kind, int error) {
    refusals[kind] = error;
}

size_t syscalls_count_of(enum syscalls_kind kind) {
    return counts[kind];
}

static bool is_refused(enum syscalls_kind kind) {
    counts[kind]++;
    if (refusals[kind] == 0) {
        return false;
    }
    has_failed = true;
    errno = refusals[kind];
    return true;
}

bool syscalls_have_failed(void) {
    return has_failed;
}

static bool must_fail(void) {
    size_t number = count++;
    if (number == fail_at || (fails_alternately && number % 2 == 0)) {
        has_failed = true;
        errno = fail_error;
        return true;
    }
    return false;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags) {
    if (must_fail() || (message->msg_control != NULL && is_refused(SYSCALLS_PASS))) {
        return -1;
    }
    struct msghdr shorter = *message;
    struct iovec first = message->msg_iov[0];
    if (cut != SIZE_MAX) {
        first.iov_len = first.iov_len < cut ? first.iov_len : cut;
        shorter.msg_iov = &first;
        shorter.msg_iovlen = 1;
    }
    return __real_sendmsg(fd, &shorter, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags) {
    if (before_receiving != NULL) {
        before_receiving();
    }
    if (must_fail()) {
        return -1;
    }
    struct iovec *first = &message->msg_iov[0];
    const size_t most = cut < cut_next ? cut : cut_next;
    first->iov_len = first->iov_len < most ? first->iov_len : most;
    cut_next = SIZE_MAX;
    return __real_recvmsg(fd, message, flags);
}

/* ---- Shared memory ----------------------------------------------------------------------------------------------- */

int __wrap_memfd_create(const char *name, unsigned flags) {
    return is_refused(SYSCALLS_MEMFD_CREATE) ? -1 : __real_memfd_create(name, flags);
}

int __wrap_ftruncate(int fd, off_t length) {
    return is_refused(SYSCALLS_FTRUNCATE) ? -1 : __real_ftruncate(fd, length);
}

int __wrap_fcntl(int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    unsigned long argument = va_arg(arguments, unsigned long);
    va_end(arguments);
    return is_refused(SYSCALLS_FCNTL) ? -1 : __real_fcntl(fd, command, argument);
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset) {
    return is_refused(SYSCALLS_MMAP) ? MAP_FAILED : __real_mmap(address, size, protection, flags, fd, offset);
}

int __wrap_madvise(void *address, size_t size, int advice) {
    return is_refused(SYSCALLS_MADVISE) ? -1 : __real_madvise(address, size, advice);
}
