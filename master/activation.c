/* activation.c: see activation.h. */
#include "master/activation.h"

#include "master/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FD 3

/* What sd_listen_fds_with_names(3) calls sockets that have no names. */
#define NO_NAME "unknown"

static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"};
#define VARIABLE_COUNT (sizeof variables / sizeof variables[0])

bool yoke__activation_is_variable(const char *variable) {
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        size_t length = strlen(variables[i]);
        if (strncmp(variable, variables[i], length) == 0 && variable[length] == '=') {
            return true;
        }
    }
    return false;
}

/* A decimal number from 1 to `most`; 0: it is none. */
static long read_number(const char *name, long most) {
    const char *text = getenv(name);
    if (text == NULL || text[0] < '0' || text[0] > '9') {
        return 0;
    }
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && number <= most ? number : 0;
}

/* The name in front of the next colon, or the end, and what follows it. False: the names are no such list. */
static bool next_name(const char **names, char address[YOKE__ADDRESS_TEXT_MAX]) {
    struct yoke__address parsed;
    size_t length = *names != NULL ? strcspn(*names, ":") : sizeof NO_NAME - 1;
    (void)snprintf(address, YOKE__ADDRESS_TEXT_MAX, "systemd:%.*s", (int)length, *names != NULL ? *names : NO_NAME);
    if (*names != NULL) {
        *names += length;
        *names += **names == ':';
    }
    return length < YOKE__ADDRESS_TEXT_MAX && yoke__address_parse(address, &parsed) == 0;
}

static int set_non_blocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : -errno;
}

static int take_all(struct yoke__offers *offers, int count) {
    const char *names = getenv("LISTEN_FDNAMES");
    int error = 0;
    for (int fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
        char address[YOKE__ADDRESS_TEXT_MAX];
        bool is_named = next_name(&names, address);
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        if (error == 0 && is_named && yoke__is_listening(fd)) {
            error = set_non_blocking(fd);
            error = error != 0 ? error : yoke__offers_add(offers, address, false, fd);
        }
    }
    return error;
}

int yoke__activation_take(struct yoke__offers *offers) {
    long count = read_number("LISTEN_FDS", sysconf(_SC_OPEN_MAX) - FIRST_FD);
    if (count == 0 || read_number("LISTEN_PID", (long)INT32_MAX) != (long)getpid()) {
        return 0;
    }
    for (int i = 0; i < count; i++) {
        if (fcntl(FIRST_FD + i, F_GETFD) < 0) {
            return 0;
        }
    }
    int error = take_all(offers, (int)count);
    for (size_t i = 0; i < VARIABLE_COUNT; i++) {
        (void)unsetenv(variables[i]);
    }
    return error;
}
