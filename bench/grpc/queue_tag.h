// What a completion queue gives back when what was asked for is done.
#ifndef BENCH_GRPC_QUEUE_TAG_H
#define BENCH_GRPC_QUEUE_TAG_H

class Tag {
  public:
    virtual ~Tag() = default;
    virtual void proceed(bool ok) = 0;

    // What gRPC is given.
    void *tag() {
        return this;
    }
};

// What a queue has given back.
inline void proceed(void *tag, bool ok) {
    static_cast<Tag *>(tag)->proceed(ok);
}

// A tag for one of the several things that an object waits for.
template <typename Owner> class Step final : public Tag {
  public:
    Step(Owner &owner, void (Owner::*method)(bool ok)) : owner_(owner), method_(method) {
    }

    void proceed(bool ok) override {
        (owner_.*method_)(ok);
    }

  private:
    Owner &owner_;
    void (Owner::*method_)(bool ok);
};

#endif
