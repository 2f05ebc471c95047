// What both sides of the Cap'n Proto bench share: a connection, and what is sent.
#ifndef BENCH_CAPNPROTO_SIDE_H
#define BENCH_CAPNPROTO_SIDE_H

#include <cstdio>
#include <cstdlib>

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

#include "common/bench.h"

// One end of a socketpair. Each side offers what `offered` is, which may be nothing, and can reach what the other does.
class Connection {
  public:
    Connection(kj::AsyncIoContext &io, int fd, capnp::rpc::twoparty::Side side, capnp::Capability::Client offered)
        : stream_(io.lowLevelProvider->wrapSocketFd(fd)), client_(*stream_, kj::mv(offered), side) {
    }

    capnp::TwoPartyClient &client() {
        return client_;
    }

  private:
    kj::Own<kj::AsyncIoStream> stream_;
    capnp::TwoPartyClient client_;
};

inline kj::Array<kj::byte> make_payload(size_t size) {
    unsigned char *bytes = bench_payload(size);
    auto payload = kj::heapArray<kj::byte>(bytes, size);
    free(bytes);
    return payload;
}

// Ends what the calling code does; of a handler, the call, and so the other side's run.
[[noreturn]] inline void fail(kj::StringPtr what) {
    kj::throwFatalException(kj::Exception(kj::Exception::Type::FAILED, __FILE__, __LINE__, kj::heapString(what)));
}

// A hint at a message's size, so that its first segment is allocated to fit: the data, and a few words around it.
inline capnp::MessageSize size_hint(size_t data_size) {
    return {data_size / sizeof(capnp::word) + 8, 0};
}

// Runs one side. What goes wrong there, such as the other side's end, ends it with a message.
template <typename Side> int run_side(Side &&side) {
    try {
        kj::AsyncIoContext io = kj::setupAsyncIo();
        side(io);
        return EXIT_SUCCESS;
    } catch (const kj::Exception &exception) {
        fprintf(stderr, "Cap'n Proto: %s\n", exception.getDescription().cStr());
        return EXIT_FAILURE;
    }
}

#endif
