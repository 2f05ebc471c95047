/*
 * http_load.h: clients that ask for a page, again and again, each as soon as it has its answer, and account for every request.
 * One that the server closes on, which it has to announce, connects anew.
 */
#ifndef YOKE_TESTS_HTTP_LOAD_H
#define YOKE_TESTS_HTTP_LOAD_H

#include "http_client.h"
#include "http_server.h"

#include <stdint.h>

#define HTTP_LOAD_MAX 64
#define HTTP_LOAD_BROKEN_MAX 1024

struct http_load_client {
    struct http_client connection;
    bool is_connected, asks;
    const char *request;
    uint64_t worker; /* who has answered on this connection; 0: nobody yet */
};

struct http_load {
    struct http_server *server;
    struct http_load_client clients[HTTP_LOAD_MAX];
    unsigned count;
    bool is_over; /* who has its answer asks no more */

    uint64_t answered;                       /* requests that were answered as they should be */
    unsigned refused;                        /* connections that did not come about */
    unsigned wrong;                          /* answers that are none, or other than 200 */
    unsigned broken;                         /* connections that ended without the answer to a request */
    uint64_t breakers[HTTP_LOAD_BROKEN_MAX]; /* the workers of these */
    char first_fault[256];
};

/* Every fourth client asks for the status page, the others for the first one. */
void http_load_start(struct http_load *load, struct http_server *server, unsigned clients);

/* Go on until the server has said `text`: the line. */
const char *http_load_await(struct http_load *load, const char *text);

/* Go on until so many more requests have been answered. */
void http_load_answer(struct http_load *load, uint64_t requests);

/* Let every client have its answer, and leave. */
void http_load_finish(struct http_load *load);

#endif
