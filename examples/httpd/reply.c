/* reply.c: see reply.h. */
#include "reply.h"

#include <stdio.h>
#include <string.h>

static const char *reason_of(unsigned status) {
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 417:
        return "Expectation Failed";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    case 505:
        return "HTTP Version Not Supported";
    default:
        return "Internal Server Error";
    }
}

/* The Date header, made anew once a second. */
static const char *date_of(time_t now) {
    static time_t made;
    static char text[64];
    if (now != made) {
        struct tm utc;
        gmtime_r(&now, &utc);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        made = now;
    }
    return text;
}

void reply_add(struct buffer *out, const struct reply *reply, time_t now) {
    const char *reason = reason_of(reply->status);
    char said[64];
    const char *body = reply->body;
    size_t size = reply->body_size;
    if (body == NULL) {
        size = (size_t)snprintf(said, sizeof(said), "%u %s\n", reply->status, reason);
        body = said;
    }
    buffer_print(
        out, "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n%s%s\r\n",
        reply->status, reason, date_of(now), size, reply->status == 405 ? "Allow: GET, HEAD\r\n" : "",
        reply->closes      ? "Connection: close\r\n"
        : reply->keeps_1_0 ? "Connection: keep-alive\r\n"
                           : "");
    if (!reply->is_head) {
        buffer_add(out, body, size);
    }
}
