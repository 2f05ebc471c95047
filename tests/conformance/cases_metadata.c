/* cases_metadata.c: what travels with a call besides its messages: headers, trailers, details of the status. */
#include "cases.h"

#define ECHO_INITIAL "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"

/* ---- Metadata */

static const struct response large_response = {.size = 314159};
static const struct request large_request = {.body = 271828, .responses = &large_response, .response_count = 1};

/* A unary call, or a stream of one request, that has a reply of this size and ends well. */
static struct made *make_call(struct caller *caller, enum method method, const struct request *request,
                              const struct call_setup *setup) {
    bool requests_stream = method == STREAMING_INPUT_CALL || method == FULL_DUPLEX_CALL;
    struct made *made = start_with(caller, method, requests_stream ? NULL : request, setup);
    if (requests_stream) {
        EXPECT(caller, send_request(made, request));
        half_close(made);
    }
    EXPECT_BODY(made, method == STREAMING_INPUT_CALL ? 0 : request->responses[0].size);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
    return made;
}

void case_custom_metadata(struct caller *caller) {
    static const struct pair pairs[] = {{ECHO_INITIAL, "test_initial_metadata_value", 27},
                                        {ECHO_TRAILING, "\xab\xab\xab", 3}};
    const struct call_setup setup = {.metadata = pairs, .metadata_count = 2};
    static const enum method methods[] = {UNARY_CALL, FULL_DUPLEX_CALL};
    for (unsigned i = 0; i < 2; i++) {
        struct made *made = make_call(caller, methods[i], &large_request, &setup);
        EXPECT_ENTRY(made, made->headers, 0, &pairs[0]);
        EXPECT_ENTRY(made, made->trailers, 0, &pairs[1]);
    }
}

/* On calls of every kind: the order of entries with one key, every byte of a binary value, values without bytes. */
void case_metadata_is_kept(struct caller *caller) {
    char all[256];
    for (unsigned i = 0; i < sizeof(all); i++) {
        all[i] = (char)i;
    }
    const struct pair pairs[] = {
        {ECHO_INITIAL, "b", 1}, {ECHO_TRAILING, all, sizeof(all)}, {ECHO_INITIAL, "", 0},
        {"x-other", "y", 1},    {ECHO_INITIAL, "a ~", 3},          {ECHO_TRAILING, "", 0},
    };
    const struct call_setup setup = {.metadata = pairs, .metadata_count = sizeof(pairs) / sizeof(pairs[0])};
    static const enum method methods[] = {UNARY_CALL, STREAMING_OUTPUT_CALL, STREAMING_INPUT_CALL, FULL_DUPLEX_CALL};
    for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct made *made = make_call(caller, methods[i], &large_request, &setup);
        EXPECT_ENTRY(made, made->headers, 0, &pairs[0]);
        EXPECT_ENTRY(made, made->headers, 1, &pairs[2]);
        EXPECT_ENTRY(made, made->headers, 2, &pairs[4]);
        EXPECT_ENTRY(made, made->headers, 3, &(struct pair){.key = ECHO_INITIAL});
        EXPECT_ENTRY(made, made->headers, 0, &(struct pair){.key = "x-other"});
        EXPECT_ENTRY(made, made->headers, 0, &(struct pair){.key = ECHO_TRAILING});
        EXPECT_ENTRY(made, made->trailers, 0, &(struct pair){.key = ECHO_INITIAL});
        EXPECT_ENTRY(made, made->trailers, 0, &pairs[1]);
        EXPECT_ENTRY(made, made->trailers, 1, &pairs[5]);
        EXPECT_ENTRY(made, made->trailers, 2, &(struct pair){.key = ECHO_TRAILING});
    }
    /* The next call has none of it. */
    struct made *made = make_call(caller, UNARY_CALL, &large_request, NULL);
    EXPECT_ENTRY(made, made->headers, 0, &(struct pair){.key = ECHO_INITIAL});
    EXPECT_ENTRY(made, made->trailers, 0, &(struct pair){.key = ECHO_TRAILING});
}

void case_metadata_of_failed_calls(struct caller *caller) {
    static const struct pair pairs[] = {{ECHO_INITIAL, "first", 5}, {ECHO_TRAILING, "\0last", 5}};
    const struct call_setup setup = {.metadata = pairs, .metadata_count = 2};
    const struct request request = {.code = YOKE_NOT_FOUND, .message = "nothing of that name"};
    static const enum method methods[] = {UNARY_CALL, STREAMING_OUTPUT_CALL};
    for (unsigned i = 0; i < 2; i++) {
        struct made *made = start_with(caller, methods[i], &request, &setup);
        EXPECT_NO_REPLY(made);
        EXPECT_END(made, YOKE_NOT_FOUND, "nothing of that name");
        EXPECT_ENTRY(made, made->headers, 0, &pairs[0]);
        EXPECT_ENTRY(made, made->trailers, 0, &pairs[1]);
    }
}

static void expect_early_headers(struct caller *caller, const struct pair *pairs, size_t count) {
    const struct call_setup setup = {.metadata = pairs, .metadata_count = count};
    struct made *made = start_with(caller, FULL_DUPLEX_CALL, NULL, &setup);
    caller->driver->await_headers(made);
    EXPECT_INT(caller, made->headers_told, 1);
    EXPECT_INT(caller, made->ends, 0);
    if (made->ends == 0) {
        const struct pair none = {.key = ECHO_INITIAL};
        EXPECT_ENTRY(made, yoke_call_headers(made->call), 0, count > 1 ? &pairs[1] : &none);
    }
    EXPECT(caller, send_request(made, &large_request));
    EXPECT_BODY(made, large_response.size);
    half_close(made);
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_OK, "");
    EXPECT_INT(caller, made->headers_told, 1);
}

/* The server says something before it has anything to reply to; also when that is only that it is there. */
void case_headers_before_replies(struct caller *caller) {
    static const struct pair pairs[] = {{"x-headers-now", "", 0}, {ECHO_INITIAL, "early", 5}};
    expect_early_headers(caller, pairs, 2);
    expect_early_headers(caller, pairs, 1);
}

/* ---- Details */

/* Details of two types, in order, each type by itself. */
void case_status_details(struct caller *caller) {
    static const char *const texts[] = {"name", "", "age \xe2\x98\xba"};
    static const uint64_t numbers[] = {0, UINT64_MAX};
    const struct request request = {.code = YOKE_INVALID_ARGUMENT,
                                    .message = "two fields are wrong",
                                    .texts = texts,
                                    .text_count = 3,
                                    .numbers = numbers,
                                    .number_count = 2};
    static const enum method methods[] = {UNARY_CALL, STREAMING_OUTPUT_CALL, FULL_DUPLEX_CALL};
    for (unsigned i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        bool requests_stream = methods[i] == FULL_DUPLEX_CALL;
        struct made *made = start(caller, methods[i], requests_stream ? NULL : &request);
        EXPECT(caller, !requests_stream || send_request(made, &request));
        EXPECT_NO_REPLY(made);
        EXPECT_END(made, YOKE_INVALID_ARGUMENT, "two fields are wrong");
        EXPECT_STR(caller, made->details, "name, , age \xe2\x98\xba, 0, 18446744073709551615");
    }
    /* A status without any. */
    struct made *made = start(caller, UNARY_CALL, &(struct request){.code = YOKE_ABORTED, .message = "no reason"});
    EXPECT_NO_REPLY(made);
    EXPECT_END(made, YOKE_ABORTED, "no reason");
    EXPECT_STR(caller, made->details, "");
}
