/* listener.c: see listener.h. */
#include "master/listener.h"

#include "master/activation.h"
#include "master/bind.h"
#include "master/master.h"
#include "rpc/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_BACKLOG 511
#define DEFAULT_UNIX_MODE 0600

/* ---- Sockets -------------------------------------------------------------------------------------------------------- */

/* A socket of this listener's that is not open yet; NULL when out of memory. */
static struct yoke__listener_socket *make_socket(struct yoke_listener *listener) {
    struct yoke__listener_socket *socket = calloc(1, sizeof *socket);
    if (socket != NULL) {
        socket->fd = -1;
        yoke__link_append(&listener->sockets, &socket->link);
    }
    return socket;
}

static void remove_socket(struct yoke__listener_socket *socket) {
    if (socket->fd >= 0) {
        (void)close(socket->fd);
    }
    yoke__link_remove(&socket->link);
    free(socket);
}

static int open_socket(struct yoke_listener *listener, const struct yoke__address *address,
                       struct yoke__listener_socket **ret_socket) {
    const struct yoke__bind_options options = {listener->backlog, listener->unix_mode, listener->reuse_port};
    struct yoke__listener_socket *socket = make_socket(listener);
    if (socket == NULL) {
        return -ENOMEM;
    }
    int error = yoke__bind(address, &options, &socket->fd);
    if (error != 0) {
        remove_socket(socket);
        return error;
    }
    *ret_socket = socket;
    return 0;
}

/* Those that systemd or the master before has left for this listener. */
static int take_offers(struct yoke_listener *listener) {
    struct yoke_master *master = listener->master;
    int error = listener->asked.kind == YOKE__ADDRESS_SYSTEMD ? yoke__activation_take(&master->offers) : 0;
    bool wants_more = error == 0;
    while (wants_more) {
        struct yoke__listener_socket *socket = make_socket(listener);
        if (socket == NULL) {
            return -ENOMEM;
        }
        socket->fd = yoke__offers_take(&master->offers, listener->asked.text, listener->reuse_port);
        wants_more = socket->fd >= 0 && listener->reuse_port;
        if (socket->fd < 0) {
            remove_socket(socket);
        }
    }
    return error;
}

/* The socket of this place: its own already, or one that belongs to none yet. */
static struct yoke__listener_socket *find_socket(const struct yoke_listener *listener, const struct yoke_pool *pool,
                                                 unsigned index) {
    struct yoke__listener_socket *free_one = NULL;
    for (struct yoke__link *at = listener->sockets.next; at != &listener->sockets; at = at->next) {
        struct yoke__listener_socket *socket = YOKE__CONTAINER(at, struct yoke__listener_socket, link);
        if (!listener->reuse_port || (socket->pool == pool && socket->index == index)) {
            return socket;
        }
        if (free_one == NULL && socket->pool == NULL) {
            free_one = socket;
        }
    }
    return free_one;
}

static int find_fd(struct yoke_listener *listener, const struct yoke_pool *pool, unsigned index, int *ret_fd) {
    struct yoke__listener_socket *socket = find_socket(listener, pool, index);
    if (socket == NULL) {
        /* Where the first one is, which may be a port that the kernel chose. */
        struct yoke__address address;
        int error = yoke__address_parse(listener->address, &address);
        error = error != 0 ? error : open_socket(listener, &address, &socket);
        if (error != 0) {
            return error;
        }
    }
    if (listener->reuse_port) {
        socket->pool = pool;
        socket->index = index;
    }
    *ret_fd = socket->fd;
    return 0;
}

unsigned yoke__listeners_count(const struct yoke_pool *pool) {
    unsigned count = 0;
    while (pool->options.listeners != NULL && pool->options.listeners[count] != NULL) {
        count++;
    }
    return count;
}

int yoke__listeners_check(const struct yoke_pool *pool) {
    for (unsigned i = 0; i < yoke__listeners_count(pool); i++) {
        if (pool->options.listeners[i]->master != pool->master) {
            return -EINVAL;
        }
    }
    return 0;
}

int yoke__listeners_fds(const struct yoke_pool *pool, unsigned index, int fds[YOKE_LISTENERS_MAX]) {
    int error = 0;
    for (unsigned i = 0; i < yoke__listeners_count(pool) && error == 0; i++) {
        error = find_fd(pool->options.listeners[i], pool, index, &fds[i]);
    }
    return error;
}

void yoke__listeners_vacate(const struct yoke_pool *pool, unsigned index) {
    for (unsigned i = 0; i < yoke__listeners_count(pool); i++) {
        struct yoke_listener *listener = pool->options.listeners[i];
        struct yoke__link *next;
        for (struct yoke__link *at = listener->sockets.next; at != &listener->sockets; at = next) {
            struct yoke__listener_socket *socket = YOKE__CONTAINER(at, struct yoke__listener_socket, link);
            next = at->next;
            if (socket->pool == pool && socket->index >= index) {
                if (!pool->master->stopping && !listener->is_lent) {
                    /* At once, though a worker that drains has it still; but not for another master that may have it. */
                    (void)shutdown(socket->fd, SHUT_RDWR);
                }
                remove_socket(socket);
            }
        }
    }
}

/* ---- Files ---------------------------------------------------------------------------------------------------------- */

/* Only of an address that was asked for by its path: systemd removes the files of its sockets itself, or leaves them on purpose. */
static void remember_file(struct yoke_listener *listener) {
    struct stat file;
    const char *path = yoke__address_path(&listener->asked);
    if (path != NULL && lstat(path, &file) == 0 && S_ISSOCK(file.st_mode)) {
        listener->file_device = file.st_dev;
        listener->file_inode = file.st_ino;
    }
}

