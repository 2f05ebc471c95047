/* request.c: see request.h. */
#include "request.h"

#include <ctype.h>
#include <string.h>

static struct request *request_of(http_parser *parser) {
    return parser->data;
}

/* Ends the parsing, when it is what a callback returns. */
static int refuse(struct request *request, unsigned status) {
    request->refusal = status;
    return -1;
}

static int on_begin(http_parser *parser) {
    request_of(parser)->stage = REQUEST_BEGUN;
    return 0;
}

static int on_target(http_parser *parser, const char *bytes, size_t size) {
    struct request *request = request_of(parser);
    size_t room = REQUEST_TARGET_MAX - request->target_length;
    if (request->target_length <= REQUEST_TARGET_MAX) {
        memcpy(request->target + request->target_length, bytes, size < room ? size : room);
        request->target_length += size < room ? size : room + (size > room);
    }
    return 0;
}

static int on_field(http_parser *parser, const char *bytes, size_t size) {
    struct request *request = request_of(parser);
    if (request->is_in_value) {
        request->is_in_value = false;
        request->field_length = 0;
    }
    for (size_t i = 0; i < size && request->field_length < sizeof(request->field); i++) {
        request->field[request->field_length++] = (char)tolower((unsigned char)bytes[i]);
    }
    return 0;
}

static bool is_field(const struct request *request, const char *name) {
    return request->field_length == strlen(name) && memcmp(request->field, name, request->field_length) == 0;
}

static int on_value(http_parser *parser, const char *bytes, size_t size) {
    struct request *request = request_of(parser);
    (void)bytes;
    (void)size;
    if (!request->is_in_value && !request->are_headers_done) {
        request->hosts += is_field(request, "host");
        request->expects |= is_field(request, "expect");
    }
    request->is_in_value = true;
    return 0;
}

static int on_headers(http_parser *parser) {
    struct request *request = request_of(parser);
    request->are_headers_done = true;
    if (parser->http_major != 1) {
        return refuse(request, 505);
    }
    if (request->hosts > 1 || (request->hosts == 0 && parser->http_minor > 0)) {
        return refuse(request, 400);
    }
    if (request->expects) {
        return refuse(request, 417);
    }
    bool has_length = parser->content_length != UINT64_MAX;
    return has_length && parser->content_length > request->options->max_body_bytes ? refuse(request, 413) : 0;
}

/* Nothing here has a use for a body; it is only read. */
static int on_body(http_parser *parser, const char *bytes, size_t size) {
    struct request *request = request_of(parser);
    (void)bytes;
    request->body_bytes += size;
    return request->body_bytes > request->options->max_body_bytes ? refuse(request, 413) : 0;
}

static int on_end(http_parser *parser) {
    struct request *request = request_of(parser);
    request->stage = REQUEST_COMPLETE;
    request->is_get = parser->method == HTTP_GET;
    request->is_head = parser->method == HTTP_HEAD;
    request->keeps_alive = http_should_keep_alive(parser) != 0;
    request->is_1_0 = parser->http_minor == 0;
    /* The next one is not looked at before this one is answered. */
    http_parser_pause(parser, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_message_begin = on_begin,
    .on_url = on_target,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_headers,
    .on_body = on_body,
    .on_message_complete = on_end,
};

void request_next(struct request *request) {
    http_parser_pause(&request->parser, 0);
    request->stage = REQUEST_NONE;
    request->target_length = request->field_length = request->body_bytes = 0;
    request->is_in_value = request->are_headers_done = request->expects = false;
    request->hosts = 0;
}

void request_init(struct request *request, const struct options *options) {
    *request = (struct request){.options = options};
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
    http_parser_set_max_header_size(options->max_header_bytes);
}

size_t request_read(struct request *request, const char *bytes, size_t size) {
    size_t taken = http_parser_execute(&request->parser, &settings, bytes, size);
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (error != HPE_OK && error != HPE_PAUSED) {
        request->stage = REQUEST_REFUSED;
        if (request->refusal == 0) {
            request->refusal = error == HPE_HEADER_OVERFLOW ? 431 : 400;
        }
    }
    return taken;
}

bool request_is_for(const struct request *request, const char *path) {
    const char *at = request->target;
    size_t length = request->target_length, wanted = strlen(path);
    if (length > REQUEST_TARGET_MAX) {
        return false;
    }
    if (length > 0 && at[0] != '/') {
        /* "http://host/path", as proxies are asked. */
        struct http_parser_url url;
        http_parser_url_init(&url);
        if (http_parser_parse_url(at, length, 0, &url) != 0 || (url.field_set & (1 << UF_PATH)) == 0) {
            return false;
        }
        at += url.field_data[UF_PATH].off;
        length -= url.field_data[UF_PATH].off;
    }
    return length >= wanted && memcmp(at, path, wanted) == 0 && (length == wanted || at[wanted] == '?');
}
