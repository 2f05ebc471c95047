/* buffer.c: see buffer.h. */
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL_SIZE 2048

/* Room for `size` bytes more at the end. */
static bool reserve(struct buffer *buffer, size_t size) {
    size_t capacity = buffer->capacity != 0 ? buffer->capacity : USUAL_SIZE;
    while (capacity - buffer->end < size) {
        capacity *= 2;
    }
    if (capacity == buffer->capacity) {
        return true;
    }
    char *larger = realloc(buffer->bytes, capacity);
    if (larger == NULL) {
        buffer->failed = true;
        return false;
    }
    buffer->bytes = larger;
    buffer->capacity = capacity;
    return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t size) {
    if (!buffer->failed && reserve(buffer, size)) {
        memcpy(buffer->bytes + buffer->end, bytes, size);
        buffer->end += size;
    }
}

void buffer_print(struct buffer *buffer, const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof(text)) {
        buffer->failed = true;
    } else {
        buffer_add(buffer, text, (size_t)length);
    }
}

void buffer_consume(struct buffer *buffer, size_t size) {
    buffer->begin += size;
    if (buffer->begin == buffer->end) {
        buffer->begin = buffer->end = 0;
        if (buffer->capacity > USUAL_SIZE) {
            buffer_release(buffer);
        }
    }
}

void buffer_release(struct buffer *buffer) {
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
