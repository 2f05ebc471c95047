/*
 * connection_violation_test.c: each way in which a peer can break the protocol, with the exact words in which the
 * connection says so, and what is left of the connection then. docs/protocol.md lists the same violations.
 */
#include "harness.h"
#include "machine.h"
#include "rpc/metadata.h"
#include "wire.h"

#include <errno.h>
#include <string.h>

/* When the violation comes, one call of each side is live and one is answered. */
#define OUR_LIVE 2
#define OUR_DEAD 4
#define OUR_NEXT 6
#define PEERS_LIVE 1
#define PEERS_DEAD 3
#define PEERS_NEXT 5

static struct machine worker;
static struct outcome live_outcome, dead_outcome;

/* One wrong frame. What is to be found in `failure` is `why` and, unless `is_bare`, the frame's place and header. */
struct violation {
    const char *what;
    const char *why;
    struct yoke__frame frame;
    const struct yoke_method *method; /* fills frame.method */
    const char *payload;
    bool is_first; /* sent instead of the HELLO */
    bool is_bare;
};

#define HELLO_FRAME .type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = YOKE__PROTOCOL_VERSION

static const struct violation violations[] = {
    /* HELLO */
    {.what = "OPEN comes first",
     .why = "the first frame is not HELLO",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = 1, .flags = YOKE__FLAG_END_STREAM},
     .method = &unit_echo_now_method,
     .is_first = true},
    {.what = "END comes first",
     .why = "the first frame is not HELLO",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE},
     .method = &unit_echo_later_method,
     .is_first = true},
    {.what = "EVENT comes first",
     .why = "the first frame is not HELLO",
     .frame = {.type = YOKE__FRAME_EVENT},
     .is_first = true},
    {.what = "zeroes come first", .why = "the first frame is not HELLO", .is_first = true},
    {.what = "HELLO without the magic",
     .why = "HELLO lacks the magic: the peer does not speak Yoke",
     .frame = {.type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC + 1, .aux = YOKE__PROTOCOL_VERSION},
     .is_first = true},
    {.what = "HELLO of version 0",
     .why = "HELLO is of another protocol version",
     .frame = {.type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = 0},
     .is_first = true},
    {.what = "HELLO of version 2",
     .why = "HELLO is of another protocol version",
     .frame = {.type = YOKE__FRAME_HELLO, .method = YOKE__HELLO_MAGIC, .aux = 2},
     .is_first = true},
    {.what = "HELLO with a stream",
     .why = "HELLO has a stream or flags",
     .frame = {HELLO_FRAME, .stream = 1},
     .is_first = true},
    {.what = "HELLO with flags",
     .why = "HELLO has a stream or flags",
     .frame = {HELLO_FRAME, .flags = 0x80},
     .is_first = true},
    {.what = "HELLO over 1,024 bytes",
     .why = "HELLO is too long",
     .frame = {HELLO_FRAME, .length = YOKE__CONTROL_SIZE_MAX + 1},
     .is_first = true},
    {.what = "HELLO of 4 GiB",
     .why = "HELLO is too long",
     .frame = {HELLO_FRAME, .length = UINT32_MAX},
     .is_first = true},
    {.what = "HELLO with a malformed payload",
     .why = "the payload of HELLO is malformed",
     .frame = {HELLO_FRAME, .length = 3},
     .payload = "\x0a\x7f\x01",
     .is_first = true,
     .is_bare = true},
    {.what = "HELLO again", .why = "HELLO came twice", .frame = {HELLO_FRAME}},

    /* Types */
    {.what = "type 0", .why = "unknown frame type", .frame = {.type = 0}},
    {.what = "type 99", .why = "unknown frame type", .frame = {.type = 99, .flags = 0x0a, .stream = 77, .aux = 3}},
    {.what = "type 255", .why = "unknown frame type", .frame = {.type = 255, .length = UINT32_MAX}},

    /* OPEN */
    {.what = "OPEN with stream 0",
     .why = "OPEN has a stream id that is not the peer's to give",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = 0, .flags = YOKE__FLAG_END_STREAM},
     .method = &unit_echo_now_method},
    {.what = "OPEN with a stream of ours",
     .why = "OPEN has a stream id that is not the peer's to give",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = 8, .flags = YOKE__FLAG_END_STREAM},
     .method = &unit_echo_now_method},
    {.what = "OPEN with the stream of a live call of ours",
     .why = "OPEN has a stream id that is not the peer's to give",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = OUR_LIVE, .flags = YOKE__FLAG_END_STREAM},
     .method = &unit_echo_now_method},
    {.what = "OPEN with the stream of a live call of the peer's",
     .why = "OPEN reuses a live stream id",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = PEERS_LIVE, .flags = YOKE__FLAG_END_STREAM},
     .method = &unit_echo_now_method},
    {.what = "OPEN without a message, with one",
     .why = "OPEN says that it has no message, and has one",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = PEERS_NEXT, .flags = YOKE__FLAG_NO_MESSAGE, .length = 1},
     .method = &unit_echo_now_method},
    {.what = "OPEN with a flag that does not exist",
     .why = "OPEN has unknown flags",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = PEERS_NEXT, .flags = YOKE__FLAG_END_STREAM | 0x80},
     .method = &unit_echo_now_method},
    {.what = "OPEN with aux",
     .why = "OPEN has unknown flags",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = PEERS_NEXT, .flags = YOKE__FLAG_END_STREAM, .aux = 1},
     .method = &unit_echo_now_method},
    {.what = "OPEN of an unknown method with a wrong stream",
     .why = "OPEN has a stream id that is not the peer's to give",
     .frame = {.type = YOKE__FRAME_OPEN, .stream = 4, .flags = YOKE__FLAG_END_STREAM, .method = 1}},
    {.what = "OPEN with a deadline and no room for it",
     .why = "OPEN is too short for its deadline or metadata",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_END_STREAM | YOKE__FLAG_DEADLINE,
               .length = YOKE__DEADLINE_SIZE - 1},
     .method = &unit_echo_now_method,
     .payload = "1234567"},

    /* END */
    {.what = "END with stream 0",
     .why = "END is for no call of ours",
     .frame = {.type = YOKE__FRAME_END, .stream = 0},
     .method = &unit_echo_later_method},
    {.what = "END for a call that was never made",
     .why = "END is for no call of ours",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_NEXT},
     .method = &unit_echo_later_method},
    {.what = "END for the peer's own call",
     .why = "END is for no call of ours",
     .frame = {.type = YOKE__FRAME_END, .stream = PEERS_LIVE},
     .method = &unit_echo_later_method},
    {.what = "END of another method",
     .why = "END names another method than its call",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE},
     .method = &unit_echo_now_method},
    {.what = "END with flags",
     .why = "END has unknown flags or an unknown status code",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .flags = 0x01},
     .method = &unit_echo_later_method},
    {.what = "END without a message, with one",
     .why = "END says that it has no message, and has one",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .flags = YOKE__FLAG_NO_MESSAGE, .length = 1},
     .method = &unit_echo_later_method},
    {.what = "END with code 17",
     .why = "END has unknown flags or an unknown status code",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .aux = 17},
     .method = &unit_echo_later_method},
    {.what = "END with code 65535",
     .why = "END has unknown flags or an unknown status code",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .aux = UINT16_MAX},
     .method = &unit_echo_later_method},
    {.what = "END with a status over 1,024 bytes",
     .why = "the status of END is too long",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .aux = 5, .length = YOKE__CONTROL_SIZE_MAX + 1},
     .method = &unit_echo_later_method},
    {.what = "END with a status of 4 GiB",
     .why = "the status of END is too long",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .aux = 5, .length = UINT32_MAX},
     .method = &unit_echo_later_method},
    {.what = "END with a malformed status",
     .why = "the status of END is malformed",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .aux = 5, .length = 2},
     .method = &unit_echo_later_method,
     .payload = "\x0a\x05",
     .is_bare = true},

    /* What precedes a message */
    {.what = "OPEN with metadata and no room for its length",
     .why = "OPEN is too short for its deadline or metadata",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_END_STREAM | YOKE__FLAG_DEADLINE | YOKE__FLAG_METADATA,
               .length = 11},
     .method = &unit_echo_now_method},
    {.what = "OPEN with metadata that is longer than the frame",
     .why = "the metadata of OPEN on stream 5 is malformed",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_END_STREAM | YOKE__FLAG_METADATA,
               .length = 4},
     .method = &unit_echo_now_method,
     .payload = "\1\0\0\0",
     .is_bare = true},
    {.what = "OPEN with metadata that is no list",
     .why = "the metadata of OPEN on stream 5 is malformed",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_END_STREAM | YOKE__FLAG_METADATA,
               .length = 13},
     .method = &unit_echo_now_method,
     .payload = "\11\0\0\0\1\0\0\0\1K\0v\0",
     .is_bare = true},
    {.what = "OPEN with details",
     .why = "OPEN has unknown flags",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_END_STREAM | YOKE__FLAG_DETAILS,
               .length = 4},
     .method = &unit_echo_now_method},
    {.what = "OPEN without a message, with metadata and one",
     .why = "OPEN on stream 5 says that it has no message, and has one",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_METADATA,
               .length = 5},
     .method = &unit_echo_now_method,
     .payload = "\0\0\0\0x",
     .is_bare = true},
    {.what = "OPEN without a message, and 64 KiB and more",
     .why = "OPEN says that it has no message, and has one",
     .frame = {.type = YOKE__FRAME_OPEN,
               .stream = PEERS_NEXT,
               .flags = YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_METADATA,
               .length = YOKE__METADATA_BYTES_MAX + 5},
     .method = &unit_echo_now_method},
    {.what = "END with trailers and no room for their length",
     .why = "END is too short for its metadata",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .flags = YOKE__FLAG_METADATA, .length = 3},
     .method = &unit_echo_later_method},
    {.what = "END with trailers that are no list",
     .why = "the trailers of END on stream 2 are malformed",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .flags = YOKE__FLAG_METADATA, .length = 6},
     .method = &unit_echo_later_method,
     .payload = "\2\0\0\0xx",
     .is_bare = true},
    {.what = "END with details of no type",
     .why = "the trailers of END on stream 2 are malformed",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .flags = YOKE__FLAG_DETAILS, .aux = 5, .length = 13},
     .method = &unit_echo_later_method,
     .payload = "\11\0\0\0\1\0\0\0\1-\0v\0",
     .is_bare = true},
    {.what = "END with code 0 and details",
     .why = "END has unknown flags or an unknown status code",
     .frame = {.type = YOKE__FRAME_END, .stream = OUR_LIVE, .flags = YOKE__FLAG_DETAILS, .length = 4},
     .method = &unit_echo_later_method},
    {.what = "END without a message, with trailers and one",
     .why = "END on stream 2 says that it has no message, and has one",
     .frame = {.type = YOKE__FRAME_END,
               .stream = OUR_LIVE,
               .flags = YOKE__FLAG_NO_MESSAGE | YOKE__FLAG_METADATA,
               .length = 5},
     .method = &unit_echo_later_method,
     .payload = "\0\0\0\0x",
     .is_bare = true},

    /* HEADERS */
    {.what = "HEADERS with stream 0",
     .why = "HEADERS are for no call of ours",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = 0}},
    {.what = "HEADERS for a call of the peer's",
     .why = "HEADERS are for no call of ours",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = PEERS_LIVE},
     .method = &unit_echo_later_method},
    {.what = "HEADERS for a call that was never made",
     .why = "HEADERS are for no call of ours",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = OUR_NEXT},
     .method = &unit_echo_later_method},
    {.what = "HEADERS of another method",
     .why = "HEADERS name another method than their call",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = OUR_LIVE},
     .method = &unit_echo_now_method},
    {.what = "HEADERS with flags",
     .why = "HEADERS have flags or are too long",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = OUR_LIVE, .flags = YOKE__FLAG_METADATA},
     .method = &unit_echo_later_method},
    {.what = "HEADERS with aux",
     .why = "HEADERS have flags or are too long",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = OUR_LIVE, .aux = 1},
     .method = &unit_echo_later_method},
    {.what = "HEADERS over 64 KiB",
     .why = "HEADERS have flags or are too long",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = OUR_LIVE, .length = YOKE__METADATA_BYTES_MAX + 1},
     .method = &unit_echo_later_method},
    {.what = "HEADERS that are no list",
     .why = "HEADERS on stream 2 are malformed",
     .frame = {.type = YOKE__FRAME_HEADERS, .stream = OUR_LIVE, .length = 1},
     .method = &unit_echo_later_method,
     .payload = "x",
     .is_bare = true},

    /* GOAWAY */
    {.what = "GOAWAY with a stream",
     .why = "GOAWAY has a stream, a method, flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_GOAWAY, .stream = OUR_LIVE, .length = 4}},
    {.what = "GOAWAY with a method",
     .why = "GOAWAY has a stream, a method, flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_GOAWAY, .length = 4},
     .method = &unit_echo_now_method},
    {.what = "GOAWAY with flags",
     .why = "GOAWAY has a stream, a method, flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_GOAWAY, .flags = 1, .length = 4}},
    {.what = "GOAWAY with aux",
     .why = "GOAWAY has a stream, a method, flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_GOAWAY, .aux = 1, .length = 4}},
    {.what = "GOAWAY of 8 bytes",
     .why = "GOAWAY has a stream, a method, flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_GOAWAY, .length = 8}},
    {.what = "GOAWAY of a call of the peer's",
     .why = "GOAWAY names stream 1, which is no call of ours",
     .frame = {.type = YOKE__FRAME_GOAWAY, .length = 4},
     .payload = "\1\0\0\0",
     .is_bare = true},
    {.what = "GOAWAY of a call that was never made",
     .why = "GOAWAY names stream 6, which is no call of ours",
     .frame = {.type = YOKE__FRAME_GOAWAY, .length = 4},
     .payload = "\6\0\0\0",
     .is_bare = true},

    /* READY */
    {.what = "READY from who has started long since",
     .why = "READY is from no worker that is starting",
     .frame = {.type = YOKE__FRAME_READY}},

    /* DRAIN */
    {.what = "DRAIN to a side that does not drain",
     .why = "DRAIN is for a side that does not drain, or came twice",
     .frame = {.type = YOKE__FRAME_DRAIN}},

    /* EVENT */
    {.what = "EVENT with a stream",
     .why = "EVENT has a stream or flags",
     .frame = {.type = YOKE__FRAME_EVENT, .stream = 1}},
    {.what = "EVENT with flags",
     .why = "EVENT has a stream or flags",
     .frame = {.type = YOKE__FRAME_EVENT, .flags = YOKE__FLAG_END_STREAM}},
    {.what = "EVENT with aux", .why = "EVENT has a stream or flags", .frame = {.type = YOKE__FRAME_EVENT, .aux = 1}},

    /* CANCEL */
    {.what = "CANCEL with stream 0",
     .why = "CANCEL has a stream id that is not the peer's to give",
     .frame = {.type = YOKE__FRAME_CANCEL, .stream = 0}},
    {.what = "CANCEL of a call of ours",
     .why = "CANCEL has a stream id that is not the peer's to give",
     .frame = {.type = YOKE__FRAME_CANCEL, .stream = OUR_LIVE}},
    {.what = "CANCEL with flags",
     .why = "CANCEL has flags or a payload",
     .frame = {.type = YOKE__FRAME_CANCEL, .stream = PEERS_LIVE, .flags = 1}},
    {.what = "CANCEL with aux",
     .why = "CANCEL has flags or a payload",
     .frame = {.type = YOKE__FRAME_CANCEL, .stream = PEERS_LIVE, .aux = 1}},
    {.what = "CANCEL with a payload",
     .why = "CANCEL has flags or a payload",
     .frame = {.type = YOKE__FRAME_CANCEL, .stream = PEERS_LIVE, .length = 1},
     .payload = "x"},

    /* MESSAGE */
    {.what = "MESSAGE with stream 0",
     .why = "MESSAGE is for no call",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = 0}},
    {.what = "MESSAGE for a call that was never made",
     .why = "MESSAGE is for no call",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_NEXT}},
    {.what = "MESSAGE with a flag that does not exist",
     .why = "MESSAGE has unknown flags",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE, .flags = 0x80},
     .method = &unit_echo_later_method},
    {.what = "MESSAGE of the answering side with END_STREAM",
     .why = "MESSAGE has unknown flags",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE, .flags = YOKE__FLAG_END_STREAM},
     .method = &unit_echo_later_method},
    {.what = "MESSAGE with aux",
     .why = "MESSAGE has unknown flags",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE, .aux = 1},
     .method = &unit_echo_later_method},
    {.what = "MESSAGE that ends its stream within a message",
     .why = "MESSAGE ends a stream within a message",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = PEERS_LIVE, .flags = YOKE__FLAG_MORE | YOKE__FLAG_END_STREAM},
     .method = &unit_echo_later_method},
    {.what = "MESSAGE without a message or an end",
     .why = "MESSAGE says that it has no message, and has one, or no meaning at all",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = PEERS_LIVE, .flags = YOKE__FLAG_NO_MESSAGE},
     .method = &unit_echo_later_method},
    {.what = "MESSAGE over 1,088 KiB",
     .why = "MESSAGE is too long for one frame",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE, .length = (1088u << 10) + 1},
     .method = &unit_echo_later_method},
    {.what = "MESSAGE of another method",
     .why = "MESSAGE names another method than its call",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE},
     .method = &unit_echo_now_method},
    {.what = "MESSAGE behind END_STREAM",
     .why = "MESSAGE on stream 1 comes behind the end of the stream",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = PEERS_LIVE},
     .method = &unit_echo_later_method,
     .is_bare = true},
    {.what = "a first fragment without its total",
     .why = "the first fragment on stream 2 lacks its total",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE, .flags = YOKE__FLAG_MORE, .length = 3},
     .method = &unit_echo_later_method,
     .payload = "abc",
     .is_bare = true},
    {.what = "a fragment longer than the whole",
     .why = "the fragments of a message on stream 2 are not its 0 bytes",
     .frame = {.type = YOKE__FRAME_MESSAGE, .stream = OUR_LIVE, .flags = YOKE__FLAG_MORE, .length = 5},
     .method = &unit_echo_later_method,
     .payload = "\0\0\0\0x",
     .is_bare = true},

    /* CREDIT */
    {.what = "CREDIT with stream 0",
     .why = "CREDIT is for no call",
     .frame = {.type = YOKE__FRAME_CREDIT, .stream = 0, .length = 4}},
    {.what = "CREDIT with flags",
     .why = "CREDIT has flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_CREDIT, .stream = OUR_LIVE, .flags = 1, .length = 4},
     .method = &unit_echo_later_method},
    {.what = "CREDIT of 3 bytes",
     .why = "CREDIT has flags or not 4 bytes",
     .frame = {.type = YOKE__FRAME_CREDIT, .stream = OUR_LIVE, .length = 3},
     .method = &unit_echo_later_method},
    {.what = "CREDIT of another method",
     .why = "CREDIT names another method than its call",
     .frame = {.type = YOKE__FRAME_CREDIT, .stream = OUR_LIVE, .length = 4},
     .method = &unit_echo_now_method},
    {.what = "CREDIT that is not due",
     .why = "CREDIT gives 1 bytes back on stream 2, where 0 are due",
     .frame = {.type = YOKE__FRAME_CREDIT, .stream = OUR_LIVE, .length = 4},
     .method = &unit_echo_later_method,
     .payload = "\1\0\0\0",
     .is_bare = true},
    {.what = "CREDIT of nothing",
     .why = "CREDIT gives 0 bytes back on stream 1, where 0 are due",
     .frame = {.type = YOKE__FRAME_CREDIT, .stream = PEERS_LIVE, .length = 4},
     .method = &unit_echo_later_method,
     .payload = "\0\0\0\0",
     .is_bare = true},
};

