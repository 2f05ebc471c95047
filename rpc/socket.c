/* socket.c: see socket.h. */
#include "rpc/socket.h"

#include "rpc/queue.h"
#include "rpc/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdalign.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

/*
 * When so much waits it is sent at once instead of at the end of the loop's turn, so that the peer begins while we go on. It
 * must be worth the system call and the peer's waking up, so what counts is the work in it: bytes, and for each frame
 * what one takes beside them. With one CPU nothing is gained before the queue becomes long.
 */
#define EARLY_FLUSH_WORK (40u * 1024u)
#define EARLY_FLUSH_WORK_ALONE (64u * 1024u)
#define FRAME_WORK 448u

/* Chunks in one send. */
#define SEND_VECTORS 16

/* Reads in one turn of the loop, so that one busy peer does not starve the others. */
#define READS_PER_TURN 4

/* The kernel's own limit for one message (SCM_MAX_FD). */
#define DESCRIPTORS_MAX 253

static struct yoke__socket *socket_of(struct yoke__connection *connection) {
    return YOKE__CONTAINER(connection, struct yoke__socket, connection);
}

/* ---- Sending ---------------------------------------------------------------------------------------------------- */

static bool is_transient(int error) {
    return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == ENOMEM;
}

/* Shorten what is described to its first `size` bytes. Returns how many vectors that are. */
static size_t cut_vector(struct iovec *vector, size_t count, size_t size) {
    for (size_t i = 0; i < count; i++) {
        if (vector[i].iov_len >= size) {
            vector[i].iov_len = size;
            return i + 1;
        }
        size -= vector[i].iov_len;
    }
    return count;
}

/* Send the front of the queue, and a descriptor with the first byte of the frame that it belongs to. */
static ssize_t send_front(struct yoke__socket *socket) {
    struct yoke__output *output = &socket->connection.output;
    struct yoke__passing *passing = &socket->connection.passing;
    struct iovec vector[SEND_VECTORS];
    alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {.msg_iov = vector};
    message.msg_iovlen = yoke__output_vector(output, vector, SEND_VECTORS);
    if (passing->fd >= 0 && passing->ahead > 0) {
        message.msg_iovlen = cut_vector(vector, message.msg_iovlen, passing->ahead);
    } else if (passing->fd >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &passing->fd, sizeof(int));
    }
    ssize_t sent = sendmsg(socket->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0 && passing->ahead > 0) {
        passing->ahead -= (size_t)sent;
    } else if (sent > 0 || (message.msg_control != NULL && errno == ETOOMANYREFS)) {
        /* Too many are on their way to the peer: it gets the frame without, and refuses the buffer. */
        yoke__connection_end_passing(&socket->connection);
    }
    return sent;
}

/* Send what the socket takes. Returns true when nothing is left. Calls nobody back. */
static bool send_queued(struct yoke__socket *socket) {
    struct yoke__output *output = &socket->connection.output;
    if (socket->connection.unreachable) {
        yoke__output_release(output);
    }
    while (output->queued > 0) {
        ssize_t sent = send_front(socket);
        if (sent >= 0) {
            yoke__output_consume(output, (size_t)sent);
            yoke__io_sent(socket->io, &socket->recent);
        } else if (is_transient(errno)) {
            return false;
        } else if (errno != EINTR && errno != ETOOMANYREFS) {
            /* The peer has closed. Reading goes on: what it sent before is still to be had. */
            socket->connection.unreachable = true;
            yoke__output_release(output);
        }
    }
    return true;
}

static void flush(struct yoke__socket *socket) {
    struct yoke__connection *connection = &socket->connection;
    const bool was_congested = connection->relieves != NULL && yoke__connection_is_congested(connection);
    bool is_all_sent = send_queued(socket);
    while (is_all_sent && yoke__streams_pump(&socket->connection)) {
        is_all_sent = send_queued(socket);
    }
    if (is_all_sent) {
        ev_io_stop(socket->io->loop, &socket->writer);
    } else {
        ev_io_start(socket->io->loop, &socket->writer);
    }
    if (was_congested && !yoke__connection_is_congested(connection)) {
        /* Calls may wait for that, and none of those that it has need end. */
        yoke__channel_schedule(connection->relieves);
    }
}

/* ---- Receiving -------------------------------------------------------------------------------------------------- */

enum receipt { RECEIPT_MORE, RECEIPT_DRAINED, RECEIPT_EOF };

/* Descriptors that came along: a buffer of the peer's has one; others are refused. Returns whether all were expected. */
static bool take_descriptors(struct yoke__socket *socket, struct msghdr *message) {
    bool are_expected = true;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            are_expected = false;
            continue;
        }
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
            if (!yoke__shared_take_descriptor(&socket->connection, fd)) {
                yoke__close_unwanted(fd);
                are_expected = false;
            }
        }
    }
    return are_expected;
}

