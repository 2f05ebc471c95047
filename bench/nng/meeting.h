/*
 * meeting.h: how the two sides of the nng bench find each other. The process that answers listens on an abstract Unix
 * socket, one for each worker, and then says so; who dials before there is a listener waits a tenth of a second.
 */
#ifndef BENCH_NNG_MEETING_H
#define BENCH_NNG_MEETING_H

#include <nng/nng.h>

#include "common/bench.h"

/* What all processes know. No process uses nng before it has forked: nng's threads do not survive that. */
struct meeting {
    int master;   /* its pid */
    int ready[2]; /* a pipe; a byte in it for each socket that is listened on */
    unsigned char *payload;
};

/* Makes a meeting, before any fork. */
void meeting_init(struct meeting *meeting, const struct bench_job *job);

/* Where `index` answers: prepares the socket and listens with it. */
void meeting_listen(const struct meeting *meeting, unsigned index, nng_socket socket);

/* Waits until so many listen, which are then dialled. */
void meeting_wait(const struct meeting *meeting, unsigned count);

/* Prepares the socket and connects it with `index`. */
void meeting_dial(const struct meeting *meeting, unsigned index, nng_socket socket);

/* A new message of `size` bytes from the payload. */
nng_msg *meeting_message(const struct meeting *meeting, size_t size);

/* Says what failed and ends the program, when `error` is one. From any thread. */
void check_nng(int error, const char *what);

#endif
