/* call.h: requests that are answered one after the other in a REQ context. */
#ifndef BENCH_NNG_CALL_H
#define BENCH_NNG_CALL_H

#include <nng/nng.h>

#include "common/bench.h"
#include "nng/meeting.h"

struct call;

/* A reply of the right size has come. On a thread of nng's. */
typedef void call_done(struct call *call);

/* One call in flight at a time. */
struct call {
    const struct bench_job *job;
    const struct meeting *meeting;
    call_done *done;
    nng_ctx context;
    nng_aio *aio;
    bool receiving;
    uint64_t due_ns;   /* the user's */
    struct call *next; /* the user's */
};

/* Prepares a call through `socket`. */
void call_init(struct call *call, nng_socket socket, const struct bench_job *job, const struct meeting *meeting,
               call_done *done);

/* Sends a request. */
void call_start(struct call *call);

/* A REQ socket that is connected with worker `index`, after meeting_wait(). */
nng_socket call_socket(const struct meeting *meeting, unsigned index);

#endif
