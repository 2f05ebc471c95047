/* httpd_drain_test.c: the workers of httpd leave without losing a request, whether they are replaced or the server ends. */
#include "harness.h"
#include "http_client.h"
#include "http_server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define GET_HELLO "GET / HTTP/1.1\r\nHost: test\r\n\r\n"
#define GET_STATUS "GET /status HTTP/1.1\r\nHost: test\r\n\r\n"

/* Idle connections are not given up while a test goes on. */
static const char *const patient[] = {"--grace-seconds", "1000", NULL};

static struct http_server server;
static struct http_response response;

static void ask(struct http_client *client, const char *request) {
    http_send(client, request);
    REQUIRE(http_receive(client, false, &response));
    CHECK_INT(response.status, 200);
}

/* Ask until the answer says that it is the last. */
static void ask_to_the_end(struct http_client *client, const char *request) {
    do {
        ask(client, request);
    } while (!response.closes);
    http_check_end(client);
    http_close(client);
}

static void a_reload_answers_whoever_is_connected(void) {
    static struct http_client idle, fresh, halfway, curious, late;
    http_server_start(&server, 1, patient);
    http_connect(&idle, server.port);
    http_connect(&fresh, server.port);
    http_connect(&halfway, server.port);
    http_connect(&curious, server.port);
    /* In this order they are accepted, so when the last is answered the worker has all. */
    ask(&idle, GET_HELLO);
    http_send(&halfway, "GET / HTTP/1.1\r\nHo");
    ask(&curious, GET_STATUS);
    CHECK(!response.closes);

    http_server_signal(&server, SIGHUP);
    http_server_await(&server, "draining");
    do {
        http_connect(&late, server.port);
        ask(&late, GET_HELLO);
        http_close(&late);
    } while (strcmp(response.body, "Hello from worker 2\n") != 0);
    http_send(&halfway, "st: test\r\n\r\n");
    REQUIRE(http_receive(&halfway, false, &response));
    CHECK_STR(response.body, "Hello from worker 1\n");
    if (response.closes) {
        http_check_end(&halfway);
        http_close(&halfway);
    } else {
        ask_to_the_end(&halfway, GET_HELLO);
    }
    /* Those who drain can still ask their master. */
    ask_to_the_end(&curious, GET_STATUS);
    CHECK_CONTAINS(response.body, "draining");
    ask_to_the_end(&idle, GET_HELLO);
    CHECK_STR(response.body, "Hello from worker 1\n");
    ask_to_the_end(&fresh, GET_HELLO);
    CHECK_STR(response.body, "Hello from worker 1\n");
    http_server_await(&server, "worker 1 (pid");
    http_server_stop(&server);
}

static void idle_connections_end_after_the_grace(void) {
    static const char *const arguments[] = {"--grace-seconds", "0.1", "--idle-seconds", "1000", NULL};
    static struct http_client idle, fresh;
    http_server_start(&server, 1, arguments);
    http_connect(&fresh, server.port);
    http_connect(&idle, server.port);
    ask(&idle, GET_HELLO);
    http_server_signal(&server, SIGHUP);
    http_check_end(&idle);
    http_check_end(&fresh);
    http_close(&idle);
    http_close(&fresh);
    http_server_await(&server, "reloaded");
    http_server_stop(&server);
}

static void the_end_of_the_server_waits_for_a_request_that_has_begun(void) {
    static struct http_client halfway, idle;
    http_server_start(&server, 2, patient);
    http_connect(&halfway, server.port);
    http_connect(&idle, server.port);
    ask(&halfway, GET_HELLO);
    ask(&idle, GET_HELLO);
    http_send(&halfway, "GET / HTTP/1.1\r\n");
    http_server_signal(&server, SIGTERM);
    http_server_await(&server, "draining");
    http_send(&halfway, "Host: test\r\n\r\n");
    REQUIRE(http_receive(&halfway, false, &response));
    CHECK_INT(response.status, 200);
    if (response.closes) {
        http_check_end(&halfway);
        http_close(&halfway);
    } else {
        ask_to_the_end(&halfway, GET_HELLO);
    }
    ask_to_the_end(&idle, GET_HELLO);
    http_server_end(&server);
}

static const struct test_case cases[] = {
    {.name = "a reload answers whoever is connected", .run = a_reload_answers_whoever_is_connected},
    {.name = "idle connections end after the grace", .run = idle_connections_end_after_the_grace},
    {.name = "the end of the server waits for a request that has begun",
     .run = the_end_of_the_server_waits_for_a_request_that_has_begun},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"httpd, draining", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
