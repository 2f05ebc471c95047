/*
 * yoke/master.h: the process that forks: masters, listening sockets, the host around it. Its pools are in yoke/pool.h.
 *
 * A master runs on a libev loop of yours, which must not be the default loop's business: Yoke never uses
 * ev_default_loop, SIGCHLD, or waitpid on a process that it did not start. Call everything here from the loop's thread.
 * That thread must outlive the workers: Linux ties a worker's death signal to the thread that forked it.
 */
#ifndef YOKE_MASTER_H
#define YOKE_MASTER_H

#include <yoke/pool.h>
#include <yoke/rpc.h>
#include <yoke/v1/lifecycle.yoke.h>
#include <yoke/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop;

/* ---- Master --------------------------------------------------------------------------------------------------- */

struct yoke_master_options {
    size_t size;        /* set by YOKE_MASTER_OPTIONS_INIT */
    yoke_log_hook *log; /* NULL: nothing is said */
    void *log_user_data;
    struct yoke_limits limits;
    struct yoke_tuning tuning;
};
#define YOKE_MASTER_OPTIONS_INIT .size = sizeof(struct yoke_master_options)

/*
 * Make a master on `loop`, which it does not own and which must outlive it. `options` may be NULL.
 * -EINVAL: no loop, the default loop (it reaps every child of the process), or options not initialised or out of range;
 * -E2BIG: options of a newer Yoke are set; -ENOMEM; -EMFILE, -ENFILE: no descriptor is left.
 */
int yoke_master_create(struct ev_loop *loop, const struct yoke_master_options *options,
                       struct yoke_master **ret_master);

/*
 * Kill and reap every worker that still lives, complete their calls as UNAVAILABLE, and free everything, pools
 * included. No events are emitted. Waits for the kernel to end the workers, which were sent SIGKILL. NULL is fine.
 * -EBUSY, and nothing is done, from inside a Yoke callback or while a call blocks. In a forked copy of the process nothing is done, and 0 returned:
 * the workers, the descriptors and the loop are the original's.
 */
int yoke_master_destroy(struct yoke_master *master);

/* The services that workers can call. Add to it before the first pool is created. */
struct yoke_server *yoke_master_server(struct yoke_master *master);

/* Subscriptions to what workers emit and to the events of yoke/v1/lifecycle.proto. */
struct yoke_events *yoke_master_events(struct yoke_master *master);

/*
 * The door for other threads: run(user_data) runs once, on the loop's thread and from the loop, after all that was posted
 * before it. May be called from any thread. A handler can so leave its work to a thread, which posts the answer: the call itself
 * is only to be touched in `run`, where it may turn out to be cancelled. `run` may do what a callback may.
 *
 * Posting does not keep the loop running. Whoever posts must have ended (been joined) before yoke_master_destroy() begins; what
 * has not run by then never does.
 *
 * -EINVAL: no function; -ENOMEM; -ECHILD: in a forked copy of the process.
 */
int yoke_master_post(struct yoke_master *master, void (*run)(void *user_data), void *user_data);

/*
 * yoke_pool_stop() for all pools, one after the other, the youngest first, so that a pool can use those made before it until
 * its end. When they have stopped, the master no longer keeps the loop running.
 */
void yoke_master_stop(struct yoke_master *master);

/* yoke_pool_reload() for all pools, the oldest first. Returns the first error; the others are reloaded all the same. */
int yoke_master_reload(struct yoke_master *master);

/* The exit code that the program should have: 0, or restart.exit_code of the pool whose failure has stopped the master. */
int yoke_master_exit_code(const struct yoke_master *master);

/* ---- Listening sockets ----------------------------------------------------------------------------------------- *
 * A master opens a listening socket once and gives it to every worker of the pools that name it. It stays open when workers
 * die, are replaced or reloaded, and is handed to the next master by an upgrade, so that no connection is refused meanwhile:
 * the kernel keeps those that come until a worker accepts them.
 */

struct yoke_listener_options {
    size_t size; /* set by YOKE_LISTENER_OPTIONS_INIT */

    /*
     * Where: "tcp:127.0.0.1:8080", "tcp:[::1]:8080", "tcp:*:8080" (IPv6 and IPv4), "unix:/run/app.sock", "unix:@name" (abstract),
     * or "systemd:NAME", a socket that systemd has opened (FileDescriptorName=). Port 0: one that the kernel chooses. Names of
     * hosts are not looked up. Copied.
     */
    const char *address;

    unsigned backlog;   /* connections that the kernel keeps; 0: 511, which the kernel cuts to net.core.somaxconn */
    unsigned unix_mode; /* permissions of a Unix socket; 0: 0600 */
    bool reuse_port; /* TCP: a socket of its own for each worker (SO_REUSEPORT), so that the kernel spreads connections.
                             They belong to places of a pool: a replacement finds what its predecessor left */
};
#define YOKE_LISTENER_OPTIONS_INIT .size = sizeof(struct yoke_listener_options)

struct yoke_listener;

