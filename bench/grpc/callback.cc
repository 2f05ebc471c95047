// gRPC C++ with the callback API on both sides, which gRPC's documentation recommends.
#include "grpc/callback_client.h"
#include "grpc/callback_server.h"
#include "grpc/program.h"

static std::unique_ptr<Api> make_api(const bench_job &job) {
    return std::make_unique<CallbackApi>(job);
}

static int run(const bench_job *job) {
    return run_program({serve_by_callback, make_api}, *job);
}

int main(int argc, char **argv) {
    return bench_main(argc, argv, ("gRPC C++ " + grpc::Version() + ", callback API").c_str(), run);
}
