/* http_server.c: see http_server.h. */
#include "http_server.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 16

/* Read what there is. False: it is the end. */
static bool read_more(struct http_server *server) {
    size_t room = sizeof(server->said) - 1 - server->said_length;
    REQUIRE(room > 0);
    ssize_t size = read(server->output, server->said + server->said_length, room);
    if (size < 0 && errno == EAGAIN) {
        return true;
    }
    REQUIRE(size >= 0);
    server->said_length += (size_t)size;
    server->said[server->said_length] = '\0';
    return size > 0;
}

static void note(struct http_server *server, const char *line) {
    uint64_t requests;
    if (sscanf(line, "httpd: master %*d ends after %" SCNu64 " requests", &requests) == 1) {
        server->answered += requests;
    }
}

const char *http_server_next(struct http_server *server) {
    static char line[1024];
    (void)read_more(server);
    char *end = memchr(server->said, '\n', server->said_length);
    if (end == NULL) {
        return NULL;
    }
    size_t length = (size_t)(end - server->said);
    REQUIRE(length < sizeof(line));
    memcpy(line, server->said, length);
    line[length] = '\0';
    server->said_length -= length + 1;
    memmove(server->said, end + 1, server->said_length);
    note(server, line);
    return line;
}

const char *http_server_await(struct http_server *server, const char *text) {
    for (;;) {
        const char *line = http_server_next(server);
        if (line != NULL && strstr(line, text) != NULL) {
            return line;
        }
        if (line == NULL) {
            struct pollfd output = {.fd = server->output, .events = POLLIN};
            REQUIRE(poll(&output, 1, -1) >= 0 || errno == EINTR);
            if ((output.revents & POLLIN) == 0 && (output.revents & POLLHUP) != 0) {
                printf("it ended without a word of \"%s\"\n", text);
                REQUIRE(false);
            }
        }
    }
}

static void become(unsigned workers, const char *const *arguments, int output) {
    char count[16];
    const char *argv[ARGUMENTS_MAX] = {HTTPD_PROGRAM, "--verbose", "--listen", "tcp:127.0.0.1:0", "--workers", count};
    size_t length = 6;
    snprintf(count, sizeof(count), "%u", workers);
    for (size_t i = 0; arguments != NULL && arguments[i] != NULL && length < ARGUMENTS_MAX - 1; i++) {
        argv[length++] = arguments[i];
    }
    argv[length] = NULL;
    dup2(output, STDOUT_FILENO);
    execv(HTTPD_PROGRAM, (char *const *)argv);
    _exit(127);
}

void http_server_start(struct http_server *server, unsigned workers, const char *const *arguments) {
    int output[2];
    *server = (struct http_server){0};
    REQUIRE_INT(pipe2(output, O_CLOEXEC), 0);
    server->pid = fork();
    REQUIRE(server->pid >= 0);
    if (server->pid == 0) {
        become(workers, arguments, output[1]);
    }
    close(output[1]);
    server->output = output[0];
    REQUIRE_INT(fcntl(server->output, F_SETFL, O_NONBLOCK), 0);
    const char *line = http_server_await(server, "listens at ");
    REQUIRE_INT(sscanf(strstr(line, "listens at "), "listens at tcp:127.0.0.1:%u", &server->port), 1);
    for (unsigned i = 0; i < workers; i++) {
        http_server_await(server, " ready after ");
    }
}

void http_server_signal(struct http_server *server, int signal) {
    REQUIRE_INT(kill(server->pid, signal), 0);
}

void http_server_end(struct http_server *server) {
    int status;
    http_server_await(server, "ends after ");
    REQUIRE_INT(waitpid(server->pid, &status, 0), server->pid);
    CHECK_INT(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), 0);
    CHECK_INT(test_await_no_children(10000), 0);
    close(server->output);
}

void http_server_stop(struct http_server *server) {
    http_server_signal(server, SIGTERM);
    http_server_end(server);
}
