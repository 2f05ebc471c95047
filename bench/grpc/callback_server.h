// The answering side, with the callback API.
#ifndef BENCH_GRPC_CALLBACK_SERVER_H
#define BENCH_GRPC_CALLBACK_SERVER_H

#include "grpc/meeting.h"

// Answers calls as worker `index`. Never returns.
int serve_by_callback(const Meeting &meeting, unsigned index);

#endif
