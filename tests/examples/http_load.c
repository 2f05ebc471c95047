/* http_load.c: see http_load.h. */
#include "http_load.h"

#include "harness.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void fault(struct http_load *load, const char *what, const char *detail) {
    if (load->first_fault[0] == '\0') {
        snprintf(load->first_fault, sizeof(load->first_fault), "%s: %.200s", what, detail);
    }
}

static void dial(struct http_load *load, struct http_load_client *client) {
    client->connection.size = 0;
    client->is_connected = client->asks = false;
    client->worker = 0;
    client->connection.fd = http_dial(load->server->port);
    if (client->connection.fd < 0) {
        load->refused++;
        fault(load, "no connection", strerror(errno));
    }
}

/* The connection is of no more use: another. */
static void redial(struct http_load *load, struct http_load_client *client) {
    http_close(&client->connection);
    client->asks = false;
    if (!load->is_over) {
        dial(load, client);
    }
}

static void lose(struct http_load *load, struct http_load_client *client, const char *why) {
    char detail[200];
    REQUIRE(load->broken < HTTP_LOAD_BROKEN_MAX);
    load->breakers[load->broken++] = client->worker;
    snprintf(detail, sizeof(detail), "%s, worker %" PRIu64 ", %zu bytes of the answer were there", why, client->worker,
             client->connection.size);
    fault(load, "broken", detail);
    redial(load, client);
}

/* Ask, on a connection that may be there only now. A request is small enough to be sent as a whole. */
static void ask(struct http_load *load, struct http_load_client *client) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (!client->is_connected) {
        REQUIRE_INT(getsockopt(client->connection.fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
        if (error != 0) {
            load->refused++;
            fault(load, "no connection", strerror(error));
            redial(load, client);
            return;
        }
        client->is_connected = true;
    }
    size_t length = strlen(client->request);
    client->asks = true;
    if (send(client->connection.fd, client->request, length, MSG_NOSIGNAL) != (ssize_t)length) {
        lose(load, client, strerror(errno));
    }
}

static void take(struct http_load *load, struct http_load_client *client) {
    static struct http_response response;
    struct http_client *connection = &client->connection;
    ssize_t size =
        recv(connection->fd, connection->bytes + connection->size, sizeof(connection->bytes) - connection->size, 0);
    if (size < 0 && errno == EAGAIN) {
        return;
    }
    if (size <= 0) {
        lose(load, client, size < 0 ? strerror(errno) : "end of file");
        return;
    }
    connection->size += (size_t)size;
    long taken = http_parse(connection->bytes, connection->size, false, &response);
    if (taken == 0) {
        return;
    }
    if (taken < 0 || response.status != 200 || (size_t)taken != connection->size) {
        load->wrong++;
        fault(load, "wrong", response.head);
        redial(load, client);
        return;
    }
    (void)sscanf(response.body, "Hello from worker %" SCNu64, &client->worker);
    load->answered++;
    connection->size = 0;
    client->asks = false;
    if (response.closes || load->is_over) {
        redial(load, client);
    } else {
        ask(load, client);
    }
}

/* Wait until a client, or the server's output, is ready, and serve the clients. */
static void turn(struct http_load *load) {
    struct pollfd pollers[HTTP_LOAD_MAX + 1];
    for (unsigned i = 0; i < load->count; i++) {
        const struct http_load_client *client = &load->clients[i];
        pollers[i] = (struct pollfd){.fd = client->connection.fd, .events = client->is_connected ? POLLIN : POLLOUT};
        if (client->connection.fd < 0 && !load->is_over) {
            dial(load, &load->clients[i]);
        }
    }
    pollers[load->count] = (struct pollfd){.fd = load->server->output, .events = POLLIN};
    REQUIRE(poll(pollers, load->count + 1, -1) > 0);
    for (unsigned i = 0; i < load->count; i++) {
        if (pollers[i].revents == 0) {
            continue;
        }
        if (load->clients[i].is_connected) {
            take(load, &load->clients[i]);
        } else {
            ask(load, &load->clients[i]);
        }
    }
}

void http_load_start(struct http_load *load, struct http_server *server, unsigned clients) {
    memset(load, 0, sizeof(*load));
    REQUIRE(clients <= HTTP_LOAD_MAX);
    load->server = server;
    load->count = clients;
    for (unsigned i = 0; i < clients; i++) {
        load->clients[i].request =
            i % 4 == 3 ? "GET /status HTTP/1.1\r\nHost: test\r\n\r\n" : "GET / HTTP/1.1\r\nHost: test\r\n\r\n";
        dial(load, &load->clients[i]);
    }
}

const char *http_load_await(struct http_load *load, const char *text) {
    for (;;) {
        const char *line = http_server_next(load->server);
        if (line != NULL && strstr(line, text) != NULL) {
            return line;
        }
        if (line == NULL) {
            turn(load);
        }
    }
}

void http_load_answer(struct http_load *load, uint64_t requests) {
    uint64_t wanted = load->answered + requests;
    while (load->answered < wanted) {
        turn(load);
    }
}

static bool is_busy(const struct http_load *load) {
    for (unsigned i = 0; i < load->count; i++) {
        if (load->clients[i].asks) {
            return true;
        }
    }
    return false;
}

void http_load_finish(struct http_load *load) {
    load->is_over = true;
    for (unsigned i = 0; i < load->count; i++) {
        if (load->clients[i].connection.fd >= 0 && !load->clients[i].asks) {
            http_close(&load->clients[i].connection);
        }
    }
    while (is_busy(load)) {
        turn(load);
    }
}
