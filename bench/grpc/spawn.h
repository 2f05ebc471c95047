// spawn: how a program that uses gRPC gets a new worker. gRPC's threads do not survive fork(), so the master, which has a
// channel to each worker, must not fork. A process that was forked before gRPC was used does it instead.
#ifndef BENCH_GRPC_SPAWN_H
#define BENCH_GRPC_SPAWN_H

#include "grpc/api.h"

// Measures, prints the result and returns an exit code. `serve` is a worker's work, with `user_data`. A worker is ready
// when it has answered a first call.
int run_spawn(const Meeting &meeting, std::unique_ptr<Api> (*make_api)(const bench_job &job), bench_worker *serve,
              void *user_data);

#endif
