/* upgrade.c: see upgrade.h. */
#include "master/upgrade.h"

#include "master/host.h"
#include "master/listener.h"
#include "master/master.h"
#include "master/successor.h"
#include "rpc/options.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_MS 60000
#define DETAIL_MAX 160

struct yoke__upgrade {
    struct yoke_master *master;
    struct yoke__process process; /* the new master; its channel_fd is our end of the talk */
    ev_io talk, death;
    ev_timer patience;
    unsigned timeout_ms;
    uint64_t begun_us;
    bool is_through;         /* the new master is in charge */
    char detail[DETAIL_MAX]; /* why it was killed; empty: it was not */
};

static void stop_watching(struct yoke__upgrade *upgrade) {
    struct ev_loop *loop = upgrade->master->io.loop;
    ev_timer_stop(loop, &upgrade->patience);
    ev_io_stop(loop, &upgrade->talk);
    if (upgrade->is_through && ev_is_active(&upgrade->death)) {
        ev_ref(loop);
    }
    ev_io_stop(loop, &upgrade->death);
}

static void destroy(struct yoke__upgrade *upgrade) {
    stop_watching(upgrade);
    (void)close(upgrade->process.channel_fd);
    (void)close(upgrade->process.pidfd);
    upgrade->master->upgrade = NULL;
    free(upgrade);
}

/* ---- Its end -------------------------------------------------------------------------------------------------------- */

/* Kill it; the rest follows when it is reaped. Only the first reason counts. */
static void give_up(struct yoke__upgrade *upgrade, const char *why) {
    if (upgrade->detail[0] != '\0') {
        return;
    }
    (void)snprintf(upgrade->detail, sizeof upgrade->detail, "%s", why);
    ev_timer_stop(upgrade->master->io.loop, &upgrade->patience);
    ev_io_stop(upgrade->master->io.loop, &upgrade->talk);
    (void)yoke__process_signal(&upgrade->process, SIGKILL);
}

static void describe_end(const struct yoke__exit *exit, char detail[DETAIL_MAX]) {
    if (!exit->known) {
        (void)snprintf(detail, DETAIL_MAX, "it is dead; somebody else reaped it, so nobody knows why");
    } else if (exit->signal != 0) {
        (void)snprintf(detail, DETAIL_MAX, "it was killed by signal %d (SIG%s) before it was ready", exit->signal,
                       sigabbrev_np(exit->signal) != NULL ? sigabbrev_np(exit->signal) : "?");
    } else {
        (void)snprintf(detail, DETAIL_MAX, "it exited with code %d before it was ready", exit->exit_code);
    }
}

/* It is dead and reaped, and this master goes on. */
static void fail(struct yoke__upgrade *upgrade, const struct yoke__exit *exit) {
    struct yoke_master *master = upgrade->master;
    char detail[DETAIL_MAX];
    memcpy(detail, upgrade->detail, sizeof detail);
    if (detail[0] == '\0') {
        describe_end(exit, detail);
    }
    Yoke__V1__MasterUpgradeFailed event = YOKE__V1__MASTER_UPGRADE_FAILED__INIT;
    event.pid = upgrade->process.pid;
    event.detail = detail;
    yoke__listeners_keep(master);
    destroy(upgrade);
    yoke__engine_log(&master->engine, YOKE_LOG_ERROR, "the new master (pid %d) has failed: %s", (int)event.pid, detail);
    yoke__master_emit(master, &yoke_v1_master_upgrade_failed_event, &event);
    yoke__io_remain(&master->io);
}

static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__upgrade *upgrade = YOKE__CONTAINER(watcher, struct yoke__upgrade, death);
    struct yoke__exit exit;
    (void)loop;
    if ((events & EV_ERROR) != 0) {
        (void)yoke__process_signal(&upgrade->process, SIGKILL);
        yoke__process_wait(&upgrade->process, &exit);
    } else if (!yoke__process_reap(&upgrade->process, &exit)) {
        return;
    }
    if (upgrade->is_through) {
        destroy(upgrade);
    } else {
        fail(upgrade, &exit);
    }
}

/* ---- Its success ---------------------------------------------------------------------------------------------------- */

/* The new master is in charge. It is watched still, so that it leaves no zombie should it die while we are there. */
static void pass_on(struct yoke__upgrade *upgrade) {
    struct yoke_master *master = upgrade->master;
    const char word = YOKE__HANDOVER_GO;
    /* Systemd listens to nobody but the main process, so it must know before the new master speaks. */
    yoke__host_pass_on(master, upgrade->process.pid);
    if (send(upgrade->process.channel_fd, &word, 1, MSG_NOSIGNAL) != 1) {
        yoke__host_take_back(master);
        give_up(upgrade, "it could not be told to go");
        return;
    }
    upgrade->is_through = true;
    ev_unref(master->io.loop);
    ev_timer_stop(master->io.loop, &upgrade->patience);
    ev_io_stop(master->io.loop, &upgrade->talk);
    yoke__listeners_pass_on(master);
    Yoke__V1__MasterUpgraded event = YOKE__V1__MASTER_UPGRADED__INIT;
    event.pid = upgrade->process.pid;
    event.duration_us = yoke__master_now_us(master) - upgrade->begun_us;
    yoke__engine_log(&master->engine, YOKE_LOG_INFO, "the new master (pid %d) has taken over", (int)event.pid);
    yoke__master_emit(master, &yoke_v1_master_upgraded_event, &event);
    yoke_master_stop(master);
    yoke__io_remain(&master->io);
}

