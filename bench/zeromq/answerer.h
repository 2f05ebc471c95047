/* answerer.h: the processes that the caller calls. */
#ifndef BENCH_ZEROMQ_ANSWERER_H
#define BENCH_ZEROMQ_ANSWERER_H

#include "common/bench.h"
#include "zeromq/socket.h"

/* Neither returns. */
_Noreturn void answer_requests(const struct bench_job *job, const struct endpoint *endpoint);

/* As fast as the high-water mark lets it. */
_Noreturn void send_stream(const struct bench_job *job, const struct endpoint *endpoint);

#endif
