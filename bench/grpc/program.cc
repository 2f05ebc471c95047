// See program.h.
#include "grpc/program.h"

#include <unistd.h>

#include "grpc/loops.h"
#include "grpc/spawn.h"
#include "grpc/streams.h"

namespace {

struct Work {
    const Program &program;
    Meeting meeting;
};

int measure(const bench_job *job, void *user_data) {
    const Work &work = *static_cast<Work *>(user_data);
    // It stays, as threads of gRPC's may still be in it at the end.
    Api *api = work.program.make_api(*job).release();
    switch (job->kind) {
    case BENCH_STREAM:
        return run_stream(work.meeting, *api);
    case BENCH_BIDI:
    case BENCH_STREAMS:
        return run_echo_streams(work.meeting, *api);
    case BENCH_LATENCY:
        return run_open_loop(work.meeting, *api);
    default:
        return run_closed_loop(work.meeting, *api);
    }
}

int serve_as(const bench_job *, unsigned index, void *user_data) {
    const Work &work = *static_cast<Work *>(user_data);
    return work.program.serve(work.meeting, index);
}

int serve_alone(const bench_job *job, void *user_data) {
    return serve_as(job, 0, user_data);
}

int run_case(const bench_job &job, Work &work) {
    switch (job.kind) {
    case BENCH_SPAWN_LARGE:
    case BENCH_KILL:
    case BENCH_IDLE:
        return BENCH_UNSUPPORTED;
    case BENCH_SPAWN:
        return run_spawn(work.meeting, work.program.make_api, serve_as, &work);
    case BENCH_UNARY_UP:
        return bench_run_pair(&job, measure, serve_alone, &work);
    default:
        return bench_run_workers(&job, measure, serve_as, &work);
    }
}

} // namespace

int run_program(const Program &program, const bench_job &job) {
    Work work{program, Meeting(job)};
    int code = run_case(job, work);
    // Not by exit(): gRPC's tear-down is not measured, and what is in flight still needs what it would take down.
    _exit(code);
}
