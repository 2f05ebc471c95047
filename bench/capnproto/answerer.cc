// See answerer.h.
#include "capnproto/answerer.h"

#include "bench.capnp.h"
#include "capnproto/side.h"

namespace {

class EchoServer final : public Echo::Server {
  public:
    explicit EchoServer(const bench_job &job) : job_(job), payload_(make_payload(job.size)) {
    }

  protected:
    kj::Promise<void> unary(UnaryContext context) override {
        capnp::Data::Reader data = take(context.getParams());
        context.getResults(size_hint(data.size())).setData(data);
        return kj::READY_NOW;
    }

    kj::Promise<void> put(PutContext context) override {
        take(context.getParams());
        return kj::READY_NOW;
    }

    kj::Promise<void> stream(StreamContext context) override {
        return write_on(context.getParams().getSink());
    }

  private:
    template <typename Params> capnp::Data::Reader take(Params params) const {
        capnp::Data::Reader data = params.getData();
        if (data.size() != job_.size) {
            fail("wrong request");
        }
        return data;
    }

    kj::Promise<void> write_on(Sink::Client sink) {
        auto request = sink.writeRequest(size_hint(payload_.size()));
        request.setData(payload_);
        return request.send().then([this, sink = kj::mv(sink)]() mutable { return write_on(kj::mv(sink)); });
    }

    const bench_job &job_;
    kj::Array<kj::byte> payload_;
};

} // namespace

int answer_calls(const bench_job &job, int fd) {
    return run_side([&](kj::AsyncIoContext &io) {
        Connection connection(io, fd, capnp::rpc::twoparty::Side::SERVER, kj::heap<EchoServer>(job));
        connection.client().onDisconnect().wait(io.waitScope);
    });
}
