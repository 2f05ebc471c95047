/*
 * end.h: one process's end of a socketpair on libev. It counts bytes and never looks at them: no frames, no encoding,
 * no calls. What is to be sent for all that one read brought leaves in one send.
 */
#ifndef BENCH_RAW_END_H
#define BENCH_RAW_END_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

struct end;

/* `in_unit` bytes have come. True: `out_unit` bytes shall leave for them. */
typedef bool end_hook(struct end *end);

struct end {
    struct ev_loop *loop;
    ev_io readable;
    ev_io writable;
    size_t in_unit;
    size_t out_unit;
    end_hook *on_unit;
    void *user_data;
    size_t in_partial; /* bytes of an incomplete unit */
    size_t out_pending;
    unsigned char *in_buffer;
    unsigned char *out_buffer;
    size_t in_capacity;
    size_t out_capacity;
};

/* What a read asks for and what a send may carry, unless a unit is larger. */
#define END_BUFFER 65536

/*
 * Begins to watch `fd`, which must not block, and stays the caller's. The buffers hold `buffer` bytes, or a unit,
 * whichever is more.
 */
void end_init(struct end *end, struct ev_loop *loop, int fd, size_t in_unit, size_t out_unit, size_t buffer,
              end_hook *on_unit, void *user_data);
void end_release(struct end *end);

/* So many bytes more shall leave; as many as can do so at once. */
void end_send(struct end *end, size_t size);

/* Runs an end on a loop of its own: every unit that comes is answered with one. Never returns. */
_Noreturn void end_answer(int fd, size_t in_unit, size_t out_unit, size_t buffer);

/* Ends the program when there is none. */
struct ev_loop *end_loop_new(void);

/* A socketpair that does not block: the master's, the worker's. */
void end_socketpair(int fds[2]);

#endif
