/* dial.c: see dial.h. */
#include "dial.h"

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int connect_to(const struct sockaddr *where, socklen_t length) {
    int fd = socket(where->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, where, length) == 0) {
        return fd;
    }
    int error = -errno;
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

static int dial_unix(const char *name) {
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length >= sizeof(where.sun_path)) {
        return -EINVAL;
    }
    memcpy(where.sun_path, name, length);
    if (name[0] == '@') {
        where.sun_path[0] = '\0';
    }
    return connect_to((const struct sockaddr *)&where,
                      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] != '@')));
}

int dial(const char *address) {
    char host[64];
    unsigned port;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (strncmp(address, "unix:", 5) == 0) {
        return dial_unix(address + 5);
    }
    if (sscanf(address, "tcp:[%63[^]]]:%u", host, &port) == 2 && inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        v6.sin6_port = htons((uint16_t)port);
        return connect_to((const struct sockaddr *)&v6, sizeof(v6));
    }
    if (sscanf(address, "tcp:*:%u", &port) == 1) {
        v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        v4.sin_port = htons((uint16_t)port);
        return connect_to((const struct sockaddr *)&v4, sizeof(v4));
    }
    if (sscanf(address, "tcp:%63[^:]:%u", host, &port) == 2 && inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        v4.sin_port = htons((uint16_t)port);
        return connect_to((const struct sockaddr *)&v4, sizeof(v4));
    }
    return -EINVAL;
}

bool dial_say(int fd, const char *line) {
    char text[64];
    int length = snprintf(text, sizeof(text), "%s\n", line);
    return send(fd, text, (size_t)length, MSG_NOSIGNAL) == length;
}

bool dial_hear(int fd, struct dial_answer *ret_answer) {
    char text[64];
    size_t length = 0;
    int pid;
    int master;
    while (length < sizeof(text) - 1) {
        if (recv(fd, text + length, 1, 0) != 1) {
            return false;
        }
        if (text[length] == '\n') {
            break;
        }
        length++;
    }
    text[length] = '\0';
    if (sscanf(text, "%d %u %u %d", &pid, &ret_answer->index, &ret_answer->listener, &master) != 4) {
        return false;
    }
    ret_answer->pid = pid;
    ret_answer->master = master;
    return true;
}

int dial_once(const char *address, struct dial_answer *ret_answer) {
    int fd = dial(address);
    if (fd < 0) {
        return fd;
    }
    int error = dial_say(fd, "who") && dial_hear(fd, ret_answer) ? 0 : -EPIPE;
    close(fd);
    return error;
}

/* ---- Clients that never rest */

void dial_start_clients(struct dial_clients *clients, const char *address) {
    int ends[2];
    REQUIRE_INT(pipe2(ends, O_CLOEXEC), 0);
    clients->pid = fork();
    REQUIRE(clients->pid >= 0);
    if (clients->pid == 0) {
        struct dial_answer answer;
        unsigned count = 0;
        char byte;
        close(ends[1]);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        /* One at least, however soon they are to end. */
        do {
            int error = dial_once(address, &answer);
            if (error != 0) {
                dprintf(STDOUT_FILENO, "client number %u: %s\n", count, strerror(-error));
                _exit(1);
            }
            count++;
        } while (read(ends[0], &byte, 1) < 0);
        dprintf(STDOUT_FILENO, "%u clients were served\n", count);
        _exit(0);
    }
    close(ends[0]);
    clients->stop = ends[1];
}

void dial_end_clients(struct dial_clients *clients) {
    int status = -1;
    close(clients->stop);
    REQUIRE_INT(waitpid(clients->pid, &status, 0), clients->pid);
    CHECK_INT(status, 0);
}
