// gRPC C++ with completion queues on both sides, one thread each: the most work to write, and the fastest of its APIs.
#include "grpc/program.h"
#include "grpc/queue_client.h"
#include "grpc/queue_server.h"

static std::unique_ptr<Api> make_api(const bench_job &job) {
    return std::make_unique<QueueApi>(job);
}

static int run(const bench_job *job) {
    return run_program({serve_by_queue, make_api}, *job);
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, ("gRPC C++ " + grpc::Version() + ", completion queues").c_str(), run);
}
