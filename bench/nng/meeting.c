/* See meeting.h. */
#include "nng/meeting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URL_MAX 64

void check_nng(int error, const char *what) {
    if (error) {
        fprintf(stderr, "nng: %s: %s\n", what, nng_strerror(error));
        /* Not by exit(), which would wait for the thread that this may be. */
        _exit(EXIT_FAILURE);
    }
}

void meeting_init(struct meeting *meeting, const struct bench_job *job) {
    meeting->master = (int)getpid();
    meeting->payload = bench_payload(job->size);
    if (pipe(meeting->ready)) {
        bench_die("pipe");
    }
}

static void make_url(const struct meeting *meeting, unsigned index, char ret_url[URL_MAX]) {
    snprintf(ret_url, URL_MAX, "abstract://yoke-bench-%d-%u", meeting->master, index);
}

/* The default limit for a message is 1 MiB with what the protocol adds to it, so a put of 1 MiB would not get through. */
static void lift_limit(nng_socket socket) {
    check_nng(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, 0), "cannot lift the limit for messages");
}

void meeting_listen(const struct meeting *meeting, unsigned index, nng_socket socket) {
    char url[URL_MAX];
    make_url(meeting, index, url);
    lift_limit(socket);
    check_nng(nng_listen(socket, url, NULL, 0), "cannot listen");
    if (write(meeting->ready[1], "", 1) != 1) {
        bench_die("cannot say that nng listens");
    }
}

void meeting_wait(const struct meeting *meeting, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        char byte;
        if (read(meeting->ready[0], &byte, 1) != 1) {
            bench_die("nng does not listen");
        }
    }
}

void meeting_dial(const struct meeting *meeting, unsigned index, nng_socket socket) {
    char url[URL_MAX];
    make_url(meeting, index, url);
    lift_limit(socket);
    check_nng(nng_dial(socket, url, NULL, 0), "cannot dial");
}

nng_msg *meeting_message(const struct meeting *meeting, size_t size) {
    nng_msg *message;
    check_nng(nng_msg_alloc(&message, size), "cannot make a message");
    memcpy(nng_msg_body(message), meeting->payload, size);
    return message;
}
