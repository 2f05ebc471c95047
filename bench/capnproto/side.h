// What both sides of the Cap'n Proto bench share: a connection, and how large a message is.
#ifndef BENCH_CAPNPROTO_SIDE_H
#define BENCH_CAPNPROTO_SIDE_H

#include <cstdio>

#include <capnp/rpc-twoparty.h>
#include <kj/async-io.h>

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
