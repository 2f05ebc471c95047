/*
 * message.h: what the cases and the test service say to each other, in structs that no codec has made. Only the files
 * that are written for a codec turn them into its messages and back; message.c does it for protobuf-c.
 */
#ifndef YOKE_TESTS_CONFORMANCE_MESSAGE_H
#define YOKE_TESTS_CONFORMANCE_MESSAGE_H

#include "interop.yoke.h"

#include <yoke/rpc.h>

/* One response that is asked for. */
struct response {
    size_t size;
    uint32_t interval_us;
};

/* A request of any method, which has of it what its message has. */
struct request {
    size_t body;
    const struct response *responses; /* unary calls: the first one only */
    size_t response_count;
    enum yoke_code code; /* YOKE_OK: no status is asked for */
    const char *message;
    const char *const *texts; /* details of the status */
    size_t text_count;
    const uint64_t *numbers;
    size_t number_count;
    bool hold, answer_now;
    uint32_t hold_us;
};

/* A response of any method. */
struct reply {
    size_t body;
    bool is_intact; /* the body has the bytes that it should have */
    uint64_t sum;
    uint32_t live, cancelled, refused, responses;
};

/* The details of a call's status as text: "first, second, 42". To be asked in the callback. */
void describe_details(struct yoke_call *call, char *ret_text, size_t capacity);

/* `size` bytes that every body of this size has; valid for good. */
uint8_t *pattern(size_t size);
bool is_pattern(const uint8_t *bytes, size_t size);

/* Memory behind a message of protobuf-c that is made of a request. Release it when the message has been sent. */
struct packed {
    union {
        Interop__SimpleRequest simple;
        Interop__StreamingInputCallRequest input;
        Interop__StreamingOutputCallRequest output;
    } message;
    Interop__Payload payload;
    Interop__EchoStatus status;
    Interop__ResponseParameters *parameters;
    Interop__ResponseParameters **pointers;
};

const Interop__SimpleRequest *pack_simple(struct packed *packed, const struct request *request);
const Interop__StreamingInputCallRequest *pack_input(struct packed *packed, const struct request *request);
const Interop__StreamingOutputCallRequest *pack_output(struct packed *packed, const struct request *request);
void packed_release(struct packed *packed);

struct reply reply_of_payload(const Interop__Payload *payload);
struct reply reply_of_sum(const Interop__StreamingInputCallResponse *response);
struct reply reply_of_state(const Interop__ServerState *state);

/* The body that a message has; NULL: none. */
bool payload_is_intact(const Interop__Payload *payload);
size_t payload_size(const Interop__Payload *payload);

#endif
