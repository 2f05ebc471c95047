// The calling side, with a completion queue and one thread.
#ifndef BENCH_GRPC_QUEUE_CLIENT_H
#define BENCH_GRPC_QUEUE_CLIENT_H

#include "grpc/api.h"

// Calls finish on the thread that waits.
class QueueApi final : public Api {
  public:
    explicit QueueApi(const bench_job &job) : job_(job), request_(make_payload(job.size)) {
    }

    std::unique_ptr<Call> make_call(bench::Echo::Stub &stub, Loop &loop) override;
    std::unique_ptr<EchoStream> open_echo_stream(bench::Echo::Stub &stub, Turns &turns) override;
    void read_stream(bench::Echo::Stub &stub, Run &run) override;
    void wait(Event &event) override;

  private:
    const bench_job &job_;
    const bench::Payload request_;
    grpc::CompletionQueue queue_;
};

#endif
