/*
 * turns.h: two processes on a Unix socketpair that take turns, without an event loop: one sends while the other
 * receives.
 */
#ifndef BENCH_RAW_TURNS_H
#define BENCH_RAW_TURNS_H

#include "common/bench.h"

/* What acknowledges a put. */
#define ACK_SIZE 8

/* Runs a case. `flags` are for send() and recv(): 0 to block, MSG_DONTWAIT to try again until it works. */
int turns_run(const struct bench_job *job, int flags);

#endif
