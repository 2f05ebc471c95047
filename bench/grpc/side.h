// What the two gRPC programs share: two processes with a Unix socket between them, all options at their defaults.
#ifndef BENCH_GRPC_SIDE_H
#define BENCH_GRPC_SIDE_H

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include "bench.grpc.pb.h"
#include "common/bench.h"

// What both processes know.
struct Meeting {
    std::string address = "unix-abstract:yoke-bench-" + std::to_string(getpid());
    int ready
        [2]; // a pipe that the server writes to when it listens: a client that is early waits a second to try again
};

// In the server's process, with the service registered.
inline std::unique_ptr<grpc::Server> start_server(const Meeting &meeting, grpc::ServerBuilder &builder) {
    builder.AddListeningPort(meeting.address, grpc::InsecureServerCredentials());
    auto server = builder.BuildAndStart();
    if (!server || write(meeting.ready[1], "", 1) != 1) {
        bench_die("cannot start the gRPC server");
    }
    return server;
}

inline std::unique_ptr<bench::Echo::Stub> connect_stub(const Meeting &meeting) {
    char byte;
    if (read(meeting.ready[0], &byte, 1) != 1) {
        bench_die("the gRPC server has not started");
    }
    return bench::Echo::NewStub(grpc::CreateChannel(meeting.address, grpc::InsecureChannelCredentials()));
}

inline int run_pair(const bench_job *job, bench_side *caller, bench_side *answerer) {
    Meeting meeting;
    if (pipe(meeting.ready)) {
        bench_die("pipe");
    }
    return bench_run_pair(job, caller, answerer, &meeting);
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
    if (status.ok() && size == expected) {
        return;
    }
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
