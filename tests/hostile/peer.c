/* peer.c: see peer.h. */
#include "peer.h"

#include "probe.yoke.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/sockios.h>

void peer_fail(struct peer *peer, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    dprintf(STDERR_FILENO, "the hostile %s: ", peer->is_master ? "master" : "worker");
    vdprintf(STDERR_FILENO, format, arguments);
    dprintf(STDERR_FILENO, "\n");
    va_end(arguments);
    _exit(PEER_FAILED);
}

uint32_t peer_stream(const struct peer *peer, int number) {
    bool is_odd = (number > 0) == peer->is_master;
    uint32_t count = (uint32_t)(number < 0 ? -number : number);
    return number == 0 ? 0 : 2 * count - is_odd;
}

/* ---- Hearing */

static void hear_own(struct peer *peer, const struct header *header, uint32_t number) {
    if (header->type == FRAME_END && number < PEER_STREAMS && header->aux < 17) {
        peer->own_ends[number]++;
        peer->own_code[number] = (enum yoke_code)header->aux;
    }
}

static void hear_theirs(struct peer *peer, const struct header *header, uint32_t number) {
    if (number < PEER_STREAMS) {
        peer->their_opens[number] += header->type == FRAME_OPEN;
        peer->their_cancels[number] += header->type == FRAME_CANCEL;
    }
}

static void hear_frame(struct peer *peer, const struct header *header) {
    uint32_t number = (header->stream + 1) / 2;
    peer->opens += header->type == FRAME_OPEN;
    peer->messages += header->type == FRAME_MESSAGE;
    peer->credits += header->type == FRAME_CREDIT;
    peer->events += header->type == FRAME_EVENT;
    peer->releases += header->type == FRAME_RELEASE;
    if (header->type == FRAME_END) {
        PEER_CHECK(peer, header->aux < 17);
        peer->ends++;
        peer->codes[header->aux]++;
    }
    if (header->stream == peer_stream(peer, (int)number)) {
        hear_own(peer, header, number);
    } else {
        hear_theirs(peer, header, number);
    }
}

static void hear_bytes(struct peer *peer, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        size_t wanted = peer->skip > 0 ? peer->skip : HEADER_SIZE - peer->partial_size;
        size_t taken = size < wanted ? size : wanted;
        if (peer->skip > 0) {
            peer->skip -= taken;
        } else {
            memcpy(peer->partial + peer->partial_size, bytes, taken);
            peer->partial_size += taken;
        }
        bytes += taken;
        size -= taken;
        if (peer->partial_size == HEADER_SIZE) {
            struct header header;
            header_decode(peer->partial, &header);
            peer->partial_size = 0;
            peer->skip = header.length;
            hear_frame(peer, &header);
        }
    }
}

/* The first one is kept. */
static void take_descriptor(struct peer *peer, const struct cmsghdr *header) {
    if (header == NULL) {
        return;
    }
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof(fd));
    if (peer->given < 0) {
        peer->given = fd;
    } else {
        close(fd);
    }
}

static void hear(struct peer *peer) {
    static uint8_t buffer[256 * 1024];
    alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct iovec vector = {buffer, sizeof(buffer)};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(peer->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    take_descriptor(peer, size >= 0 ? CMSG_FIRSTHDR(&message) : NULL);
    if (size > 0) {
        hear_bytes(peer, buffer, (size_t)size);
    } else if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        peer->closed = true;
    }
}

void peer_listen(struct peer *peer) {
    struct pollfd readable = {.fd = peer->fd, .events = POLLIN};
    (void)poll(&readable, 1, -1);
    hear(peer);
}

/* ---- Speaking */

/* Waits until something can be said, and hears meanwhile. */
static void await_room(struct peer *peer) {
    struct pollfd socket = {.fd = peer->fd, .events = (short)(POLLOUT | (peer->deaf ? 0 : POLLIN))};
    (void)poll(&socket, 1, -1);
    if ((socket.revents & POLLIN) != 0) {
        hear(peer);
    }
}

void peer_send(struct peer *peer, const void *data, size_t size) {
    const uint8_t *at = data;
    while (size > 0 && !peer->closed) {
        ssize_t sent = send(peer->fd, at, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN) {
            await_room(peer);
        } else if (errno != EINTR) {
            peer->closed = true;
        }
    }
}

void peer_send_fds(struct peer *peer, const void *data, size_t size, const int *fds, unsigned count) {
    alignas(struct cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))] = {0};
    struct iovec vector = {(void *)(uintptr_t)data, size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control};
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(header), fds, count * sizeof(int));
    if (sendmsg(peer->fd, &message, MSG_NOSIGNAL) == (ssize_t)size) {
        return;
    }
    if (errno != EPIPE && errno != ECONNRESET) {
        peer_fail(peer, "cannot send %u descriptors: %s", count, strerror(errno));
    }
    peer->closed = true;
}

void peer_frame(struct peer *peer, struct header header, const void *payload, size_t size) {
    struct bytes bytes = {0};
    bytes_frame(&bytes, header, payload, size);
    peer_send(peer, bytes.data, bytes.size);
    bytes_release(&bytes);
}

void peer_await_read(struct peer *peer) {
    int unread = 1;
    while (unread > 0 && ioctl(peer->fd, SIOCOUTQ, &unread) == 0) {
        (void)sched_yield();
    }
}

void peer_hello(struct peer *peer) {
    peer_frame(peer, (struct header){.type = FRAME_HELLO, .method = MAGIC, .aux = 1}, NULL, 0);
}

bool peer_is_answered(struct peer *peer, int number) {
    const struct header open = {.type = FRAME_OPEN,
                                .stream = peer_stream(peer, number),
                                .method = probe_common_echo_method.id,
                                .flags = FLAG_END_STREAM};
    unsigned before = peer->own_ends[number];
    peer->deaf = false;
    peer_frame(peer, open, NULL, 0);
    while (!peer->closed && peer->own_ends[number] == before) {
        peer_listen(peer);
    }
    return peer->own_ends[number] > before;
}
