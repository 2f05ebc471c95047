// gRPC C++ with the callback API on both sides, which gRPC's documentation recommends.
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "grpc/side.h"

namespace {

class Service final : public bench::Echo::CallbackService {
    grpc::ServerUnaryReactor *Unary(grpc::CallbackServerContext *context, const bench::Payload *request,
                                    bench::Payload *reply) override {
        reply->set_data(request->data());
        return finished(context);
    }

    grpc::ServerUnaryReactor *Put(grpc::CallbackServerContext *context, const bench::Payload *, bench::Ack *) override {
        return finished(context);
    }

    static grpc::ServerUnaryReactor *finished(grpc::CallbackServerContext *context) {
        grpc::ServerUnaryReactor *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

// The calls of one run. gRPC completes them on threads of its own, so the meter is behind a lock.
class Caller {
  public:
    Caller(const bench_job &job, const Meeting &meeting)
        : job_(job), stub_(connect_stub(meeting)), request_(make_payload(job.size)), slots_(job.depth) {
        bench_meter_start(&meter_, &job);
    }

    void run() {
        for (Slot &slot : slots_) {
            start(slot);
        }
        std::unique_lock<std::mutex> lock(mutex_);
        over_changed_.wait(lock, [this] { return over_; });
        finish(meter_);
    }

  private:
    // What one call in flight needs. A context serves one call, so it is made anew for each.
    struct Slot {
        std::optional<grpc::ClientContext> context;
        bench::Payload reply;
        bench::Ack ack;
    };

    void start(Slot &slot) {
        slot.context.emplace();
        auto done = [this, &slot](const grpc::Status &status) { complete(slot, status); };
        if (job_.kind == BENCH_PUT) {
            stub_->async()->Put(&*slot.context, &request_, &slot.ack, done);
        } else {
            stub_->async()->Unary(&*slot.context, &request_, &slot.reply, done);
        }
    }

    void complete(Slot &slot, const grpc::Status &status) {
        check_reply(status, slot.reply.data().size(), job_.kind == BENCH_PUT ? 0 : job_.size);
        if (tick()) {
            start(slot);
        }
    }

    // Counts; true when the slot may start its next call.
    bool tick() {
        std::lock_guard<std::mutex> lock(mutex_);
        if (over_) {
            return false;
        }
        over_ = bench_meter_tick(&meter_);
        if (over_) {
            over_changed_.notify_one();
        }
        return !over_;
    }

    const bench_job &job_;
    std::unique_ptr<bench::Echo::Stub> stub_;
    bench::Payload request_;
    std::vector<Slot> slots_;
    std::mutex mutex_;
    std::condition_variable over_changed_;
    bench_meter meter_;
    bool over_ = false;
};

int call(const bench_job *job, void *meeting) {
    Caller(*job, *static_cast<Meeting *>(meeting)).run();
    return EXIT_SUCCESS;
}

int answer(const bench_job *, void *meeting) {
    Service service;
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    start_server(*static_cast<Meeting *>(meeting), builder)->Wait();
    return EXIT_SUCCESS;
}

int run(const bench_job *job) {
    if (job->kind != BENCH_UNARY && job->kind != BENCH_UNARY_UP && job->kind != BENCH_PUT) {
        return BENCH_UNSUPPORTED;
    }
    return run_pair(job, call, answer);
}

} // namespace

int main(int argc, char **argv) {
    return bench_main(argc, argv, ("gRPC C++ " + grpc::Version() + ", callback API").c_str(), run);
}
