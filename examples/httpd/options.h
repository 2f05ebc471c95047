/* options.h: what httpd can be told, and what a client may ask of it. */
#ifndef HTTPD_OPTIONS_H
#define HTTPD_OPTIONS_H

#include <stdbool.h>

struct options {
    const char *address; /* as yoke_listener_options.address */
    unsigned workers;    /* 0: one per usable CPU */
    bool reuse_port;
    bool verbose;

    /* Of each worker, and of each connection. Seconds are of patience, then the connection is closed. */
    unsigned max_connections;
    unsigned max_header_bytes;
    unsigned max_body_bytes;
    double idle_seconds;    /* between requests */
    double request_seconds; /* from the first byte of a request to its last */
    double write_seconds;   /* without a byte of the answer taken */
    double linger_seconds;  /* for the client to close, after the last answer */
    double grace_seconds;   /* between requests, when the worker drains */
};

#define OPTIONS_INIT                                                                                                  \
    {                                                                                                                 \
        .address = "tcp:127.0.0.1:8080", .max_connections = 10000, .max_header_bytes = 8192, .max_body_bytes = 65536, \
        .idle_seconds = 15., .request_seconds = 10., .write_seconds = 10., .linger_seconds = 2., .grace_seconds = 1.  \
    }

#endif
