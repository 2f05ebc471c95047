/* prepare.c: see prepare.h. */
#include "master/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Linux forgets it when the process gets other ids. 0 or a negative errno value. */
YOKE__IN_CHILD static int die_with_master(pid_t master_pid) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return -errno;
    }
    if (getppid() != master_pid) {
        /* It died before the line above; nobody is left to tell. */
        _exit(YOKE__EXIT_NOT_STARTED);
    }
    return 0;
}

/*
 * The standard descriptors must exist, or the next files that are opened would become them. In a master that has closed its
 * own, something private may stand in their place; it is close-on-exec, which the real ones never are.
 */
YOKE__IN_CHILD static void fill_standard_descriptors(void) {
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

YOKE__IN_CHILD static void reset_signals(void) {
    const struct sigaction by_default = {.sa_handler = SIG_DFL};
    for (int signal = 1; signal < _NSIG; signal++) {
        (void)sigaction(signal, &by_default, NULL);
    }
}

/* Out of the way, if it stands in another's place. 0 or a negative errno value. */
YOKE__IN_CHILD static int lift(int *fd, int end) {
    if (*fd < 0 || *fd >= end) {
        return 0;
    }
    int lifted = fcntl(*fd, F_DUPFD_CLOEXEC, end);
    if (lifted < 0) {
        return -errno;
    }
    *fd = lifted;
    return 0;
}

YOKE__IN_CHILD static int lift_all(struct yoke__child_plan *plan, int end) {
    int error = 0;
    for (unsigned i = 0; error == 0 && i < plan->fd_count; i++) {
        error = lift(&plan->fds[i], end);
    }
    for (unsigned i = 0; error == 0 && i < 2; i++) {
        error = lift(&plan->output[i], end);
    }
    return error;
}

/* Each descriptor of the plan to its place, whatever stands there, and no other beyond. 0 or a negative errno value. */
YOKE__IN_CHILD static int place_descriptors(struct yoke__child_plan *plan) {
    const int end = YOKE__CHANNEL_FD + (int)plan->fd_count;
    int error = lift_all(plan, end);
    if (error != 0) {
        return error;
    }
    fill_standard_descriptors();
    for (int i = 0; i < 2; i++) {
        if (plan->output[i] >= 0 && dup2(plan->output[i], STDOUT_FILENO + i) < 0) {
            return -errno;
        }
    }
    for (unsigned i = 0; i < plan->fd_count; i++) {
        if (dup3(plan->fds[i], YOKE__CHANNEL_FD + (int)i, plan->will_exec ? 0 : O_CLOEXEC) < 0) {
            return -errno;
        }
    }
    for (unsigned i = 0; i < plan->fd_count; i++) {
        plan->fds[i] = YOKE__CHANNEL_FD + (int)i;
    }
    return close_range((unsigned)end, ~0U, 0) == 0 ? 0 : -errno;
}

YOKE__IN_CHILD int yoke__prepare_child(struct yoke__child_plan *plan) {
    int error = die_with_master(plan->master_pid);
    if (error != 0) {
        return error;
    }
    reset_signals();
    error = place_descriptors(plan);
    if (error == 0 && plan->identity != NULL) {
        error = yoke__identity_assume(plan->identity, plan->index);
        error = error != 0 ? error : die_with_master(plan->master_pid);
    }
    if (error != 0) {
        return error;
    }
    sigset_t none;
    (void)sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) == 0 ? 0 : -errno;
}
