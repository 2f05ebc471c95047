/* bind.c: see bind.h. */
#include "master/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

static int set_option(int fd, int level, int name, int value) {
    return setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

static int get_option(int fd, int level, int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return getsockopt(fd, level, name, &value, &size) == 0 ? value : -errno;
}

/* A stream socket. Keeps clear of the standard descriptors, should the master have closed its own. */
static int open_socket(int family, int *ret_fd) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    if (fd <= STDERR_FILENO) {
        int moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        int error = -errno;
        (void)close(fd);
        if (moved < 0) {
            return error;
        }
        fd = moved;
    }
    *ret_fd = fd;
    return 0;
}

/* ---- Unix ------------------------------------------------------------------------------------------------------------- */

/* Is the file a socket on which nobody listens? Whoever is only too busy to answer, or refuses us, listens. */
static bool is_stale(const struct yoke__address *address) {
    struct stat file;
    int fd = -1;
    if (lstat(yoke__address_path(address), &file) != 0 || !S_ISSOCK(file.st_mode) || open_socket(AF_UNIX, &fd) != 0) {
        return false;
    }
    bool is_refused =
        connect(fd, (const struct sockaddr *)&address->socket, address->length) != 0 && errno == ECONNREFUSED;
    (void)close(fd);
    return is_refused;
}

/* The permissions are there before anybody can connect: bind() takes them from the descriptor, less what the umask takes away,
 * and until listen() everybody is refused. */
static int bind_unix(int fd, const struct yoke__address *address, mode_t mode) {
    const char *path = yoke__address_path(address);
    const struct sockaddr *where = (const struct sockaddr *)&address->socket;
    if (path != NULL && fchmod(fd, mode) != 0) {
        return -errno;
    }
    int error = bind(fd, where, address->length) == 0 ? 0 : -errno;
    if (error == -EADDRINUSE && path != NULL && is_stale(address)) {
        error = unlink(path) == 0 && bind(fd, where, address->length) == 0 ? 0 : -errno;
    }
    if (error != 0 || path == NULL) {
        return error;
    }
    if (chmod(path, mode) != 0) {
        error = -errno;
        (void)unlink(path);
    }
    return error;
}

/* ---- TCP -------------------------------------------------------------------------------------------------------------- */

static int bind_tcp(int fd, const struct yoke__address *address, const struct yoke__bind_options *options) {
    int error = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (error == 0 && options->reuse_port) {
        error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (error == 0 && address->socket.ss_family == AF_INET6) {
        error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !address->is_dual);
    }
    if (error != 0) {
        return error;
    }
    return bind(fd, (const struct sockaddr *)&address->socket, address->length) == 0 ? 0 : -errno;
}

/* On a system without IPv6, "*" is all of IPv4. */
static void use_v4(struct yoke__address *address) {
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address->socket;
    const in_port_t port = v6->sin6_port;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port, .sin_addr = {htonl(INADDR_ANY)}};
    address->length = sizeof *v4;
    address->is_dual = false;
}

/* ---- All -------------------------------------------------------------------------------------------------------------- */

int yoke__bind(const struct yoke__address *address, const struct yoke__bind_options *options, int *ret_fd) {
    struct yoke__address at = *address;
    int fd = -1;
    int error = open_socket(at.socket.ss_family, &fd);
    if (error == -EAFNOSUPPORT && at.is_dual) {
        use_v4(&at);
        error = open_socket(AF_INET, &fd);
    }
    if (error != 0) {
        return error;
    }
    const char *path = yoke__address_path(&at);
    error = at.kind == YOKE__ADDRESS_TCP ? bind_tcp(fd, &at, options) : bind_unix(fd, &at, options->unix_mode);
    if (error == 0 && listen(fd, options->backlog) != 0) {
        error = -errno;
        if (path != NULL) {
            (void)unlink(path);
        }
    }
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    *ret_fd = fd;
    return 0;
}

bool yoke__is_listening(int fd) {
    return get_option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1 && get_option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM;
}

int yoke__bound_address(int fd, char text[YOKE__ADDRESS_TEXT_MAX]) {
    struct sockaddr_storage where = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof where;
    if (getsockname(fd, (struct sockaddr *)&where, &length) != 0) {
        return -errno;
    }
    bool is_dual = where.ss_family == AF_INET6 && get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
    return yoke__address_format(&where, length, is_dual, text);
}
