/* listener.c: see listener.h. */
#include "listener.h"

#include "fuzz.h"
#include "rpc/control.h"
#include "rpc/prefix.h"
#include "rpc/stream.h"

#include <endian.h>
#include <string.h>

#define OWN_MAX 256

/* The messages of one direction of a call. */
struct messages {
    bool has_ended;
    size_t missing; /* bytes of the message of which fragments have come; 0: none */
};

/* A call of the peer. */
struct call {
    uint32_t stream;
    bool has_headers, has_replied, is_answered;
    struct messages replies;
};

static struct call calls[LISTENER_CALLS_MAX];
static size_t call_count;
static struct messages requests[OWN_MAX]; /* of the connection's own calls, whose ids count up */
static uint32_t last_own_stream;
static bool is_master, has_greeted, is_gone;

void listener_reset(bool of_master) {
    call_count = 0;
    memset(requests, 0, sizeof(requests));
    last_own_stream = 0;
    is_master = of_master;
    has_greeted = is_gone = false;
}

bool listener_open(uint32_t stream) {
    if (call_count == LISTENER_CALLS_MAX) {
        return false;
    }
    calls[call_count++] = (struct call){.stream = stream};
    return true;
}

size_t listener_open_count(void) {
    return call_count;
}

/* The first of this id that has not been answered: an id may be used again after its answer. */
static struct call *find_call(uint32_t stream) {
    for (size_t i = 0; i < call_count; i++) {
        if (calls[i].stream == stream && !calls[i].is_answered) {
            return &calls[i];
        }
    }
    return NULL;
}

static bool is_own(uint32_t stream) {
    return (stream & 1) == is_master && stream != 0 && stream <= last_own_stream;
}

static struct messages *requests_of(uint32_t stream) {
    FUZZ_CHECK(is_own(stream) && stream / 2 < OWN_MAX);
    return &requests[stream / 2];
}

static void hear_hello(const struct yoke__frame *frame, const uint8_t *payload) {
    struct yoke__hello hello;
    FUZZ_CHECK(frame->method == YOKE__HELLO_MAGIC && frame->aux == YOKE__PROTOCOL_VERSION);
    FUZZ_CHECK(frame->stream == 0 && frame->flags == 0);
    FUZZ_CHECK(yoke__hello_decode(payload, frame->length, &hello) == 0);
    has_greeted = true;
}

static void hear_open(const struct yoke__frame *frame, const uint8_t *payload) {
    const unsigned known = YOKE__FLAG_END_STREAM | YOKE__FLAG_DEADLINE | YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_METADATA;
    bool has_message = (frame->flags & YOKE__FLAG_NO_MESSAGE) == 0;
    FUZZ_CHECK((frame->stream & 1) == is_master && frame->stream > last_own_stream);
    FUZZ_CHECK((frame->flags & ~known) == 0 && frame->aux == 0);
    struct yoke__prefix prefix;
    FUZZ_CHECK(yoke__prefix_read(frame, payload, &prefix) == 0);
    FUZZ_CHECK(has_message || frame->length == prefix.size);
    last_own_stream = frame->stream;
    requests_of(frame->stream)->has_ended = (frame->flags & YOKE__FLAG_END_STREAM) != 0;
}

static void hear_end(const struct yoke__frame *frame, const uint8_t *payload) {
    struct call *call = find_call(frame->stream);
    FUZZ_CHECK(call != NULL);
    call->is_answered = true;
    FUZZ_CHECK(frame->aux <= YOKE_UNAUTHENTICATED);
    struct yoke__prefix prefix;
    FUZZ_CHECK(yoke__prefix_read(frame, payload, &prefix) == 0);
    if (frame->aux != YOKE_OK) {
        char message[YOKE_STATUS_MESSAGE_MAX + 1];
        FUZZ_CHECK((frame->flags & ~(YOKE__FLAG_METADATA | YOKE__FLAG_DETAILS)) == 0);
        FUZZ_CHECK(yoke__status_decode(payload + prefix.size, frame->length - prefix.size, message) == 0);
    } else {
        FUZZ_CHECK((frame->flags & ~(YOKE__FLAG_METADATA | YOKE__FLAG_NO_MESSAGE)) == 0);
        FUZZ_CHECK((frame->flags & YOKE__FLAG_NO_MESSAGE) == 0 || frame->length == prefix.size);
        FUZZ_CHECK(call->replies.missing == 0);
    }
}

