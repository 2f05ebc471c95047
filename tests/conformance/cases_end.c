/* cases_end.c: calls that do not go well: statuses, methods that are not there, cancellation, deadlines. */
#include "cases.h"

#include <stdio.h>

/* ---- Statuses that the handler chooses */

static void expect_unary_status(struct caller *caller, enum yoke_code code, const char *message) {
    const struct request request = {.code = code, .message = message};
    struct made *made = start(caller, UNARY_CALL, &request);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, code, message);
}

static void expect_duplex_status(struct caller *caller, enum yoke_code code, const char *message) {
    struct made *made = start(caller, FULL_DUPLEX_CALL, NULL);
    EXPECT(caller, send_request(made, &(struct request){.code = code, .message = message}));
    half_close(made);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, code, message);
}

void case_status_code_and_message(struct caller *caller) {
    expect_unary_status(caller, YOKE_UNKNOWN, "test status message");
    expect_duplex_status(caller, YOKE_UNKNOWN, "test status message");
}

/* White space at both ends, a character of three bytes and one of four. */
void case_special_status_message(struct caller *caller) {
    expect_unary_status(caller, YOKE_UNKNOWN,
                        "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n");
}

void case_every_status_code(struct caller *caller) {
    for (int code = YOKE_CANCELLED; code <= YOKE_UNAUTHENTICATED; code++) {
        char message[40];
        snprintf(message, sizeof(message), "code %d", code);
        expect_unary_status(caller, (enum yoke_code)code, message);
        expect_duplex_status(caller, (enum yoke_code)code, "");
    }
}

/* A status ends both directions; the client had more to say. */
void case_status_before_half_close(struct caller *caller) {
    struct made *made = start(caller, FULL_DUPLEX_CALL, NULL);
    EXPECT(caller, send_request(made, &(struct request){.code = YOKE_NOT_FOUND, .message = "enough"}));
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_NOT_FOUND, "enough");
}

static struct made *start_output(struct caller *caller, const struct response *responses, size_t count) {
    const struct request request = {
        .responses = responses, .response_count = count, .code = YOKE_ABORTED, .message = "that was all"};
    return start(caller, STREAMING_OUTPUT_CALL, &request);
}

static void expect_bodies_and_status(struct made *made, const struct response *responses, size_t count) {
    for (size_t i = 0; i < count; i++) {
        EXPECT_BODY(made, responses[i].size);
    }
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_ABORTED, "that was all");
}

/* What the server had sent before is delivered before, though all is more than the credit, and the last alone, too. */
void case_status_after_replies(struct caller *caller) {
    enum { COUNT = 40 };
    struct response responses[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        responses[i] = (struct response){.size = i < COUNT - 1 ? 100000 + i : 3000000};
    }
    expect_bodies_and_status(start_output(caller, responses, COUNT), responses, COUNT);
}

/* Also when the status has come long before the client looks at the replies. */
void case_status_after_unread_replies(struct caller *caller) {
    const struct response responses[] = {{.size = 100}, {.size = 0}, {.size = 10000}};
    struct made *made = start_output(caller, responses, 3);
    caller->driver->hold(made);
    expect_neighbour(caller);
    EXPECT_INT(caller, made->count, 0);
    EXPECT_INT(caller, made->ends, 0);
    caller->driver->resume(made);
    expect_bodies_and_status(made, responses, 3);
}

/* ---- Nobody there */

static void expect_unimplemented(struct caller *caller, enum method method) {
    const struct request none = {0};
    struct made *made = start(caller, method, &none);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_UNIMPLEMENTED, NULL);
    expect_neighbour(caller);
}

void case_unimplemented_method(struct caller *caller) {
    expect_unimplemented(caller, UNIMPLEMENTED_CALL);
}

void case_unimplemented_service(struct caller *caller) {
    expect_unimplemented(caller, UNIMPLEMENTED_SERVICE_CALL);
}

/* ---- Calls that are not wanted any more */

static void expect_cancelled(struct made *made) {
    EXPECT_INT(made->caller, made->caller->driver->cancel(made), 0);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_CANCELLED, NULL);
}

/* How many calls the server has had cancelled, when all handlers have been told. */
static uint32_t cancelled_in_the_end(struct caller *caller) {
    struct reply state;
    do {
        state = server_state(caller);
    } while (caller->report_length == 0 && state.live > 0);
    return state.cancelled;
}

void case_cancel_after_begin(struct caller *caller) {
    /* At once, perhaps before the server has heard of it. */
    expect_cancelled(start(caller, STREAMING_INPUT_CALL, NULL));
    uint32_t before = cancelled_in_the_end(caller);

    /* And when it certainly has. */
    struct made *made = start(caller, STREAMING_INPUT_CALL, NULL);
    EXPECT_INT(caller, server_state(caller).live, 1);
    expect_cancelled(made);
    EXPECT_INT(caller, cancelled_in_the_end(caller), before + 1);
}

void case_cancel_after_first_response(struct caller *caller) {
    const struct response response = {.size = 31415};
    const struct request request = {.body = 27182, .responses = &response, .response_count = 1};
    struct made *made = start(caller, FULL_DUPLEX_CALL, NULL);
    EXPECT(caller, send_request(made, &request));
    EXPECT_BODY(made, 31415);
    expect_cancelled(made);
    EXPECT_INT(caller, cancelled_in_the_end(caller), 1);
}

/* The server waits for more requests; the deadline is so near that it may pass before the first one is handled. */
void case_timeout_on_sleeping_server(struct caller *caller) {
    struct made *made = start_with(caller, FULL_DUPLEX_CALL, NULL, &(struct call_setup){.timeout_us = 1000});
    (void)send_request(made, &(struct request){.body = 27182});
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_DEADLINE_EXCEEDED, NULL);
    expect_neighbour(caller);
}

void case_timeout_not_reached(struct caller *caller) {
    const struct response response = {.size = 1000};
    const struct request request = {.responses = &response, .response_count = 1};
    const struct call_setup setup = {.timeout_us = 3600u * 1000000ull};
    struct made *unary = start_with(caller, UNARY_CALL, &request, &setup);
    EXPECT_BODY(unary, 1000);
    EXPECT_END(unary, YOKE_OK, "");
    struct made *stream = start_with(caller, FULL_DUPLEX_CALL, NULL, &setup);
    EXPECT(caller, send_request(stream, &request));
    EXPECT_BODY(stream, 1000);
    half_close(stream);
    EXPECT_END(stream, YOKE_OK, "");
}
