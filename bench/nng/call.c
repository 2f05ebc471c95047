/* See call.h. */
#include "nng/call.h"

#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void check_reply(const struct call *call, nng_msg *reply) {
    size_t expected = call->job->kind == BENCH_PUT ? 0 : call->job->size;
    if (nng_msg_len(reply) != expected) {
        fprintf(stderr, "nng: a reply of %zu bytes\n", nng_msg_len(reply));
        _exit(EXIT_FAILURE);
    }
}

static void proceed(void *user_data) {
    struct call *call = user_data;
    check_nng(nng_aio_result(call->aio), "cannot call");
    if (!call->receiving) {
        call->receiving = true;
        nng_ctx_recv(call->context, call->aio);
        return;
    }
    nng_msg *reply = nng_aio_get_msg(call->aio);
    check_reply(call, reply);
    nng_msg_free(reply);
    call->done(call);
}

void call_init(struct call *call, nng_socket socket, const struct bench_job *job, const struct meeting *meeting,
               call_done *done) {
    *call = (struct call){.job = job, .meeting = meeting, .done = done};
    check_nng(nng_ctx_open(&call->context, socket), "cannot open a context");
    check_nng(nng_aio_alloc(&call->aio, proceed, call), "cannot make an aio");
}

void call_start(struct call *call) {
    call->receiving = false;
    nng_aio_set_msg(call->aio, meeting_message(call->meeting, call->job->size));
    nng_ctx_send(call->context, call->aio);
}

nng_socket call_socket(const struct meeting *meeting, unsigned index) {
    nng_socket socket;
    check_nng(nng_req0_open(&socket), "cannot open a REQ socket");
    /* By default a request is sent again after a minute, for which nng keeps a sorted list of timers that grows with the
     * requests in flight; over a Unix socket nothing gets lost. Without, 8192 of them are four times as fast. */
    check_nng(nng_socket_set_ms(socket, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE), "cannot switch resending off");
    meeting_dial(meeting, index, socket);
    return socket;
}
