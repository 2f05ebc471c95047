/* lines.c: see lines.h. */
#include "master/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int yoke__lines_init(struct yoke__lines *lines, size_t max_bytes) {
    *lines = (struct yoke__lines){.buffer = malloc(max_bytes), .capacity = max_bytes};
    return lines->buffer != NULL ? 0 : -ENOMEM;
}

void yoke__lines_release(struct yoke__lines *lines) {
    free(lines->buffer);
}

/* Keep bytes that contain no newline; a line that becomes too long is handed over as far as it goes. */
static void keep(struct yoke__lines *lines, const char *bytes, size_t size, yoke__line_taker *take, void *user_data) {
    if (lines->is_dropping || size == 0) {
        return;
    }
    size_t room = lines->capacity - lines->used;
    size_t fits = size < room ? size : room;
    memcpy(lines->buffer + lines->used, bytes, fits);
    lines->used += fits;
    if (fits < size) {
        lines->is_dropping = true;
        take(lines->buffer, lines->used, true, user_data);
        lines->used = 0;
    }
}

void yoke__lines_feed(struct yoke__lines *lines, const char *bytes, size_t size, yoke__line_taker *take,
                      void *user_data) {
    while (size > 0) {
        const char *newline = memchr(bytes, '\n', size);
        size_t part = newline != NULL ? (size_t)(newline - bytes) : size;
        keep(lines, bytes, part, take, user_data);
        if (newline == NULL) {
            return;
        }
        if (!lines->is_dropping) {
            take(lines->buffer, lines->used, false, user_data);
        }
        lines->is_dropping = false;
        lines->used = 0;
        bytes += part + 1;
        size -= part + 1;
    }
}

void yoke__lines_end(struct yoke__lines *lines, yoke__line_taker *take, void *user_data) {
    if (lines->used > 0) {
        take(lines->buffer, lines->used, false, user_data);
        lines->used = 0;
    }
}
