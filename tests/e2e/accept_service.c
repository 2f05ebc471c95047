/* accept_service.c: see accept_service.h. */
#include "accept_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connection {
    ev_io watcher;
    struct accept_listener *listener;
    char line[64];
    size_t length;
};

static void hang_up(struct ev_loop *loop, struct connection *connection) {
    struct accept_service *service = connection->listener->service;
    ev_io_stop(loop, &connection->watcher);
    close(connection->watcher.fd);
    free(connection);
    service->open--;
    if (service->is_draining && service->open == 0) {
        yoke_worker_stop(service->worker, 0);
    }
}

static bool answer(struct connection *connection) {
    const struct accept_listener *listener = connection->listener;
    char text[64];
    if (strcmp(connection->line, "die") == 0) {
        _exit(3);
    }
    int length = snprintf(text, sizeof(text), "%d %u %u %d\n", (int)getpid(),
                          yoke_worker_index(listener->service->worker), listener->number, (int)getppid());
    return send(connection->watcher.fd, text, (size_t)length, MSG_NOSIGNAL) == length;
}

static void on_bytes(struct ev_loop *loop, ev_io *watcher, int events) {
    struct connection *connection = (struct connection *)watcher;
    (void)events;
    char byte;
    while (recv(watcher->fd, &byte, 1, MSG_DONTWAIT) == 1) {
        if (byte != '\n') {
            connection->line[connection->length] = byte;
            connection->length += connection->length < sizeof(connection->line) - 1;
            continue;
        }
        connection->line[connection->length] = '\0';
        connection->length = 0;
        if (!answer(connection)) {
            break;
        }
    }
    if (recv(watcher->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0) {
        hang_up(loop, connection);
    }
}

static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    struct accept_listener *listener = (struct accept_listener *)watcher;
    (void)events;
    int fd = accept4(watcher->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return; /* another worker was faster */
    }
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        abort();
    }
    connection->listener = listener;
    listener->service->open++;
    ev_io_init(&connection->watcher, on_bytes, fd, EV_READ);
    ev_io_start(loop, &connection->watcher);
}

static void on_drain(struct yoke_worker *worker, void *user_data) {
    struct accept_service *service = user_data;
    service->is_draining = true;
    for (unsigned i = 0; i < service->count; i++) {
        ev_io_stop(yoke_worker_loop(worker), &service->listeners[i].watcher);
    }
    if (service->open == 0) {
        yoke_worker_stop(worker, 0);
    }
}

int accept_service_start(struct accept_service *service, struct yoke_worker *worker) {
    service->worker = worker;
    for (int fd; service->count < ACCEPT_LISTENERS_MAX && (fd = yoke_worker_listener(worker, service->count)) >= 0;) {
        struct accept_listener *listener = &service->listeners[service->count];
        *listener = (struct accept_listener){.service = service, .number = service->count++};
        ev_io_init(&listener->watcher, on_connection, fd, EV_READ);
        ev_io_start(yoke_worker_loop(worker), &listener->watcher);
    }
    return service->count > 0 ? yoke_worker_on_drain(worker, on_drain, service) : 0;
}
