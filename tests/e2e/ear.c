/* ear.c: see ear.h. */
#include "ear.h"

#include "harness.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void ear_open(struct ear *ear) {
    *ear = (struct ear){.count = 0};
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int length = snprintf(ear->name, sizeof(ear->name), "@yoke-test-notify-%d", (int)getpid());
    memcpy(where.sun_path + 1, ear->name + 1, (size_t)length - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    REQUIRE(fd >= 0);
    REQUIRE_INT(
        bind(fd, (const struct sockaddr *)&where, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
        0);
    ear->watcher.fd = fd;
    setenv("NOTIFY_SOCKET", ear->name, 1);
}

void ear_read(struct ear *ear) {
    char text[1024];
    ssize_t length;
    while ((length = recv(ear->watcher.fd, text, sizeof(text) - 1, 0)) > 0) {
        text[length] = '\0';
        printf("systemd hears: %s\n", text);
        if (strncmp(text, "STATUS=", 7) == 0) {
            snprintf(ear->status, sizeof(ear->status), "%s", text + 7);
        } else if (strcmp(text, "WATCHDOG=1\n") == 0) {
            ear->watchdog_count++;
        } else {
            REQUIRE(ear->count < EAR_MESSAGES_MAX);
            snprintf(ear->messages[ear->count++], sizeof(ear->messages[0]), "%s", text);
        }
    }
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    (void)events;
    ear_read((struct ear *)((char *)watcher - offsetof(struct ear, watcher)));
}

void ear_attend(struct ear *ear, struct ev_loop *loop) {
    ear->loop = loop;
    ev_io_init(&ear->watcher, on_message, ear->watcher.fd, EV_READ);
    ev_io_start(loop, &ear->watcher);
}

void ear_detach(struct ear *ear) {
    if (ear->loop != NULL) {
        ev_io_stop(ear->loop, &ear->watcher);
        ear->loop = NULL;
    }
}

void ear_close(struct ear *ear) {
    ear_detach(ear);
    close(ear->watcher.fd);
    unsetenv("NOTIFY_SOCKET");
}
