/* rows_floods.c: messages that would blow up a decoder, floods, silence, and descriptors. */
#include "row.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- Messages that are well framed and hard to decode: as a request, as a reply, as an event, in a stream */

enum way { AS_REQUEST, AS_REPLY, AS_EVENT, AS_MESSAGE };

static void send_tree(struct peer *peer, enum way way, const struct bytes *tree, enum yoke_code code) {
    struct bytes event = {0};
    switch (way) {
    case AS_REQUEST:
        peer_frame(peer,
                   (struct header){.type = FRAME_OPEN,
                                   .stream = peer_stream(peer, 1),
                                   .method = probe_common_echo_tree_method.id,
                                   .flags = FLAG_END_STREAM},
                   tree->data, tree->size);
        PEER_AWAIT(peer, peer->own_ends[1] == 1);
        PEER_CHECK(peer, peer->own_code[1] == code);
        break;
    case AS_REPLY:
        peer_frame(peer,
                   (struct header){.type = FRAME_END,
                                   .stream = peer_stream(peer, -HONEST_TREE),
                                   .method = probe_common_echo_tree_method.id},
                   tree->data, tree->size);
        break;
    case AS_EVENT:
        bytes_field(&event, 1, tree->data, tree->size);
        peer_frame(peer, (struct header){.type = FRAME_EVENT, .method = probe_grown_event.id}, event.data, event.size);
        bytes_release(&event);
        break;
    case AS_MESSAGE:
        peer_frame(peer,
                   (struct header){.type = FRAME_MESSAGE,
                                   .stream = peer_stream(peer, -HONEST_CHAT),
                                   .method = probe_streams_chat_method.id},
                   tree->data, tree->size);
        break;
    }
}

static void nest(struct peer *peer, unsigned depth, enum yoke_code code) {
    struct bytes tree = {0};
    bytes_deep_tree(&tree, depth);
    send_tree(peer, AS_REQUEST, &tree, code);
    send_tree(peer, AS_REPLY, &tree, code);
    send_tree(peer, AS_EVENT, &tree, code);
    bytes_release(&tree);
}

static void nest_64(struct peer *peer) {
    nest(peer, 64, YOKE_OK);
}

static void nest_65(struct peer *peer) {
    nest(peer, 65, YOKE_INTERNAL);
}

static void nest_10000(struct peer *peer) {
    nest(peer, 10000, YOKE_INTERNAL);
}

static void nest_900000(struct peer *peer) {
    nest(peer, 900000, YOKE_INTERNAL);
}

static void inflate(struct peer *peer, size_t size, enum yoke_code code) {
    struct bytes fields = {0};
    bytes_unknown_fields(&fields, size);
    send_tree(peer, AS_REQUEST, &fields, code);
    send_tree(peer, AS_REPLY, &fields, code);
    send_tree(peer, AS_EVENT, &fields, code);
    send_tree(peer, AS_MESSAGE, &fields, code);
    bytes_release(&fields);
}

static void inflate_200(struct peer *peer) {
    inflate(peer, 200, YOKE_OK);
}

static void inflate_a_mebibyte(struct peer *peer) {
    inflate(peer, 1u << 20, YOKE_RESOURCE_EXHAUSTED);
}

static void malform(struct peer *peer, const char *bytes, size_t size) {
    const struct bytes malformed = {.data = (uint8_t *)(uintptr_t)bytes, .size = size};
    send_tree(peer, AS_REQUEST, &malformed, YOKE_INTERNAL);
    send_tree(peer, AS_REPLY, &malformed, YOKE_INTERNAL);
    send_tree(peer, AS_EVENT, &malformed, YOKE_INTERNAL);
    send_tree(peer, AS_MESSAGE, &malformed, YOKE_INTERNAL);
}

static void malform_key(struct peer *peer) {
    malform(peer, "\xff", 1);
}

static void malform_length(struct peer *peer) {
    malform(peer, "\x0a\xff", 2);
}

static void lie_about_length(struct peer *peer) {
    malform(peer, "\x0a\x05\x00", 3);
}

