/* rows_frames.c: greetings, and single frames that are wrong by themselves. */
#include "row.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIE 0xffffffffu /* a length of 4 GiB - 1 */

#define ECHO (&probe_common_echo_method)
#define TREE (&probe_common_echo_tree_method)
#define CHAT (&probe_streams_chat_method)

/* ---- Greetings */

static void say_garbage(struct peer *peer, int byte) {
    uint8_t garbage[256];
    memset(garbage, byte, sizeof(garbage));
    peer_send(peer, garbage, sizeof(garbage));
}

static void say_ones(struct peer *peer) {
    say_garbage(peer, 0xff);
}

static void say_zeroes(struct peer *peer) {
    say_garbage(peer, 0);
}

static void say_noise(struct peer *peer) {
    uint8_t noise[4096];
    srand(7);
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)(rand() >> 8);
    }
    peer_send(peer, noise, sizeof(noise));
}

static void say_http(struct peer *peer) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    peer_send(peer, request, sizeof(request) - 1);
}

static void greet_with_services(struct peer *peer, unsigned count) {
    struct bytes ids = {0};
    struct bytes payload = {0};
    for (unsigned i = 1; i <= count; i++) {
        bytes_number(&ids, i, 4);
    }
    bytes_field(&payload, 1, ids.data, ids.size);
    peer_frame(peer, (struct header){.type = FRAME_HELLO, .method = MAGIC, .aux = 1}, payload.data, payload.size);
    bytes_release(&ids);
    bytes_release(&payload);
}

static void greet_with_128_services(struct peer *peer) {
    greet_with_services(peer, 128);
}

static void greet_with_129_services(struct peer *peer) {
    greet_with_services(peer, 129);
}

static void greet_in_two_parts(struct peer *peer) {
    struct bytes bytes = {0};
    bytes_header(&bytes, &(struct header){.type = FRAME_HELLO, .method = MAGIC, .aux = 1});
    peer_send(peer, bytes.data, 1);
    peer_await_read(peer);
    peer_send(peer, bytes.data + 1, bytes.size - 1);
    bytes_release(&bytes);
}

static void say_one_byte(struct peer *peer) {
    peer_send(peer, "\0", 1);
    peer_await_read(peer);
}

#define FIRST(frame_name, ...)                                                                                     \
    {                                                                                                              \
        .name = frame_name " before HELLO", .end = VIOLATES, .detail = "first frame is not HELLO", .silent = true, \
        .frame = {                                                                                                 \
            __VA_ARGS__                                                                                            \
        }                                                                                                          \
    }
#define BAD_HELLO(row_name, row_detail, ...)                                                    \
    {                                                                                           \
        .name = (row_name), .end = VIOLATES, .detail = (row_detail), .silent = true, .frame = { \
            .type = FRAME_HELLO,                                                                \
            __VA_ARGS__                                                                         \
        }                                                                                       \
    }

