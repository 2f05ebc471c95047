/* cases_unary.c: unary calls of all sizes. */
#include "cases.h"

#include <stdlib.h>

/* The sizes with which gRPC tests large unary calls. */
#define LARGE_REQUEST 271828
#define LARGE_REPLY 314159

static struct made *start_unary(struct caller *caller, size_t body, size_t reply) {
    const struct response response = {.size = reply};
    const struct request request = {.body = body, .responses = &response, .response_count = 1};
    return start(caller, UNARY_CALL, &request);
}

static void make_unary(struct caller *caller, size_t body, size_t reply) {
    struct made *made = start_unary(caller, body, reply);
    EXPECT_BODY(made, reply);
    EXPECT_END(made, YOKE_OK, "");
}

static void make_large_unary(struct caller *caller) {
    make_unary(caller, LARGE_REQUEST, LARGE_REPLY);
}

unsigned soak_count(unsigned usual) {
    const char *count = getenv("CONFORMANCE_SOAK");
    return count != NULL ? (unsigned)atoi(count) : usual;
}

void case_empty_unary(struct caller *caller) {
    const struct request none = {0};
    struct made *made = start(caller, EMPTY_CALL, &none);
    EXPECT_BODY(made, 0);
    EXPECT_END(made, YOKE_OK, "");
}

void case_large_unary(struct caller *caller) {
    make_large_unary(caller);
}

void case_unary_without_bytes(struct caller *caller) {
    make_unary(caller, 0, 0);
    make_unary(caller, 0, 1);
    make_unary(caller, 1, 0);
}

void case_unary_of_16_mib(struct caller *caller) {
    make_unary(caller, 16u << 20, 16u << 20);
}

/* Over one channel; all are begun before the first reply is looked at. */
void case_concurrent_large_unary(struct caller *caller) {
    enum { COUNT = 1000 };
    struct made *all[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        /* Of different sizes, so that no call can get the reply of another. */
        all[i] = start_unary(caller, LARGE_REQUEST, LARGE_REPLY + i);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        EXPECT_BODY(all[i], (size_t)LARGE_REPLY + i);
        EXPECT_END(all[i], YOKE_OK, "");
    }
}

/* One after the other, over one channel. */
void case_rpc_soak(struct caller *caller) {
    for (unsigned i = soak_count(400); i > 0; i--) {
        make_large_unary(caller);
    }
}

/* Over a fresh connection each. */
void case_channel_soak(struct caller *caller) {
    make_large_unary(caller);
}
