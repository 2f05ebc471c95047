// How the processes of the gRPC bench find each other: each that answers is a server on an abstract Unix socket. All
// options are at their defaults, but for the limit on messages.
#ifndef BENCH_GRPC_MEETING_H
#define BENCH_GRPC_MEETING_H

#include <memory>
#include <string>

#include <grpcpp/grpcpp.h>
#include <sys/types.h>

#include "bench.grpc.pb.h"
#include "common/bench.h"

// What all processes know. It is made before any fork, and no process has used gRPC when it forks: its threads would be
// missing in the child.
class Meeting {
  public:
    explicit Meeting(const bench_job &job);

    // In a server's process, with the service registered: starts the server of worker `index`, and says so.
    std::unique_ptr<grpc::Server> start_server(grpc::ServerBuilder &builder, unsigned index) const;

    // Waits until one more server has started: a client that is early waits a second to try again. Its pid.
    pid_t wait_for_server() const;

    // A channel to worker `index`, and a stub on it.
    std::unique_ptr<bench::Echo::Stub> connect(unsigned index) const;

    const bench_job &job() const {
        return job_;
    }

  private:
    std::string address(unsigned index) const;

    const bench_job &job_;
    std::string prefix_;
    int ready_[2]; // a pipe, for the pids of the servers that have started
};

bench::Payload make_payload(size_t size);

// What a handler says to a request: whether it is of the right size.
grpc::Status check_request(const bench::Payload &request, const bench_job &job);

// Says what went wrong and ends the process, at once, from any thread.
[[noreturn]] void fail(const std::string &what);

#endif
