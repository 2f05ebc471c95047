// See callback_client.h.
#include "grpc/callback_client.h"

#include <optional>

namespace {

class CallbackCall final : public Call {
  public:
    CallbackCall(const bench_job &job, bench::Echo::Stub &stub, const bench::Payload &request, Loop &loop)
        : job_(job), stub_(stub), request_(request), loop_(loop) {
    }

    void start() override {
        // A context serves one call, so it is made anew for each.
        context_.emplace();
        set_up(*context_, job_);
        if (job_.kind == BENCH_PUT) {
            stub_.async()->Put(&*context_, &request_, &ack_,
                               [this](const grpc::Status &status) { loop_.finish(*this, status, 0); });
        } else {
            stub_.async()->Unary(&*context_, &request_, &reply_, [this](const grpc::Status &status) {
                loop_.finish(*this, status, reply_.data().size());
            });
        }
    }

  private:
    const bench_job &job_;
    bench::Echo::Stub &stub_;
    const bench::Payload &request_;
    Loop &loop_;
    std::optional<grpc::ClientContext> context_;
    bench::Payload reply_;
    bench::Ack ack_;
};

} // namespace

std::unique_ptr<Call> CallbackApi::make_call(bench::Echo::Stub &stub, Loop &loop) {
    return std::make_unique<CallbackCall>(job_, stub, request_, loop);
}

void CallbackApi::wait(Event &event) {
    event.wait();
}