static void on_talk(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__upgrade *upgrade = YOKE__CONTAINER(watcher, struct yoke__upgrade, talk);
    char word = 0;
    (void)loop;
    (void)events;
    ssize_t got = recv(watcher->fd, &word, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got == 1 && word == YOKE__HANDOVER_READY) {
        pass_on(upgrade);
    } else if (got == 0) {
        /* Its process may be about to end; then that is what is told. */
        ev_io_stop(loop, watcher);
    } else {
        give_up(upgrade, "it said what no master says");
    }
}

static void on_patience(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke__upgrade *upgrade = YOKE__CONTAINER(watcher, struct yoke__upgrade, patience);
    char why[DETAIL_MAX];
    (void)loop;
    (void)events;
    (void)snprintf(why, sizeof why, "it was not ready within %u ms", upgrade->timeout_ms);
    give_up(upgrade, why);
}

/* ---- Its beginning -------------------------------------------------------------------------------------------------- */

static void watch(struct yoke__upgrade *upgrade) {
    struct ev_loop *loop = upgrade->master->io.loop;
    ev_io_init(&upgrade->talk, on_talk, upgrade->process.channel_fd, EV_READ);
    ev_io_start(loop, &upgrade->talk);
    ev_io_init(&upgrade->death, on_death, upgrade->process.pidfd, EV_READ);
    ev_io_start(loop, &upgrade->death);
    ev_timer_init(&upgrade->patience, on_patience, 0., 0.);
    yoke__timer_start(loop, &upgrade->patience, upgrade->timeout_ms / 1e3);
}

static int read_options(const struct yoke_master *master, const struct yoke_upgrade_options *options,
                        struct yoke_upgrade_options *known) {
    int error = options != NULL ? yoke__options_read(known, sizeof *known, options) : 0;
    if (error != 0) {
        return error;
    }
    if (known->state_size > YOKE__HANDOVER_STATE_MAX || (known->state == NULL && known->state_size > 0)) {
        return -EINVAL;
    }
    known->path = known->path != NULL ? known->path : master->self.path;
    known->argv = known->argv != NULL ? known->argv : master->self.argv;
    known->timeout_ms = known->timeout_ms != 0 ? known->timeout_ms : DEFAULT_TIMEOUT_MS;
    return known->path != NULL && known->argv != NULL ? 0 : -ENOENT;
}

static int begin(struct yoke__upgrade *upgrade, const struct yoke_upgrade_options *options) {
    struct yoke__handover handover;
    int error = yoke__handover_make(upgrade->master, options->state, options->state_size, &handover);
    if (error != 0) {
        return error;
    }
    error = yoke__successor_spawn(options->path, options->argv, &handover, &upgrade->process);
    yoke__handover_release(&handover);
    return error;
}

int yoke_master_upgrade(struct yoke_master *master, const struct yoke_upgrade_options *options) {
    struct yoke_upgrade_options known = {YOKE_UPGRADE_OPTIONS_INIT};
    if (yoke__engine_is_foreign(&master->engine)) {
        return -ECHILD;
    }
    if (master->stopping || master->engine.is_ending) {
        return -ESHUTDOWN;
    }
    if (master->upgrade != NULL || !yoke__predecessor_is_over(master)) {
        return -EINPROGRESS;
    }
    int error = read_options(master, options, &known);
    if (error != 0) {
        return error;
    }
    struct yoke__upgrade *upgrade = calloc(1, sizeof *upgrade);
    if (upgrade == NULL) {
        return -ENOMEM;
    }
    upgrade->master = master;
    upgrade->timeout_ms = known.timeout_ms;
    upgrade->begun_us = yoke__master_now_us(master);
    error = begin(upgrade, &known);
    if (error != 0) {
        free(upgrade);
        return error;
    }
    yoke__listeners_lend(master);
    watch(upgrade);
    master->upgrade = upgrade;
    return 0;
}

void yoke__upgrade_on_stop(struct yoke_master *master) {
    if (master->upgrade != NULL && !master->upgrade->is_through) {
        give_up(master->upgrade, "the master that started it was told to stop");
    }
}

void yoke__upgrade_release(struct yoke_master *master) {
    struct yoke__upgrade *upgrade = master->upgrade;
    if (upgrade == NULL) {
        return;
    }
    if (!upgrade->is_through) {
        struct yoke__exit ignored;
        (void)yoke__process_signal(&upgrade->process, SIGKILL);
        yoke__process_wait(&upgrade->process, &ignored);
    }
    destroy(upgrade);
}
