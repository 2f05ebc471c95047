/* The systems and the cases, in the order in which they are shown. */
#include "runner/tables.h"

#include <string.h>

#define MISSING(what) what " was not there when this was built; ./dev setup --bench installs it"
#define NODE_NEEDS "node is not on this machine; ./dev setup --bench installs it"

#define KIB 1024
#define MIB (1024 * KIB)

const struct bench_system bench_systems[] = {
    {"socketpair", "bench-blocking", NULL, NULL},
    {"socketpair-spin", "bench-spin", NULL, NULL},
    {"socketpair-libev", "bench-libev", NULL, NULL},
    {"yoke", "bench-yoke", NULL, "socketpair-libev"},
    {"yoke-poll", "bench-yoke-poll", NULL, "socketpair-spin"},
    {"yoke-socket", "bench-yoke-socket", NULL, "socketpair-libev"},
    {"yoke-exec", "bench-yoke-exec", NULL, "socketpair-libev"},
    {"grpc-c++", "bench-grpc-callback", MISSING("gRPC C++"), "socketpair-libev"},
    {"grpc-c++-cq", "bench-grpc-queue", MISSING("gRPC C++"), "socketpair-libev"},
    {"capnproto", "bench-capnproto", MISSING("Cap'n Proto"), "socketpair-libev"},
    {"zeromq", "bench-zeromq", MISSING("ZeroMQ"), "socketpair-libev"},
    {"nng", "bench-nng", MISSING("nng"), "socketpair-libev"},
    {"node-cluster", "bench-node", NODE_NEEDS, "socketpair-libev"},
    {"node-cluster-adv", "bench-node-adv", NODE_NEEDS, "socketpair-libev"},
    {0},
};

/* For lines that fit. */
#define TIME BENCH_MEASURES_TIME
#define LATENCY BENCH_MEASURES_LATENCY
#define MEMORY BENCH_MEASURES_MEMORY
#define EXTRA BENCH_CASE_EXTRA
#define BULK BENCH_CASE_BULK

/* label, case, measure, size, depth, workers, streams, flags, what it is */
const struct bench_case bench_cases[] = {
    {"unary/64/1", "unary", TIME, 64, 1, 1, 1, 0, "calls from master to worker"},
    {"unary/64/16", "unary", TIME, 64, 16, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/64/128", "unary", TIME, 64, 128, 1, 1, 0, "calls from master to worker"},
    {"unary/64/1024", "unary", TIME, 64, 1024, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/1024/1", "unary", TIME, KIB, 1, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/1024/16", "unary", TIME, KIB, 16, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/1024/128", "unary", TIME, KIB, 128, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/1024/1024", "unary", TIME, KIB, 1024, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/16384/1", "unary", TIME, 16 * KIB, 1, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/16384/16", "unary", TIME, 16 * KIB, 16, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/16384/128", "unary", TIME, 16 * KIB, 128, 1, 1, EXTRA, "calls from master to worker"},
    {"unary/16384/1024", "unary", TIME, 16 * KIB, 1024, 1, 1, 0, "calls from master to worker"},
    {"unary-up/64/1", "unary-up", TIME, 64, 1, 1, 1, 0, "calls from worker to master"},
    {"unary-checked/64/128", "unary-checked", TIME, 64, 128, 1, 1, 0, "calls with a deadline and interceptors"},
    {"put/64K", "put", TIME, 64 * KIB, 1, 1, 1, BULK | EXTRA, "the master sends, the worker acknowledges"},
    {"put/1M", "put", TIME, MIB, 1, 1, 1, BULK, "the master sends, the worker acknowledges"},
    {"put/16M", "put", TIME, 16 * MIB, 1, 1, 1, BULK, "the master sends, the worker acknowledges"},
    {"stream/64", "stream", TIME, 64, 1, 1, 1, 0, "messages of one stream from worker to master"},
    {"bidi/64/1", "bidi", TIME, 64, 1, 1, 1, 0, "messages to and fro on one stream"},
    {"workers/1", "workers", TIME, 64, 128, 1, 1, EXTRA, "calls from one master to its workers"},
    {"workers/2", "workers", TIME, 64, 128, 2, 1, 0, "calls from one master to its workers"},
    {"workers/8", "workers", TIME, 64, 128, 8, 1, EXTRA, "calls from one master to its workers"},
    {"workers/64", "workers", TIME, 64, 128, 64, 1, EXTRA, "calls from one master to its workers"},
    {"streams/10000", "streams", TIME, 64, 128, 1, 10000, 0, "messages to and fro on streams that take turns"},
    {"spawn", "spawn", TIME, 64, 1, 1, 1, 0, "from asking for a worker until it is ready"},
    {"spawn/4G", "spawn-large", TIME, (size_t)4096 * MIB, 1, 1, 1, EXTRA,
     "the same, while the master has 4 GiB resident"},
    {"kill", "kill", TIME, 64, 1, 1, 1, 0, "from killing a worker until its master's program knows"},
    {"idle/1", "idle", MEMORY, 64, 1, 1, 1, 0, "memory of a worker that has nothing to do"},
    {"idle/64", "idle", MEMORY, 64, 1, 64, 1, EXTRA, "memory of a worker that has nothing to do"},
    {"idle/1000", "idle", MEMORY, 64, 1, 1000, 1, EXTRA, "memory of a worker that has nothing to do"},
    {"latency/64", "latency", LATENCY, 64, 1, 1, 1, 0, "calls on a schedule, at half of the system's own peak"},
    {0},
};

const char bench_peak_label[] = "unary/64/128";

const struct bench_reference bench_references[] = {
    {"grpc-c++", "/ gRPC"}, {"grpc-c++-cq", "/ gRPC cq"}, {"zeromq", "/ ZeroMQ"}, {"node-cluster", "/ Node"}, {0},
};

size_t bench_system_count(void) {
    return sizeof bench_systems / sizeof *bench_systems - 1;
}

size_t bench_case_count(void) {
    return sizeof bench_cases / sizeof *bench_cases - 1;
}

bool bench_case_matches(const struct bench_case *bench_case, const char *wanted) {
    return strcmp(wanted, bench_case->name) == 0 || strcmp(wanted, bench_case->label) == 0;
}
