/* cases_stream.c: streams of requests, of replies and of both that go well. */
#include "cases.h"

/* What gRPC's cases send and ask for. */
static const size_t request_sizes[] = {27182, 8, 1828, 45904};
static const struct response responses[] = {{.size = 31415}, {.size = 9}, {.size = 2653}, {.size = 58979}};

#define COUNT (sizeof(request_sizes) / sizeof(request_sizes[0]))

static void expect_four(struct made *made) {
    for (size_t i = 0; i < COUNT; i++) {
        EXPECT_BODY(made, responses[i].size);
    }
}

static void expect_sum(struct made *made, uint64_t sum) {
    const struct reply *reply = next_reply(made);
    EXPECT(made->caller, reply != NULL);
    EXPECT_INT(made->caller, reply != NULL ? reply->sum : 0, sum);
    EXPECT_END(made, YOKE_OK, "");
}

void case_client_streaming(struct caller *caller) {
    struct made *made = start(caller, STREAMING_INPUT_CALL, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        EXPECT(caller, send_request(made, &(struct request){.body = request_sizes[i]}));
    }
    half_close(made);
    expect_sum(made, 74922);
}

void case_empty_client_streaming(struct caller *caller) {
    struct made *made = start(caller, STREAMING_INPUT_CALL, NULL);
    half_close(made);
    expect_sum(made, 0);
}

/* The server need not wait for the client's last message; what comes behind its answer goes nowhere. */
void case_answer_before_half_close(struct caller *caller) {
    struct made *made = start(caller, STREAMING_INPUT_CALL, NULL);
    EXPECT(caller, send_request(made, &(struct request){.body = 1000}));
    EXPECT(caller, send_request(made, &(struct request){.body = 100, .answer_now = true}));
    unsigned more = 0;
    while (more < 1000 && send_request(made, &(struct request){.body = 65536})) {
        more++;
    }
    EXPECT(caller, more < 1000);
    expect_sum(made, 1100);
}

static struct made *start_output(struct caller *caller, const struct response *wanted, size_t count) {
    return start(caller, STREAMING_OUTPUT_CALL, &(struct request){.responses = wanted, .response_count = count});
}

void case_server_streaming(struct caller *caller) {
    struct made *made = start_output(caller, responses, COUNT);
    expect_four(made);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
}

/* Replies of which each comes later than the one before are not held back until the last. */
void case_paced_server_streaming(struct caller *caller) {
    const struct response paced[] = {{.size = 1, .interval_us = 1000}, {.size = 2}, {.size = 3, .interval_us = 1000}};
    struct made *made = start_output(caller, paced, 3);
    EXPECT_BODY(made, 1);
    EXPECT_BODY(made, 2);
    EXPECT_BODY(made, 3);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");

    /* The last one does not come at all. */
    const struct response stuck[] = {{.size = 1}, {.size = 2, .interval_us = 3600u * 1000000u}};
    made = start_output(caller, stuck, 2);
    EXPECT_BODY(made, 1);
    EXPECT_INT(caller, server_state(caller).live, 1);
    caller->driver->cancel(made);
    EXPECT_END(made, YOKE_CANCELLED, NULL);
}

/* Each request is sent when the reply to the one before has come. */
void case_ping_pong(struct caller *caller) {
    struct made *made = start(caller, FULL_DUPLEX_CALL, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        const struct request ping = {.body = request_sizes[i], .responses = &responses[i], .response_count = 1};
        EXPECT(caller, send_request(made, &ping));
        EXPECT_BODY(made, responses[i].size);
    }
    half_close(made);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
}

/* All requests first, then all replies. */
void case_half_duplex(struct caller *caller) {
    struct made *made = start(caller, HALF_DUPLEX_CALL, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        const struct request request = {.body = request_sizes[i], .responses = &responses[i], .response_count = 1};
        EXPECT(caller, send_request(made, &request));
    }
    EXPECT_INT(caller, server_state(caller).responses, 0);
    half_close(made);
    expect_four(made);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
}

/* A thousand streams at once, over one channel. */
void case_concurrent_streams(struct caller *caller) {
    enum { STREAMS = 1000, SIZE = 31415 };
    struct made *all[STREAMS];
    for (unsigned i = 0; i < STREAMS; i++) {
        all[i] = start(caller, FULL_DUPLEX_CALL, NULL);
        const struct response wanted[] = {{.size = SIZE + i}, {.size = i}};
        const struct request request = {.body = 27182, .responses = wanted, .response_count = 2};
        EXPECT(caller, send_request(all[i], &request));
    }
    for (unsigned i = 0; i < STREAMS; i++) {
        EXPECT_BODY(all[i], (size_t)SIZE + i);
        half_close(all[i]);
        EXPECT_BODY(all[i], i);
    }
    for (unsigned i = 0; i < STREAMS; i++) {
        EXPECT_NO_REPLY(all[i]);
        EXPECT_END(all[i], YOKE_OK, "");
    }
}

void case_empty_stream(struct caller *caller) {
    struct made *made = start(caller, FULL_DUPLEX_CALL, NULL);
    half_close(made);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
}