#define VIOLATION_COUNT (sizeof(violations) / sizeof(*violations))

static void check(bool holds, const struct violation *violation, unsigned line) {
    test_check(holds, violation->what, __FILE__, line, false);
}

/* A HELLO and what makes the calls above live. The violation's frame follows. */
static void add_prelude(struct wire *wire) {
    wire_hello(wire);
    wire_open(wire, PEERS_LIVE, &unit_echo_later_method, 3);
    wire_open(wire, PEERS_DEAD, &unit_echo_now_method, 3);
    wire_end(wire, OUR_DEAD, &unit_echo_later_method, 3);
}

static void start(void) {
    machine_init(&worker, false, NULL);
    live_outcome = dead_outcome = (struct outcome){0};
    REQUIRE_INT(machine_call_later(&worker, "x", 1, &live_outcome), 0);
    REQUIRE_INT(machine_call_later(&worker, "x", 1, &dead_outcome), 0);
}

static void expected_failure(const struct violation *violation, size_t offset, char *text, size_t size) {
    const struct yoke__frame *frame = &violation->frame;
    if (violation->is_bare) {
        (void)snprintf(text, size, "%s", violation->why);
    } else {
        (void)snprintf(text, size, "%s (byte %zu: type %u, flags 0x%02x, stream %u, aux %u)", violation->why, offset,
                       frame->type, frame->flags, frame->stream, frame->aux);
    }
}

