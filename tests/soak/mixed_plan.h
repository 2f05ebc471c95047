/*
 * mixed_plan.h: what is to happen in a call, and what its messages say, as a function of the seed and the call's index:
 * so both sides know, and whatever arrives can be compared with what must have been sent.
 */
#ifndef YOKE_TESTS_SOAK_MIXED_PLAN_H
#define YOKE_TESTS_SOAK_MIXED_PLAN_H

#include "soak.h"

#include "soak.yoke.h"

/* The largest message, but for what protobuf adds. */
#define MIXED_BYTES_MAX (16 * MIB)

enum mixed_kind { MIXED_UNARY, MIXED_DOWN, MIXED_UP, MIXED_BOTH, MIXED_KIND_COUNT };

/* What the handler does. */
enum mixed_act {
    ACT_ANSWER,
    ACT_ANSWER_LATER,
    ACT_FAIL,
    ACT_FAIL_EARLY, /* at the first request */
    ACT_KEEP        /* until it is cancelled */
};

/* What the caller does. */
enum mixed_end {
    END_NATURAL,
    END_CANCEL_AT_ONCE,
    END_CANCEL_SOON,
    END_CANCEL_AT_MESSAGE, /* when the first reply comes */
    END_DEADLINE
};

struct mixed_plan {
    uint64_t random; /* where its messages come from */
    enum mixed_kind kind;
    enum mixed_act act;
    enum mixed_end end;
    enum yoke_code code; /* of ACT_FAIL and ACT_FAIL_EARLY */
    unsigned requests, replies;
    uint64_t timeout_us; /* of END_DEADLINE, else 0 */
    bool holds;          /* the caller holds the stream for a while at its first reply */
    bool is_deaf;        /* the handler does not want to hear of its cancellation */
};

#define MIXED_FAILURE "as planned"

/* Before any process is forked. */
void mixed_plan_init(void);
void mixed_plan_release(void);

/* The plan of call `index` of those that workers make, or of those that the master makes. */
struct mixed_plan mixed_plan_of(uint64_t seed, bool is_upwards, uint64_t index);

/* What message `number` of the plan's requests, or replies, says. */
ProtobufCBinaryData mixed_data(const struct mixed_plan *plan, bool is_reply, unsigned number);

/* Checks that this is that message. Returns how many bytes it has. */
size_t mixed_check(const struct mixed_plan *plan, bool is_reply, unsigned number, const Soak__Packet *packet);

/* A random number; its argument is the generator's state. */
uint64_t mixed_random(uint64_t *state);

#endif
