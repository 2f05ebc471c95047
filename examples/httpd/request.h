/* request.h: a request that comes in, in pieces of any size; one at a time. http-parser does the reading; here are the limits. */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include "options.h"

#include <http_parser.h>
#include <stddef.h>

/* No address that this server knows is nearly as long. */
#define REQUEST_TARGET_MAX 255

enum request_stage {
    REQUEST_NONE,     /* nothing has come of it */
    REQUEST_BEGUN,    /* a part */
    REQUEST_COMPLETE, /* all: look at it, then go on with request_next() */
    REQUEST_REFUSED /* it is wrong, or too much: `refusal` is the status of the answer, and nothing more can be read */
};

struct request {
    http_parser parser;
    const struct options *options;
    enum request_stage stage;
    unsigned refusal;
    bool is_head, is_get;
    bool keeps_alive; /* the client wants to go on */
    bool is_1_0;

    char target[REQUEST_TARGET_MAX + 1]; /* as the client wrote it */
    size_t target_length;                /* over REQUEST_TARGET_MAX: it is cut */

    /* Of the header that is being read: its name in lower case, as far as it matters. */
    char field[8];
    size_t field_length;
    bool is_in_value, are_headers_done;
    unsigned hosts;
    bool expects;
    size_t body_bytes;
};

void request_init(struct request *request, const struct options *options);

/* Read up to the request's end. Returns how much of it was taken: all, unless the stage is COMPLETE or REFUSED. */
size_t request_read(struct request *request, const char *bytes, size_t size);

/* The next one. */
void request_next(struct request *request);

/* Does a complete request ask for this path, such as "/status", with or without a query behind it? */
bool request_is_for(const struct request *request, const char *path);

#endif
