/* connection.c: see connection.h. A function here that may have freed the connection is the last thing that its caller does. */
#include "connection.h"

#include "reply.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_deadline(struct connection *connection, double seconds) {
    connection->deadline = ev_now(connection->server->loop) + seconds;
}

static void listen_for(struct connection *connection, int events) {
    struct ev_loop *loop = connection->server->loop;
    if (!ev_is_active(&connection->io) || (connection->io.events & (EV_READ | EV_WRITE)) != events) {
        ev_io_stop(loop, &connection->io);
        ev_io_set(&connection->io, connection->io.fd, events);
        ev_io_start(loop, &connection->io);
    }
}

/* ---- Sending ----------------------------------------------------------------------------------------------------- */

/*
 * What we close while the client still sends, the kernel resets, and the client may lose the answer that it has not read yet.
 * So only our direction is closed, and the client closes the other one.
 */
static void linger(struct connection *connection) {
    connection->state = CONNECTION_LINGERING;
    set_deadline(connection, connection->server->options->linger_seconds);
    (void)shutdown(connection->io.fd, SHUT_WR);
    listen_for(connection, EV_READ);
}

static double find_patience(const struct server *server, enum connection_wait wait) {
    return wait == WAIT_FOR_REST ? server->options->request_seconds
           : server->is_draining ? server->options->grace_seconds
                                 : server->options->idle_seconds;
}

/* Nothing waits to be sent: for the next request, then, or for the rest of the one that has begun; no longer for what comes of it
 * bit by bit, be it empty lines. */
static void wait_for_request(struct connection *connection) {
    enum connection_wait wait = connection->request.stage == REQUEST_NONE ? WAIT_FOR_REQUEST : WAIT_FOR_REST;
    connection->state = CONNECTION_READING;
    if (connection->wait != wait) {
        connection->wait = wait;
        set_deadline(connection, find_patience(connection->server, wait));
    }
    listen_for(connection, EV_READ);
}

static void flush(struct connection *connection) {
    struct buffer *output = &connection->output;
    bool is_broken = output->failed;
    while (!is_broken && buffer_size(output) > 0) {
        ssize_t sent = send(connection->io.fd, output->bytes + output->begin, buffer_size(output), MSG_NOSIGNAL);
        if (sent >= 0) {
            buffer_consume(output, (size_t)sent);
            set_deadline(connection, connection->server->options->write_seconds);
        } else if (errno == EAGAIN) {
            connection->state = CONNECTION_WRITING;
            listen_for(connection, EV_WRITE);
            return;
        } else {
            is_broken = errno != EINTR;
        }
    }
    if (is_broken) {
        connection_destroy(connection);
    } else if (connection->closes) {
        linger(connection);
    } else {
        wait_for_request(connection);
    }
}

/* ---- Answering --------------------------------------------------------------------------------------------------- */

static void answer(struct connection *connection, unsigned status, const char *body, size_t size) {
    struct server *server = connection->server;
    const struct request *request = &connection->request;
    bool is_refused = request->stage != REQUEST_COMPLETE;
    connection->closes = is_refused || !request->keeps_alive || server->is_draining;
    const struct reply reply = {
        .status = status,
        .body = body,
        .body_size = size,
        .is_head = !is_refused && request->is_head,
        .closes = connection->closes,
        .keeps_1_0 = !is_refused && request->is_1_0,
    };
    reply_add(&connection->output, &reply, (time_t)ev_now(server->loop));
    count_one(&server->count);
}

static void answer_hello(struct connection *connection) {
    char body[64];
    int size =
        snprintf(body, sizeof(body), "Hello from worker %u\n", (unsigned)yoke_worker_id(connection->server->worker));
    answer(connection, 200, body, (size_t)size);
}

