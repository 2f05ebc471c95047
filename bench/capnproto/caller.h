// The calling side.
#ifndef BENCH_CAPNPROTO_CALLER_H
#define BENCH_CAPNPROTO_CALLER_H

#include <kj/array.h>

#include "common/bench.h"

// Measures calls to the Echo at the other end of each socketpair, and prints the result. Returns an exit code.
int make_calls(const bench_job &job, kj::ArrayPtr<const int> fds);

#endif
