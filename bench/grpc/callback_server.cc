// See callback_server.h.
#include "grpc/callback_server.h"

namespace {

// Sends what the request says, until it is cancelled.
class Source final : public grpc::ServerWriteReactor<bench::Payload> {
  public:
    explicit Source(const bench::Payload &payload) : payload_(payload) {
        StartWrite(&payload_);
    }

    void OnWriteDone(bool ok) override {
        if (ok) {
            StartWrite(&payload_);
        } else {
            Finish(grpc::Status::CANCELLED);
        }
    }

    void OnDone() override {
        delete this;
    }

  private:
    const bench::Payload payload_;
};

// Answers one message after the other.
class Echoer final : public grpc::ServerBidiReactor<bench::Payload, bench::Payload> {
  public:
    Echoer() {
        StartRead(&payload_);
    }

    void OnReadDone(bool ok) override {
        if (ok) {
            StartWrite(&payload_);
        } else {
            Finish(grpc::Status::OK);
        }
    }

    void OnWriteDone(bool ok) override {
        if (ok) {
            StartRead(&payload_);
        } else {
            Finish(grpc::Status::CANCELLED);
        }
    }

    void OnDone() override {
        delete this;
    }

  private:
    bench::Payload payload_;
};

class Service final : public bench::Echo::CallbackService {
  public:
    explicit Service(const bench_job &job) : job_(job) {
    }

    grpc::ServerUnaryReactor *Unary(grpc::CallbackServerContext *context, const bench::Payload *request,
                                    bench::Payload *reply) override {
        reply->set_data(request->data());
        return finish(context, *request);
    }

    grpc::ServerUnaryReactor *Put(grpc::CallbackServerContext *context, const bench::Payload *request,
                                  bench::Ack *) override {
        return finish(context, *request);
    }

    grpc::ServerWriteReactor<bench::Payload> *Stream(grpc::CallbackServerContext *,
                                                     const bench::Payload *request) override {
        return new Source(*request);
    }

    grpc::ServerBidiReactor<bench::Payload, bench::Payload> *Bidi(grpc::CallbackServerContext *) override {
        return new Echoer;
    }

  private:
    grpc::ServerUnaryReactor *finish(grpc::CallbackServerContext *context, const bench::Payload &request) const {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(check_request(request, job_));
        return reactor;
    }

    const bench_job &job_;
};

} // namespace

int serve_by_callback(const Meeting &meeting, unsigned index) {
    Service service(meeting.job());
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    meeting.start_server(builder, index)->Wait();
    fail("the server has ended");
}
