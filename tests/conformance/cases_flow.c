/* cases_flow.c: a side that does not read holds up its sender, and nobody else. */
#include "cases.h"

#include <errno.h>

#define MESSAGE_SIZE 65536u

/* What a stream takes without being read: docs/protocol.md, "Credit". */
#define CREDIT (2u << 20)

/* Sends until the server has to read first. What could be sent. */
static size_t send_until_refused(struct made *made) {
    const struct request request = {.body = MESSAGE_SIZE};
    size_t sent = 0;
    for (;;) {
        unsigned told_before = made->told;
        int error;
        while ((error = made->caller->driver->send(made, &request)) == 0) {
            sent += MESSAGE_SIZE;
        }
        EXPECT_INT(made->caller, error, -EAGAIN);
        /* It may have been our own queue that was full. When the neighbour is answered, that is empty. */
        expect_neighbour(made->caller);
        if (error != -EAGAIN || made->told == told_before || made->caller->report_length > 0 || sent > 2 * CREDIT) {
            return sent;
        }
    }
}

/* What the server has no room for is not lost, however the sender has to wait for it. */
void case_push_back_of_requests(struct caller *caller) {
    enum { COUNT = 160 };
    struct made *made = start(caller, STREAMING_INPUT_CALL, NULL);
    EXPECT(caller, send_request(made, &(struct request){.body = 1, .hold_us = 20000}));
    for (unsigned i = 0; i < COUNT; i++) {
        EXPECT(caller, send_request(made, &(struct request){.body = MESSAGE_SIZE - i}));
    }
    half_close(made);
    const struct reply *reply = next_reply(made);
    EXPECT_INT(caller, reply != NULL ? reply->sum : 0, 1 + COUNT * MESSAGE_SIZE - COUNT * (COUNT - 1) / 2);
    EXPECT_END(made, YOKE_OK, "");
}

/* A server that never reads again takes no more than the credit, and the deadline ends the wait for it. */
void case_push_back_until_deadline(struct caller *caller) {
    struct made *made = start_with(caller, STREAMING_INPUT_CALL, NULL, &(struct call_setup){.timeout_us = 100000});
    size_t sent = 0;
    bool goes_on = send_request(made, &(struct request){.body = 1, .hold = true});
    while (goes_on && sent <= 2 * CREDIT) {
        goes_on = send_request(made, &(struct request){.body = MESSAGE_SIZE});
        sent += goes_on ? MESSAGE_SIZE : 0;
    }
    EXPECT(caller, sent <= CREDIT + MESSAGE_SIZE);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_DEADLINE_EXCEEDED, NULL);
    expect_neighbour(caller);
}

/* Who does not want to wait is told so, and when it is worth trying again; a neighbour is answered meanwhile. */
void case_push_back_is_told(struct caller *caller) {
    enum { MORE = 100 };
    struct made *made = start(caller, STREAMING_INPUT_CALL, NULL);
    EXPECT(caller, send_request(made, &(struct request){.body = 1, .hold = true}));
    uint64_t sent = 1 + send_until_refused(made);
    /* What goes beyond the credit is the message that waits at our side. */
    EXPECT(caller, sent <= CREDIT + MESSAGE_SIZE);
    EXPECT(caller, sent >= CREDIT - MESSAGE_SIZE);

    const struct request none = {0};
    struct made *release = start(caller, CONTROL_RELEASE, &none);
    EXPECT_BODY(release, 0);
    EXPECT_END(release, YOKE_OK, "");
    for (unsigned i = 0; i < MORE; i++) {
        EXPECT(caller, send_request(made, &(struct request){.body = MESSAGE_SIZE}));
        sent += MESSAGE_SIZE;
    }
    EXPECT(caller, made->told > 0);
    half_close(made);
    const struct reply *reply = next_reply(made);
    EXPECT_INT(caller, reply != NULL ? reply->sum : 0, sent);
    EXPECT_END(made, YOKE_OK, "");
}

/* A server whose client does not read waits; meanwhile it answers others. */
void case_push_back_of_replies(struct caller *caller) {
    enum { COUNT = 128 };
    struct response responses[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        responses[i] = (struct response){.size = MESSAGE_SIZE - i};
    }
    const struct request request = {.responses = responses, .response_count = COUNT};
    struct made *made = start(caller, STREAMING_OUTPUT_CALL, &request);
    caller->driver->hold(made);
    while (caller->report_length == 0 && server_state(caller).refused == 0) {
    }
    expect_neighbour(caller);
    EXPECT_INT(caller, made->count, 0);
    EXPECT_INT(caller, server_state(caller).live, 1);

    caller->driver->resume(made);
    for (unsigned i = 0; i < COUNT; i++) {
        EXPECT_BODY(made, MESSAGE_SIZE - i);
    }
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
}