const struct row hello_rows[] = {
    BAD_HELLO("HELLO without magic", "lacks the magic", .id = 0, .aux = 1),
    BAD_HELLO("HELLO with another magic", "lacks the magic", .id = MAGIC ^ 1, .aux = 1),
    BAD_HELLO("HELLO of version 0", "another protocol version", .id = MAGIC, .aux = 0),
    BAD_HELLO("HELLO of version 2", "another protocol version", .id = MAGIC, .aux = 2),
    BAD_HELLO("HELLO of version 65535", "another protocol version", .id = MAGIC, .aux = 65535),
    BAD_HELLO("HELLO with a stream", "HELLO has a stream or flags", .id = MAGIC, .aux = 1, .stream = 1),
    BAD_HELLO("HELLO with flags", "HELLO has a stream or flags", .id = MAGIC, .aux = 1, .flags = 1),
    BAD_HELLO("HELLO over 1,024 bytes", "HELLO is too long", .id = MAGIC, .aux = 1, .length = 1025),
    BAD_HELLO("HELLO of 4 GiB", "HELLO is too long", .id = MAGIC, .aux = 1, .length = LIE),
    BAD_HELLO("HELLO with a malformed payload", "the payload of HELLO is malformed", .id = MAGIC, .aux = 1, .length = 5,
              .size = 5),
    FIRST("OPEN", .type = FRAME_OPEN, .stream = 1, .method = ECHO, .flags = FLAG_END_STREAM),
    FIRST("END", .type = FRAME_END, .stream = -HONEST_TREE, .method = TREE),
    FIRST("EVENT", .type = FRAME_EVENT, .event = &probe_tick_event),
    FIRST("CANCEL", .type = FRAME_CANCEL, .stream = 1, .method = ECHO),
    FIRST("MESSAGE", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT, .method = CHAT),
    FIRST("CREDIT", .type = FRAME_CREDIT, .stream = -HONEST_CHAT, .method = CHAT, .length = 4, .size = 4),
    FIRST("HEADERS", .type = FRAME_HEADERS, .stream = -HONEST_TREE, .method = TREE),
    FIRST("GOAWAY", .type = FRAME_GOAWAY, .length = 4, .size = 4),
    FIRST("READY", .type = FRAME_READY),
    FIRST("DRAIN", .type = FRAME_DRAIN),
    FIRST("a frame of type 0", .type = 0, .id = 1),
    FIRST("a frame of type 255", .type = 255),
    {.name = "HELLO twice",
     .end = VIOLATES,
     .detail = "HELLO came twice",
     .frame = {.type = FRAME_HELLO, .id = MAGIC, .aux = 1}},
    {.name = "READY from who has started",
     .end = VIOLATES,
     .detail = "READY is from no worker that is starting",
     .frame = {.type = FRAME_READY}},
    {.name = "DRAIN to who does not drain",
     .end = VIOLATES,
     .detail = "DRAIN is for a side that does not drain",
     .frame = {.type = FRAME_DRAIN}},
    {.name = "ones", .end = VIOLATES, .detail = "first frame is not HELLO", .silent = true, .act = say_ones},
    {.name = "zeroes", .end = VIOLATES, .detail = "first frame is not HELLO", .silent = true, .act = say_zeroes},
    {.name = "noise", .end = VIOLATES, .detail = "first frame is not HELLO", .silent = true, .act = say_noise},
    {.name = "HTTP", .end = VIOLATES, .detail = "first frame is not HELLO", .silent = true, .act = say_http},
    {.name = "ones after HELLO", .end = VIOLATES, .detail = "unknown frame type", .act = say_ones},
    {.name = "zeroes after HELLO", .end = VIOLATES, .detail = "unknown frame type", .act = say_zeroes},
    {.name = "HELLO with 129 services",
     .end = VIOLATES,
     .detail = "the payload of HELLO is malformed",
     .silent = true,
     .act = greet_with_129_services},
    {.name = "HELLO with 128 services", .end = SURVIVES, .silent = true, .act = greet_with_128_services},
    {.name = "HELLO in two parts", .end = SURVIVES, .silent = true, .act = greet_in_two_parts},
    {.name = "never HELLO", .end = LEAVES, .silent = true},
    {.name = "one byte of HELLO", .end = LEAVES, .silent = true, .act = say_one_byte},
    {.name = "hanging up before HELLO", .end = HANGS_UP, .silent = true},
    {.name = "hanging up", .end = HANGS_UP},
    {.name = NULL},
};

/* ---- Single frames */

static void send_status(struct peer *peer, const void *status, size_t size) {
    const struct header header = {.type = FRAME_END,
                                  .stream = peer_stream(peer, -HONEST_TREE),
                                  .method = probe_common_echo_tree_method.id,
                                  .aux = YOKE_INTERNAL};
    peer_frame(peer, header, status, size);
}

static void end_with_malformed_status(struct peer *peer) {
    send_status(peer, "\xff\xff\xff\xff", 4);
}

