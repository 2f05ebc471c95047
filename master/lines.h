/* lines.h: bytes into lines, of which none is longer than a bound: what is beyond it is dropped up to the newline. */
#ifndef YOKE_MASTER_LINES_H
#define YOKE_MASTER_LINES_H

#include <stdbool.h>
#include <stddef.h>

/* Take a line, without its newline; `is_cut`: it was longer. The bytes are valid during the call. */
typedef void yoke__line_taker(const char *line, size_t size, bool is_cut, void *user_data);

struct yoke__lines {
    char *buffer; /* of a line that is not complete */
    size_t used, capacity;
    bool is_dropping; /* the rest of a line that was cut */
};

/* Lines of up to `max_bytes`. -ENOMEM. */
int yoke__lines_init(struct yoke__lines *lines, size_t max_bytes);
void yoke__lines_release(struct yoke__lines *lines);

/* Hand each line that is complete now, or too long, to `take`. */
void yoke__lines_feed(struct yoke__lines *lines, const char *bytes, size_t size, yoke__line_taker *take,
                      void *user_data);

/* Nothing follows: hand over what has no newline, if anything. */
void yoke__lines_end(struct yoke__lines *lines, yoke__line_taker *take, void *user_data);

#endif
