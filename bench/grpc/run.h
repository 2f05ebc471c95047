// What is shared by the threads of a run.
#ifndef BENCH_GRPC_RUN_H
#define BENCH_GRPC_RUN_H

#include <atomic>
#include <condition_variable>
#include <mutex>

#include <grpcpp/grpcpp.h>

#include "common/bench.h"

// Something that is waited for, and happens once.
class Event {
  public:
    void set();
    void wait();

    bool is_set() const {
        return is_set_;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<bool> is_set_ = false;
};

// Operations that are finished on several threads, and when their time is up.
class Run {
  public:
    explicit Run(const bench_job &job);

    // Counts an operation. True when there is to be another. Ends the process when it has gone wrong, or brought
    // another number of bytes than expected, but not when the time is up: then the workers may be gone.
    bool finish(const grpc::Status &status, size_t size, size_t expected);

    // A stream has ended, which none does before the time is up.
    void finish_stream(const grpc::Status &status);

    Event &over() {
        return over_;
    }

    void print() const;

  private:
    std::mutex mutex_;
    bench_meter meter_;
    Event over_;
};

// How many bytes the answer to a call has.
size_t reply_size(const bench_job &job);

// Ends the process unless a call succeeded and brought what was expected.
void check_reply(const grpc::Status &status, size_t size, size_t expected);

#endif
