// See queue_client.h.
#include "grpc/queue_client.h"

#include <optional>

#include "grpc/queue_tag.h"

namespace {

struct UnaryMethod {
    using Reply = bench::Payload;

    static auto start(bench::Echo::Stub &stub, grpc::ClientContext *context, const bench::Payload &request,
                      grpc::CompletionQueue *queue) {
        return stub.AsyncUnary(context, request, queue);
    }

    static size_t size(const Reply &reply) {
        return reply.data().size();
    }
};

struct PutMethod {
    using Reply = bench::Ack;

    static auto start(bench::Echo::Stub &stub, grpc::ClientContext *context, const bench::Payload &request,
                      grpc::CompletionQueue *queue) {
        return stub.AsyncPut(context, request, queue);
    }

    static size_t size(const Reply &) {
        return 0;
    }
};

template <typename Method> class QueueCall final : public Call, private Tag {
  public:
    QueueCall(const bench_job &job, bench::Echo::Stub &stub, const bench::Payload &request,
              grpc::CompletionQueue *queue, Loop &loop)
        : job_(job), stub_(stub), request_(request), queue_(queue), loop_(loop) {
    }

    void start() override {
        // A context serves one call, so it is made anew for each.
        context_.emplace();
        set_up(*context_, job_);
        reader_ = Method::start(stub_, &*context_, request_, queue_);
        reader_->Finish(&reply_, &status_, tag());
    }

  private:
    void proceed(bool) override {
        loop_.finish(*this, status_, Method::size(reply_));
    }

    const bench_job &job_;
    bench::Echo::Stub &stub_;
    const bench::Payload &request_;
    grpc::CompletionQueue *queue_;
    Loop &loop_;
    std::optional<grpc::ClientContext> context_;
    std::unique_ptr<grpc::ClientAsyncResponseReader<typename Method::Reply>> reader_;
    typename Method::Reply reply_;
    grpc::Status status_;
};

} // namespace

std::unique_ptr<Call> QueueApi::make_call(bench::Echo::Stub &stub, Loop &loop) {
    if (job_.kind == BENCH_PUT) {
        return std::make_unique<QueueCall<PutMethod>>(job_, stub, request_, &queue_, loop);
    }
    return std::make_unique<QueueCall<UnaryMethod>>(job_, stub, request_, &queue_, loop);
}

void QueueApi::wait(Event &event) {
    void *tag;
    bool ok;
    while (!event.is_set() && queue_.Next(&tag, &ok)) {
        proceed(tag, ok);
    }
}
