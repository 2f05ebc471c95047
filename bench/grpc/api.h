// What the loops need of either of gRPC's APIs, callback.cc's and queue.cc's.
#ifndef BENCH_GRPC_API_H
#define BENCH_GRPC_API_H

#include <cstdint>
#include <memory>

#include "grpc/meeting.h"
#include "grpc/run.h"

// Unary calls, or puts, one after the other.
class Call {
  public:
    virtual ~Call() = default;
    virtual void start() = 0;

    uint64_t due_ns = 0; // the open loop's
};

// What is told when a call has finished, on any thread. The call may be started again then.
class Loop {
  public:
    virtual ~Loop() = default;
    virtual void finish(Call &call, const grpc::Status &status, size_t reply_size) = 0;
};

// A stream both ways, each of whose messages is answered.
class EchoStream {
  public:
    virtual ~EchoStream() = default;

    // Sends one more message, from any thread, now or when those before it have gone.
    virtual void send() = 0;
};

// What is told when an answer has come, on any thread.
class Turns {
  public:
    virtual ~Turns() = default;
    virtual void finish(size_t size) = 0;
    virtual void finish_stream(const grpc::Status &status) = 0;
};

// Calls finish, and messages come, on the thread that waits or on gRPC's own, while one waits.
class Api {
  public:
    virtual ~Api() = default;

    virtual std::unique_ptr<Call> make_call(bench::Echo::Stub &stub, Loop &loop) = 0;
    virtual std::unique_ptr<EchoStream> open_echo_stream(bench::Echo::Stub &stub, Turns &turns) = 0;

    // Makes a call whose answer is a stream, each of whose messages is an operation of `run`.
    virtual void read_stream(bench::Echo::Stub &stub, Run &run) = 0;

    // Returns when the event is set.
    virtual void wait(Event &event) = 0;
};

// For each call: a deadline that does not pass, where the case has one.
void set_up(grpc::ClientContext &context, const bench_job &job);

#endif
