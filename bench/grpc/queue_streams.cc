// The streams of queue_client.h.
#include "grpc/queue_client.h"
#include "grpc/queue_tag.h"

namespace {

class Sink final : private Tag {
  public:
    Sink(bench::Echo::Stub &stub, const bench::Payload &request, grpc::CompletionQueue *queue, Run &run)
        : request_(request), run_(run), reader_(stub.AsyncStream(&context_, request, queue, tag())) {
    }

  private:
    // The call has started, or a message has come.
    void proceed(bool ok) override {
        if (!ok) {
            run_.finish_stream(grpc::Status(grpc::StatusCode::UNAVAILABLE, "not ok"));
        } else if (!started_ || run_.finish(grpc::Status::OK, payload_.data().size(), request_.data().size())) {
            started_ = true;
            reader_->Read(&payload_, tag());
        }
    }

    const bench::Payload &request_;
    Run &run_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientAsyncReader<bench::Payload>> reader_;
    bench::Payload payload_;
    bool started_ = false;
};

// All on one thread.
class QueueEchoStream final : public EchoStream {
  public:
    QueueEchoStream(bench::Echo::Stub &stub, const bench::Payload &request, grpc::CompletionQueue *queue, Turns &turns)
        : request_(request), turns_(turns), stream_(stub.AsyncBidi(&context_, queue, on_started_.tag())) {
    }

    void send() override {
        if (unsent_++ == 0 && started_) {
            stream_->Write(request_, on_written_.tag());
        }
    }

  private:
    void handle_started(bool ok) {
        check(ok);
        started_ = true;
        stream_->Read(&payload_, on_read_.tag());
        if (unsent_ > 0) {
            stream_->Write(request_, on_written_.tag());
        }
    }

    void handle_written(bool ok) {
        check(ok);
        if (--unsent_ > 0) {
            stream_->Write(request_, on_written_.tag());
        }
    }

    void handle_read(bool ok) {
        check(ok);
        size_t size = payload_.data().size();
        stream_->Read(&payload_, on_read_.tag());
        turns_.finish(size);
    }

    void check(bool ok) {
        if (!ok) {
            turns_.finish_stream(grpc::Status(grpc::StatusCode::UNAVAILABLE, "not ok"));
        }
    }

    const bench::Payload &request_;
    Turns &turns_;
    Step<QueueEchoStream> on_started_{*this, &QueueEchoStream::handle_started};
    Step<QueueEchoStream> on_written_{*this, &QueueEchoStream::handle_written};
    Step<QueueEchoStream> on_read_{*this, &QueueEchoStream::handle_read};
    grpc::ClientContext context_;
    std::unique_ptr<grpc::ClientAsyncReaderWriter<bench::Payload, bench::Payload>> stream_;
    bench::Payload payload_;
    unsigned unsent_ = 0; // with the one that is being sent
    bool started_ = false;
};

} // namespace

void QueueApi::read_stream(bench::Echo::Stub &stub, Run &run) {
    new Sink(stub, request_, &queue_, run);
}

std::unique_ptr<EchoStream> QueueApi::open_echo_stream(bench::Echo::Stub &stub, Turns &turns) {
    return std::make_unique<QueueEchoStream>(stub, request_, &queue_, turns);
}