static void violate(const struct violation *violation, size_t piece) {
    static struct wire wire;
    wire.length = 0;
    start();
    if (!violation->is_first) {
        add_prelude(&wire);
    }
    char expected[256];
    expected_failure(violation, wire.length, expected, sizeof(expected));
    struct yoke__frame frame = violation->frame;
    frame.method = violation->method != NULL ? violation->method->id : frame.method;
    uint8_t header[YOKE__FRAME_HEADER_SIZE];
    yoke__frame_encode(&frame, header);
    wire_add(&wire, header, sizeof(header));
    size_t header_end = wire.length;
    if (violation->payload != NULL) {
        wire_add(&wire, violation->payload, frame.length);
    }
    size_t length = wire.length;
    /* What follows a violation is of no interest. */
    wire_open(&wire, PEERS_NEXT, &unit_echo_now_method, 1);
    size_t taken = machine_feed(&worker, wire.bytes, length, piece);
    unsigned handled = worker.handled;
    (void)machine_feed(&worker, wire.bytes + taken, wire.length - taken, piece);

    CHECK_STR(worker.connection.failure, expected);
    check(taken >= header_end, violation, __LINE__);
    check(worker.handled == handled && handled == (violation->is_first ? 0 : 2), violation, __LINE__);
    check(worker.attentions > 0, violation, __LINE__);
    check(live_outcome.count == 0, violation, __LINE__);
    check(dead_outcome.count == !violation->is_first, violation, __LINE__);

    /* The connection takes nothing more, and what was pending learns of it once when it is closed. */
    struct outcome refused = {0};
    check(machine_call_now(&worker, "x", 1, &refused) == -ENOTCONN, violation, __LINE__);
    machine_close(&worker, "the peer broke the protocol");
    check(live_outcome.count == 1 && live_outcome.code == YOKE_UNAVAILABLE, violation, __LINE__);
    CHECK_STR(live_outcome.message, "the peer broke the protocol; the request was not handled");
    check(dead_outcome.count == 1 && refused.count == 0, violation, __LINE__);
    CHECK_STR(worker.connection.failure, expected);
    if (worker.held_count > 0) {
        check(machine_answer_held(&worker, "late", 4) == -ENOTCONN, violation, __LINE__);
    }
    machine_release(&worker);
}

