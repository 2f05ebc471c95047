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

#define TIME(label, name, ...) \
    { label, name, BENCH_MEASURES_TIME, __VA_ARGS__ }
#define UNARY(label, size, depth) TIME(label, "unary", size, depth, 1, 1, false, false, "calls from master to worker")
#define WORKERS(label, workers, large) \
    TIME(label, "workers", 64, 128, workers, 1, large, false, "calls from one master to its workers")
#define IDLE(label, workers, large)                                            \
    {                                                                          \
        label, "idle", BENCH_MEASURES_MEMORY, 64, 1, workers, 1, large, false, \
            "memory of a worker that has nothing to do"                        \
    }

const struct bench_case bench_cases[] = {
    UNARY("unary/64/1", 64, 1),
    UNARY("unary/64/16", 64, 16),
    UNARY("unary/64/128", 64, 128),
    UNARY("unary/64/1024", 64, 1024),
    UNARY("unary/1024/1", KIB, 1),
    UNARY("unary/1024/16", KIB, 16),
    UNARY("unary/1024/128", KIB, 128),
    UNARY("unary/1024/1024", KIB, 1024),
    UNARY("unary/16384/1", 16 * KIB, 1),
    UNARY("unary/16384/16", 16 * KIB, 16),
    UNARY("unary/16384/128", 16 * KIB, 128),
    UNARY("unary/16384/1024", 16 * KIB, 1024),
    TIME("unary-up/64/1", "unary-up", 64, 1, 1, 1, false, false, "calls from worker to master"),
    TIME("unary-checked/64/128", "unary-checked", 64, 128, 1, 1, false, false,
         "calls with a deadline and an interceptor at each side"),
    TIME("put/1M", "put", MIB, 1, 1, 1, false, true, "the master sends, the worker acknowledges"),
    TIME("put/16M", "put", 16 * MIB, 1, 1, 1, false, true, "the master sends, the worker acknowledges"),
    TIME("stream/64", "stream", 64, 1, 1, 1, false, false, "messages of one stream from worker to master"),
    TIME("bidi/64/1", "bidi", 64, 1, 1, 1, false, false, "messages to and fro on one stream"),
    WORKERS("workers/1", 1, false),
    WORKERS("workers/2", 2, false),
    WORKERS("workers/8", 8, false),
    WORKERS("workers/64", 64, true),
    TIME("streams/10000", "streams", 64, 128, 1, 10000, false, false, "messages to and fro on streams that take turns"),
    TIME("spawn", "spawn", 64, 1, 1, 1, false, false, "from asking for a worker until it is ready"),
    TIME("kill", "kill", 64, 1, 1, 1, false, false, "from killing a worker until its master's program knows"),
    IDLE("idle/1", 1, false),
    IDLE("idle/64", 64, false),
    IDLE("idle/1000", 1000, true),
    {"latency/64", "latency", BENCH_MEASURES_LATENCY, 64, 1, 1, 1, false, false,
     "calls that are due evenly spaced, at half the system's own peak"},
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
