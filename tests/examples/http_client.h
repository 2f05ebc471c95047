/* http_client.h: a connection that speaks HTTP, believes nothing, and says exactly what it is told. Blocks. */
#ifndef YOKE_TESTS_HTTP_CLIENT_H
#define YOKE_TESTS_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define HTTP_RESPONSE_MAX 16384

struct http_response {
    unsigned status;
    bool closes;     /* "Connection: close" */
    char head[2048]; /* status line and headers */
    char body[HTTP_RESPONSE_MAX];
    size_t body_size;
};

/*
 * Read a response from the beginning of `bytes`: its size; 0: more bytes are needed; -1: it is none, and `ret_response->head`
 * says what is wrong. `is_head`: it answers HEAD, so it has no body.
 */
long http_parse(const char *bytes, size_t size, bool is_head, struct http_response *ret_response);

struct http_client {
    int fd;
    char bytes[2 * HTTP_RESPONSE_MAX];
    size_t begin, size; /* what has been received and not been taken */
};

/* A non-blocking socket on its way to 127.0.0.1, for those who poll; -1 with errno. */
int http_dial(unsigned port);

void http_connect(struct http_client *client, unsigned port);
void http_send(struct http_client *client, const char *text);

/* Wait for a response. False: the connection has ended, between two responses. Any other end fails the case. */
bool http_receive(struct http_client *client, bool is_head, struct http_response *ret_response);

/* Wait for the end of the connection, which must be the next that comes. */
void http_check_end(struct http_client *client);

void http_close(struct http_client *client);

#endif
