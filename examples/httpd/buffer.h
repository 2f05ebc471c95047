/* buffer.h: bytes that wait to be sent. */
#ifndef HTTPD_BUFFER_H
#define HTTPD_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty one. */
struct buffer {
    char *bytes;
    size_t begin, end, capacity; /* what waits is from begin to end */
    bool failed;                 /* there was no memory for something: what follows is not whole */
};

void buffer_add(struct buffer *buffer, const void *bytes, size_t size);

/* At most 1,023 bytes. */
void buffer_print(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline size_t buffer_size(const struct buffer *buffer) {
    return buffer->end - buffer->begin;
}

/* The first `size` bytes have been sent. Memory of an unusual size is given back when all have. */
void buffer_consume(struct buffer *buffer, size_t size);

void buffer_release(struct buffer *buffer);

#endif
