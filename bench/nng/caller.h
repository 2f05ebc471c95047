/* caller.h: the process that measures. */
#ifndef BENCH_NNG_CALLER_H
#define BENCH_NNG_CALLER_H

#include "common/bench.h"
#include "nng/meeting.h"

/* Each measures, prints the result and returns an exit code. */

/* job->depth calls in flight to each of job->workers workers. */
int call_closed_loop(const struct bench_job *job, const struct meeting *meeting);

/* Calls at job->rate. */
int call_open_loop(const struct bench_job *job, const struct meeting *meeting);

/* Messages that a worker sends without being asked. */
int pull_stream(const struct bench_job *job, const struct meeting *meeting);

#endif
