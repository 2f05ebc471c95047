// The answering side, with a completion queue and one thread.
#ifndef BENCH_GRPC_QUEUE_SERVER_H
#define BENCH_GRPC_QUEUE_SERVER_H

#include "grpc/meeting.h"

// Answers calls as worker `index`. Never returns.
int serve_by_queue(const Meeting &meeting, unsigned index);

#endif
