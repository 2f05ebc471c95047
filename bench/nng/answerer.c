/* See answerer.h. */
#include "nng/answerer.h"

#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Requests that are taken at once; as many as in nng's own example of such a server. */
#define CONTEXTS 128

/* Messages of a stream that are handed to nng and not gone yet. With one, each would wait for a thread to wake up. */
#define SENDS 16

/* ---- Calls ---------------------------------------------------------------------------------------------------- */

/* A REP context, which receives a request and sends the reply, in turn. */
struct responder {
    const struct bench_job *job;
    nng_ctx context;
    nng_aio *aio;
    bool replying;
};

static void check_request(const struct responder *responder, nng_msg *request) {
    if (nng_msg_len(request) != responder->job->size) {
        fprintf(stderr, "nng: a request of %zu bytes\n", nng_msg_len(request));
        _exit(EXIT_FAILURE);
    }
}

static void proceed(void *user_data) {
    struct responder *responder = user_data;
    check_nng(nng_aio_result(responder->aio), "cannot answer");
    if (responder->replying) {
        responder->replying = false;
        nng_ctx_recv(responder->context, responder->aio);
        return;
    }
    /* The message that came is the reply, without a copy. */
    nng_msg *message = nng_aio_get_msg(responder->aio);
    check_request(responder, message);
    if (responder->job->kind == BENCH_PUT) {
        nng_msg_clear(message);
    }
    responder->replying = true;
    nng_aio_set_msg(responder->aio, message);
    nng_ctx_send(responder->context, responder->aio);
}

int answer_calls(const struct bench_job *job, unsigned index, const struct meeting *meeting) {
    static struct responder responders[CONTEXTS];
    nng_socket socket;
    check_nng(nng_rep0_open(&socket), "cannot open a REP socket");
    for (size_t i = 0; i < CONTEXTS; i++) {
        struct responder *responder = &responders[i];
        responder->job = job;
        check_nng(nng_ctx_open(&responder->context, socket), "cannot open a context");
        check_nng(nng_aio_alloc(&responder->aio, proceed, responder), "cannot make an aio");
        nng_ctx_recv(responder->context, responder->aio);
    }
    meeting_listen(meeting, index, socket);
    for (;;) {
        pause();
    }
}

/* ---- A stream ------------------------------------------------------------------------------------------------- */

struct pusher {
    const struct bench_job *job;
    const struct meeting *meeting;
    nng_socket socket;
    nng_aio *aio;
};

static void push(struct pusher *pusher) {
    nng_aio_set_msg(pusher->aio, meeting_message(pusher->meeting, pusher->job->size));
    nng_send_aio(pusher->socket, pusher->aio);
}

static void on_pushed(void *user_data) {
    struct pusher *pusher = user_data;
    check_nng(nng_aio_result(pusher->aio), "cannot push");
    push(pusher);
}

int push_stream(const struct bench_job *job, const struct meeting *meeting) {
    static struct pusher pushers[SENDS];
    nng_socket socket;
    check_nng(nng_push0_open(&socket), "cannot open a PUSH socket");
    meeting_listen(meeting, 0, socket);
    for (size_t i = 0; i < SENDS; i++) {
        pushers[i] = (struct pusher){.job = job, .meeting = meeting, .socket = socket};
        check_nng(nng_aio_alloc(&pushers[i].aio, on_pushed, &pushers[i]), "cannot make an aio");
        push(&pushers[i]);
    }
    for (;;) {
        pause();
    }
}