static void end_with_long_message(struct peer *peer) {
    struct bytes status = {0};
    bytes_field(&status, 1, NULL, 512);
    send_status(peer, status.data, status.size);
    bytes_release(&status);
}

/* The worker's own death, as the master would tell it. */
static void forge_a_death(struct peer *peer) {
    struct bytes event = {0};
    bytes_number(&event, 0x0108, 2); /* worker_id: 1 */
    bytes_number(&event, 0x0110, 2); /* pid: 1 */
    bytes_field(&event, 3, "lab", 3);
    bytes_field(&event, 14, "forged", 6);
    peer_frame(peer, (struct header){.type = FRAME_EVENT, .method = yoke_v1_worker_died_event.id}, event.data,
               event.size);
    bytes_release(&event);
}

static void die_of_it(struct peer *peer) {
    say_ones(peer);
    _exit(0);
}

/* Says that so many bytes follow, sends half of them, and is gone. */
static void send_half(struct peer *peer) {
    uint8_t half[50] = {0};
    peer_send(peer, half, sizeof(half));
    peer_await_read(peer);
}

/* The answers to calls that are refused for their size. */
static void await_refusal(struct peer *peer) {
    PEER_AWAIT(peer, peer->own_ends[1] == 1);
    PEER_CHECK(peer, peer->own_code[1] == YOKE_RESOURCE_EXHAUSTED);
    send_half(peer);
}

#define WRONG(row_name, row_detail, ...)                                                      \
    {                                                                                         \
        .name = (row_name), .end = VIOLATES, .detail = (row_detail), .frame = { __VA_ARGS__ } \
    }
#define CUT(row_name, ...)                                                                                             \
    {                                                                                                                  \
        .name = row_name " cut in the middle", .end = LEAVES, .act = send_half, .frame = {.length = 100, __VA_ARGS__ } \
    }