static void lie_much_about_length(struct peer *peer) {
    malform(peer, "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11);
}

static void send_group(struct peer *peer) {
    malform(peer, "\x0b", 1);
}

static void send_no_wire_type(struct peer *peer) {
    malform(peer, "\x0f\x01", 2);
}

#define MALFORMED(row_name, row_act)                                                         \
    {                                                                                        \
        .name = (row_name), .end = SURVIVES, .act = (row_act), .tree = ENDED(YOKE_INTERNAL), \
        .chat = ENDED(YOKE_INTERNAL)                                                         \
    }

const struct row message_rows[] = {
    {.name = "nesting 64 deep", .end = SURVIVES, .act = nest_64, .runs = 1, .tree = ENDED(YOKE_OK)},
    {.name = "nesting 65 deep", .end = SURVIVES, .act = nest_65, .tree = ENDED(YOKE_INTERNAL)},
    {.name = "nesting 10,000 deep", .end = SURVIVES, .act = nest_10000, .tree = ENDED(YOKE_INTERNAL)},
    {.name = "nesting 900,000 deep",
     .end = SURVIVES,
     .act = nest_900000,
     .tree = ENDED(YOKE_INTERNAL),
     .peak_kib = 9 << 10},
    {.name = "200 bytes of unknown fields",
     .end = SURVIVES,
     .act = inflate_200,
     .runs = 1,
     .replies = 1,
     .events = 1,
     .tree = ENDED(YOKE_OK)},
    {.name = "a mebibyte of unknown fields",
     .end = SURVIVES,
     .act = inflate_a_mebibyte,
     .tree = ENDED(YOKE_RESOURCE_EXHAUSTED),
     .chat = ENDED(YOKE_RESOURCE_EXHAUSTED),
     .peak_kib = 36 << 10},
    MALFORMED("a key that does not end", malform_key),
    MALFORMED("a length that does not end", malform_length),
    MALFORMED("a length beyond the end", lie_about_length),
    MALFORMED("a length of 2^64 - 1", lie_much_about_length),
    MALFORMED("a group", send_group),
    MALFORMED("a wire type that is none", send_no_wire_type),
    {.name = NULL},
};

/* ---- Floods */

#define BATCH 500

/* More than the other side bears when nobody reads what it answers. */
#define UNREAD 200000

/* So many OPENs of new streams, each cancelled at once if asked. */
static void flood(struct peer *peer, const struct yoke_method *method, bool cancel, unsigned count) {
    struct bytes batch = {0};
    for (unsigned i = 0; i < count && !peer->closed; i++) {
        struct header header = {.type = FRAME_OPEN,
                                .stream = peer_stream(peer, PEER_STREAMS + (int)i),
                                .method = method->id,
                                .flags = FLAG_END_STREAM};
        bytes_frame(&batch, header, NULL, 0);
        if (cancel) {
            header.type = FRAME_CANCEL;
            header.flags = 0;
            bytes_frame(&batch, header, NULL, 0);
        }
        if (i % BATCH == BATCH - 1) {
            peer_send(peer, batch.data, batch.size);
            batch.size = 0;
        }
    }
    peer_send(peer, batch.data, batch.size);
    bytes_release(&batch);
}

static void reset_rapidly(struct peer *peer) {
    flood(peer, &probe_common_never_method, true, row_flood);
}

/* Hold goes on holding its cancelled calls, so they count: the others are refused. */
static void reset_rapidly_what_is_held(struct peer *peer) {
    flood(peer, &probe_common_hold_method, true, row_flood / 10);
    PEER_AWAIT(peer, peer->codes[YOKE_RESOURCE_EXHAUSTED] == row_flood / 10 - honest_limits.max_incoming_calls);
    for (unsigned i = 0; i < 3; i++) {
        /* One more is refused in the same way, and nothing else is. */
        flood(peer, &probe_common_echo_method, false, 1);
    }
    PEER_AWAIT(peer, peer->codes[YOKE_RESOURCE_EXHAUSTED] == row_flood / 10 - honest_limits.max_incoming_calls + 3);
}

static void reset_rapidly_unread(struct peer *peer) {
    peer->deaf = true;
    flood(peer, &probe_common_hold_method, true, UNREAD);
}

static void open_flood(struct peer *peer) {
    flood(peer, &probe_common_never_method, false, row_flood / 10);
    PEER_AWAIT(peer, peer->codes[YOKE_RESOURCE_EXHAUSTED] == row_flood / 10 - honest_limits.max_incoming_calls);
    PEER_CHECK(peer, peer->ends == peer->codes[YOKE_RESOURCE_EXHAUSTED]);
    struct bytes cancels = {0};
    for (unsigned i = 0; i < honest_limits.max_incoming_calls; i++) {
        const struct header header = {.type = FRAME_CANCEL,
                                      .stream = peer_stream(peer, PEER_STREAMS + (int)i),
                                      .method = probe_common_never_method.id};
        bytes_frame(&cancels, header, NULL, 0);
    }
    peer_send(peer, cancels.data, cancels.size);
    bytes_release(&cancels);
}

static void open_flood_unread(struct peer *peer) {
    peer->deaf = true;
    flood(peer, &probe_common_never_method, false, UNREAD);
}

static void open_flood_of_nothing(struct peer *peer) {
    flood(peer, &probe_nowhere_call_method, false, row_flood / 10);
    PEER_AWAIT(peer, peer->codes[YOKE_UNIMPLEMENTED] == row_flood / 10);
}

/* Every process answers pings, and nothing else of that service. */
static struct yoke_method internal_method(const char *name) {
    return (struct yoke_method){.name = name, .id = yoke_name_id(name)};
}

static void ping_flood(struct peer *peer) {
    const struct yoke_method ping = internal_method("yoke.v1.Connection/Ping");
    const struct yoke_method other = internal_method("yoke.v1.Connection/Pong");
    flood(peer, &ping, false, row_flood / 10);
    PEER_AWAIT(peer, peer->codes[YOKE_OK] == row_flood / 10);
    flood(peer, &other, false, 1);
    PEER_AWAIT(peer, peer->codes[YOKE_UNIMPLEMENTED] == 1);
}

static void ping_flood_unread(struct peer *peer) {
    const struct yoke_method ping = internal_method("yoke.v1.Connection/Ping");
    peer->deaf = true;
    flood(peer, &ping, false, 3 * UNREAD);
}

static void repeat(struct peer *peer, struct header header, unsigned count) {
    struct bytes batch = {0};
    for (unsigned i = 0; i < BATCH; i++) {
        bytes_frame(&batch, header, NULL, 0);
    }
    for (unsigned sent = 0; sent < count && !peer->closed; sent += BATCH) {
        peer_send(peer, batch.data, batch.size);
    }
    bytes_release(&batch);
}

static void cancel_flood(struct peer *peer) {
    repeat(peer,
           (struct header){.type = FRAME_CANCEL, .stream = peer_stream(peer, 1), .method = probe_common_echo_method.id},
           row_flood);
}

static void end_flood(struct peer *peer) {
    repeat(peer,
           (struct header){.type = FRAME_END,
                           .stream = peer_stream(peer, -HONEST_TREE),
                           .method = probe_common_echo_tree_method.id},
           row_flood);
}

static void event_flood(struct peer *peer) {
    repeat(peer, (struct header){.type = FRAME_EVENT, .method = probe_unheard_event.id}, row_flood);
}

/* As many as credit allows without hearing of more. */
#define EMPTY_MESSAGES (CREDIT_INITIAL / HEADER_SIZE / BATCH * BATCH)

static void message_flood(struct peer *peer) {
    repeat(peer,
           (struct header){.type = FRAME_MESSAGE,
                           .stream = peer_stream(peer, -HONEST_CHAT),
                           .method = probe_streams_chat_method.id},
           EMPTY_MESSAGES);
}

/* ---- Silence */

static void open_many_counts(struct peer *peer) {
    struct bytes plan = {0};
    peer->deaf = true;
    for (int i = 0; i < 50; i++) {
        bytes_frame(&plan,
                    (struct header){.type = FRAME_OPEN,
                                    .stream = peer_stream(peer, PEER_STREAMS + i),
                                    .method = probe_streams_count_method.id,
                                    .flags = FLAG_END_STREAM},
                    NULL, 0);
    }
    peer_send(peer, plan.data, plan.size);
    bytes_release(&plan);
}

/* The other side sends until it must not any more; the peer is gone before it has read a byte of it. */
static void never_read_streams(struct peer *peer) {
    open_many_counts(peer);
    peer_await_read(peer);
}

/* Streams without end do not keep a call from being answered. */
static void read_streams_late(struct peer *peer) {
    open_many_counts(peer);
    peer_await_read(peer);
    peer->deaf = false;
    for (int i = 0; i < 50; i++) {
        peer_frame(peer,
                   (struct header){.type = FRAME_CANCEL,
                                   .stream = peer_stream(peer, PEER_STREAMS + i),
                                   .method = probe_streams_count_method.id},
                   NULL, 0);
    }
}

static void never_read_replies(struct peer *peer) {
    struct bytes request = {0};
    peer->deaf = true;
    bytes_number(&request, 0x08, 1);
    bytes_number(&request, 0xffff, 2); /* 1 MiB - 1 */
    bytes_number(&request, 0x3f, 1);
    for (int i = 0; i < 100 && !peer->closed; i++) {
        peer_frame(peer,
                   (struct header){.type = FRAME_OPEN,
                                   .stream = peer_stream(peer, PEER_STREAMS + i),
                                   .method = probe_common_make_method.id,
                                   .flags = FLAG_END_STREAM},
                   request.data, request.size);
    }
    bytes_release(&request);
    peer_await_read(peer);
}

/* The call with a deadline is cancelled; the others wait for as long as the peer lives. */
static void never_answer(struct peer *peer) {
    PEER_AWAIT(peer, peer->their_cancels[HONEST_BRIEF] == 1);
}

/* Twice max_queued_bytes, all the calls that there may be, and what is taken otherwise. */
#define QUEUE_KIB (6u << 10)

const struct row flood_rows[] = {
    {.name = "rapid reset", .end = SURVIVES, .act = reset_rapidly, .runs = FLOOD_COUNT},
    {.name = "rapid reset of calls that are held",
     .end = LEAVES,
     .act = reset_rapidly_what_is_held,
     .runs = 256,
     .peak_kib = QUEUE_KIB},
    {.name = "rapid reset, unread",
     .end = VIOLATES,
     .detail = "the peer does not read them",
     .act = reset_rapidly_unread,
     .runs = 256,
     .peak_kib = QUEUE_KIB},
    {.name = "a flood of OPEN", .end = SURVIVES, .act = open_flood, .runs = 256, .peak_kib = QUEUE_KIB},
    {.name = "a flood of OPEN, unread",
     .end = VIOLATES,
     .detail = "the peer does not read them",
     .act = open_flood_unread,
     .runs = 256,
     .peak_kib = QUEUE_KIB},
    {.name = "a flood of OPEN for nothing", .end = SURVIVES, .act = open_flood_of_nothing, .peak_kib = QUEUE_KIB},
    {.name = "a flood of pings", .end = SURVIVES, .act = ping_flood, .peak_kib = QUEUE_KIB},
    {.name = "a flood of pings, unread",
     .end = VIOLATES,
     .detail = "the peer does not read them",
     .act = ping_flood_unread,
     .peak_kib = QUEUE_KIB},
    {.name = "a flood of CANCEL", .end = SURVIVES, .act = cancel_flood},
    {.name = "a flood of END", .end = SURVIVES, .act = end_flood, .tree = ENDED(YOKE_OK)},
    {.name = "a flood of EVENT", .end = SURVIVES, .act = event_flood},
    {.name = "a flood of empty messages", .end = SURVIVES, .act = message_flood, .replies = EMPTY_MESSAGES},
    {.name = "never reading streams",
     .end = LEAVES,
     .act = never_read_streams,
     .runs = ANY_COUNT,
     .peak_kib = QUEUE_KIB},
    {.name = "reading streams late",
     .end = SURVIVES,
     .act = read_streams_late,
     .runs = ANY_COUNT,
     .peak_kib = QUEUE_KIB},
    {.name = "never reading replies",
     .end = LEAVES,
     .act = never_read_replies,
     .runs = ANY_COUNT,
     .peak_kib = QUEUE_KIB},
    {.name = "never answering", .end = LEAVES, .act = never_answer, .brief = ENDED(YOKE_DEADLINE_EXCEEDED)},
    {.name = NULL},
};

/* ---- Descriptors */

/* A worker is given one with a BUFFER, so that a single one is refused no sooner than its frame; two are at once. */
static void send_with_fds(struct peer *peer, const struct header *header, unsigned count) {
    int fds[253];
    struct bytes bytes = {0};
    count += peer->is_master && count == 1;
    fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (unsigned i = 1; i < count; i++) {
        fds[i] = fds[0];
    }
    bytes_header(&bytes, header);
    peer_send_fds(peer, bytes.data, bytes.size, fds, count);
    bytes_release(&bytes);
    close(fds[0]);
}

static void greet_with_fd(struct peer *peer) {
    send_with_fds(peer, &(struct header){.type = FRAME_HELLO, .method = MAGIC, .aux = 1}, 1);
}

static void open_with_fd(struct peer *peer) {
    send_with_fds(peer,
                  &(struct header){.type = FRAME_OPEN,
                                   .stream = peer_stream(peer, 1),
                                   .method = probe_common_echo_method.id,
                                   .flags = FLAG_END_STREAM},
                  1);
}

static void end_with_fd(struct peer *peer) {
    send_with_fds(peer,
                  &(struct header){.type = FRAME_END,
                                   .stream = peer_stream(peer, -HONEST_TREE),
                                   .method = probe_common_echo_tree_method.id},
                  3);
}

static void emit_with_253_fds(struct peer *peer) {
    send_with_fds(peer, &(struct header){.type = FRAME_EVENT, .method = probe_tick_event.id}, 253);
}

static void cancel_with_fd(struct peer *peer) {
    send_with_fds(peer, &(struct header){.type = FRAME_CANCEL, .stream = peer_stream(peer, 1)}, 1);
}

static void message_with_fd(struct peer *peer) {
    send_with_fds(peer,
                  &(struct header){.type = FRAME_MESSAGE,
                                   .stream = peer_stream(peer, -HONEST_CHAT),
                                   .method = probe_streams_chat_method.id},
                  1);
}

static void credit_with_fd(struct peer *peer) {
    send_with_fds(peer,
                  &(struct header){.type = FRAME_CREDIT,
                                   .length = 4,
                                   .stream = peer_stream(peer, -HONEST_CHAT),
                                   .method = probe_streams_chat_method.id},
                  1);
}

static void head_with_fd(struct peer *peer) {
    send_with_fds(peer,
                  &(struct header){.type = FRAME_HEADERS,
                                   .stream = peer_stream(peer, -HONEST_TREE),
                                   .method = probe_common_echo_tree_method.id},
                  1);
}

static void go_away_with_fd(struct peer *peer) {
    send_with_fds(peer, &(struct header){.type = FRAME_GOAWAY, .length = 4}, 1);
}

/* Many messages of descriptors at once, the last of which nobody will ever read. */
static void flood_with_fds(struct peer *peer) {
    for (unsigned i = 0; i < 10; i++) {
        emit_with_253_fds(peer);
    }
}

/* A TCP connection whose close would wait two minutes for a reader that never comes, and its other end behind it. */
static void send_lingering_socket(struct peer *peer) {
    const struct linger linger = {.l_onoff = 1, .l_linger = 120};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    char data[65536] = {0};
    int fds[2] = {socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    PEER_CHECK(peer, bind(fds[1], (struct sockaddr *)&address, size) == 0 && listen(fds[1], 1) == 0);
    PEER_CHECK(peer, getsockname(fds[1], (struct sockaddr *)&address, &size) == 0);
    PEER_CHECK(peer, connect(fds[0], (struct sockaddr *)&address, size) == 0);
    PEER_CHECK(peer, setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) == 0);
    while (send(fds[0], data, sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
    /* It is gone from here before it is there: the frame's first bytes, which came before, wait for the others. */
    struct bytes frame = {0};
    bytes_frame(&frame, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id}, NULL, 4);
    peer_send_fds(peer, frame.data, frame.size, fds, 2);
    bytes_release(&frame);
    (void)close_range(4, ~0U, 0);
}

#define FDS(row_name, row_act) \
    { .name = (row_name), .end = VIOLATES, .detail = "descriptors came where none belong", .act = (row_act) }

const struct row descriptor_rows[] = {
    {.name = "a descriptor with HELLO",
     .end = VIOLATES,
     .detail = "descriptors came where none belong",
     .act = greet_with_fd,
     .silent = true},
    FDS("a descriptor with OPEN", open_with_fd),
    FDS("descriptors with END", end_with_fd),
    FDS("253 descriptors with EVENT", emit_with_253_fds),
    FDS("a descriptor with CANCEL", cancel_with_fd),
    FDS("a descriptor with MESSAGE", message_with_fd),
    FDS("a descriptor with CREDIT", credit_with_fd),
    FDS("a descriptor with HEADERS", head_with_fd),
    FDS("a descriptor with GOAWAY", go_away_with_fd),
    FDS("ten times 253 descriptors", flood_with_fds),
    FDS("a socket that lingers", send_lingering_socket),
    {.name = NULL},
};
