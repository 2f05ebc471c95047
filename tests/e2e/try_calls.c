/* try_calls.c: see try_calls.h. Each is made so that it does no harm when it is allowed. */
#include "try_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static long try_open(void) {
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long try_openat2(void) {
    const unsigned long long how[3] = {O_RDONLY | O_CLOEXEC, 0, 0};
    return syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", how, sizeof how);
}

static long try_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static long try_exec(void) {
    return execve("/no/such/program", (char *[]){NULL}, (char *[]){NULL});
}

static long try_setuid(void) {
    return (long)syscall(SYS_setuid, getuid());
}

static long try_unshare(void) {
    return unshare(0);
}

static long try_clone(void) {
    long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
    if (pid == 0) {
        _exit(0);
    }
    return pid;
}

static long try_mount(void) {
    return mount("none", "/no/such/directory", "tmpfs", 0, NULL);
}

static long try_ptrace(void) {
    return ptrace(PTRACE_ATTACH, 0, NULL, NULL);
}

static long try_readv(void) {
    return process_vm_readv(getppid(), NULL, 0, NULL, 0, 0);
}

static long try_io_uring(void) {
    return syscall(SYS_io_uring_setup, 0, NULL);
}

static long try_tty(void) {
    return ioctl(0, TIOCSTI, "x");
}

static long try_unlink(void) {
    return unlink("/no/such/file");
}

static long try_mkdir(void) {
    return mkdir("/no/such/directory/x", 0700);
}

static long try_handler(void) {
    return signal(SIGSYS, SIG_IGN) == SIG_ERR ? -1 : 0;
}

/* A register of which the kernel looks at the lower half. */
static long try_sly_handler(void) {
    return syscall(SYS_rt_sigaction, 0x100000000L | SIGSYS, NULL, NULL, 8);
}

/* Refused with the signal blocked. */
static long try_blocked(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSYS);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static void *run_thread(void *data) {
    /* Enough to give memory back when it is freed. */
    for (int round = 0; round < 20; round++) {
        void *blocks[64];
        for (size_t i = 0; i < 64; i++) {
            blocks[i] = malloc(100000);
            if (blocks[i] != NULL) {
                memset(blocks[i], 1, 100000);
            }
        }
        for (size_t i = 64; i > 0; i--) {
            free(blocks[i - 1]);
        }
    }
    return data;
}

static long try_threads(void) {
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, run_thread, NULL) != 0) {
            return -1;
        }
    }
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    return 0;
}

static void *open_in_thread(void *data) {
    (void)try_open();
    return data;
}

static long try_thread_open(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, open_in_thread, NULL) != 0) {
        return -1;
    }
    pthread_join(thread, NULL);
    return 0;
}

static const struct {
    const char *name;
    long (*run)(void);
} calls[] = {
    {"open", try_open},
    {"openat2", try_openat2},
    {"socket", try_socket},
    {"execve", try_exec},
    {"setuid", try_setuid},
    {"unshare", try_unshare},
    {"clone", try_clone},
    {"mount", try_mount},
    {"ptrace", try_ptrace},
    {"process_vm_readv", try_readv},
    {"io_uring", try_io_uring},
    {"tty", try_tty},
    {"unlink", try_unlink},
    {"mkdir", try_mkdir},
    {"handler", try_handler},
    {"sly handler", try_sly_handler},
    {"blocked", try_blocked},
    {"threads", try_threads},
    {"thread open", try_thread_open},
};

long try_call(const char *name) {
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, name) == 0) {
            long result = calls[i].run();
            return result < 0 ? -errno : result;
        }
    }
    return -ENOSYS;
}
