// See meeting.h.
#include "grpc/meeting.h"

#include <cstdio>
#include <cstdlib>

#include <unistd.h>

#include "grpc/interceptors.h"

void fail(const std::string &what) {
    fprintf(stderr, "gRPC: %s\n", what.c_str());
    _exit(EXIT_FAILURE);
}

bench::Payload make_payload(size_t size) {
    unsigned char *bytes = bench_payload(size);
    bench::Payload payload;
    payload.set_data(bytes, size);
    free(bytes);
    return payload;
}

grpc::Status check_request(const bench::Payload &request, const bench_job &job) {
    return request.data().size() == job.size ? grpc::Status::OK
                                             : grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "wrong request");
}

Meeting::Meeting(const bench_job &job)
    : job_(job), prefix_("unix-abstract:yoke-bench-" + std::to_string(getpid()) + "-") {
    if (pipe(ready_)) {
        bench_die("pipe");
    }
}

std::string Meeting::address(unsigned index) const {
    return prefix_ + std::to_string(index);
}

std::unique_ptr<grpc::Server> Meeting::start_server(grpc::ServerBuilder &builder, unsigned index) const {
    builder.AddListeningPort(address(index), grpc::InsecureServerCredentials());
    // By default a server takes no message above 4 MiB, and there is a put of 16 MiB.
    builder.SetMaxReceiveMessageSize(-1);
    if (job_.kind == BENCH_UNARY_CHECKED) {
        builder.experimental().SetInterceptorCreators(make_server_interceptors());
    }
    auto server = builder.BuildAndStart();
    pid_t pid = getpid();
    if (!server || write(ready_[1], &pid, sizeof pid) != sizeof pid) {
        fail("the server cannot start");
    }
    return server;
}

pid_t Meeting::wait_for_server() const {
    pid_t pid;
    if (read(ready_[0], &pid, sizeof pid) != sizeof pid) {
        bench_die("the gRPC server has not started");
    }
    return pid;
}

std::unique_ptr<bench::Echo::Stub> Meeting::connect(unsigned index) const {
    auto credentials = grpc::InsecureChannelCredentials();
    if (job_.kind == BENCH_UNARY_CHECKED) {
        return bench::Echo::NewStub(grpc::experimental::CreateCustomChannelWithInterceptors(
            address(index), credentials, grpc::ChannelArguments(), make_client_interceptors()));
    }
    return bench::Echo::NewStub(grpc::CreateChannel(address(index), credentials));
}
