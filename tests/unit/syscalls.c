/* syscalls.c: see syscalls.h. The linker's --wrap leads sendmsg() and recvmsg() here. */
#include "syscalls.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);

static size_t count, fail_at, cut;
static int fail_error;
static bool fails_alternately, has_failed;
static void (*before_receiving)(void);

void syscalls_reset(void) {
    count = 0;
    fail_at = cut = SIZE_MAX;
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
    if (must_fail()) {
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
    first->iov_len = first->iov_len < cut ? first->iov_len : cut;
    return __real_recvmsg(fd, message, flags);
}
