/* boot.c: see boot.h. */
#include "worker/boot.h"

#include "rpc/options.h"
#include "worker/seccomp.h"
#include "worker/title.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Through a pipe stdio would hold lines back. */
static void set_buffering(const struct yoke__worker_setup *setup) {
    if (setup->is_captured) {
        (void)setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    }
}

/* Run the entry with a worker on this process's channel. A negative errno value, or the entry's exit code. */
static int live(const struct yoke__worker_setup *setup, yoke_worker_entry *entry, void *user_data) {
    struct yoke_worker *worker;
    set_buffering(setup);
    int error = yoke__worker_create(setup, &worker);
    if (error != 0) {
        return error;
    }
    int exit_code = entry(worker, user_data);
    yoke__worker_destroy(worker);
    return exit_code & 0xff;
}

_Noreturn void yoke__worker_live(const struct yoke__worker_setup *setup, yoke_worker_entry *entry, void *user_data) {
    /* What the master had buffered is the master's to write. */
    __fpurge(stdout);
    __fpurge(stderr);
    int exit_code = live(setup, entry, user_data);
    /* Only these two: another stream's descriptor, inherited from the master, is closed and may be somebody else's. */
    (void)fflush(stdout);
    (void)fflush(stderr);
    _exit(exit_code >= 0 ? exit_code : YOKE_EXIT_BOOT);
}

/* Read who we are from the environment. -ENOTCONN: no master started us. */
static int read_identity(struct yoke__worker_setup *setup) {
    const char *variable = getenv(YOKE__WORKER_VARIABLE);
    int master_pid;
    unsigned is_captured, seccomp;
    int read = -1;
    if (variable == NULL ||
        sscanf(variable, "%" SCNu64 ":%u:%" SCNu64 ":%d:%u:%u:%u:%n", &setup->id, &setup->index, &setup->generation,
               &master_pid, &setup->listener_count, &is_captured, &seccomp, &read) != 7 ||
        read < 0) {
        return -ENOTCONN;
    }
    int domain = 0;
    socklen_t size = sizeof domain;
    if (getsockopt(YOKE__CHANNEL_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) {
        return -ENOTCONN;
    }
    setup->master_pid = master_pid;
    setup->is_captured = is_captured != 0;
    setup->seccomp = (enum yoke_seccomp)seccomp;
    if (variable[read] != '\0') {
        yoke__title_set_comm(variable + read);
    }
    /* Programs that this one starts are not workers. */
    (void)unsetenv(YOKE__WORKER_VARIABLE);
    for (unsigned i = 0; i <= setup->listener_count; i++) {
        if (fcntl(YOKE__CHANNEL_FD + (int)i, F_SETFD, FD_CLOEXEC) != 0) {
            return -errno;
        }
    }
    return 0;
}

/* What a forked worker's master has done for it. */
static int confine(const struct yoke__worker_setup *setup) {
    if (setup->seccomp == YOKE_SECCOMP_NONE) {
        return 0;
    }
    struct sock_fprog filter;
    int error = yoke__seccomp_compile(setup->seccomp, &filter);
    if (error == 0) {
        error = yoke__seccomp_enter(setup->seccomp, &filter, YOKE__LAST_WORD_FD(setup));
        free(filter.filter);
    }
    return error;
}

int yoke_worker_main(yoke_worker_entry *entry, const struct yoke_worker_options *options, void *user_data) {
    struct yoke_worker_options known = {YOKE_WORKER_OPTIONS_INIT};
    int error = options != NULL ? yoke__options_read(&known, sizeof known, options) : 0;
    if (error == 0) {
        error = yoke__tuning_resolve(&known.tuning);
    }
    struct yoke__worker_setup setup = {
        .limits = known.limits, .tuning = known.tuning, .log = known.log, .log_user_data = known.log_user_data};
    if (error == 0) {
        error = read_identity(&setup);
    }
    if (error == 0) {
        error = confine(&setup);
    }
    return error != 0 ? error : live(&setup, entry, user_data);
}
