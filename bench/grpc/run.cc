// See run.h.
#include "grpc/run.h"

#include <string>

#include "grpc/meeting.h"

void Event::set() {
    std::lock_guard<std::mutex> lock(mutex_);
    is_set_ = true;
    changed_.notify_all();
}

void Event::wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return is_set_.load(); });
}

size_t reply_size(const bench_job &job) {
    return job.kind == BENCH_PUT ? 0 : job.size;
}

void check_reply(const grpc::Status &status, size_t size, size_t expected) {
    if (!status.ok()) {
        fail(status.error_message());
    }
    if (size != expected) {
        fail(std::to_string(size) + " bytes of " + std::to_string(expected));
    }
}

Run::Run(const bench_job &job) {
    bench_meter_start(&meter_, &job);
}

bool Run::finish(const grpc::Status &status, size_t size, size_t expected) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (over_.is_set()) {
        return false;
    }
    check_reply(status, size, expected);
    if (bench_meter_tick(&meter_)) {
        over_.set();
    }
    return !over_.is_set();
}

void Run::finish_stream(const grpc::Status &status) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!over_.is_set()) {
        fail("a stream has ended: " + status.error_message());
    }
}

void Run::print() const {
    bench_meter_print(&meter_);
}
