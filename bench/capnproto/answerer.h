// The answering side.
#ifndef BENCH_CAPNPROTO_ANSWERER_H
#define BENCH_CAPNPROTO_ANSWERER_H

#include "common/bench.h"

// Serves Echo at one end of a socketpair, in a process of its own. Returns an exit code when the caller has gone.
int answer_calls(const bench_job &job, int fd);

#endif
