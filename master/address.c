/* address.c: see address.h. */
#include "master/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define UNIX_NAME_AT offsetof(struct sockaddr_un, sun_path)

/* What systemd allows in FileDescriptorName=: at most so many characters, printable, without a colon. */
#define SYSTEMD_NAME_MAX 255

/* The longest text of a host, in brackets. */
#define HOST_MAX (INET6_ADDRSTRLEN + 2)

/* What follows the prefix; NULL: it is not there. */
static const char *skip(const char *text, const char *prefix) {
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* ---- TCP -------------------------------------------------------------------------------------------------------------- */

static int parse_port(const char *text, in_port_t *ret_port) {
    unsigned port = 0;
    size_t length = strlen(text);
    if (length == 0 || length > 5) {
        return -EINVAL;
    }
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return -EINVAL;
        }
        port = port * 10 + (unsigned)(*text - '0');
    }
    if (port > UINT16_MAX) {
        return -EINVAL;
    }
    *ret_port = htons((uint16_t)port);
    return 0;
}

static int set_v4(struct yoke__address *address, const char *host, in_port_t port) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;
    *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    address->length = sizeof *v4;
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

static int set_v6(struct yoke__address *address, const char *host, in_port_t port) {
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address->socket;
    *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
    address->length = sizeof *v6;
    return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
}

/* "HOST:PORT" */
static int parse_tcp(const char *text, struct yoke__address *address) {
    const char *colon = strrchr(text, ':');
    in_port_t port;
    if (colon == NULL || parse_port(colon + 1, &port) != 0) {
        return -EINVAL;
    }
    char host[HOST_MAX];
    size_t length = (size_t)(colon - text);
    if (length == 0 || length >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    if (strcmp(host, "*") == 0) {
        address->is_dual = true;
        return set_v6(address, "::", port);
    }
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        return set_v6(address, host + 1, port);
    }
    return set_v4(address, host, port);
}

static void format_tcp(const struct sockaddr_storage *socket, bool is_dual, char text[YOKE__ADDRESS_TEXT_MAX]) {
    char host[INET6_ADDRSTRLEN] = "";
    if (socket->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)socket;
        (void)inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host);
        (void)snprintf(text, YOKE__ADDRESS_TEXT_MAX, "tcp:%s:%u", host, ntohs(v4->sin_port));
        return;
    }
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)socket;
    (void)inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    unsigned port = ntohs(v6->sin6_port);
    if (is_dual && IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr)) {
        (void)snprintf(text, YOKE__ADDRESS_TEXT_MAX, "tcp:*:%u", port);
    } else {
        (void)snprintf(text, YOKE__ADDRESS_TEXT_MAX, "tcp:[%s]:%u", host, port);
    }
}

/* ---- Unix ------------------------------------------------------------------------------------------------------------- */

/* "/PATH" or "@NAME". A relative path would be another's after a chdir(). */
static int parse_unix(const char *text, struct yoke__address *address) {
    struct sockaddr_un *unix = (struct sockaddr_un *)&address->socket;
    size_t length = strlen(text);
    if ((text[0] != '/' && text[0] != '@') || length < 2 || length >= sizeof unix->sun_path) {
        return -EINVAL;
    }
    *unix = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(unix->sun_path, text, length);
    /* A name ends with the address; a path with a zero. */
    address->length = (socklen_t)(UNIX_NAME_AT + length + 1);
    if (text[0] == '@') {
        unix->sun_path[0] = '\0';
        address->length--;
    }
    return 0;
}

static int format_unix(const struct sockaddr_storage *socket, socklen_t length, char text[YOKE__ADDRESS_TEXT_MAX]) {
    const struct sockaddr_un *unix = (const struct sockaddr_un *)socket;
    if (length <= UNIX_NAME_AT + 1) {
        return -EINVAL;
    }
    bool is_abstract = unix->sun_path[0] == '\0';
    const char *name = is_abstract ? unix->sun_path + 1 : unix->sun_path;
    int name_length = (int)(length - UNIX_NAME_AT) - (is_abstract ? 1 : 0);
    (void)snprintf(text, YOKE__ADDRESS_TEXT_MAX, "unix:%s%.*s", is_abstract ? "@" : "", name_length, name);
    return 0;
}

const char *yoke__address_path(const struct yoke__address *address) {
    const struct sockaddr_un *unix = (const struct sockaddr_un *)&address->socket;
    return address->kind == YOKE__ADDRESS_UNIX && unix->sun_path[0] != '\0' ? unix->sun_path : NULL;
}

/* ---- All -------------------------------------------------------------------------------------------------------------- */

static int parse_systemd(const char *name, struct yoke__address *address) {
    size_t length = strlen(name);
    if (length == 0 || length > SYSTEMD_NAME_MAX) {
        return -EINVAL;
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == ':') {
            return -EINVAL;
        }
    }
    (void)snprintf(address->text, sizeof address->text, "systemd:%s", name);
    return 0;
}

int yoke__address_format(const struct sockaddr_storage *socket, socklen_t length, bool is_dual,
                         char text[YOKE__ADDRESS_TEXT_MAX]) {
    switch (socket->ss_family) {
    case AF_INET:
    case AF_INET6:
        format_tcp(socket, is_dual, text);
        return 0;
    case AF_UNIX:
        return format_unix(socket, length, text);
    default:
        return -EINVAL;
    }
}

int yoke__address_parse(const char *text, struct yoke__address *ret_address) {
    struct yoke__address address = {.length = 0};
    const char *rest;
    int error = -EINVAL;
    if ((rest = skip(text, "systemd:")) != NULL) {
        address.kind = YOKE__ADDRESS_SYSTEMD;
        error = parse_systemd(rest, &address);
    } else if ((rest = skip(text, "tcp:")) != NULL) {
        address.kind = YOKE__ADDRESS_TCP;
        error = parse_tcp(rest, &address);
    } else if ((rest = skip(text, "unix:")) != NULL) {
        address.kind = YOKE__ADDRESS_UNIX;
        error = parse_unix(rest, &address);
    }
    if (error == 0 && address.kind != YOKE__ADDRESS_SYSTEMD) {
        error = yoke__address_format(&address.socket, address.length, address.is_dual, address.text);
    }
    if (error == 0) {
        *ret_address = address;
    }
    return error;
}
