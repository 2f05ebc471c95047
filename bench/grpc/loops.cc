// See loops.h and api.h.
#include "grpc/loops.h"

#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

void set_up(grpc::ClientContext &context, const bench_job &job) {
    if (job.kind == BENCH_UNARY_CHECKED) {
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
    }
}

// ---- The closed loop ------------------------------------------------------------------------------------------------

namespace {

class ClosedLoop final : public Loop {
  public:
    explicit ClosedLoop(const bench_job &job) : job_(job), run_(job) {
    }

    void start(const Meeting &meeting, Api &api) {
        for (unsigned i = 0; i < job_.workers; i++) {
            stubs_.push_back(meeting.connect(i));
            for (unsigned j = 0; j < job_.depth; j++) {
                calls_.push_back(api.make_call(*stubs_.back(), *this));
            }
        }
        for (auto &call : calls_) {
            call->start();
        }
    }

    void finish(Call &call, const grpc::Status &status, size_t size) override {
        if (run_.finish(status, size, reply_size(job_))) {
            call.start();
        }
    }

    Run &run() {
        return run_;
    }

  private:
    const bench_job &job_;
    Run run_;
    std::vector<std::unique_ptr<bench::Echo::Stub>> stubs_;
    std::vector<std::unique_ptr<Call>> calls_;
};

} // namespace

int run_closed_loop(const Meeting &meeting, Api &api) {
    for (unsigned i = 0; i < meeting.job().workers; i++) {
        meeting.wait_for_server();
    }
    auto &loop = *new ClosedLoop(meeting.job());
    loop.start(meeting, api);
    api.wait(loop.run().over());
    loop.run().print();
    return EXIT_SUCCESS;
}

// ---- One call -------------------------------------------------------------------------------------------------------

namespace {

class Once final : public Loop {
  public:
    explicit Once(const bench_job &job) : expected_(reply_size(job)) {
    }

    void finish(Call &, const grpc::Status &status, size_t size) override {
        check_reply(status, size, expected_);
        finished_.set();
    }

    Event &finished() {
        return finished_;
    }

  private:
    const size_t expected_;
    Event finished_;
};

} // namespace

void call_once(const bench_job &job, Api &api, bench::Echo::Stub &stub) {
    Once loop(job);
    auto call = api.make_call(stub, loop);
    call->start();
    api.wait(loop.finished());
}

// ---- The open loop --------------------------------------------------------------------------------------------------

namespace {

class OpenLoop final : public Loop {
  public:
    OpenLoop(const bench_job &job, Api &api, bench::Echo::Stub &stub) : job_(job), api_(api), stub_(stub) {
    }

    // Starts calls when they are due, on this thread; they finish on others.
    void run() {
        bench_latency_start(&latency_, &job_);
        std::thread finisher([this] { api_.wait(over_); });
        while (!bench_latency_all_started(&latency_)) {
            bench_latency_wait(&latency_);
            for (uint64_t n = bench_latency_due(&latency_); n > 0; n--) {
                Call &call = take();
                call.due_ns = bench_latency_take(&latency_);
                call.start();
            }
        }
        finisher.join();
        bench_latency_print(&latency_);
    }

    void finish(Call &call, const grpc::Status &status, size_t size) override {
        check_reply(status, size, reply_size(job_));
        std::lock_guard<std::mutex> lock(mutex_);
        idle_.push_back(&call);
        if (bench_latency_finish(&latency_, call.due_ns)) {
            over_.set();
        }
    }

  private:
    // A call that is not in flight: as many are made as are in flight at once.
    Call &take() {
        std::lock_guard<std::mutex> lock(mutex_);
        if (idle_.empty()) {
            return *api_.make_call(stub_, *this).release();
        }
        Call *call = idle_.back();
        idle_.pop_back();
        return *call;
    }

    const bench_job &job_;
    Api &api_;
    bench::Echo::Stub &stub_;
    Event over_;
    std::mutex mutex_; // of what is below
    bench_latency latency_;
    std::vector<Call *> idle_;
};

} // namespace

int run_open_loop(const Meeting &meeting, Api &api) {
    meeting.wait_for_server();
    auto stub = meeting.connect(0).release();
    call_once(meeting.job(), api, *stub);
    auto &loop = *new OpenLoop(meeting.job(), api, *stub);
    loop.run();
    return EXIT_SUCCESS;
}
