// See streams.h.
#include "grpc/streams.h"

#include <cstdlib>
#include <vector>

int run_stream(const Meeting &meeting, Api &api) {
    meeting.wait_for_server();
    auto stub = meeting.connect(0).release();
    auto &run = *new Run(meeting.job());
    api.read_stream(*stub, run);
    api.wait(run.over());
    run.print();
    return EXIT_SUCCESS;
}

namespace {

// Each stream first sends one message, whose answer shows that the stream is open at the other side. Then they are
// measured.
class EchoStreams final : public Turns {
  public:
    EchoStreams(const bench_job &job, Api &api, bench::Echo::Stub &stub) : job_(job), run_(job) {
        for (unsigned i = 0; i < job.streams; i++) {
            streams_.push_back(api.open_echo_stream(stub, *this));
        }
        for (auto &stream : streams_) {
            stream->send();
        }
        api.wait(opened_);
        is_open_ = true;
        for (unsigned i = 0; i < job.depth; i++) {
            next().send();
        }
    }

    void finish(size_t size) override {
        if (is_open_) {
            if (run_.finish(grpc::Status::OK, size, job_.size)) {
                next().send();
            }
        } else if (++opened_count_ == job_.streams) {
            opened_.set();
        }
    }

    void finish_stream(const grpc::Status &status) override {
        run_.finish_stream(status);
    }

    Run &run() {
        return run_;
    }

  private:
    EchoStream &next() {
        return *streams_[next_++ % streams_.size()];
    }

    const bench_job &job_;
    std::vector<std::unique_ptr<EchoStream>> streams_;
    std::atomic<unsigned> opened_count_ = 0;
    Event opened_;
    std::atomic<bool> is_open_ = false;
    std::atomic<size_t> next_ = 0;
    Run run_;
};

} // namespace

int run_echo_streams(const Meeting &meeting, Api &api) {
    meeting.wait_for_server();
    auto stub = meeting.connect(0).release();
    auto &streams = *new EchoStreams(meeting.job(), api, *stub);
    api.wait(streams.run().over());
    streams.run().print();
    return EXIT_SUCCESS;
}
