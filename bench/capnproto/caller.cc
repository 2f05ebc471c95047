// See caller.h.
#include "capnproto/caller.h"

#include <memory>
#include <vector>

#include <kj/async-unix.h>

#include "bench.capnp.h"
#include "capnproto/side.h"

namespace {

// The calls of one run, and when it is over. A call that fails ends it.
class Calls : private kj::TaskSet::ErrorHandler {
  public:
    explicit Calls(const bench_job &job)
        : job_(job), payload_(make_payload(job.size)), tasks_(*this), over_(kj::newPromiseAndFulfiller<void>()) {
    }
    KJ_DISALLOW_COPY(Calls);
    virtual ~Calls() noexcept(false) = default;

    void wait(kj::WaitScope &scope) {
        over_.promise.wait(scope);
    }

  protected:
    kj::Promise<void> unary(Echo::Client &echo) {
        auto request = echo.unaryRequest(size_hint(payload_.size()));
        request.setData(payload_);
        return request.send().then([this](capnp::Response<Echo::UnaryResults> reply) { check(reply); });
    }

    kj::Promise<void> put(Echo::Client &echo) {
        auto request = echo.putRequest(size_hint(payload_.size()));
        request.setData(payload_);
        return request.send().ignoreResult();
    }

    template <typename Message> void check(const Message &message) const {
        if (message.getData().size() != job_.size) {
            fail("wrong reply");
        }
    }

    void add(kj::Promise<void> task) {
        tasks_.add(kj::mv(task));
    }

    void end() {
        over_.fulfiller->fulfill();
    }

    const bench_job &job_;

  private:
    void taskFailed(kj::Exception &&exception) override {
        over_.fulfiller->reject(kj::mv(exception));
    }

    kj::Array<kj::byte> payload_;
    kj::TaskSet tasks_;
    kj::PromiseFulfillerPair<void> over_;
};

// A closed loop: job.depth calls are in flight to each worker.
class ClosedLoop final : public Calls {
  public:
    ClosedLoop(const bench_job &job, std::vector<Echo::Client> &workers) : Calls(job) {
        bench_meter_start(&meter_, &job);
        for (Echo::Client &worker : workers) {
            for (unsigned i = 0; i < job.depth; i++) {
                start(worker);
            }
        }
    }

    void print() {
        bench_meter_print(&meter_);
    }

  private:
    void start(Echo::Client &worker) {
        auto call = job_.kind == BENCH_PUT ? put(worker) : unary(worker);
        add(call.then([this, &worker]() { finish(worker); }));
    }

    void finish(Echo::Client &worker) {
        if (is_over_) {
            return;
        }
        is_over_ = bench_meter_tick(&meter_);
        if (is_over_) {
            end();
        } else {
            start(worker);
        }
    }

    bench_meter meter_;
    bool is_over_ = false;
};

// An open loop, which begins when a first call has shown that the worker is up.
class OpenLoop final : public Calls {
  public:
    OpenLoop(const bench_job &job, kj::UnixEventPort &port, Echo::Client worker)
        : Calls(job), port_(port), worker_(kj::mv(worker)) {
        add(unary(worker_).then([this]() {
            bench_latency_start(&latency_, &job_);
            due_ = kj::heap<kj::UnixEventPort::FdObserver>(port_, latency_.fd,
                                                           kj::UnixEventPort::FdObserver::OBSERVE_READ);
            return start_on_time();
        }));
    }

    void print() {
        due_ = nullptr;
        bench_latency_print(&latency_);
    }

  private:
    kj::Promise<void> start_on_time() {
        for (uint64_t n = bench_latency_due(&latency_); n > 0; n--) {
            start(bench_latency_take(&latency_));
        }
        if (bench_latency_all_started(&latency_)) {
            return kj::READY_NOW;
        }
        return due_->whenBecomesReadable().then([this]() { return start_on_time(); });
    }

    void start(uint64_t due_ns) {
        add(unary(worker_).then([this, due_ns]() {
            if (bench_latency_finish(&latency_, due_ns)) {
                end();
            }
        }));
    }

    kj::UnixEventPort &port_;
    Echo::Client worker_;
    bench_latency latency_;
    kj::Own<kj::UnixEventPort::FdObserver> due_;
};

// One call, in which the worker writes to a capability of the master's by a method that returns `stream`: what Cap'n
// Proto has for flow control. The window, the socket's send buffer, is its default.
class Stream final : public Calls {
  public:
    Stream(const bench_job &job, Echo::Client worker) : Calls(job) {
        bench_meter_start(&meter_, &job);
        auto request = worker.streamRequest();
        request.setSink(kj::heap<Counter>(*this));
        add(request.send().then([](capnp::Response<Echo::StreamResults>) { fail("the stream has ended"); }));
    }

    void print() {
        bench_meter_print(&meter_);
    }

  private:
    class Counter final : public Sink::Server {
      public:
        explicit Counter(Stream &stream) : stream_(stream) {
        }

      protected:
        kj::Promise<void> write(WriteContext context) override {
            stream_.check(context.getParams());
            stream_.count();
            return kj::READY_NOW;
        }

      private:
        Stream &stream_;
    };

    void count() {
        if (is_over_) {
            return;
        }
        is_over_ = bench_meter_tick(&meter_);
        if (is_over_) {
            end();
        }
    }

    bench_meter meter_;
    bool is_over_ = false;
};

template <typename Run> void measure(Run &&run, kj::WaitScope &scope) {
    run.wait(scope);
    run.print();
}

void measure_case(const bench_job &job, kj::AsyncIoContext &io, std::vector<Echo::Client> &workers) {
    switch (job.kind) {
    case BENCH_LATENCY:
        return measure(OpenLoop(job, io.unixEventPort, workers.front()), io.waitScope);
    case BENCH_STREAM:
        return measure(Stream(job, workers.front()), io.waitScope);
    default:
        return measure(ClosedLoop(job, workers), io.waitScope);
    }
}

// Waits until all messages have left. A queue of them is destroyed by recursion, and when calls came faster than they
// could be made it may be so long that the stack overflows.
void drain(capnp::TwoPartyClient &client, kj::AsyncIoContext &io) {
    while (client.getCurrentQueueCount() > 0) {
        io.provider->getTimer().afterDelay(1 * kj::MILLISECONDS).wait(io.waitScope);
    }
}

} // namespace

int make_calls(const bench_job &job, kj::ArrayPtr<const int> fds) {
    return run_side([&](kj::AsyncIoContext &io) {
        std::vector<std::unique_ptr<Connection>> connections;
        std::vector<Echo::Client> workers;
        for (int fd : fds) {
            connections.push_back(std::make_unique<Connection>(io, fd, capnp::rpc::twoparty::Side::CLIENT, nullptr));
            workers.push_back(connections.back()->client().bootstrap().castAs<Echo>());
        }
        measure_case(job, io, workers);
        if (job.kind == BENCH_LATENCY) {
            drain(connections.front()->client(), io);
        }
    });
}
