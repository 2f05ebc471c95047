// An interceptor that does nothing, at the caller and at the handler, for unary-checked.
#ifndef BENCH_GRPC_INTERCEPTORS_H
#define BENCH_GRPC_INTERCEPTORS_H

#include <memory>
#include <vector>

#include <grpcpp/support/client_interceptor.h>
#include <grpcpp/support/server_interceptor.h>

class NoInterceptor final : public grpc::experimental::Interceptor {
    void Intercept(grpc::experimental::InterceptorBatchMethods *methods) override {
        methods->Proceed();
    }
};

class NoClientInterceptors final : public grpc::experimental::ClientInterceptorFactoryInterface {
    grpc::experimental::Interceptor *CreateClientInterceptor(grpc::experimental::ClientRpcInfo *) override {
        return new NoInterceptor;
    }
};

class NoServerInterceptors final : public grpc::experimental::ServerInterceptorFactoryInterface {
    grpc::experimental::Interceptor *CreateServerInterceptor(grpc::experimental::ServerRpcInfo *) override {
        return new NoInterceptor;
    }
};

inline auto make_client_interceptors() {
    std::vector<std::unique_ptr<grpc::experimental::ClientInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(std::make_unique<NoClientInterceptors>());
    return interceptors;
}

inline auto make_server_interceptors() {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>> interceptors;
    interceptors.push_back(std::make_unique<NoServerInterceptors>());
    return interceptors;
}

#endif
