/* victim.c: see victim.h. What a master does when it spawns, docs/architecture.md tells; here it is done by hand. */
#include "victim.h"

#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3

/* The process keeps its standard descriptors and the channel. */
static void keep_only(int channel) {
    if (channel != CHANNEL_FD) {
        dup2(channel, CHANNEL_FD);
    }
    (void)close_range(CHANNEL_FD + 1, ~0U, 0);
}

_Noreturn static void become_worker(int channel, int record) {
    char variable[40];
    char name[] = "hostile_program";
    char role[] = "victim";
    char *argv[] = {name, role, NULL};
    dup2(record, STDOUT_FILENO);
    snprintf(variable, sizeof(variable), "1:0:1:%d:0:0:0:", (int)getppid());
    setenv("YOKE_WORKER", variable, 1);
    if (site_is_exec()) {
        int copy = dup(channel); /* without close-on-exec, wherever it was before */
        dup2(copy, CHANNEL_FD);
        (void)close_range(CHANNEL_FD + 1, ~0U, 0);
        execv(site_program(), argv);
        _exit(1);
    }
    keep_only(channel);
    static struct honest honest;
    const struct yoke_worker_options options = {YOKE_WORKER_OPTIONS_INIT, .limits = honest_limits, .log = honest_log,
                                                .log_user_data = &honest};
    _exit(yoke_worker_main(honest_victim, &options, &honest));
}

void victim_live(const struct row *row, struct victim_life *ret_life) {
    int ends[2];
    int status = 0;
    int record = memfd_create("record", MFD_CLOEXEC);
    *ret_life = (struct victim_life){.exit_code = -1};
    REQUIRE(record >= 0);
    REQUIRE_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    fflush(stdout);
    pid_t worker = fork();
    if (worker == 0) {
        become_worker(ends[1], record);
    }
    pid_t peer = fork();
    if (peer == 0) {
        keep_only(ends[0]);
        row_play(row, CHANNEL_FD, true);
    }
    close(ends[0]);
    close(ends[1]);
    REQUIRE_INT(waitpid(peer, &ret_life->peer_status, 0), peer);
    REQUIRE_INT(waitpid(worker, &status, 0), worker);
    ret_life->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ret_life->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    CHECK_INT(pread(record, &ret_life->record, sizeof(ret_life->record), 0), sizeof(ret_life->record));
    close(record);
}
