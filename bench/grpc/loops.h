// The measured loops of unary calls and puts, for either API. Each prints the result and returns an exit code; what they
// need for that is never torn down, as that is not measured and the process ends next.
#ifndef BENCH_GRPC_LOOPS_H
#define BENCH_GRPC_LOOPS_H

#include "grpc/api.h"

// job.depth calls in flight to each of job.workers workers.
int run_closed_loop(const Meeting &meeting, Api &api);

// Calls at job.rate.
int run_open_loop(const Meeting &meeting, Api &api);

// One call from beginning to end.
void call_once(const bench_job &job, Api &api, bench::Echo::Stub &stub);

#endif