/* Fragments are what the first one said: no more, no less, none empty. */
static void hear_fragment(struct messages *messages, const struct yoke__frame *frame, const uint8_t *payload) {
    size_t length = frame->length;
    bool has_more = (frame->flags & YOKE__FLAG_MORE) != 0;
    if (messages->missing == 0) {
        if (!has_more) {
            return;
        }
        uint32_t total;
        FUZZ_CHECK(length > YOKE__TOTAL_SIZE);
        memcpy(&total, payload, sizeof(total));
        messages->missing = le32toh(total);
        length -= YOKE__TOTAL_SIZE;
    }
    FUZZ_CHECK(length > 0);
    FUZZ_CHECK(has_more ? length < messages->missing : length == messages->missing);
    messages->missing -= length;
}

static void hear_message(const struct yoke__frame *frame, const uint8_t *payload) {
    bool is_request = is_own(frame->stream);
    struct call *call = is_request ? NULL : find_call(frame->stream);
    FUZZ_CHECK(is_request || call != NULL);
    struct messages *messages = is_request ? requests_of(frame->stream) : &call->replies;
    FUZZ_CHECK(!messages->has_ended && frame->aux == 0);
    if (call != NULL) {
        call->has_replied = true;
    }
    if (frame->flags == (YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_END_STREAM)) {
        FUZZ_CHECK(frame->length == 0 && messages->missing == 0);
    } else {
        FUZZ_CHECK(frame->flags == 0 || frame->flags == YOKE__FLAG_MORE || frame->flags == YOKE__FLAG_END_STREAM);
        hear_fragment(messages, frame, payload);
    }
    if ((frame->flags & YOKE__FLAG_END_STREAM) != 0) {
        FUZZ_CHECK(is_request);
        messages->has_ended = true;
    }
}

static void hear_credit(const struct yoke__frame *frame, const uint8_t *payload) {
    uint32_t amount;
    FUZZ_CHECK(is_own(frame->stream) || find_call(frame->stream) != NULL);
    FUZZ_CHECK(frame->flags == 0 && frame->aux == 0 && frame->length == sizeof(amount));
    memcpy(&amount, payload, sizeof(amount));
    FUZZ_CHECK(le32toh(amount) > 0 && le32toh(amount) <= YOKE__CREDIT_INITIAL);
}

/* Headers come once, and before what they precede. */
static void hear_headers(const struct yoke__frame *frame, const uint8_t *payload) {
    struct call *call = find_call(frame->stream);
    FUZZ_CHECK(call != NULL && !call->has_headers && !call->has_replied && !call->is_answered);
    FUZZ_CHECK(frame->flags == 0 && frame->aux == 0);
    FUZZ_CHECK(yoke__metadata_is_valid(payload, frame->length, YOKE__METADATA_PAIRS));
    call->has_headers = true;
}

static void hear_goaway(const struct yoke__frame *frame, const uint8_t *payload) {
    FUZZ_CHECK(!is_gone && frame->stream == 0 && frame->method == 0 && frame->flags == 0 && frame->aux == 0);
    FUZZ_CHECK(frame->length == YOKE__GOAWAY_SIZE);
    uint32_t last;
    memcpy(&last, payload, sizeof(last));
    FUZZ_CHECK(last == 0 || (le32toh(last) & 1) != is_master);
    is_gone = true;
}

void listener_hear(const struct yoke__frame *frame, const uint8_t *payload) {
    FUZZ_CHECK(has_greeted == (frame->type != YOKE__FRAME_HELLO));
    switch (frame->type) {
    case YOKE__FRAME_HELLO:
        hear_hello(frame, payload);
        break;
    case YOKE__FRAME_OPEN:
        hear_open(frame, payload);
        break;
    case YOKE__FRAME_END:
        hear_end(frame, payload);
        break;
    case YOKE__FRAME_MESSAGE:
        hear_message(frame, payload);
        break;
    case YOKE__FRAME_CREDIT:
        hear_credit(frame, payload);
        break;
    case YOKE__FRAME_HEADERS:
        hear_headers(frame, payload);
        break;
    case YOKE__FRAME_GOAWAY:
        hear_goaway(frame, payload);
        break;
    case YOKE__FRAME_CANCEL:
        FUZZ_CHECK(is_own(frame->stream) && frame->flags == 0 && frame->aux == 0 && frame->length == 0);
        break;
    default:
        FUZZ_CHECK(frame->type == YOKE__FRAME_EVENT && frame->stream == 0 && frame->flags == 0 && frame->aux == 0);
        break;
    }
}