/* recv(), but descriptors that come where none belongs fail the connection. */
static ssize_t receive_bytes(struct yoke__socket *socket, void *space, size_t room) {
    alignas(struct cmsghdr) char control[CMSG_SPACE(DESCRIPTORS_MAX * sizeof(int))];
    struct iovec vector = {space, room};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size;
    do {
        size = recvmsg(socket->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size >= 0 && (message.msg_flags & MSG_CTRUNC) != 0) {
        yoke__shared_lose_descriptor(&socket->connection);
    }
    if (size >= 0 && message.msg_controllen > 0 && !take_descriptors(socket, &message)) {
        yoke__connection_fail(&socket->connection, "descriptors came where none belong");
    }
    return size;
}

/* One read. A short one means that the socket is empty, which saves the read that would say so. */
static enum receipt receive_once(struct yoke__socket *socket, size_t *received) {
    struct yoke__connection *connection = &socket->connection;
    size_t room;
    uint8_t *space = yoke__connection_input(connection, &room);
    if (space == NULL) {
        return RECEIPT_DRAINED;
    }
    ssize_t size = receive_bytes(socket, space, room);
    bool is_transient_error = size < 0 && is_transient(errno);
    if (size > 0) {
        yoke__io_received(socket->io, &socket->recent);
    }
    yoke__connection_received(connection, size > 0 ? (size_t)size : 0);
    if (is_transient_error) {
        return RECEIPT_DRAINED;
    }
    if (size <= 0) {
        return RECEIPT_EOF;
    }
    *received += (size_t)size;
    return (size_t)size < room ? RECEIPT_DRAINED : RECEIPT_MORE;
}

static void report_end(struct yoke__socket *socket, enum yoke__socket_end end) {
    if (socket->ended) {
        return;
    }
    socket->ended = true;
    ev_io_stop(socket->io->loop, &socket->reader);
    socket->owner->ended(socket, end);
}

static void report_idle(struct yoke__socket *socket) {
    if (socket->fd >= 0 && socket->owner->idle != NULL && yoke__connection_is_idle(&socket->connection)) {
        socket->owner->idle(socket);
    }
}

bool yoke__socket_defer(struct yoke__socket *socket, ev_io *watcher) {
    if (!socket->connection.is_receiving) {
        return false;
    }
    ev_io_stop(socket->io->loop, watcher);
    socket->deferred[watcher == &socket->reader] = watcher;
    return true;
}

/* No callback of the connection runs any more. */
static void resume_deferred(struct yoke__socket *socket) {
    for (size_t i = 0; i < sizeof socket->deferred / sizeof *socket->deferred; i++) {
        ev_io *watcher = socket->deferred[i];
        socket->deferred[i] = NULL;
        if (watcher != NULL && !(watcher == &socket->reader && socket->ended)) {
            ev_io_start(socket->io->loop, watcher);
        }
    }
    if (socket->connection.failure[0] != '\0' || (socket->connection.unreachable && !socket->lost)) {
        yoke__connection_attention(&socket->connection);
    }
}

/* A turn's share of reads. False when there was nothing. */
static bool receive(struct yoke__socket *socket) {
    enum receipt receipt = RECEIPT_MORE;
    size_t received = 0;
    for (unsigned i = 0; i < READS_PER_TURN && receipt == RECEIPT_MORE && socket->connection.failure[0] == '\0'; i++) {
        receipt = receive_once(socket, &received);
    }
    if (receipt == RECEIPT_DRAINED && received == 0) {
        return false;
    }
    if (receipt == RECEIPT_EOF) {
        report_end(socket, YOKE__SOCKET_EOF);
    }
    resume_deferred(socket);
    report_idle(socket);
    return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__socket *socket = YOKE__CONTAINER(watcher, struct yoke__socket, reader);
    (void)loop;
    if ((events & EV_ERROR) != 0) {
        /* libev has given the watcher up, for want of kernel memory. */
        yoke__connection_break(&socket->connection, "the loop cannot watch the channel");
        return;
    }
    if (!yoke__socket_defer(socket, watcher)) {
        (void)receive(socket);
    }
}

bool yoke__socket_poll(struct yoke__socket *socket) {
    return ev_is_active(&socket->reader) && !socket->connection.is_receiving && receive(socket);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events) {
    struct yoke__socket *socket = YOKE__CONTAINER(watcher, struct yoke__socket, writer);
    (void)loop;
    (void)events;
    yoke__socket_attend(socket);
}

/* ---- The connection's hooks --------------------------------------------------------------------------------------- */

static void on_attention(struct yoke__connection *connection) {
    struct yoke__socket *socket = socket_of(connection);
    const struct yoke__output *output = &connection->output;
    size_t work = output->queued + output->commits * FRAME_WORK;
    size_t enough = socket->io->is_alone ? EARLY_FLUSH_WORK_ALONE : EARLY_FLUSH_WORK;
    if (work >= enough && !ev_is_active(&socket->writer)) {
        flush(socket);
    }
    if (yoke__link_is_alone(&socket->dirty)) {
        yoke__link_append(&socket->io->dirty, &socket->dirty);
    }
}

static void on_ready(struct yoke__connection *connection) {
    struct yoke__socket *socket = socket_of(connection);
    socket->owner->ready(socket);
}

static void on_leaving(struct yoke__connection *connection) {
    struct yoke__socket *socket = socket_of(connection);
    if (socket->owner->leaving != NULL) {
        socket->owner->leaving(socket);
    }
}

static void on_watching(struct yoke__connection *connection) {
    struct yoke__socket *socket = socket_of(connection);
    if (socket->owner->watching != NULL) {
        socket->owner->watching(socket);
    }
}

static void on_draining(struct yoke__connection *connection) {
    struct yoke__socket *socket = socket_of(connection);
    socket->owner->draining(socket);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

void yoke__socket_open(struct yoke__socket *socket, struct yoke__io *io, int fd, struct yoke__engine *engine,
                       struct yoke_server *server, struct yoke_events *events, const struct yoke_peer *peer,
                       bool is_parent, const struct yoke__socket_owner *owner) {
    static const struct yoke__connection_hooks hooks = {.attention = on_attention,
                                                        .ready = on_ready,
                                                        .leaving = on_leaving,
                                                        .watching = on_watching,
                                                        .draining = on_draining};
    *socket = (struct yoke__socket){.io = io, .owner = owner, .fd = fd};
    yoke__link_init(&socket->dirty);
    yoke__link_init(&socket->recent);
    ev_io_init(&socket->reader, on_readable, fd, EV_READ);
    ev_io_init(&socket->writer, on_writable, fd, EV_WRITE);
    yoke__connection_init(&socket->connection, engine, server, events, peer, is_parent, &hooks);
    yoke__connection_allow_sharing(&socket->connection);
    ev_io_start(io->loop, &socket->reader);
}

void yoke__socket_attend(struct yoke__socket *socket) {
    if (socket->fd < 0) {
        return;
    }
    flush(socket);
    if (socket->connection.is_receiving) {
        /* A callback runs the loop. What there is to report can wait for it. */
        return;
    }
    if (socket->connection.failure[0] != '\0') {
        report_end(socket, YOKE__SOCKET_FAILED);
    } else if (socket->connection.unreachable && !socket->output_ended && !socket->lost) {
        socket->lost = true;
        if (socket->owner->lost != NULL) {
            socket->owner->lost(socket);
        }
    }
    report_idle(socket);
}

void yoke__socket_drain(struct yoke__socket *socket) {
    /* Only what is there now: a process that the dead one started may hold the socket and write on. */
    int pending = 0;
    socket->connection.unreachable = true;
    if (socket->fd < 0 || ioctl(socket->fd, SIOCINQ, &pending) != 0) {
        return;
    }
    size_t received = 0;
    while (received < (size_t)pending && socket->connection.failure[0] == '\0') {
        size_t before = received;
        if (receive_once(socket, &received) == RECEIPT_EOF || received == before) {
            break;
        }
    }
    socket->ended = true;
    ev_io_stop(socket->io->loop, &socket->reader);
}

void yoke__socket_end_output(struct yoke__socket *socket) {
    socket->output_ended = true;
    socket->connection.unreachable = true;
    (void)shutdown(socket->fd, SHUT_WR);
}

void yoke__socket_flush_blocking(struct yoke__socket *socket) {
    while (socket->fd >= 0 && !send_queued(socket)) {
        struct pollfd writable = {.fd = socket->fd, .events = POLLOUT};
        (void)poll(&writable, 1, -1);
    }
}

/* Bytes that nobody will read may have descriptors with them, which closing the socket would close: see above. */
static void discard_input(struct yoke__socket *socket) {
    int pending = 0;
    (void)ioctl(socket->fd, SIOCINQ, &pending);
    while (pending > 0) {
        char scratch[4096];
        ssize_t size = receive_bytes(socket, scratch, sizeof scratch);
        pending = size > 0 ? pending - (int)size : 0;
    }
}

void yoke__socket_close(struct yoke__socket *socket, const char *message) {
    if (socket->fd < 0) {
        return;
    }
    discard_input(socket);
    ev_io_stop(socket->io->loop, &socket->reader);
    ev_io_stop(socket->io->loop, &socket->writer);
    yoke__link_remove(&socket->dirty);
    yoke__link_remove(&socket->recent);
    (void)close(socket->fd);
    socket->fd = -1;
    socket->ended = true;
    yoke__connection_close(&socket->connection, message);
    yoke__connection_release(&socket->connection);
}
