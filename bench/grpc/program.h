// What the main() of both gRPC programs does: runs the case that is wanted, with one API.
#ifndef BENCH_GRPC_PROGRAM_H
#define BENCH_GRPC_PROGRAM_H

#include "grpc/api.h"

// The two sides with one API.
struct Program {
    int (*serve)(const Meeting &meeting, unsigned index); // answers calls as worker `index`
    std::unique_ptr<Api> (*make_api)(const bench_job &job);
};

int run_program(const Program &program, const bench_job &job);

#endif
