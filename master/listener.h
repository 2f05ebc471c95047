/*
 * listener.h: what a master listens on, from the first worker that needs it to the end of the master. A listener is one socket for
 * all workers, or, with reuse_port, one for each place.
 */
#ifndef YOKE_MASTER_LISTENER_H
#define YOKE_MASTER_LISTENER_H

#include "master/address.h"
#include "rpc/list.h"

#include <yoke/master.h>

#include <stdint.h>

struct yoke_listener {
    struct yoke_master *master;
    struct yoke__link link; /* of the master's listeners, the oldest first */
    struct yoke__address asked;
    char address[YOKE__ADDRESS_TEXT_MAX]; /* where it is bound */
    int backlog;
    mode_t unix_mode;
    bool reuse_port;
    struct yoke__link sockets; /* of struct yoke__listener_socket, the oldest first; at least one, but see reuse_port */

    /* The file of a Unix socket, to be recognised before it is removed; no inode: there is none. */
    bool is_file_ours; /* to remove; false while the master before this one may need it, or when the next has it */
    bool is_lent;      /* to a new master that is not in charge yet */
    dev_t file_device;
    ino_t file_inode;
};

struct yoke__listener_socket {
    struct yoke__link link;
    int fd;
    const struct yoke_pool *pool; /* with reuse_port: whose place it belongs to; NULL: it waits for one */
    unsigned index;
};

/* The sockets of this pool's listeners for the worker in place `index`, one after the other. What opening one gives. */
int yoke__listeners_fds(const struct yoke_pool *pool, unsigned index, int fds[YOKE_LISTENERS_MAX]);

/* -EINVAL: the pool's options name a listener of another master. */
int yoke__listeners_check(const struct yoke_pool *pool);

/* How many listeners the pool has. */
unsigned yoke__listeners_count(const struct yoke_pool *pool);

/*
 * There are no places from `index` on any more: close the sockets that belonged to them, or connections would go on coming there. What
 * waits there is reset, unless net.ipv4.tcp_migrate_req lets the kernel move it.
 */
void yoke__listeners_vacate(const struct yoke_pool *pool, unsigned index);

/*
 * An upgrade: the sockets that there are now are lent to the new master; it has them for good, or this one has them again for itself.
 */
void yoke__listeners_lend(struct yoke_master *master);
void yoke__listeners_pass_on(struct yoke_master *master);
void yoke__listeners_keep(struct yoke_master *master);

/*
 * The master before this one is over: what was inherited is this one's, as its own options say, and what no listener or place has asked
 * for is closed.
 */
void yoke__listeners_own(struct yoke_master *master);

/* Close all. Files of Unix sockets are removed unless another master has them now. */
void yoke__listeners_release(struct yoke_master *master);

#endif
