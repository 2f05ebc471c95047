/* libev.h: the cases of the floor on libev; libev.c chooses among them. Each returns an exit code. */
#ifndef BENCH_RAW_LIBEV_H
#define BENCH_RAW_LIBEV_H

#include "common/bench.h"

/* What acknowledges a put. */
#define LIBEV_ACK_SIZE 8

/* calls.c: operations that follow each other, with one worker, and with several. */
int libev_run_pair(const struct bench_job *job);
int libev_run_workers(const struct bench_job *job);

/* schedule.c: an open loop. */
int libev_run_latency(const struct bench_job *job);

/* lives.c: workers that come, go, and do nothing. */
int libev_run_lives(const struct bench_job *job);
int libev_run_idle(const struct bench_job *job);

/* fleet.c: `count` workers that answer, each with a socket of its own. */
struct fleet {
    pid_t *pids;
    int *fds; /* the master's ends */
    unsigned count;
};
void fleet_start(struct fleet *fleet, const struct bench_job *job, unsigned count);
void fleet_end(struct fleet *fleet);

#endif
