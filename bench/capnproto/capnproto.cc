// Cap'n Proto: two-party RPC over a socketpair, on KJ's event loop at both ends. All options are at their defaults; its
// limit for a message, 64 MiB, is above what is sent here.
#include <cstdio>
#include <vector>

#include <capnp/common.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capnproto/answerer.h"
#include "capnproto/caller.h"
#include "common/bench.h"

namespace {

// The two ends of the socketpair between the master and a worker.
struct Pair {
    int master;
    int worker;
};

using Pairs = std::vector<Pair>;

// Each process keeps its own ends only, or it would not see that another has ended.
std::vector<int> keep_master_ends(const Pairs &pairs) {
    std::vector<int> ends;
    for (const Pair &pair : pairs) {
        close(pair.worker);
        ends.push_back(pair.master);
    }
    return ends;
}

int keep_worker_end(const Pairs &pairs, unsigned index) {
    for (unsigned i = 0; i < pairs.size(); i++) {
        close(pairs[i].master);
        if (i != index) {
            close(pairs[i].worker);
        }
    }
    return pairs[index].worker;
}

int call_workers(const bench_job *job, void *pairs) {
    std::vector<int> ends = keep_master_ends(*static_cast<Pairs *>(pairs));
    return make_calls(*job, kj::arrayPtr(ends.data(), ends.size()));
}

int run_worker(const bench_job *job, unsigned index, void *pairs) {
    return answer_calls(*job, keep_worker_end(*static_cast<Pairs *>(pairs), index));
}

// For unary-up, in which the worker is the parent's only child.
int call_master(const bench_job *job, void *pairs) {
    int end = keep_worker_end(*static_cast<Pairs *>(pairs), 0);
    return make_calls(*job, kj::arrayPtr(&end, 1));
}

int answer_worker(const bench_job *job, void *pairs) {
    return answer_calls(*job, keep_master_ends(*static_cast<Pairs *>(pairs)).front());
}

Pairs make_pairs(unsigned count) {
    Pairs pairs;
    for (unsigned i = 0; i < count; i++) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds)) {
            bench_die("socketpair");
        }
        pairs.push_back({fds[0], fds[1]});
    }
    return pairs;
}

int run(const bench_job *job) {
    Pairs pairs = make_pairs(job->workers);
    switch (job->kind) {
    case BENCH_UNARY:
    case BENCH_PUT:
    case BENCH_STREAM:
    case BENCH_WORKERS:
    case BENCH_LATENCY:
        return bench_run_workers(job, call_workers, run_worker, &pairs);
    case BENCH_UNARY_UP:
        return bench_run_pair(job, call_master, answer_worker, &pairs);
    default:
        return BENCH_UNSUPPORTED;
    }
}

} // namespace

int main(int argc, char **argv) {
    static char version[64];
    snprintf(version, sizeof version, "Cap'n Proto %d.%d.%d, two-party RPC over a socketpair", CAPNP_VERSION / 1000000,
             CAPNP_VERSION / 1000 % 1000, CAPNP_VERSION % 1000);
    return bench_main(argc, argv, version, run);
}
