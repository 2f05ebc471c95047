// The streams of callback_client.h.
#include <mutex>

#include "grpc/callback_client.h"

namespace {

class Sink final : public grpc::ClientReadReactor<bench::Payload> {
  public:
    Sink(bench::Echo::Stub &stub, const bench::Payload &request, Run &run) : request_(request), run_(run) {
        stub.async()->Stream(&context_, &request_, this);
        StartRead(&payload_);
        StartCall();
    }

    void OnReadDone(bool ok) override {
        // When it is not ok, OnDone() says why.
        if (ok && run_.finish(grpc::Status::OK, payload_.data().size(), request_.data().size())) {
            StartRead(&payload_);
        }
    }

    void OnDone(const grpc::Status &status) override {
        run_.finish_stream(status);
    }

  private:
    const bench::Payload &request_;
    Run &run_;
    grpc::ClientContext context_;
    bench::Payload payload_;
};

class CallbackEchoStream final : public grpc::ClientBidiReactor<bench::Payload, bench::Payload>, public EchoStream {
  public:
    CallbackEchoStream(bench::Echo::Stub &stub, const bench::Payload &request, Turns &turns)
        : request_(request), turns_(turns) {
        stub.async()->Bidi(&context_, this);
        // Messages are also sent from other streams' callbacks.
        AddHold();
        StartRead(&payload_);
        StartCall();
    }

    void send() override {
        std::lock_guard<std::mutex> lock(mutex_);
        if (unsent_++ == 0) {
            StartWrite(&request_);
        }
    }

    void OnWriteDone(bool ok) override {
        std::lock_guard<std::mutex> lock(mutex_);
        if (ok && --unsent_ > 0) {
            StartWrite(&request_);
        }
    }

    void OnReadDone(bool ok) override {
        if (!ok) {
            RemoveHold();
            return;
        }
        size_t size = payload_.data().size();
        StartRead(&payload_);
        turns_.finish(size);
    }

    void OnDone(const grpc::Status &status) override {
        turns_.finish_stream(status);
    }

  private:
    const bench::Payload &request_;
    Turns &turns_;
    grpc::ClientContext context_;
    bench::Payload payload_;
    std::mutex mutex_;    // of what is below
    unsigned unsent_ = 0; // with the one that is being sent
};

} // namespace

void CallbackApi::read_stream(bench::Echo::Stub &stub, Run &run) {
    new Sink(stub, request_, run);
}

std::unique_ptr<EchoStream> CallbackApi::open_echo_stream(bench::Echo::Stub &stub, Turns &turns) {
    return std::make_unique<CallbackEchoStream>(stub, request_, turns);
}
