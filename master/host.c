/* host.c: see host.h. None of its watchers keeps the loop running. */
#include "master/host.h"

#include "master/child.h"
#include "master/notify.h"
#include "rpc/options.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIGNALS_MAX 4
#define LINES_MAX 512

/* STATUS= is for people, who read no faster. */
#define STATUS_SECONDS 1.

struct watched_signal {
    ev_signal watcher;
    struct sigaction before; /* the program's, which it gets back */
};

struct yoke__host {
    struct yoke_master *master;
    const struct yoke_upgrade_options *upgrade;
    struct yoke__notify notify;
    struct watched_signal signals[SIGNALS_MAX];
    unsigned signal_count;
    unsigned stop_signals; /* that came */
    ev_timer watchdog;
    ev_timer status_pause; /* active: STATUS= was sent a moment ago */
    bool is_status_due;
    bool has_said_ready, has_said_reloading, has_said_stopping;
    bool is_mute; /* the next master speaks */
    char status[LINES_MAX];
};

/* ---- Telling systemd ------------------------------------------------------------------------------------------------ */

static void tell(struct yoke__host *host, const char *lines, bool matters) {
    if (host->is_mute || !yoke__predecessor_is_over(host->master)) {
        return;
    }
    int error = yoke__notify_send(&host->notify, lines, matters);
    if (error != 0 && matters) {
        yoke__engine_log(&host->master->engine, YOKE_LOG_WARNING, "systemd cannot be told %.*s: %s",
                         (int)strcspn(lines, "\n"), lines, strerror(-error));
    }
}

/* "web 4/4 ready, 12 calls" and so on. What is too long is cut. */
static void write_status(const struct yoke_master *master, char *text, size_t size) {
    size_t length = (size_t)snprintf(text, size, "STATUS=");
    for (const struct yoke__link *at = master->pools.next; at != &master->pools && length < size; at = at->next) {
        struct yoke_pool *pool = YOKE__CONTAINER(at, struct yoke_pool, link);
        size_t calls = 0;
        unsigned ready = 0;
        for (unsigned i = 0; i < pool->child_count; i++) {
            calls += yoke_child_calls_in_flight(pool->children[i]);
            ready += pool->children[i]->state == YOKE_CHILD_READY;
        }
        length +=
            (size_t)snprintf(text + length, size - length, "%s%s %u/%u ready, %zu calls",
                             at != master->pools.next ? "; " : "", pool->options.name, ready, pool->child_count, calls);
    }
}

/* A timer that repeats: one that does not would be stopped by libev, which would not know that it was not counted. */
static void start_timer(struct yoke__host *host, ev_timer *timer) {
    ev_timer_start(host->master->io.loop, timer);
    ev_unref(host->master->io.loop);
}

static void stop_timer(struct yoke__host *host, ev_timer *timer) {
    if (ev_is_active(timer)) {
        ev_ref(host->master->io.loop);
        ev_timer_stop(host->master->io.loop, timer);
    }
}

/* Not more often than people read, and only when it says something new. */
static void tell_status(struct yoke__host *host) {
    if (host->is_mute || !yoke__predecessor_is_over(host->master)) {
        return;
    }
    if (ev_is_active(&host->status_pause)) {
        host->is_status_due = true;
        return;
    }
    char status[LINES_MAX];
    host->is_status_due = false;
    write_status(host->master, status, sizeof status);
    if (strcmp(status, host->status) != 0) {
        memcpy(host->status, status, sizeof status);
        tell(host, status, false);
        start_timer(host, &host->status_pause);
    }
}

static void on_status_pause(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke__host *host = YOKE__CONTAINER(watcher, struct yoke__host, status_pause);
    (void)loop;
    (void)events;
    stop_timer(host, watcher);
    if (host->is_status_due) {
        tell_status(host);
    }
}

static void on_watchdog(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct yoke__host *host = YOKE__CONTAINER(watcher, struct yoke__host, watchdog);
    (void)loop;
    (void)events;
    tell(host, "WATCHDOG=1\n", false);
    tell_status(host);
}

static bool is_reloading(const struct yoke_master *master) {
    for (const struct yoke__link *at = master->pools.next; at != &master->pools; at = at->next) {
        const struct yoke_pool *pool = YOKE__CONTAINER(at, struct yoke_pool, link);
        if (pool->renewal.is_reloading && !pool->stopping) {
            return true;
        }
    }
    return false;
}

static void tell_reloading(struct yoke__host *host) {
    char lines[80];
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\n",
                   host->master->engine.clock_ns() / 1000);
    host->has_said_reloading = true;
    tell(host, lines, true);
}

void yoke__host_look(struct yoke_master *master) {
    struct yoke__host *host = master->host;
    if (host == NULL || host->notify.fd < 0 || host->is_mute || !yoke__predecessor_is_over(master)) {
        return;
    }
    bool reloads = is_reloading(master);
    if (!host->has_said_ready && yoke__master_is_ready(master)) {
        host->has_said_ready = true;
        tell(host, "READY=1\n", true);
    }
    if (host->has_said_ready && reloads && !host->has_said_reloading) {
        tell_reloading(host);
    } else if (host->has_said_reloading && !reloads) {
        host->has_said_reloading = false;
        tell(host, "READY=1\n", true);
    }
    tell_status(host);
}

void yoke__host_on_stop(struct yoke_master *master) {
    struct yoke__host *host = master->host;
    if (host != NULL && !host->has_said_stopping) {
        host->has_said_stopping = true;
        tell(host, "STOPPING=1\n", true);
    }
}

void yoke__host_pass_on(struct yoke_master *master, pid_t successor) {
    struct yoke__host *host = master->host;
    if (host == NULL) {
        return;
    }
    char line[40];
    (void)snprintf(line, sizeof line, "MAINPID=%d\n", (int)successor);
    tell(host, line, true);
    host->is_mute = true;
}

