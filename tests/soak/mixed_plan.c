/* mixed_plan.c: see mixed_plan.h. */
#include "mixed_plan.h"

#include <inttypes.h>
#include <string.h>

#define OFFSETS (64 * KIB)
#define STREAM_MESSAGES_MAX 8
#define TIMEOUT_US_MAX 5000

/* All messages are pieces of this. */
static uint8_t *noise;
#define NOISE_SIZE (MIXED_BYTES_MAX + OFFSETS)

/* SplitMix64. */
uint64_t mixed_random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(uint64_t *state, unsigned limit) {
    return (unsigned)(mixed_random(state) % limit);
}

void mixed_plan_init(void) {
    noise = soak_share(NOISE_SIZE);
    uint64_t state = 1;
    for (size_t i = 0; i < NOISE_SIZE; i += sizeof(uint64_t)) {
        uint64_t word = mixed_random(&state);
        memcpy(noise + i, &word, sizeof word);
    }
}

void mixed_plan_release(void) {
    soak_unshare(noise, NOISE_SIZE);
}

/* ---- Plans ------------------------------------------------------------------------------------------------------- */

static enum mixed_kind draw_kind(uint64_t *state) {
    unsigned percent = below(state, 100);
    return percent < 70 ? MIXED_UNARY : percent < 80 ? MIXED_DOWN : percent < 90 ? MIXED_UP : MIXED_BOTH;
}

static enum mixed_act draw_act(uint64_t *state) {
    unsigned percent = below(state, 100);
    return percent < 78   ? ACT_ANSWER
           : percent < 90 ? ACT_ANSWER_LATER
           : percent < 93 ? ACT_FAIL
           : percent < 96 ? ACT_FAIL_EARLY
                          : ACT_KEEP;
}

static enum mixed_end draw_end(uint64_t *state) {
    unsigned percent = below(state, 100);
    return percent < 88   ? END_NATURAL
           : percent < 90 ? END_CANCEL_AT_ONCE
           : percent < 92 ? END_CANCEL_SOON
           : percent < 95 ? END_CANCEL_AT_MESSAGE
                          : END_DEADLINE;
}

/* Codes that come from nobody but a handler. */
static enum yoke_code draw_code(uint64_t *state) {
    static const enum yoke_code codes[] = {YOKE_INVALID_ARGUMENT,    YOKE_NOT_FOUND, YOKE_ALREADY_EXISTS,
                                           YOKE_PERMISSION_DENIED,   YOKE_ABORTED,   YOKE_OUT_OF_RANGE,
                                           YOKE_FAILED_PRECONDITION, YOKE_DATA_LOSS, YOKE_UNAUTHENTICATED};
    return codes[below(state, sizeof codes / sizeof *codes)];
}

struct mixed_plan mixed_plan_of(uint64_t seed, bool is_upwards, uint64_t index) {
    uint64_t state = seed + 2 * index + is_upwards;
    state = mixed_random(&state);
    struct mixed_plan plan = {.kind = draw_kind(&state), .act = draw_act(&state), .end = draw_end(&state)};
    bool requests_stream = plan.kind == MIXED_UP || plan.kind == MIXED_BOTH;
    bool replies_stream = plan.kind == MIXED_DOWN || plan.kind == MIXED_BOTH;
    plan.code = draw_code(&state);
    plan.requests = requests_stream ? 1 + below(&state, STREAM_MESSAGES_MAX) : 1;
    plan.replies = replies_stream ? below(&state, STREAM_MESSAGES_MAX + 1) : 1;
    plan.holds = replies_stream && below(&state, 10) == 0;
    plan.is_deaf = plan.kind == MIXED_UNARY && plan.act == ACT_ANSWER_LATER && below(&state, 2) == 0;
    if (plan.act == ACT_KEEP && plan.end == END_NATURAL) {
        /* Somebody must end it. */
        plan.end = END_CANCEL_SOON;
    }
    if (plan.end == END_CANCEL_AT_MESSAGE &&
        (!replies_stream || plan.replies == 0 || (plan.act != ACT_ANSWER && plan.act != ACT_ANSWER_LATER))) {
        plan.end = END_CANCEL_SOON;
    }
    plan.timeout_us = plan.end == END_DEADLINE ? 1 + below(&state, TIMEOUT_US_MAX) : 0;
    plan.random = state;
    return plan;
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static size_t draw_size(uint64_t *state) {
    unsigned share = below(state, 100000);
    size_t limit = share < 10000   ? 1
                   : share < 85000 ? 256
                   : share < 98900 ? 4 * KIB
                   : share < 99900 ? 64 * KIB
                   : share < 99990 ? MIB
                                   : MIXED_BYTES_MAX + 1;
    return below(state, (unsigned)limit);
}

ProtobufCBinaryData mixed_data(const struct mixed_plan *plan, bool is_reply, unsigned number) {
    uint64_t state = plan->random + 2 * number + is_reply;
    state = mixed_random(&state);
    size_t size = draw_size(&state);
    return (ProtobufCBinaryData){.len = size, .data = noise + below(&state, OFFSETS)};
}

size_t mixed_check(const struct mixed_plan *plan, bool is_reply, unsigned number, const Soak__Packet *packet) {
    const ProtobufCBinaryData expected = mixed_data(plan, is_reply, number);
    soak_check(packet->number == number, "%s %u of call %" PRIu64 " came as number %u", is_reply ? "reply" : "request",
               packet->number, packet->index, number);
    soak_check(packet->data.len == expected.len &&
                   (expected.len == 0 || memcmp(packet->data.data, expected.data, expected.len) == 0),
               "%s %u of call %" PRIu64 " is not what was sent, %zu bytes", is_reply ? "reply" : "request", number,
               packet->index, expected.len);
    return packet->data.len;
}
