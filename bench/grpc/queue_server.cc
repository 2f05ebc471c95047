// See queue_server.h.
#include "grpc/queue_server.h"

#include <optional>

#include "grpc/queue_tag.h"

namespace {

// Calls that the server is ready to take at once where nothing limits how many are in flight.
constexpr unsigned kReady = 128;

struct Server {
    const bench_job &job;
    bench::Echo::AsyncService &service;
    grpc::ServerCompletionQueue *queue;
};

// ---- Unary calls and puts -------------------------------------------------------------------------------------------

struct UnaryMethod {
    using Reply = bench::Payload;

    static void await(const Server &server, grpc::ServerContext *context, bench::Payload *request,
                      grpc::ServerAsyncResponseWriter<Reply> *writer, void *tag) {
        server.service.RequestUnary(context, request, writer, server.queue, server.queue, tag);
    }

    // Without a copy: the request is not needed any more.
    static void fill(bench::Payload *request, Reply *reply) {
        reply->mutable_data()->swap(*request->mutable_data());
    }
};

struct PutMethod {
    using Reply = bench::Ack;

    static void await(const Server &server, grpc::ServerContext *context, bench::Payload *request,
                      grpc::ServerAsyncResponseWriter<Reply> *writer, void *tag) {
        server.service.RequestPut(context, request, writer, server.queue, server.queue, tag);
    }

    static void fill(bench::Payload *, Reply *) {
    }
};

// Waits for a call and answers it, again and again.
template <typename Method> class ServedCall final : public Tag {
  public:
    explicit ServedCall(const Server &server) : server_(server) {
        await();
    }

    // The call has arrived, or its answer is sent.
    void proceed(bool) override {
        if (answered_) {
            await();
            return;
        }
        answered_ = true;
        grpc::Status status = check_request(request_, server_.job);
        Method::fill(&request_, &reply_);
        writer_->Finish(reply_, status, tag());
    }

  private:
    void await() {
        answered_ = false;
        context_.emplace();
        writer_.emplace(&*context_);
        Method::await(server_, &*context_, &request_, &*writer_, tag());
    }

    const Server &server_;
    std::optional<grpc::ServerContext> context_;
    std::optional<grpc::ServerAsyncResponseWriter<typename Method::Reply>> writer_;
    bench::Payload request_;
    typename Method::Reply reply_;
    bool answered_;
};

// ---- Streams --------------------------------------------------------------------------------------------------------

// Waits for one call, and sends what its request says until it is cancelled.
class Source final : public Tag {
  public:
    explicit Source(const Server &server) : writer_(&context_) {
        server.service.RequestStream(&context_, &request_, &writer_, server.queue, server.queue, tag());
    }

    void proceed(bool ok) override {
        if (ok) {
            writer_.Write(request_, tag());
        }
    }

  private:
    grpc::ServerContext context_;
    bench::Payload request_;
    grpc::ServerAsyncWriter<bench::Payload> writer_;
};

// Waits for a call, which it leaves to another to do again, and answers its messages one after the other.
class Echoer final : public Tag {
  public:
    explicit Echoer(const Server &server) : server_(server), stream_(&context_) {
        server.service.RequestBidi(&context_, &stream_, server.queue, server.queue, tag());
    }

    void proceed(bool ok) override {
        if (!ok) {
            // The client has gone, and this process goes next.
            return;
        }
        if (state_ == State::waiting) {
            new Echoer(server_);
        }
        if (state_ == State::reading) {
            state_ = State::writing;
            stream_.Write(payload_, tag());
        } else {
            state_ = State::reading;
            stream_.Read(&payload_, tag());
        }
    }

  private:
    enum class State { waiting, reading, writing };

    const Server &server_;
    grpc::ServerContext context_;
    grpc::ServerAsyncReaderWriter<bench::Payload, bench::Payload> stream_;
    bench::Payload payload_;
    State state_ = State::waiting;
};

// ---- The server -----------------------------------------------------------------------------------------------------

// Waits for the calls of the case.
void await_calls(const Server &server) {
    switch (server.job.kind) {
    case BENCH_STREAM:
        new Source(server);
        return;
    case BENCH_BIDI:
    case BENCH_STREAMS:
        new Echoer(server);
        return;
    case BENCH_PUT:
        for (unsigned i = 0; i < server.job.depth; i++) {
            new ServedCall<PutMethod>(server);
        }
        return;
    default:
        for (unsigned i = 0; i < (server.job.kind == BENCH_LATENCY ? kReady : server.job.depth); i++) {
            new ServedCall<UnaryMethod>(server);
        }
    }
}

} // namespace

int serve_by_queue(const Meeting &meeting, unsigned index) {
    bench::Echo::AsyncService service;
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    auto queue = builder.AddCompletionQueue();
    auto running = meeting.start_server(builder, index);
    const Server server{meeting.job(), service, queue.get()};
    await_calls(server);
    void *tag;
    bool ok;
    while (queue->Next(&tag, &ok)) {
        proceed(tag, ok);
    }
    running->Shutdown();
    fail("the server has ended");
}