static void each_is_said_in_so_many_words(void) {
    for (size_t i = 0; i < VIOLATION_COUNT; i++) {
        violate(&violations[i], 0);
    }
}

static void each_is_noticed_byte_by_byte(void) {
    for (size_t i = 0; i < VIOLATION_COUNT; i++) {
        violate(&violations[i], 1);
    }
}

/* The same from the other side: a master's own ids are the odd ones. */
static void a_master_tells_its_ids_from_its_workers(void) {
    static const struct {
        uint32_t stream;
        const char *failure;
    } table[] = {
        {2, ""},
        {4, ""},
        {1, "OPEN has a stream id that is not the peer's to give (byte 16: type 2, flags 0x01, stream 1, aux 0)"},
        {3, "OPEN has a stream id that is not the peer's to give (byte 16: type 2, flags 0x01, stream 3, aux 0)"},
        {132, ""},
        {UINT32_MAX - 1, ""},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        static struct machine master;
        static struct wire wire;
        wire.length = 0;
        machine_init(&master, true, NULL);
        wire_hello(&wire);
        wire_open(&wire, table[i].stream, &unit_echo_now_method, 3);
        (void)machine_feed(&master, wire.bytes, wire.length, 0);
        CHECK_STR(master.connection.failure, table[i].failure);
        CHECK_INT(master.handled, table[i].failure[0] == '\0');
        machine_release(&master);
    }
}

