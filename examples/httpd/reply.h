/* reply.h: answers as they go over the wire. */
#ifndef HTTPD_REPLY_H
#define HTTPD_REPLY_H

#include "buffer.h"

#include <time.h>

struct reply {
    unsigned status;
    const char *body; /* plain text; NULL: what the status says */
    size_t body_size;
    bool is_head;   /* asked by HEAD: the body only counts */
    bool closes;    /* "Connection: close" */
    bool keeps_1_0; /* "Connection: keep-alive", which HTTP/1.0 wants to hear */
};

/* `now` dates it. */
void reply_add(struct buffer *out, const struct reply *reply, time_t now);

#endif