/* Unless somebody else has put another file in its place. */
static void remove_file(const struct yoke_listener *listener) {
    struct stat file;
    const char *path = yoke__address_path(&listener->asked);
    if (path != NULL && listener->is_file_ours && listener->file_inode != 0 && lstat(path, &file) == 0 &&
        file.st_dev == listener->file_device && file.st_ino == listener->file_inode) {
        (void)unlink(path);
    }
}

/* ---- Upgrades ------------------------------------------------------------------------------------------------------- */

static void for_each_listener(struct yoke_master *master, void (*act)(struct yoke_listener *listener)) {
    for (struct yoke__link *at = master->listeners.next; at != &master->listeners; at = at->next) {
        act(YOKE__CONTAINER(at, struct yoke_listener, link));
    }
}

static void lend(struct yoke_listener *listener) {
    listener->is_lent = true;
}

static void pass_on(struct yoke_listener *listener) {
    listener->is_file_ours &= !listener->is_lent;
    listener->is_lent = false;
}

static void keep(struct yoke_listener *listener) {
    listener->is_lent = false;
}

void yoke__listeners_lend(struct yoke_master *master) {
    for_each_listener(master, lend);
}

void yoke__listeners_pass_on(struct yoke_master *master) {
    for_each_listener(master, pass_on);
}

void yoke__listeners_keep(struct yoke_master *master) {
    for_each_listener(master, keep);
}

/* The sockets are the old master's no more, so its options give way to ours. */
static void own(struct yoke_listener *listener) {
    const char *path = yoke__address_path(&listener->asked);
    struct yoke__link *next;
    for (struct yoke__link *at = listener->sockets.next; at != &listener->sockets; at = next) {
        struct yoke__listener_socket *socket = YOKE__CONTAINER(at, struct yoke__listener_socket, link);
        next = at->next;
        if (listener->asked.kind != YOKE__ADDRESS_SYSTEMD) {
            (void)listen(socket->fd, listener->backlog);
        }
        bool is_only_one = next == &listener->sockets && listener->sockets.next == at;
        if (listener->reuse_port && socket->pool == NULL && !is_only_one) {
            remove_socket(socket);
        }
    }
    if (path != NULL && !listener->is_file_ours) {
        (void)chmod(path, listener->unix_mode);
        listener->is_file_ours = true;
    }
}

void yoke__listeners_own(struct yoke_master *master) {
    for_each_listener(master, own);
    yoke__offers_release(&master->offers, true);
}

/* ---- Listeners ------------------------------------------------------------------------------------------------------ */

static void destroy(struct yoke_listener *listener) {
    while (!yoke__link_is_alone(&listener->sockets)) {
        remove_socket(YOKE__CONTAINER(listener->sockets.next, struct yoke__listener_socket, link));
    }
    yoke__link_remove(&listener->link);
    free(listener);
}

static int read_options(const struct yoke_listener_options *options, struct yoke_listener *listener) {
    struct yoke_listener_options known;
    int error = yoke__options_read(&known, sizeof known, options);
    if (error != 0) {
        return error;
    }
    if (known.address == NULL || known.backlog > INT32_MAX || (known.unix_mode & ~0777u) != 0) {
        return -EINVAL;
    }
    error = yoke__address_parse(known.address, &listener->asked);
    if (error == 0 && known.reuse_port && listener->asked.kind != YOKE__ADDRESS_TCP) {
        error = -EINVAL;
    }
    listener->backlog = known.backlog != 0 ? (int)known.backlog : DEFAULT_BACKLOG;
    listener->unix_mode = known.unix_mode != 0 ? (mode_t)known.unix_mode : DEFAULT_UNIX_MODE;
    listener->reuse_port = known.reuse_port;
    return error;
}

/* Its first socket, found or opened. */
static int begin(struct yoke_listener *listener) {
    struct yoke__listener_socket *first;
    int error = take_offers(listener);
    listener->is_file_ours = yoke__link_is_alone(&listener->sockets) || yoke__predecessor_is_over(listener->master);
    if (error == 0 && yoke__link_is_alone(&listener->sockets)) {
        error =
            listener->asked.kind == YOKE__ADDRESS_SYSTEMD ? -ENOENT : open_socket(listener, &listener->asked, &first);
    }
    if (error != 0) {
        return error;
    }
    first = YOKE__CONTAINER(listener->sockets.next, struct yoke__listener_socket, link);
    if (yoke__bound_address(first->fd, listener->address) != 0) {
        /* Of a family that only systemd knows. */
        memcpy(listener->address, listener->asked.text, sizeof listener->address);
    }
    remember_file(listener);
    return 0;
}

int yoke_master_listen(struct yoke_master *master, const struct yoke_listener_options *options,
                       struct yoke_listener **ret_listener) {
    if (yoke__engine_is_foreign(&master->engine)) {
        return -ECHILD;
    }
    struct yoke_listener *listener = calloc(1, sizeof *listener);
    if (listener == NULL) {
        return -ENOMEM;
    }
    listener->master = master;
    yoke__link_init(&listener->link);
    yoke__link_init(&listener->sockets);
    int error = read_options(options, listener);
    error = error != 0 ? error : begin(listener);
    if (error != 0) {
        destroy(listener);
        return error;
    }
    yoke__link_append(&master->listeners, &listener->link);
    *ret_listener = listener;
    return 0;
}

const char *yoke_listener_address(const struct yoke_listener *listener) {
    return listener->address;
}

void yoke__listeners_release(struct yoke_master *master) {
    while (!yoke__link_is_alone(&master->listeners)) {
        struct yoke_listener *listener = YOKE__CONTAINER(master->listeners.next, struct yoke_listener, link);
        remove_file(listener);
        destroy(listener);
    }
}