/*
 * Open a listening socket, or take over the one of this address that systemd, or the master before an upgrade, has left. Belongs
 * to the master. A Unix socket's file is removed first if nobody listens on it, and when the master is destroyed.
 *
 * systemd's sockets are all taken the first time that one is asked for; its variables are unset then. Where several have one name,
 * each call takes the next. An inherited socket is found by the address that the old master asked for, so that a port chosen by the
 * kernel stays, or else by the one that it is bound to; reuse_port must be as it was.
 *
 * -EINVAL: no such form of address, reuse_port of what is not TCP, or options not initialised; -E2BIG: options of a newer Yoke are
 * set; -ENOENT: systemd has passed no listening stream socket of this name; -EADDRINUSE, -EACCES, …: the kernel's; -ENOMEM, -EMFILE;
 * -ECHILD: in a forked copy of the process.
 */
int yoke_master_listen(struct yoke_master *master, const struct yoke_listener_options *options,
                       struct yoke_listener **ret_listener);

/* Its address in the form of the option, with the port that the kernel chose. Valid as long as the listener. */
const char *yoke_listener_address(const struct yoke_listener *listener);

/* ---- The host around the master ------------------------------------------------------------------------------- */

struct yoke_host_options {
    size_t size; /* set by YOKE_HOST_OPTIONS_INIT */

    /* SIGTERM and SIGINT stop the master, SIGHUP reloads it, SIGUSR2 upgrades it. A second SIGTERM or SIGINT ends the patience:
     * every worker is killed. */
    bool no_signals; /* leave the signals to the program */

    /* When started by systemd (NOTIFY_SOCKET is set): READY=1 when every pool has been ready, RELOADING=1, STOPPING=1, STATUS= of
     * the pools, and WATCHDOG=1 in time if the unit wants it (WatchdogSec=). */
    bool no_notify;

    /* What SIGUSR2 runs; see yoke_master_upgrade(). Read when the signal comes, so it must live as long as the master, and may change
     * meanwhile. NULL: SIGUSR2 is left alone. */
    const struct yoke_upgrade_options *upgrade;
};
#define YOKE_HOST_OPTIONS_INIT .size = sizeof(struct yoke_host_options)

/*
 * Follow the host: its signals, on the master's loop, and systemd. `options` may be NULL. Does not keep the loop running. Once
 * for each master; ends with it, and gives the program its own signal handlers back. libev allows a signal on one loop only.
 * A pool has been ready when all its places were at once; the pools that count are those that there are when the loop runs.
 * -EINVAL: options not initialised; -E2BIG: options of a newer Yoke are set; -EALREADY; -ENOMEM, -EMFILE; -ECHILD.
 */
int yoke_master_follow_host(struct yoke_master *master, const struct yoke_host_options *options);

/* ---- Upgrade ----------------------------------------------------------------------------------------------------- *
 * A new master, of a new binary, takes over: it is started beside this one and gets the listening sockets and, if wanted, a
 * state of the program's own. When all its pools are ready, this one stops as yoke_master_stop() does, so every call and
 * connection that has begun is served to its end by the workers that have it. Until then this one goes on; if the new master
 * fails, it is killed and reaped, and it is as if nothing had been, but for connections that its workers had accepted.
 *
 * The new master is a child of this process that does not die with it: should this one die meanwhile, the new one goes on as the
 * master. It has the standard descriptors, what is handed over, and no other; this one's environment; no blocked signals and no
 * handlers. yoke_master_create() takes over what is there, yoke_master_listen() the sockets that are asked for; those that nobody
 * has asked for by the time that it is in charge are closed.
 */

struct yoke_upgrade_options {
    size_t size; /* set by YOKE_UPGRADE_OPTIONS_INIT */
    const char
        *path; /* the program, not searched in PATH; NULL: the file that this process was started from, as it is now */
    char *const *argv;   /* NULL: the arguments that this process was started with */
    unsigned timeout_ms; /* the new master has so long until its pools are ready; 0: 60,000 ms */
    const void *state;   /* what the new master gets; copied */
    size_t state_size;   /* bytes; at most 64 MiB */
};
#define YOKE_UPGRADE_OPTIONS_INIT .size = sizeof(struct yoke_upgrade_options)

/*
 * Begin. How it ends is an event: yoke.v1.MasterUpgraded, after which this master stops, or yoke.v1.MasterUpgradeFailed.
 * `options` may be NULL. An upgrade fails when this master is told to stop.
 * -EINPROGRESS: one has begun, or this master is not in charge yet itself; -ESHUTDOWN: the master is stopping; -EINVAL; -E2BIG;
 * -EFBIG: RLIMIT_FSIZE is too small for what is handed over; -ECHILD; what execve() says (-ENOENT, -EACCES, …), and what starting a
 * process can give.
 */
int yoke_master_upgrade(struct yoke_master *master, const struct yoke_upgrade_options *options);

/* In the new master: the state that the old one left, aligned to a page, valid as long as the master; NULL when there is none. */
const void *yoke_master_inherited_state(const struct yoke_master *master, size_t *ret_size);

#ifdef __cplusplus
}
#endif

#endif
