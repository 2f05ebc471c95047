// The measured cases that have streams, for either API. Each prints the result and returns an exit code; what they need
// for that is never torn down, as in loops.h.
#ifndef BENCH_GRPC_STREAMS_H
#define BENCH_GRPC_STREAMS_H

#include "grpc/api.h"

// One call, whose answer is a stream.
int run_stream(const Meeting &meeting, Api &api);

// job.streams streams both ways, which take turns.
int run_echo_streams(const Meeting &meeting, Api &api);

#endif
