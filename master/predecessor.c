/* predecessor.c: see predecessor.h. Its watcher does not keep the loop running. */
#include "master/predecessor.h"

#include "master/listener.h"
#include "master/master.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* The talk is over: nobody else is the master now. */
static void take_charge(struct yoke_master *master) {
    struct yoke__predecessor *predecessor = &master->predecessor;
    ev_ref(master->io.loop);
    ev_io_stop(master->io.loop, &predecessor->talk);
    (void)close(predecessor->talk.fd);
    yoke__listeners_own(master);
    yoke__master_stir(master);
}

static void on_talk(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke_master *master = watcher->data;
    char word = 0;
    (void)loop;
    (void)events;
    ssize_t got = recv(watcher->fd, &word, 1, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got == 1 && word != YOKE__HANDOVER_GO) {
        return;
    }
    if (got != 1) {
        yoke__engine_log(&master->engine, YOKE_LOG_WARNING, "the master before this one (pid %d) is gone",
                         (int)master->predecessor.legacy.pid);
    }
    take_charge(master);
}

/* Systemd's watchdog is fed by the main process, which this one is to be. */
static void inherit_watchdog(pid_t from) {
    const char *text = getenv("WATCHDOG_PID");
    char *end;
    if (text == NULL || strtol(text, &end, 10) != (long)from || *end != '\0') {
        return;
    }
    char own[16];
    (void)snprintf(own, sizeof own, "%d", (int)getpid());
    (void)setenv("WATCHDOG_PID", own, 1);
}

int yoke__predecessor_find(struct yoke_master *master) {
    struct yoke__predecessor *predecessor = &master->predecessor;
    ev_init(&predecessor->talk, on_talk);
    int error = yoke__legacy_take(&master->offers, &predecessor->legacy);
    if (error != 0 || predecessor->legacy.pid == 0) {
        return error;
    }
    inherit_watchdog(predecessor->legacy.pid);
    predecessor->talk.data = master;
    ev_io_set(&predecessor->talk, YOKE__HANDOVER_TALK, EV_READ);
    ev_io_start(master->io.loop, &predecessor->talk);
    ev_unref(master->io.loop);
    yoke__master_stir(master);
    return 0;
}

bool yoke__predecessor_is_over(const struct yoke_master *master) {
    return !ev_is_active(&master->predecessor.talk);
}

void yoke__predecessor_look(struct yoke_master *master) {
    struct yoke__predecessor *predecessor = &master->predecessor;
    if (yoke__predecessor_is_over(master) || predecessor->has_heard_ready || !yoke__master_is_ready(master)) {
        return;
    }
    const char word = YOKE__HANDOVER_READY;
    predecessor->has_heard_ready = send(predecessor->talk.fd, &word, 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

void yoke__predecessor_release(struct yoke_master *master) {
    struct yoke__predecessor *predecessor = &master->predecessor;
    if (!yoke__predecessor_is_over(master)) {
        ev_ref(master->io.loop);
        ev_io_stop(master->io.loop, &predecessor->talk);
        (void)close(predecessor->talk.fd);
    }
    yoke__legacy_release(&predecessor->legacy);
}

const void *yoke_master_inherited_state(const struct yoke_master *master, size_t *ret_size) {
    if (ret_size != NULL) {
        *ret_size = master->predecessor.legacy.state_size;
    }
    return master->predecessor.legacy.state;
}
