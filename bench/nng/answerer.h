/* answerer.h: the processes that the caller calls. */
#ifndef BENCH_NNG_ANSWERER_H
#define BENCH_NNG_ANSWERER_H

#include "common/bench.h"
#include "nng/meeting.h"

/* Answers requests, as worker `index`. Never returns. */
int answer_calls(const struct bench_job *job, unsigned index, const struct meeting *meeting);

/* Sends messages without end. Never returns. */
int push_stream(const struct bench_job *job, const struct meeting *meeting);

#endif
