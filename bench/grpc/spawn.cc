// See spawn.h.
#include "grpc/spawn.h"

#include <csignal>
#include <cstdlib>

#include <unistd.h>

#include "grpc/loops.h"

namespace {

// The process that forks the workers.
class Nursery {
  public:
    Nursery(const bench_job &job, bench_worker *serve, void *user_data) : serve_(serve), user_data_(user_data) {
        if (pipe(orders_)) {
            bench_die("pipe");
        }
        pid_ = bench_fork_worker(&job, 0, run, this);
    }

    // Asks for worker `index`.
    void order(unsigned index) {
        if (write(orders_[1], &index, sizeof index) != sizeof index) {
            bench_die("cannot ask for a worker");
        }
    }

    // Ends the workers, too: they die with it.
    void end() {
        bench_end_workers(&pid_, 1);
    }

  private:
    static int run(const bench_job *job, unsigned, void *user_data) {
        auto &self = *static_cast<Nursery *>(user_data);
        close(self.orders_[1]);
        // The workers are not waited for.
        if (signal(SIGCHLD, SIG_IGN) == SIG_ERR) {
            bench_die("signal");
        }
        unsigned index;
        while (read(self.orders_[0], &index, sizeof index) == sizeof index) {
            bench_fork_worker(job, index, self.serve_, self.user_data_);
        }
        return EXIT_FAILURE;
    }

    bench_worker *serve_;
    void *user_data_;
    int orders_[2]; // a pipe
    pid_t pid_;
};

} // namespace

int run_spawn(const Meeting &meeting, std::unique_ptr<Api> (*make_api)(const bench_job &job), bench_worker *serve,
              void *user_data) {
    const bench_job &job = meeting.job();
    Nursery nursery(job, serve, user_data);
    auto api = make_api(job);
    bench_spans spans;
    bench_spans_start(&spans, &job);
    bool over = false;
    for (unsigned index = 0; !over; index++) {
        bench_span_begin(&spans);
        nursery.order(index);
        pid_t pid = meeting.wait_for_server();
        auto stub = meeting.connect(index);
        call_once(job, *api, *stub);
        over = bench_span_end(&spans);
        stub.reset();
        kill(pid, SIGKILL);
    }
    bench_spans_print(&spans);
    nursery.end();
    return EXIT_SUCCESS;
}