void yoke__host_take_back(struct yoke_master *master) {
    struct yoke__host *host = master->host;
    if (host == NULL) {
        return;
    }
    char line[40];
    (void)snprintf(line, sizeof line, "MAINPID=%d\n", (int)master->pid);
    host->is_mute = false;
    tell(host, line, true);
}

/* ---- Signals -------------------------------------------------------------------------------------------------------- */

static void reload(struct yoke__host *host) {
    /* Said first, so that it is also said when there is nothing to reload. Who is not ready yet has nothing to say: the end of a
     * reload is told in the same words. */
    if (host->has_said_ready && !host->has_said_reloading) {
        tell_reloading(host);
    }
    (void)yoke_master_reload(host->master);
}

static void upgrade(struct yoke__host *host) {
    int error = yoke_master_upgrade(host->master, host->upgrade);
    if (error != 0) {
        yoke__engine_log(&host->master->engine, YOKE_LOG_ERROR, "cannot begin an upgrade: %s", strerror(-error));
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events) {
    struct yoke__host *host = watcher->data;
    (void)loop;
    (void)events;
    switch (watcher->signum) {
    case SIGHUP:
        reload(host);
        break;
    case SIGUSR2:
        upgrade(host);
        break;
    default:
        if (host->stop_signals++ == 0) {
            yoke_master_stop(host->master);
        } else {
            yoke__master_kill(host->master);
        }
        break;
    }
}

static void watch_signal(struct yoke__host *host, int number) {
    struct watched_signal *watched = &host->signals[host->signal_count++];
    (void)sigaction(number, NULL, &watched->before);
    ev_signal_init(&watched->watcher, on_signal, number);
    watched->watcher.data = host;
    ev_signal_start(host->master->io.loop, &watched->watcher);
    ev_unref(host->master->io.loop);
}

static void unwatch_signals(struct yoke__host *host) {
    for (unsigned i = 0; i < host->signal_count; i++) {
        struct watched_signal *watched = &host->signals[i];
        struct sigaction now;
        ev_ref(host->master->io.loop);
        ev_signal_stop(host->master->io.loop, &watched->watcher);
        /* libev has set it to the default, unless the program has a watcher of its own for it. */
        if (sigaction(watched->watcher.signum, NULL, &now) == 0 && now.sa_handler == SIG_DFL) {
            (void)sigaction(watched->watcher.signum, &watched->before, NULL);
        }
    }
}

/* ---- Life ------------------------------------------------------------------------------------------------------------ */

static void on_reloaded(const struct yoke_peer *peer, const Yoke__V1__PoolReloaded *event, void *user_data) {
    (void)peer;
    (void)event;
    yoke__master_stir(user_data);
}

static void on_reload_failed(const struct yoke_peer *peer, const Yoke__V1__PoolReloadFailed *event, void *user_data) {
    (void)peer;
    (void)event;
    yoke__master_stir(user_data);
}

static int follow_systemd(struct yoke__host *host) {
    struct yoke_master *master = host->master;
    int error = yoke__notify_open(&host->notify);
    if (error != 0 || host->notify.fd < 0) {
        return error;
    }
    error = yoke_v1_pool_reloaded_on(&master->events, on_reloaded, master);
    error = error != 0 ? error : yoke_v1_pool_reload_failed_on(&master->events, on_reload_failed, master);
    uint64_t interval_us = yoke__notify_watchdog_us();
    if (error == 0 && interval_us > 0) {
        const double seconds = (double)interval_us / 2e6;
        ev_timer_init(&host->watchdog, on_watchdog, seconds, seconds);
        start_timer(host, &host->watchdog);
    }
    return error;
}

static void destroy(struct yoke__host *host) {
    stop_timer(host, &host->watchdog);
    stop_timer(host, &host->status_pause);
    unwatch_signals(host);
    yoke__notify_close(&host->notify);
    free(host);
}

int yoke_master_follow_host(struct yoke_master *master, const struct yoke_host_options *options) {
    struct yoke_host_options known = {YOKE_HOST_OPTIONS_INIT};
    int error = options != NULL ? yoke__options_read(&known, sizeof known, options) : 0;
    if (error != 0) {
        return error;
    }
    if (yoke__engine_is_foreign(&master->engine)) {
        return -ECHILD;
    }
    if (master->host != NULL) {
        return -EALREADY;
    }
    struct yoke__host *host = calloc(1, sizeof *host);
    if (host == NULL) {
        return -ENOMEM;
    }
    host->master = master;
    host->upgrade = known.upgrade;
    host->notify.fd = -1;
    ev_init(&host->watchdog, on_watchdog);
    ev_timer_init(&host->status_pause, on_status_pause, STATUS_SECONDS, STATUS_SECONDS);
    error = known.no_notify ? 0 : follow_systemd(host);
    if (error != 0) {
        destroy(host);
        return error;
    }
    if (!known.no_signals) {
        watch_signal(host, SIGTERM);
        watch_signal(host, SIGINT);
        watch_signal(host, SIGHUP);
        if (known.upgrade != NULL) {
            watch_signal(host, SIGUSR2);
        }
    }
    master->host = host;
    yoke__master_stir(master);
    return 0;
}

void yoke__host_forget_signals(struct yoke_master *master) {
    struct yoke__host *host = master->host;
    for (unsigned i = 0; host != NULL && i < host->signal_count; i++) {
        ev_signal_stop(master->io.loop, &host->signals[i].watcher);
    }
}

void yoke__host_release(struct yoke_master *master) {
    if (master->host != NULL) {
        destroy(master->host);
        master->host = NULL;
    }
}
