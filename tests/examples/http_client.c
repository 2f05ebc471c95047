/* http_client.c: see http_client.h. */
#include "http_client.h"

#include "harness.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Responses --------------------------------------------------------------------------------------------------- */

static long wrong(struct http_response *response, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(response->head, sizeof(response->head), format, arguments);
    va_end(arguments);
    return -1;
}

/* The value of a header, which there must be once; NULL: it is not there, or more than once. */
static const char *find_header(const char *head, const char *name) {
    const char *value = NULL;
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        size_t length = strlen(name);
        if (strncasecmp(line + 2, name, length) == 0 && strncmp(line + 2 + length, ": ", 2) == 0) {
            if (value != NULL) {
                return NULL;
            }
            value = line + 2 + length + 2;
        }
    }
    return value;
}

static bool is_value(const char *value, const char *wanted) {
    return value != NULL && strncmp(value, wanted, strlen(wanted)) == 0 &&
           strncmp(value + strlen(wanted), "\r\n", 2) == 0;
}

long http_parse(const char *bytes, size_t size, bool is_head, struct http_response *ret_response) {
    struct http_response *response = ret_response;
    const char *end = memmem(bytes, size, "\r\n\r\n", 4);
    if (end == NULL) {
        return size < sizeof(response->head) ? 0 : wrong(response, "the headers do not end");
    }
    size_t head_size = (size_t)(end - bytes) + 4;
    if (head_size >= sizeof(response->head)) {
        return wrong(response, "the headers are too long");
    }
    memcpy(response->head, bytes, head_size);
    response->head[head_size] = '\0';
    const char *length = find_header(response->head, "Content-Length");
    const char *date = find_header(response->head, "Date");
    if (sscanf(response->head, "HTTP/1.1 %3u ", &response->status) != 1 || length == NULL || date == NULL) {
        return wrong(response, "no response: %.200s", bytes);
    }
    response->closes = is_value(find_header(response->head, "Connection"), "close");
    char *number_end;
    unsigned long body_size = strtoul(length, &number_end, 10);
    if (strncmp(number_end, "\r\n", 2) != 0 || body_size >= sizeof(response->body)) {
        return wrong(response, "a length that cannot be: %.40s", length);
    }
    response->body_size = is_head ? 0 : body_size;
    if (size < head_size + response->body_size) {
        return 0;
    }
    memcpy(response->body, bytes + head_size, response->body_size);
    response->body[response->body_size] = '\0';
    return (long)(head_size + response->body_size);
}

/* ---- Connections ------------------------------------------------------------------------------------------------- */

int http_dial(unsigned port) {
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 && errno != EINPROGRESS) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static void wait_for(const struct http_client *client, short events) {
    struct pollfd poller = {.fd = client->fd, .events = events};
    REQUIRE(poll(&poller, 1, -1) > 0);
}

void http_connect(struct http_client *client, unsigned port) {
    int error = 0;
    socklen_t size = sizeof(error);
    client->begin = client->size = 0;
    client->fd = http_dial(port);
    REQUIRE(client->fd >= 0);
    wait_for(client, POLLOUT);
    REQUIRE_INT(getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
    REQUIRE_INT(error, 0);
}

void http_send(struct http_client *client, const char *text) {
    size_t size = strlen(text);
    while (size > 0) {
        ssize_t sent = send(client->fd, text, size, MSG_NOSIGNAL);
        if (sent > 0) {
            text += sent;
            size -= (size_t)sent;
        } else {
            REQUIRE(errno == EAGAIN);
            wait_for(client, POLLOUT);
        }
    }
}

bool http_receive(struct http_client *client, bool is_head, struct http_response *ret_response) {
    for (;;) {
        long taken = http_parse(client->bytes + client->begin, client->size, is_head, ret_response);
        if (taken < 0) {
            CHECK_STR(ret_response->head, "");
            REQUIRE(false);
        }
        if (taken > 0) {
            client->begin += (size_t)taken;
            client->size -= (size_t)taken;
            return true;
        }
        memmove(client->bytes, client->bytes + client->begin, client->size);
        client->begin = 0;
        wait_for(client, POLLIN);
        ssize_t size = recv(client->fd, client->bytes + client->size, sizeof(client->bytes) - client->size, 0);
        REQUIRE(size >= 0);
        if (size == 0) {
            REQUIRE_INT(client->size, 0);
            return false;
        }
        client->size += (size_t)size;
    }
}

void http_check_end(struct http_client *client) {
    static struct http_response response;
    CHECK(!http_receive(client, false, &response));
}

void http_close(struct http_client *client) {
    close(client->fd);
    client->fd = -1;
}