/* Answer a complete request, or ask the master for what is to be answered. */
static void handle(struct connection *connection) {
    const struct request *request = &connection->request;
    if (!request->is_get && !request->is_head) {
        answer(connection, 405, NULL, 0);
    } else if (request->target_length > REQUEST_TARGET_MAX) {
        answer(connection, 414, NULL, 0);
    } else if (request_is_for(request, "/")) {
        answer_hello(connection);
    } else if (!request_is_for(request, "/status")) {
        answer(connection, 404, NULL, 0);
    } else if (status_ask(connection)) {
        connection->state = CONNECTION_ASKING;
        ev_io_stop(connection->server->loop, &connection->io);
    } else {
        answer(connection, 503, NULL, 0);
    }
}

/* Read requests and answer them, then send all the answers. What is behind one that must wait is kept for later. */
static void handle_all(struct connection *connection, const char *bytes, size_t size) {
    struct request *request = &connection->request;
    while (size > 0 && !connection->closes && connection->state == CONNECTION_READING) {
        size_t taken = request_read(request, bytes, size);
        bytes += taken;
        size -= taken;
        if (request->stage == REQUEST_REFUSED) {
            answer(connection, request->refusal, NULL, 0);
        } else if (request->stage == REQUEST_COMPLETE) {
            connection->wait = WAIT_FOR_NOTHING;
            handle(connection);
            if (connection->state == CONNECTION_READING) {
                request_next(request);
            }
        }
    }
    if (connection->state == CONNECTION_ASKING) {
        buffer_add(&connection->rest, bytes, size);
    } else {
        flush(connection);
    }
}

void connection_show_status(struct connection *connection, unsigned status, const char *page, size_t size) {
    struct buffer rest = connection->rest;
    connection->rest = (struct buffer){0};
    connection->output.failed |= rest.failed;
    answer(connection, status, page, size);
    request_next(&connection->request);
    connection->state = CONNECTION_READING;
    handle_all(connection, rest.bytes, buffer_size(&rest));
    buffer_release(&rest);
}

/* ---- Receiving --------------------------------------------------------------------------------------------------- */

/* False: there is nothing, but may be. */
static bool receive(struct connection *connection) {
    char *input = connection->server->input;
    ssize_t received = recv(connection->io.fd, input, SERVER_INPUT_SIZE, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (received <= 0) {
        connection_destroy(connection);
    } else if (connection->state != CONNECTION_LINGERING) {
        handle_all(connection, input, (size_t)received);
    }
    return true;
}

static void on_io(struct ev_loop *loop, ev_io *watcher, int events) {
    struct connection *connection = watcher->data;
    (void)loop;
    if ((events & EV_ERROR) != 0) {
        connection_destroy(connection);
    } else if ((events & EV_WRITE) != 0) {
        flush(connection);
    } else {
        (void)receive(connection);
    }
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

void connection_open(struct server *server, int fd) {
    struct connection *connection = calloc(1, sizeof(*connection));
    if (connection == NULL) {
        close(fd);
        return;
    }
    connection->server = server;
    ev_io_init(&connection->io, on_io, fd, EV_READ);
    connection->io.data = connection;
    request_init(&connection->request, server->options);
    server_add(server, connection);
    wait_for_request(connection);
}

void connection_watch(struct connection *connection, ev_tstamp now) {
    if (now < connection->deadline || connection->state == CONNECTION_ASKING) {
        return;
    }
    if (connection->state != CONNECTION_READING) {
        connection_destroy(connection);
    } else if (receive(connection)) {
        /* In the very last moment. */
    } else if (connection->request.stage == REQUEST_NONE) {
        linger(connection);
    } else {
        answer(connection, 408, NULL, 0);
        flush(connection);
    }
}

void connection_drain(struct connection *connection) {
    if (connection->state == CONNECTION_READING && connection->request.stage == REQUEST_NONE) {
        connection->wait = WAIT_FOR_NOTHING;
        wait_for_request(connection);
    }
}

void connection_destroy(struct connection *connection) {
    struct server *server = connection->server;
    ev_io_stop(server->loop, &connection->io);
    close(connection->io.fd);
    buffer_release(&connection->output);
    buffer_release(&connection->rest);
    server_remove(server, connection);
    free(connection);
}
