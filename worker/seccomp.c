/* seccomp.c: see seccomp.h. */
#include "worker/seccomp.h"

#include "worker/refused.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A size of a signal set that nobody passes: with it the filter kills at once, by which the handler ends the process. */
#define DIE_SIZE UINT64_C(0x796f6b65)

/* Only the lower half of an int's register counts. */
#define INT_MASK UINT64_C(0xffffffff)

/* Of a SIGSYS that comes from the filter; not in every C library's headers. */
#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif

#define NAMESPACES                                                                                           \
    ((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
                CLONE_NEWNET))

/* clone()'s first argument is its second there. */
#ifdef __s390x__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* ---- The filter ---------------------------------------------------------------------------------------------------- */

/* The number of a system call on this machine; negative when there is none. */
static int number_of(const struct yoke__refused *call) {
    return call->number != 0 ? call->number : seccomp_syscall_resolve_name(call->name);
}

/* What is refused for some arguments. Each of the flags of a clone() is looked at by itself: a rule can want bits, not any bit. */
static int refuse_arguments(scmp_filter_ctx filter) {
    const uint32_t refuse = SCMP_ACT_TRAP;
    int error = seccomp_rule_add(filter, refuse, SCMP_SYS(rt_sigaction), 2,
                                 SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, SIGSYS), SCMP_A3(SCMP_CMP_NE, DIE_SIZE, 0));
    error = error != 0
                ? error
                : seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(rt_sigaction), 2,
                                   SCMP_A0(SCMP_CMP_MASKED_EQ, INT_MASK, SIGSYS), SCMP_A3(SCMP_CMP_EQ, DIE_SIZE, 0));
    const uint64_t commands[] = {TIOCSTI, TIOCLINUX};
    for (size_t i = 0; error == 0 && i < sizeof commands / sizeof commands[0]; i++) {
        error =
            seccomp_rule_add(filter, refuse, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, INT_MASK, commands[i]));
    }
    for (uint64_t bit = 1; error == 0 && bit <= NAMESPACES; bit <<= 1) {
        if ((bit & NAMESPACES) != 0) {
            error = seccomp_rule_add(filter, refuse, SCMP_SYS(clone), 1,
                                     SCMP_CMP(CLONE_FLAGS, SCMP_CMP_MASKED_EQ, bit, bit));
        }
    }
    /* Its flags are out of sight, in memory. The C library goes back to clone() when there is no such call. */
    return error != 0 ? error : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int refuse_calls(scmp_filter_ctx filter, enum yoke_seccomp profile) {
    for (size_t i = 0; i < yoke__refused_call_count; i++) {
        const struct yoke__refused *call = &yoke__refused_calls[i];
        int number = number_of(call);
        if (number < 0 || call->profile > profile || call->is_conditional) {
            continue;
        }
        int error = seccomp_rule_add(filter, SCMP_ACT_TRAP, number, 0);
        if (error != 0) {
            return error;
        }
    }
    return refuse_arguments(filter);
}

/* libseccomp writes the program to a descriptor only; a file could be more than RLIMIT_FSIZE allows. */
static int export_program(scmp_filter_ctx filter, struct sock_fprog *ret_program) {
    const size_t most = BPF_MAXINSNS * sizeof(struct sock_filter);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
        return -errno;
    }
    /* One that is too small would cut the program. */
    int room = fcntl(ends[0], F_GETPIPE_SZ);
    int error = room >= 0 && (size_t)room >= most ? seccomp_export_bpf(filter, ends[1]) : -ENFILE;
    struct sock_filter *code = error == 0 ? malloc(most) : NULL;
    ssize_t size = code != NULL ? read(ends[0], code, most) : 0;
    (void)close(ends[0]);
    (void)close(ends[1]);
    if (error == 0 && size <= 0) {
        error = code == NULL ? -ENOMEM : -EIO;
    }
    if (error != 0) {
        free(code);
        return error;
    }
    *ret_program = (struct sock_fprog){.len = (unsigned short)((size_t)size / sizeof *code), .filter = code};
    return 0;
}

int yoke__seccomp_compile(enum yoke_seccomp profile, struct sock_fprog *ret_program) {
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) != 0) {
        return -errno;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter == NULL) {
        return -ENOMEM;
    }
    /* Calls in the way of another architecture, whose numbers mean something else. */
    int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    error = error != 0 ? error : refuse_calls(filter, profile);
    error = error != 0 ? error : export_program(filter, ret_program);
    seccomp_release(filter);
    return error;
}

const char *yoke__seccomp_name(enum yoke_seccomp profile, uint32_t number) {
    for (size_t i = 0; i < yoke__refused_call_count; i++) {
        const struct yoke__refused *call = &yoke__refused_calls[i];
        int known = number_of(call);
        if (call->profile <= profile && known >= 0 && (uint32_t)known == number) {
            return call->name;
        }
    }
    return NULL;
}

/* ---- In the worker ------------------------------------------------------------------------------------------------- */

static struct yoke__last_word *last_word;

static void on_refusal(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    if (info->si_code == SYS_SECCOMP) {
        last_word->refused = (uint32_t)info->si_syscall + 1;
    }
    (void)syscall(SYS_rt_sigaction, SIGSYS, NULL, NULL, DIE_SIZE);
}

int yoke__seccomp_enter(enum yoke_seccomp profile, const struct sock_fprog *program, int last_word_fd) {
    void *memory = mmap(NULL, sizeof *last_word, PROT_READ | PROT_WRITE, MAP_SHARED, last_word_fd, 0);
    int error = memory == MAP_FAILED ? -errno : 0;
    (void)close(last_word_fd);
    if (error != 0) {
        return error;
    }
    last_word = memory;
    if (profile == YOKE_SECCOMP_NO_FILES) {
        /* With more than one arena, free() in a thread may read a file of /proc. */
        (void)mallopt(M_ARENA_MAX, 1);
    }
    struct sigaction action = {.sa_sigaction = on_refusal, .sa_flags = SA_SIGINFO};
    (void)sigfillset(&action.sa_mask);
    if (sigaction(SIGSYS, &action, NULL) != 0) {
        return -errno;
    }
    /* For all threads: a program that was executed may have some. */
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
    return result < 0 ? -errno : result > 0 ? -EBUSY : 0;
}