/* Only the first is told: it is the one that explains the others. */
/* Who is to blame is settled with the first failure, too. */
static void the_blame_stays(void) {
    start();
    yoke__connection_break(&worker.connection, "ours");
    yoke__connection_break(&worker.connection, "ours again");
    CHECK(worker.connection.is_own_failure);
    machine_release(&worker);
    start();
    yoke__connection_fail(&worker.connection, "the peer's");
    yoke__connection_break(&worker.connection, "ours");
    CHECK(!worker.connection.is_own_failure);
    CHECK_STR(worker.connection.failure, "the peer's");
    machine_release(&worker);
}

static void the_first_failure_stays(void) {
    static struct wire wire;
    start();
    wire_hello(&wire);
    wire_hello(&wire);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    char first[sizeof(worker.connection.failure)];
    memcpy(first, worker.connection.failure, sizeof(first));
    yoke__connection_received(&worker.connection, 0);
    CHECK_STR(worker.connection.failure, first);
    machine_release(&worker);
}

/* What the protocol has for calls that crossed an end: nothing happens. */
static void what_crossed_an_end_is_no_violation(void) {
    static struct wire wire;
    start();
    add_prelude(&wire);
    wire_end(&wire, OUR_DEAD, &unit_echo_later_method, 3);
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_CANCEL, .stream = PEERS_DEAD}, NULL);
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_CANCEL, .stream = PEERS_LIVE}, NULL);
    wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_CANCEL, .stream = PEERS_LIVE}, NULL);
    (void)machine_feed(&worker, wire.bytes, wire.length, 0);
    CHECK_STR(worker.connection.failure, "");
    CHECK_INT(dead_outcome.count, 1);
    CHECK_INT(live_outcome.count, 0);
    CHECK_INT(machine_answer_held(&worker, "x", 1), -ECANCELED);
    machine_release(&worker);
}

static const struct test_case cases[] = {
    {.name = "each violation is said in so many words", .run = each_is_said_in_so_many_words},
    {.name = "each is noticed byte by byte, too", .run = each_is_noticed_byte_by_byte},
    {.name = "a master tells its ids from its worker's", .run = a_master_tells_its_ids_from_its_workers},
    {.name = "the first failure stays", .run = the_first_failure_stays},
    {.name = "the blame stays", .run = the_blame_stays},
    {.name = "what crossed an end is no violation", .run = what_crossed_an_end_is_no_violation},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: violations", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
