/* caller.h: the process that measures. */
#ifndef BENCH_ZEROMQ_CALLER_H
#define BENCH_ZEROMQ_CALLER_H

#include "common/bench.h"
#include "zeromq/socket.h"

/* Each measures and prints the result. */

/*
 * Requests in flight, job->depth for each of job->workers workers. There is one socket, which deals them out in turn, as
 * ZeroMQ's users have it do; so it is not exactly as many for each.
 */
void call_closed_loop(const struct bench_job *job, const struct endpoint *endpoint);

/* Requests at job->rate. */
void call_open_loop(const struct bench_job *job, const struct endpoint *endpoint);

/* Messages that a worker sends without being asked. */
void receive_stream(const struct bench_job *job, const struct endpoint *endpoint);

#endif
