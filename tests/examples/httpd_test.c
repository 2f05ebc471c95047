/* httpd_test.c: the example httpd speaks HTTP as it should, to clients that do and to those that do not. */
#include "harness.h"
#include "http_client.h"
#include "http_server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GET_HELLO "GET / HTTP/1.1\r\nHost: test\r\n\r\n"
#define GET_STATUS "GET /status HTTP/1.1\r\nHost: test\r\n\r\n"

static struct http_server server;
static struct http_client client;
static struct http_response response;

static void ask(const char *request) {
    http_send(&client, request);
    REQUIRE(http_receive(&client, strncmp(request, "HEAD", 4) == 0, &response));
}

/* ---- Pages ------------------------------------------------------------------------------------------------------- */

static void each_page_is_answered(void) {
    http_server_start(&server, 1, NULL);
    http_connect(&client, server.port);
    ask(GET_HELLO);
    CHECK_INT(response.status, 200);
    CHECK_STR(response.body, "Hello from worker 1\n");
    CHECK(!response.closes);
    ask("HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_INT(response.status, 200);
    CHECK_CONTAINS(response.head, "\r\nContent-Length: 20\r\n");
    ask("GET /?query HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_STR(response.body, "Hello from worker 1\n");
    ask("GET http://test/status?query HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_INT(response.status, 200);
    CHECK_CONTAINS(response.body, "ready");
    ask("GET /statuses HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_INT(response.status, 404);
    CHECK(!response.closes);
    ask("DELETE / HTTP/1.1\r\nHost: test\r\n\r\n");
    CHECK_INT(response.status, 405);
    CHECK_CONTAINS(response.head, "\r\nAllow: GET, HEAD\r\n");
    ask("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nwhat?");
    CHECK_INT(response.status, 405);
    ask("GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    CHECK_INT(response.status, 200);
    ask("GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    CHECK_INT(response.status, 200);
    ask("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    CHECK(response.closes);
    http_check_end(&client);
    http_close(&client);
    http_server_stop(&server);
    CHECK_INT(server.answered, 10);
}

static void old_clients_are_served_too(void) {
    http_server_start(&server, 1, NULL);
    http_connect(&client, server.port);
    ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK_INT(response.status, 200);
    CHECK_CONTAINS(response.head, "\r\nConnection: keep-alive\r\n");
    ask("GET / HTTP/1.0\r\n\r\n");
    CHECK_INT(response.status, 200);
    CHECK(response.closes);
    http_check_end(&client);
    http_close(&client);
    http_server_stop(&server);
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */

static const struct refusal {
    const char *request;
    size_t filler; /* so many times "x" follows */
    unsigned status;
} refusals[] = {
    {.request = "what?\r\n\r\n", .status = 400},
    {.request = "GET / HTTP/1.1\r\n\r\n", .status = 400},
    {.request = "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", .status = 400},
    {.request = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .status = 400},
    {.request = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", .status = 400},
    {.request = "GET / HTTP/2.0\r\nHost: a\r\n\r\n", .status = 505},
    {.request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", .status = 413},
    {.request = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n",
     .filler = 65537,
     .status = 413},
    {.request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n", .status = 417},
    {.request = "GET / HTTP/1.1\r\nHost: a\r\nLong: ", .filler = 8192, .status = 431},
    {.request = "GET /", .filler = 8192, .status = 431},
};

static void what_is_wrong_or_too_much_is_refused(void) {
    static char request[70000];
    http_server_start(&server, 1, NULL);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        size_t length = (size_t)snprintf(request, sizeof(request), "%s", refusals[i].request);
        memset(request + length, 'x', refusals[i].filler);
        request[length + refusals[i].filler] = '\0';
        http_connect(&client, server.port);
        /* After a good one, so that the connection ends for the bad one. */
        ask(GET_HELLO);
        CHECK_INT(response.status, 200);
        ask(request);
        CHECK_INT(response.status, refusals[i].status);
        CHECK(response.closes);
        http_check_end(&client);
        http_close(&client);
    }
    http_server_stop(&server);
}

static void a_long_address_is_refused_and_the_connection_goes_on(void) {
    static char request[600] = "GET /";
    memset(request + 5, 'x', 500);
    strcpy(request + 505, " HTTP/1.1\r\nHost: a\r\n\r\n");
    http_server_start(&server, 1, NULL);
    http_connect(&client, server.port);
    ask(request);
    CHECK_INT(response.status, 414);
    ask(GET_HELLO);
    CHECK_INT(response.status, 200);
    http_close(&client);
    http_server_stop(&server);
}

/* ---- Nonsense ------------------------------------------------------------------------------------------------------ */

#define NONSENSES 400

/* A request with some of its bytes changed, cut off somewhere or repeated; the server answers or closes, and lives. */
static void send_nonsense(void) {
    static const char good[] = GET_HELLO GET_STATUS "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: "
                                                    "chunked\r\nExpect: x\r\n\r\n3\r\nabc\r\n0\r\nTrailer: x\r\n\r\n";
    char bytes[sizeof(good)];
    memcpy(bytes, good, sizeof(good));
    for (int i = rand() % 8; i >= 0; i--) {
        bytes[rand() % (int)(sizeof(good) - 1)] = (char)rand();
    }
    size_t begin = (size_t)rand() % (sizeof(good) / 2);
    size_t length = (size_t)rand() % (sizeof(good) - begin);
    (void)send(client.fd, bytes + begin, length, MSG_NOSIGNAL);
    (void)shutdown(client.fd, SHUT_WR);
}

static void no_nonsense_ends_a_worker(void) {
    static char ignored[65536];
    struct pollfd poller = {.events = POLLIN};
    http_server_start(&server, 1, NULL);
    srand(1);
    for (unsigned i = 0; i < NONSENSES; i++) {
        ssize_t size;
        http_connect(&client, server.port);
        send_nonsense();
        poller.fd = client.fd;
        do {
            REQUIRE(poll(&poller, 1, -1) > 0);
            size = recv(client.fd, ignored, sizeof(ignored), 0);
        } while (size > 0 || (size < 0 && errno == EAGAIN));
        http_close(&client);
    }
    http_connect(&client, server.port);
    ask(GET_HELLO);
    CHECK_STR(response.body, "Hello from worker 1\n");
    http_close(&client);
    http_server_stop(&server);
}

/* ---- Many requests, in many pieces ------------------------------------------------------------------------------- */

static void check_batch(void) {
    static const unsigned statuses[] = {200, 200, 404, 405, 200, 200};
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        REQUIRE(http_receive(&client, i == 4, &response));
        CHECK_INT(response.status, statuses[i]);
        CHECK_INT(strncmp(response.body, "master ", 7) == 0, i == 1);
    }
    CHECK(response.closes);
    http_check_end(&client);
}

static void requests_are_answered_in_order_whatever_pieces_they_come_in(void) {
    static const char batch[] = GET_HELLO GET_STATUS "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
                                                     "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                                                     "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
                                                     "\r\nGET / HTTP/1.0\r\n\r\n" GET_HELLO;
    http_server_start(&server, 1, NULL);
    http_connect(&client, server.port);
    http_send(&client, batch);
    check_batch();
    http_close(&client);
    http_connect(&client, server.port);
    for (size_t i = 0; batch[i] != '\0'; i++) {
        const char piece[] = {batch[i], '\0'};
        http_send(&client, piece);
    }
    check_batch();
    http_close(&client);
    http_server_stop(&server);
}

/* They, or at least their answers, are more than the kernel keeps for a connection. */
#define MANY 200000

/* Sends as much as it can without anybody reading, says that it cannot go on, and then goes on. */
static void send_many(int told) {
    static const char request[] = GET_HELLO;
    bool has_told = false;
    for (unsigned i = 0; i < MANY; i++) {
        for (size_t sent = 0; sent < sizeof(request) - 1;) {
            ssize_t size = send(client.fd, request + sent, sizeof(request) - 1 - sent, MSG_NOSIGNAL);
            if (size > 0) {
                sent += (size_t)size;
                continue;
            }
            if (errno != EAGAIN) {
                _exit(1);
            }
            struct pollfd poller = {.fd = client.fd, .events = POLLOUT};
            if (!has_told && poll(&poller, 1, 200) == 0) {
                has_told = write(told, "x", 1) == 1;
            }
            (void)poll(&poller, 1, -1);
        }
    }
    _exit(has_told ? 0 : 2);
}

static void a_client_that_reads_late_gets_every_answer(void) {
    const int small = 65536;
    int told[2], status;
    char byte;
    http_server_start(&server, 1, NULL);
    http_connect(&client, server.port);
    setsockopt(client.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    setsockopt(client.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    REQUIRE_INT(pipe(told), 0);
    pid_t sender = fork();
    REQUIRE(sender >= 0);
    if (sender == 0) {
        send_many(told[1]);
    }
    close(told[1]);
    REQUIRE_INT(read(told[0], &byte, 1), 1);
    close(told[0]);
    for (unsigned i = 0; i < MANY; i++) {
        REQUIRE(http_receive(&client, false, &response));
        REQUIRE_INT(response.status, 200);
    }
    REQUIRE_INT(waitpid(sender, &status, 0), sender);
    CHECK_INT(status, 0);
    http_close(&client);
    http_server_stop(&server);
    CHECK_INT(server.answered, MANY);
}

/* ---- Patience ---------------------------------------------------------------------------------------------------- */

static void a_request_that_does_not_end_is_given_up(void) {
    static const char *const arguments[] = {"--request-seconds", "0.1", "--idle-seconds", "1000", NULL};
    http_server_start(&server, 1, arguments);
    http_connect(&client, server.port);
    ask(GET_HELLO);
    http_send(&client, "GET / HT");
    REQUIRE(http_receive(&client, false, &response));
    CHECK_INT(response.status, 408);
    CHECK(response.closes);
    http_check_end(&client);
    http_close(&client);
    http_server_stop(&server);
}

static void who_is_silent_is_cut_off(void) {
    static const char *const arguments[] = {"--idle-seconds", "0.1", NULL};
    http_server_start(&server, 1, arguments);
    http_connect(&client, server.port);
    http_check_end(&client);
    http_close(&client);
    http_server_stop(&server);
}

/* Empty lines in front of a request are skipped, and so are no request. */
static void who_sends_empty_lines_is_cut_off_too(void) {
    static const char *const arguments[] = {"--idle-seconds", "0.1", "--grace-seconds", "1000", NULL};
    http_server_start(&server, 1, arguments);
    http_connect(&client, server.port);
    ask(GET_HELLO);
    struct pollfd poller = {.fd = client.fd, .events = POLLIN};
    do {
        (void)send(client.fd, "\r\n", 2, MSG_NOSIGNAL);
    } while (poll(&poller, 1, 5) == 0);
    http_check_end(&client);
    http_close(&client);
    http_server_stop(&server);
}

/* ---- The status page --------------------------------------------------------------------------------------------- */

/* The worker tells when it will: its master has heard of all in the end. */
static void the_status_page_counts_what_every_worker_has_answered(void) {
    unsigned long long requests = 0, asked = 0;
    http_server_start(&server, 3, NULL);
    http_connect(&client, server.port);
    for (unsigned i = 0; i < 500; i++) {
        ask(GET_HELLO);
    }
    while (requests < 500) {
        ask(GET_STATUS);
        asked++;
        CHECK_INT(response.status, 200);
        REQUIRE_INT(sscanf(strstr(response.body, "\nrequests "), "\nrequests %llu", &requests), 1);
        CHECK(requests <= 500 + asked);
    }
    for (unsigned id = 1; id <= 3; id++) {
        char line[64];
        snprintf(line, sizeof(line), "\n%8u ", id);
        CHECK_CONTAINS(response.body, line);
    }
    http_close(&client);
    http_server_stop(&server);
    CHECK_INT(server.answered, 500 + asked);
}

static const struct test_case cases[] = {
    {.name = "each page is answered", .run = each_page_is_answered},
    {.name = "old clients are served, too", .run = old_clients_are_served_too},
    {.name = "what is wrong or too much is refused", .run = what_is_wrong_or_too_much_is_refused},
    {.name = "a long address is refused, and the connection goes on",
     .run = a_long_address_is_refused_and_the_connection_goes_on},
    {.name = "no nonsense ends a worker", .run = no_nonsense_ends_a_worker},
    {.name = "requests are answered in order, whatever pieces they come in",
     .run = requests_are_answered_in_order_whatever_pieces_they_come_in},
    {.name = "a client that reads late gets every answer", .run = a_client_that_reads_late_gets_every_answer},
    {.name = "a request that does not end is given up", .run = a_request_that_does_not_end_is_given_up},
    {.name = "who is silent is cut off", .run = who_is_silent_is_cut_off},
    {.name = "who sends empty lines is cut off, too", .run = who_sends_empty_lines_is_cut_off_too},
    {.name = "the status page counts what every worker has answered",
     .run = the_status_page_counts_what_every_worker_has_answered},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"httpd", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
