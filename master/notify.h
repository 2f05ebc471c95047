/*
 * notify.h: what a service tells systemd: sd_notify(3). The protocol, a datagram of lines to the socket that NOTIFY_SOCKET names, is
 * declared stable, so that it can be spoken without libsystemd.
 */
#ifndef YOKE_MASTER_NOTIFY_H
#define YOKE_MASTER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct yoke__notify {
    int fd; /* -1: nobody wants to be told */
    struct sockaddr_un socket;
    socklen_t length;
};

/* Find out whom to tell; nobody is no error. -EMFILE, -ENFILE, -ENOMEM. */
int yoke__notify_open(struct yoke__notify *notify);
void yoke__notify_close(struct yoke__notify *notify);

/*
 * Send lines. When systemd has no time to read, what `matters` waits for it, a second at most; else it is dropped. A negative errno
 * value when it was not sent.
 */
int yoke__notify_send(const struct yoke__notify *notify, const char *lines, bool matters);

/* How often systemd wants to hear WATCHDOG=1 from this process, in microseconds; 0: never. */
uint64_t yoke__notify_watchdog_us(void);

#endif
