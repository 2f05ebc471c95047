/* notify.c: see notify.h. */
#include "master/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

int yoke__notify_open(struct yoke__notify *notify) {
    const char *name = getenv("NOTIFY_SOCKET");
    *notify = (struct yoke__notify){.fd = -1, .socket = {.sun_family = AF_UNIX}};
    size_t length = name != NULL ? strlen(name) : 0;
    if (length < 2 || length >= sizeof notify->socket.sun_path || (name[0] != '/' && name[0] != '@')) {
        return 0;
    }
    memcpy(notify->socket.sun_path, name, length);
    if (name[0] == '@') {
        notify->socket.sun_path[0] = '\0';
    }
    notify->length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0) {
        return -errno;
    }
    const struct timeval patience = {.tv_sec = 1};
    (void)setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return 0;
}

void yoke__notify_close(struct yoke__notify *notify) {
    if (notify->fd >= 0) {
        (void)close(notify->fd);
        notify->fd = -1;
    }
}

int yoke__notify_send(const struct yoke__notify *notify, const char *lines, bool matters) {
    if (notify->fd < 0) {
        return 0;
    }
    ssize_t sent;
    do {
        sent = sendto(notify->fd, lines, strlen(lines), MSG_NOSIGNAL | (matters ? 0 : MSG_DONTWAIT),
                      (const struct sockaddr *)&notify->socket, notify->length);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0 ? 0 : -errno;
}

/* A decimal number; 0: it is none. */
static uint64_t read_number(const char *name) {
    const char *text = getenv(name);
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0' ? number : 0;
}

uint64_t yoke__notify_watchdog_us(void) {
    bool is_ours = getenv("WATCHDOG_PID") == NULL || read_number("WATCHDOG_PID") == (uint64_t)getpid();
    return is_ours ? read_number("WATCHDOG_USEC") : 0;
}
