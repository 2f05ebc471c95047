// gRPC C++ with completion queues on both sides, one thread each: the most work to write, and the fastest of its APIs.
#include <optional>
#include <vector>

#include "grpc/side.h"

namespace {

// Calls that the server is ready to take at once, per method; more than any case has in flight.
constexpr int kReady = 256;

struct UnaryMethod {
    using Reply = bench::Payload;

    static auto start(bench::Echo::Stub &stub, grpc::ClientContext *context, const bench::Payload &request,
                      grpc::CompletionQueue *queue) {
        return stub.AsyncUnary(context, request, queue);
    }

    static void await(bench::Echo::AsyncService &service, grpc::ServerContext *context, bench::Payload *request,
                      grpc::ServerAsyncResponseWriter<Reply> *writer, grpc::ServerCompletionQueue *queue, void *tag) {
        service.RequestUnary(context, request, writer, queue, queue, tag);
    }

    static void fill(bench::Payload *request, Reply *reply) {
        echo(request, reply);
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

    static void await(bench::Echo::AsyncService &service, grpc::ServerContext *context, bench::Payload *request,
                      grpc::ServerAsyncResponseWriter<Reply> *writer, grpc::ServerCompletionQueue *queue, void *tag) {
        service.RequestPut(context, request, writer, queue, queue, tag);
    }

    static void fill(bench::Payload *, Reply *) {
    }

    static size_t size(const Reply &) {
        return 0;
    }
};

// One call that the server waits for or answers.
class Served {
  public:
    virtual ~Served() = default;
    virtual void proceed() = 0;
};

template <typename Method> class ServedCall final : public Served {
  public:
    ServedCall(bench::Echo::AsyncService &service, grpc::ServerCompletionQueue *queue)
        : service_(service), queue_(queue) {
        await();
    }

    // The queue says that the call has arrived, or that its answer is sent.
    void proceed() override {
        if (answered_) {
            await();
            return;
        }
        answered_ = true;
        Method::fill(&request_, &reply_);
        writer_->Finish(reply_, grpc::Status::OK, this);
    }

  private:
    void await() {
        answered_ = false;
        context_.emplace();
        writer_.emplace(&*context_);
        Method::await(service_, &*context_, &request_, &*writer_, queue_, this);
    }

    bench::Echo::AsyncService &service_;
    grpc::ServerCompletionQueue *queue_;
    std::optional<grpc::ServerContext> context_;
    std::optional<grpc::ServerAsyncResponseWriter<typename Method::Reply>> writer_;
    bench::Payload request_;
    typename Method::Reply reply_;
    bool answered_;
};

int answer(const bench_job *, void *meeting) {
    bench::Echo::AsyncService service;
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    auto queue = builder.AddCompletionQueue();
    auto server = start_server(*static_cast<Meeting *>(meeting), builder);
    std::vector<std::unique_ptr<Served>> calls;
    for (int i = 0; i < kReady; i++) {
        calls.push_back(std::make_unique<ServedCall<UnaryMethod>>(service, queue.get()));
        calls.push_back(std::make_unique<ServedCall<PutMethod>>(service, queue.get()));
    }
    void *tag;
    bool ok;
    while (queue->Next(&tag, &ok) && ok) {
        static_cast<Served *>(tag)->proceed();
    }
    return EXIT_FAILURE;
}

// One call in flight. A context serves one call, so it is made anew for each.
template <typename Method> struct Slot {
    std::optional<grpc::ClientContext> context;
    std::unique_ptr<grpc::ClientAsyncResponseReader<typename Method::Reply>> reader;
    typename Method::Reply reply;
    grpc::Status status;
};

template <typename Method>
void start(Slot<Method> &slot, bench::Echo::Stub &stub, const bench::Payload &request, grpc::CompletionQueue *queue) {
    slot.context.emplace();
    slot.reader = Method::start(stub, &*slot.context, request, queue);
    slot.reader->Finish(&slot.reply, &slot.status, &slot);
}

template <typename Method> [[noreturn]] void call_method(const bench_job &job, const Meeting &meeting) {
    auto stub = connect_stub(meeting);
    const bench::Payload request = make_payload(job.size);
    const size_t expected = job.kind == BENCH_PUT ? 0 : job.size;
    grpc::CompletionQueue queue;
    std::vector<Slot<Method>> slots(job.depth);
    bench_meter meter;
    bench_meter_start(&meter, &job);
    for (Slot<Method> &slot : slots) {
        start(slot, *stub, request, &queue);
    }
    void *tag;
    bool ok;
    while (queue.Next(&tag, &ok)) {
        auto &slot = *static_cast<Slot<Method> *>(tag);
        check_reply(slot.status, Method::size(slot.reply), expected);
        if (bench_meter_tick(&meter)) {
            break;
        }
        start(slot, *stub, request, &queue);
    }
    finish(meter);
}

int call(const bench_job *job, void *user_data) {
    const Meeting &meeting = *static_cast<Meeting *>(user_data);
    if (job->kind == BENCH_PUT) {
        call_method<PutMethod>(*job, meeting);
    }
    call_method<UnaryMethod>(*job, meeting);
}

int run(const bench_job *job) {
    if (job->kind != BENCH_UNARY && job->kind != BENCH_UNARY_UP && job->kind != BENCH_PUT) {
        return BENCH_UNSUPPORTED;
    }
    return run_pair(job, call, answer);
}

} // namespace

int main(int argc, char **argv) {
    return bench_main(argc, argv, ("gRPC C++ " + grpc::Version() + ", completion queues").c_str(), run);
}
