/* message.c: see message.h. */
#include "message.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Bodies */

/* The period of the bytes is prime, so that a shift by any power of two shows. */
#define PERIOD 251

uint8_t *pattern(size_t size) {
    static uint8_t *bytes;
    static size_t capacity;
    if (bytes == NULL || size > capacity) {
        /* What was handed out before is dead by now: a body is sent before the next one is made. */
        uint8_t *larger = realloc(bytes, size + 1);
        if (larger == NULL) {
            abort();
        }
        for (size_t i = capacity; i < size; i++) {
            larger[i] = (uint8_t)(i % PERIOD);
        }
        bytes = larger;
        capacity = size;
    }
    return bytes;
}

bool is_pattern(const uint8_t *bytes, size_t size) {
    return size == 0 || memcmp(bytes, pattern(size), size) == 0;
}

size_t payload_size(const Interop__Payload *payload) {
    return payload != NULL ? payload->body.len : 0;
}

bool payload_is_intact(const Interop__Payload *payload) {
    return payload == NULL || is_pattern(payload->body.data, payload->body.len);
}

/* ---- Requests */

/* Nothing at all when it would be empty, so that an empty request has no bytes. */
static Interop__Payload *pack_payload(struct packed *packed, size_t body) {
    if (body == 0) {
        return NULL;
    }
    interop__payload__init(&packed->payload);
    packed->payload.body = (ProtobufCBinaryData){.len = body, .data = pattern(body)};
    return &packed->payload;
}

static Interop__EchoStatus *pack_status(struct packed *packed, const struct request *request) {
    if (request->code == YOKE_OK) {
        return NULL;
    }
    interop__echo_status__init(&packed->status);
    packed->status.code = (int32_t)request->code;
    packed->status.message = (char *)(request->message != NULL ? request->message : "");
    packed->status.texts = (char **)request->texts;
    packed->status.n_texts = request->text_count;
    packed->status.numbers = (uint64_t *)request->numbers;
    packed->status.n_numbers = request->number_count;
    return &packed->status;
}

const Interop__SimpleRequest *pack_simple(struct packed *packed, const struct request *request) {
    *packed = (struct packed){.parameters = NULL};
    Interop__SimpleRequest *message = &packed->message.simple;
    interop__simple_request__init(message);
    message->response_size = request->response_count > 0 ? (uint32_t)request->responses[0].size : 0;
    message->payload = pack_payload(packed, request->body);
    message->response_status = pack_status(packed, request);
    return message;
}

const Interop__StreamingInputCallRequest *pack_input(struct packed *packed, const struct request *request) {
    *packed = (struct packed){.parameters = NULL};
    Interop__StreamingInputCallRequest *message = &packed->message.input;
    interop__streaming_input_call_request__init(message);
    message->payload = pack_payload(packed, request->body);
    message->hold = request->hold;
    message->hold_us = request->hold_us;
    message->answer_now = request->answer_now;
    return message;
}

const Interop__StreamingOutputCallRequest *pack_output(struct packed *packed, const struct request *request) {
    *packed = (struct packed){.parameters = calloc(request->response_count + 1, sizeof(*packed->parameters)),
                              .pointers = calloc(request->response_count + 1, sizeof(*packed->pointers))};
    if (packed->parameters == NULL || packed->pointers == NULL) {
        abort();
    }
    Interop__StreamingOutputCallRequest *message = &packed->message.output;
    interop__streaming_output_call_request__init(message);
    for (size_t i = 0; i < request->response_count; i++) {
        interop__response_parameters__init(&packed->parameters[i]);
        packed->parameters[i].size = (uint32_t)request->responses[i].size;
        packed->parameters[i].interval_us = request->responses[i].interval_us;
        packed->pointers[i] = &packed->parameters[i];
    }
    message->response_parameters = packed->pointers;
    message->n_response_parameters = request->response_count;
    message->payload = pack_payload(packed, request->body);
    message->response_status = pack_status(packed, request);
    return message;
}

void packed_release(struct packed *packed) {
    free(packed->parameters);
    free(packed->pointers);
}

/* ---- Details */

void describe_details(struct yoke_call *call, char *ret_text, size_t capacity) {
    const Interop__TextDetail *text;
    const Interop__NumberDetail *number;
    size_t length = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; length < capacity && interop_text_detail_detail_get(call, i, &text) == 0; i++) {
        length += (size_t)snprintf(ret_text + length, capacity - length, "%s%s", length > 0 ? ", " : "", text->text);
    }
    for (size_t i = 0; length < capacity && interop_number_detail_detail_get(call, i, &number) == 0; i++) {
        length += (size_t)snprintf(ret_text + length, capacity - length, "%s%" PRIu64, length > 0 ? ", " : "",
                                   number->number);
    }
}

/* ---- Replies */

struct reply reply_of_payload(const Interop__Payload *payload) {
    return (struct reply){.body = payload_size(payload), .is_intact = payload_is_intact(payload)};
}

struct reply reply_of_sum(const Interop__StreamingInputCallResponse *response) {
    return (struct reply){.is_intact = true, .sum = response->aggregated_payload_size};
}

struct reply reply_of_state(const Interop__ServerState *state) {
    return (struct reply){.is_intact = true,
                          .live = state->live,
                          .cancelled = state->cancelled,
                          .refused = state->refused,
                          .responses = state->responses};
}