const struct row frame_rows[] = {
    WRONG("a frame of type 0", "unknown frame type", .type = 0, .id = 1),
    WRONG("a frame of type 20", "unknown frame type", .type = 20),
    WRONG("a frame of type 127", "unknown frame type", .type = 127),
    WRONG("a frame of type 128", "unknown frame type", .type = 128),
    WRONG("a frame of type 255", "unknown frame type", .type = 255),
    WRONG("OPEN with aux", "OPEN has unknown flags", .type = FRAME_OPEN, .stream = 1, .method = ECHO, .flags = 1,
          .aux = 7),
    WRONG("OPEN too short for its deadline", "OPEN is too short", .type = FRAME_OPEN, .stream = 1, .method = ECHO,
          .flags = FLAG_END_STREAM | FLAG_DEADLINE, .length = 7, .size = 7),
    WRONG("OPEN with a message and without", "OPEN says that it has no message", .type = FRAME_OPEN, .stream = 1,
          .method = ECHO, .flags = FLAG_END_STREAM | FLAG_NO_MESSAGE, .length = 1, .size = 1),
    WRONG("END with status 17", "END has unknown flags or an unknown status", .type = FRAME_END, .stream = -HONEST_TREE,
          .method = TREE, .aux = 17),
    WRONG("END with status 65535", "END has unknown flags or an unknown status", .type = FRAME_END,
          .stream = -HONEST_TREE, .method = TREE, .aux = 65535),
    WRONG("END with another method", "END names another method", .type = FRAME_END, .stream = -HONEST_TREE,
          .method = ECHO),
    WRONG("END with a message and without", "END says that it has no message", .type = FRAME_END,
          .stream = -HONEST_TREE, .method = TREE, .flags = FLAG_NO_MESSAGE, .length = 1, .size = 1),
    WRONG("END with a status over 1,024 bytes", "the status of END is too long", .type = FRAME_END,
          .stream = -HONEST_TREE, .method = TREE, .aux = YOKE_INTERNAL, .length = 1025),
    {.name = "END with a malformed status",
     .end = VIOLATES,
     .detail = "the status of END is malformed",
     .act = end_with_malformed_status},
    {.name = "END with a message of 512 bytes in its status",
     .end = VIOLATES,
     .detail = "the status of END is malformed",
     .act = end_with_long_message},
    WRONG("EVENT with a stream", "EVENT has a stream", .type = FRAME_EVENT, .event = &probe_tick_event, .stream = 1),
    WRONG("EVENT with aux", "EVENT has a stream", .type = FRAME_EVENT, .event = &probe_tick_event, .aux = 1),
    WRONG("CANCEL with aux", "CANCEL has flags", .type = FRAME_CANCEL, .stream = 1, .method = ECHO, .aux = 1),
    WRONG("CANCEL with a payload", "CANCEL has flags", .type = FRAME_CANCEL, .stream = 1, .method = ECHO, .length = 1,
          .size = 1),
    WRONG("MESSAGE with aux", "MESSAGE has unknown flags", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT,
          .method = CHAT, .aux = 1),
    WRONG("MESSAGE of another method", "MESSAGE names another method", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT,
          .method = ECHO),
    WRONG("MESSAGE over 1,088 KiB", "MESSAGE is too long", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT,
          .method = CHAT, .length = WHOLE_MAX + 1),
    WRONG("MESSAGE that ends the stream of the caller", "MESSAGE has unknown flags", .type = FRAME_MESSAGE,
          .stream = -HONEST_CHAT, .method = CHAT, .flags = FLAG_END_STREAM),

    /* Lengths that lie. */
    WRONG("END of 4 GiB with an error", "the status of END is too long", .type = FRAME_END, .stream = -HONEST_TREE,
          .method = TREE, .aux = YOKE_INTERNAL, .length = LIE),
    WRONG("CANCEL of 4 GiB", "CANCEL has flags", .type = FRAME_CANCEL, .stream = 1, .method = ECHO, .length = LIE),
    WRONG("MESSAGE of 4 GiB", "MESSAGE is too long", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT, .method = CHAT,
          .length = LIE),
    WRONG("CREDIT of 4 GiB", "CREDIT has flags or not 4 bytes", .type = FRAME_CREDIT, .stream = -HONEST_CHAT,
          .method = CHAT, .length = LIE),
    {.name = "OPEN of 4 GiB",
     .end = LEAVES,
     .act = await_refusal,
     .frame = {.type = FRAME_OPEN, .stream = 1, .method = ECHO, .flags = FLAG_END_STREAM, .length = LIE}},
    {.name = "OPEN of 4 GiB with a deadline",
     .end = LEAVES,
     .act = await_refusal,
     .frame =
         {.type = FRAME_OPEN, .stream = 1, .method = ECHO, .flags = FLAG_END_STREAM | FLAG_DEADLINE, .length = LIE}},
    {.name = "END of 4 GiB",
     .end = LEAVES,
     .act = send_half,
     .tree = ENDED(YOKE_RESOURCE_EXHAUSTED),
     .frame = {.type = FRAME_END, .stream = -HONEST_TREE, .method = TREE, .length = LIE}},
    {.name = "EVENT of 4 GiB",
     .end = LEAVES,
     .act = send_half,
     .frame = {.type = FRAME_EVENT, .event = &probe_tick_event, .length = LIE}},
    CUT("OPEN", .type = FRAME_OPEN, .stream = 1, .method = ECHO, .flags = FLAG_END_STREAM),
    CUT("END", .type = FRAME_END, .stream = -HONEST_TREE, .method = TREE),
    CUT("a failing END", .type = FRAME_END, .stream = -HONEST_TREE, .method = TREE, .aux = YOKE_ABORTED),
    CUT("EVENT", .type = FRAME_EVENT, .event = &probe_tick_event),
    CUT("MESSAGE", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT, .method = CHAT),
    {.name = "a violation, and death by itself", .end = VIOLATES, .detail = "unknown frame type", .act = die_of_it},
    {.name = "a forged death", .end = SURVIVES, .act = forge_a_death},
    {.name = NULL},
};
