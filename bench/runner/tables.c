/* The systems and the cases, in the order in which they are shown. */
#include "runner/tables.h"

#include <stdio.h>
#include <string.h>

#define GRPC_NEEDS "gRPC C++ was not there when this was built; ./dev setup --bench installs it"
#define ZEROMQ_NEEDS "ZeroMQ was not there when this was built; ./dev setup --bench installs it"
#define NODE_NEEDS "node is not on this machine; ./dev setup --bench installs it"

const struct bench_system bench_systems[] = {
    {"socketpair", "bench-blocking", NULL},
    {"socketpair-libev", "bench-libev", NULL},
    {"yoke", "bench-yoke", NULL},
    {"grpc-c++", "bench-grpc-callback", GRPC_NEEDS},
    {"grpc-c++-cq", "bench-grpc-queue", GRPC_NEEDS},
    {"zeromq", "bench-zeromq", ZEROMQ_NEEDS},
    {"node-cluster", "bench-node", NODE_NEEDS},
    {0},
};

const struct bench_case bench_cases[] = {
    {"unary", 64, 1, "the master calls the worker, which answers with what it got"},
    {"unary", 64, 128, "the same, many calls at once"},
    {"unary-up", 64, 1, "the worker calls the master, which answers with what it got"},
    {"put", 1 << 20, 1, "the master calls the worker, which answers with an empty message"},
    {0},
};

const struct bench_reference bench_references[] = {
    {"socketpair-libev", "/ libev"},
    {"grpc-c++", "/ gRPC"},
    {"grpc-c++-cq", "/ gRPC cq"},
    {0},
};

bool bench_case_matches(const struct bench_case *bench_case, const char *wanted) {
    char full[64];
    snprintf(full, sizeof full, "%s/%zu/%u", bench_case->name, bench_case->size, bench_case->depth);
    return strcmp(wanted, bench_case->name) == 0 || strcmp(wanted, full) == 0;
}
