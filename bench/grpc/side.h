// What the two gRPC programs share: the address and the channel. Both leave every channel and server option at its
// default, and both connect two processes over a Unix socket.
#ifndef BENCH_GRPC_SIDE_H
#define BENCH_GRPC_SIDE_H

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "bench.grpc.pb.h"
#include "common/bench.h"

// The abstract name of the socket; set before the fork, so that both processes have the same.
inline std::string bench_address = "unix-abstract:yoke-bench-" + std::to_string(getpid());

inline std::unique_ptr<bench::Echo::Stub> connect_stub() {
    auto channel = grpc::CreateChannel(bench_address, grpc::InsecureChannelCredentials());
    if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10)))
        bench_die("the gRPC server does not answer");
    return bench::Echo::NewStub(channel);
}

inline bench::Payload make_payload(size_t size) {
    unsigned char *bytes = bench_payload(size);
    bench::Payload payload;
    payload.set_data(bytes, size);
    free(bytes);
    return payload;
}

// Ends the program unless the call succeeded and brought what was sent.
inline void check_reply(const grpc::Status &status, size_t size, size_t expected) {
    if (status.ok() && size == expected)
        return;
    fprintf(stderr, "gRPC: %s, %zu bytes of %zu\n", status.error_message().c_str(), size, expected);
    _exit(EXIT_FAILURE);
}

// The server's answer to Echo.Unary, without a copy: the request is not needed any more.
inline void echo(bench::Payload *request, bench::Payload *reply) {
    reply->mutable_data()->swap(*request->mutable_data());
}

// Ends the caller's process at once, as gRPC's own tear-down is not measured.
[[noreturn]] inline void finish(const bench_meter &meter) {
    bench_meter_print(&meter);
    _exit(EXIT_SUCCESS);
}

#endif
