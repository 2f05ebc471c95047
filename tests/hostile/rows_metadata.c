/* rows_metadata.c: metadata, headers, trailers and details that are none, or too many; and GOAWAY. */
#include "row.h"

#include <stdio.h>
#include <string.h>

#define TREE (&probe_common_echo_tree_method)

#define WRONG(row_name, row_detail, ...)                                                      \
    {                                                                                         \
        .name = (row_name), .end = VIOLATES, .detail = (row_detail), .frame = { __VA_ARGS__ } \
    }

/* ---- Lists */

/* A record, right but for what the lengths say. */
static void add_record(struct bytes *list, const char *key, const char *value) {
    bytes_number(list, strlen(value), 4);
    bytes_number(list, strlen(key), 1);
    bytes_add(list, key, strlen(key) + 1);
    bytes_add(list, value, strlen(value) + 1);
}

static const struct {
    const char *what;
    const char *bytes;
    size_t size;
} malformed_lists[] = {
    {"a record cut after its length", "\x01\0\0\0", 4},
    {"a record cut before its last NUL", "\x01\0\0\0\x01k\0v", 8},
    {"a key of no bytes", "\x01\0\0\0\0\0v\0", 8},
    {"a key without NUL", "\x01\0\0\0\x01kkv\0", 9},
    {"a value without NUL", "\x01\0\0\0\x01k\0vv", 9},
    {"a key with a capital", "\x01\0\0\0\x01K\0v\0", 9},
    {"a key with a NUL", "\x01\0\0\0\x02k\0\0v\0", 10},
    {"a key with a blank", "\x01\0\0\0\x02k \0v\0", 10},
    {"a value with a control character", "\x01\0\0\0\x01k\0\n\0", 9},
    {"a value with a NUL", "\x01\0\0\0\x01k\0\0\0", 9},
    {"a value that is not ASCII", "\x01\0\0\0\x01k\0\xff\0", 9},
    {"a value beyond the end", "\x02\0\0\0\x01k\0v\0", 9},
    {"a value of 4 GiB", "\xff\xff\xff\xff\x01k\0v\0", 9},
    {"a value of 4 GiB less its record", "\xf8\xff\xff\xff\x01k\0v\0", 9},
    {"a right record and half of one", "\x01\0\0\0\x01k\0v\0\x01\0\0\0\x01k", 15},
};

static void add_list(struct bytes *payload, const void *list, size_t size) {
    bytes_number(payload, size, 4);
    bytes_add(payload, list, size);
}

static void open_with(struct peer *peer, int stream, const struct yoke_method *method, const struct bytes *list) {
    struct bytes payload = {0};
    add_list(&payload, list->data, list->size);
    peer_frame(peer,
               (struct header){.type = FRAME_OPEN,
                               .stream = peer_stream(peer, stream),
                               .method = method->id,
                               .flags = FLAG_END_STREAM | FLAG_METADATA},
               payload.data, payload.size);
    bytes_release(&payload);
}

static void send_headers(struct peer *peer, const struct bytes *list) {
    peer_frame(peer,
               (struct header){.type = FRAME_HEADERS,
                               .stream = peer_stream(peer, -HONEST_TREE),
                               .method = probe_common_echo_tree_method.id},
               list->data, list->size);
}

static void end_with(struct peer *peer, unsigned flags, enum yoke_code code, const struct bytes *list) {
    struct bytes payload = {0};
    add_list(&payload, list->data, list->size);
    peer_frame(peer,
               (struct header){.type = FRAME_END,
                               .stream = peer_stream(peer, -HONEST_TREE),
                               .method = probe_common_echo_tree_method.id,
                               .flags = (uint8_t)flags,
                               .aux = (uint16_t)code},
               payload.data, payload.size);
    bytes_release(&payload);
}

static struct bytes malformed(const struct peer *peer) {
    return (struct bytes){.data = (uint8_t *)(uintptr_t)malformed_lists[peer->number].bytes,
                          .size = malformed_lists[peer->number].size};
}

static void open_malformed(struct peer *peer) {
    const struct bytes list = malformed(peer);
    open_with(peer, 1, &probe_common_echo_method, &list);
}

static void head_malformed(struct peer *peer) {
    const struct bytes list = malformed(peer);
    send_headers(peer, &list);
}

static void trail_malformed(struct peer *peer) {
    const struct bytes list = malformed(peer);
    end_with(peer, FLAG_METADATA, YOKE_OK, &list);
}

static void fail_malformed(struct peer *peer) {
    const struct bytes list = malformed(peer);
    end_with(peer, FLAG_METADATA, YOKE_ABORTED, &list);
}

/* The rows of all malformed lists, in every place where a list can be. */
static const struct {
    const char *where;
    void (*act)(struct peer *peer);
    const char *detail;
} places[] = {
    {"in OPEN", open_malformed, "the metadata of OPEN"},
    {"in HEADERS", head_malformed, "are malformed"},
    {"in END", trail_malformed, "the trailers of END"},
    {"in a failing END", fail_malformed, "the trailers of END"},
};

#define LISTS (sizeof(malformed_lists) / sizeof(malformed_lists[0]))
#define PLACES (sizeof(places) / sizeof(places[0]))

const struct row *list_rows(void) {
    static struct row rows[LISTS * PLACES + 1];
    static char names[LISTS * PLACES][80];
    for (unsigned i = 0; i < LISTS * PLACES && rows[i].name == NULL; i++) {
        const unsigned list = i / PLACES;
        const unsigned place = i % PLACES;
        snprintf(names[i], sizeof(names[i]), "%s, %s", malformed_lists[list].what, places[place].where);
        rows[i] = (struct row){.name = names[i],
                               .end = VIOLATES,
                               .detail = places[place].detail,
                               .act = places[place].act,
                               .number = list};
    }
    return rows;
}

/* ---- Lists that are lists */

/* So many bytes of the shortest records that there are. */
static void add_short_records(struct bytes *list, size_t size) {
    while (list->size + 8 <= size) {
        add_record(list, "k", "");
    }
}

static void await_end(struct peer *peer, int stream, enum yoke_code code) {
    PEER_AWAIT(peer, peer->own_ends[stream] == 1);
    PEER_CHECK(peer, peer->own_code[stream] == code);
}

static void send_right_lists(struct peer *peer) {
    struct bytes list = {0};
    open_with(peer, 1, &probe_common_echo_method, &list);
    await_end(peer, 1, YOKE_OK);
    add_record(&list, "key", "value");
    add_record(&list, "key", "another value");
    add_record(&list, "k-bin", "\n\xff");
    open_with(peer, 2, &probe_common_echo_method, &list);
    await_end(peer, 2, YOKE_OK);
    send_headers(peer, &list);
    end_with(peer, FLAG_METADATA, YOKE_OK, &list);
    send_headers(peer, &list);
    bytes_release(&list);
}

static void bomb_open(struct peer *peer) {
    struct bytes list = {0};
    add_short_records(&list, 8192);
    open_with(peer, 1, &probe_common_echo_method, &list);
    await_end(peer, 1, YOKE_OK);
    add_record(&list, "k", "");
    open_with(peer, 2, &probe_common_echo_method, &list);
    await_end(peer, 2, YOKE_RESOURCE_EXHAUSTED);
    add_short_records(&list, 65536);
    open_with(peer, 3, &probe_common_echo_method, &list);
    await_end(peer, 3, YOKE_RESOURCE_EXHAUSTED);
    bytes_release(&list);
}

static void bomb_open_much(struct peer *peer) {
    struct bytes list = {0};
    add_short_records(&list, 65544);
    open_with(peer, 1, &probe_common_echo_method, &list);
    bytes_release(&list);
}

static void bomb_headers(struct peer *peer) {
    struct bytes list = {0};
    add_short_records(&list, 65536);
    send_headers(peer, &list);
    PEER_AWAIT(peer, peer->their_cancels[HONEST_TREE] == 1);
    send_headers(peer, &list);
    bytes_release(&list);
}

static void bomb_trailers(struct peer *peer) {
    struct bytes list = {0};
    add_short_records(&list, 65536);
    end_with(peer, FLAG_METADATA, YOKE_OK, &list);
    bytes_release(&list);
}

static void bomb_details(struct peer *peer) {
    struct bytes list = {0};
    add_short_records(&list, 65536);
    end_with(peer, FLAG_DETAILS, YOKE_ABORTED, &list);
    bytes_release(&list);
}

static void bomb_trailers_and_details(struct peer *peer) {
    struct bytes lists = {0};
    struct bytes list = {0};
    add_short_records(&list, 65544);
    add_list(&lists, list.data, list.size);
    end_with(peer, FLAG_DETAILS | FLAG_METADATA, YOKE_ABORTED, &list);
    bytes_release(&list);
    bytes_release(&lists);
}

/* All the calls that a peer may have, each with all the metadata that it may have. */
static void bomb_many(struct peer *peer) {
    struct bytes list = {0};
    add_short_records(&list, 8192);
    for (unsigned i = 0; i < 2 * honest_limits.max_incoming_calls; i++) {
        open_with(peer, PEER_STREAMS + (int)i, &probe_common_never_method, &list);
    }
    PEER_AWAIT(peer, peer->codes[YOKE_RESOURCE_EXHAUSTED] == honest_limits.max_incoming_calls);
    for (unsigned i = 0; i < honest_limits.max_incoming_calls; i++) {
        peer_frame(peer,
                   (struct header){.type = FRAME_CANCEL,
                                   .stream = peer_stream(peer, PEER_STREAMS + (int)i),
                                   .method = probe_common_never_method.id},
                   NULL, 0);
    }
    bytes_release(&list);
}

static void send_headers_twice(struct peer *peer) {
    const struct bytes none = {0};
    send_headers(peer, &none);
    send_headers(peer, &none);
}

static void send_headers_late(struct peer *peer) {
    const struct header reply = {
        .type = FRAME_MESSAGE, .stream = peer_stream(peer, -HONEST_CHAT), .method = probe_streams_chat_method.id};
    struct header headers = reply;
    headers.type = FRAME_HEADERS;
    peer_frame(peer, reply, NULL, 0);
    peer_frame(peer, headers, NULL, 0);
}

static void lie_about_a_list(struct peer *peer, uint32_t length) {
    struct bytes payload = {0};
    bytes_number(&payload, length, 4);
    peer_frame(peer,
               (struct header){.type = FRAME_OPEN,
                               .stream = peer_stream(peer, 1),
                               .method = probe_common_echo_method.id,
                               .flags = FLAG_END_STREAM | FLAG_METADATA},
               payload.data, payload.size);
    bytes_release(&payload);
}

static void lie_a_little(struct peer *peer) {
    lie_about_a_list(peer, 1);
}

static void lie_much(struct peer *peer) {
    lie_about_a_list(peer, 0xffffffffu);
}

static void open_with_message_and_without(struct peer *peer) {
    struct bytes payload = {0};
    bytes_number(&payload, 0, 4);
    bytes_number(&payload, 0, 1);
    peer_frame(peer,
               (struct header){.type = FRAME_OPEN,
                               .stream = peer_stream(peer, 1),
                               .method = probe_common_echo_method.id,
                               .flags = FLAG_END_STREAM | FLAG_NO_MESSAGE | FLAG_METADATA},
               payload.data, payload.size);
    bytes_release(&payload);
}

/* ---- GOAWAY */

static void go_away(struct peer *peer, uint32_t last) {
    struct bytes payload = {0};
    bytes_number(&payload, last, 4);
    peer_frame(peer, (struct header){.type = FRAME_GOAWAY}, payload.data, payload.size);
    bytes_release(&payload);
}

static void go_away_from_all(struct peer *peer) {
    go_away(peer, 0);
    const struct bytes none = {0};
    end_with(peer, 0, YOKE_OK, &none); /* too late */
}

static void go_away_from_the_stream(struct peer *peer) {
    go_away(peer, peer_stream(peer, -HONEST_TREE));
    peer_frame(peer,
               (struct header){.type = FRAME_END,
                               .stream = peer_stream(peer, -HONEST_TREE),
                               .method = probe_common_echo_tree_method.id},
               NULL, 0);
}

static void go_away_far_ahead(struct peer *peer) {
    go_away(peer, peer_stream(peer, -4711));
}

static void go_away_by_another_parity(struct peer *peer) {
    go_away(peer, peer_stream(peer, 4711));
}

static void go_away_by_the_largest(struct peer *peer) {
    go_away(peer, peer->is_master ? 0xfffffffeu : 0xffffffffu);
}

static void go_away_twice(struct peer *peer) {
    go_away(peer, peer_stream(peer, -HONEST_BRIEF));
    go_away(peer, peer_stream(peer, -HONEST_BRIEF));
}

static void call_after_going_away(struct peer *peer) {
    go_away(peer, 0);
    for (int i = 1; i < 10; i++) {
        PEER_CHECK(peer, peer_is_answered(peer, i));
    }
    peer_frame(peer, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id}, NULL, 0);
}

const struct row metadata_rows[] = {
    {.name = "right lists", .end = SURVIVES, .act = send_right_lists, .runs = 2, .tree = ENDED(YOKE_OK)},
    {.name = "a list larger than its frame", .end = VIOLATES, .detail = "the metadata of OPEN", .act = lie_a_little},
    {.name = "a list of 4 GiB", .end = VIOLATES, .detail = "the metadata of OPEN", .act = lie_much},
    {.name = "OPEN with metadata and a message and without",
     .end = VIOLATES,
     .detail = "says that it has no message, and has one",
     .act = open_with_message_and_without},
    {.name = "too much metadata", .end = SURVIVES, .act = bomb_open, .runs = 1},
    {.name = "more metadata than any limit allows",
     .end = VIOLATES,
     .detail = "the metadata of OPEN",
     .act = bomb_open_much},
    {.name = "too many headers", .end = SURVIVES, .act = bomb_headers, .tree = ENDED(YOKE_RESOURCE_EXHAUSTED)},
    {.name = "too many trailers", .end = SURVIVES, .act = bomb_trailers, .tree = ENDED(YOKE_RESOURCE_EXHAUSTED)},
    {.name = "too many details", .end = SURVIVES, .act = bomb_details, .tree = ENDED(YOKE_RESOURCE_EXHAUSTED)},
    {.name = "more details than any limit allows",
     .end = VIOLATES,
     .detail = "the trailers of END",
     .act = bomb_trailers_and_details},
    {.name = "too much metadata in too many calls",
     .end = SURVIVES,
     .act = bomb_many,
     .runs = 256,
     .peak_kib = 8 << 10},
    {.name = "HEADERS twice", .end = VIOLATES, .detail = "HEADERS came twice", .act = send_headers_twice},
    WRONG("HEADERS for stream 0", "HEADERS are for no call of ours", .type = FRAME_HEADERS, .method = TREE),
    WRONG("HEADERS for a call that was never made", "HEADERS are for no call of ours", .type = FRAME_HEADERS,
          .stream = -4711, .method = TREE),
    WRONG("HEADERS for a call of its own", "HEADERS are for no call of ours", .type = FRAME_HEADERS, .stream = 1,
          .method = TREE),
    WRONG("HEADERS of another method", "HEADERS name another method", .type = FRAME_HEADERS, .stream = -HONEST_TREE,
          .method = &probe_common_echo_method),
    WRONG("HEADERS with aux", "HEADERS have flags or are too long", .type = FRAME_HEADERS, .stream = -HONEST_TREE,
          .method = TREE, .aux = 1),
    WRONG("HEADERS over 64 KiB", "HEADERS have flags or are too long", .type = FRAME_HEADERS, .stream = -HONEST_TREE,
          .method = TREE, .length = 65537),
    WRONG("HEADERS of 4 GiB", "HEADERS have flags or are too long", .type = FRAME_HEADERS, .stream = -HONEST_TREE,
          .method = TREE, .length = 0xffffffffu),
    {.name = "GOAWAY from all calls", .end = SURVIVES, .act = go_away_from_all},
    {.name = "GOAWAY from the stream", .end = SURVIVES, .act = go_away_from_the_stream, .tree = ENDED(YOKE_OK)},
    {.name = "GOAWAY naming a call that was never made",
     .end = VIOLATES,
     .detail = "is no call of ours",
     .act = go_away_far_ahead},
    {.name = "GOAWAY naming a call of its own",
     .end = VIOLATES,
     .detail = "is no call of ours",
     .act = go_away_by_another_parity},
    {.name = "GOAWAY naming the largest number",
     .end = VIOLATES,
     .detail = "is no call of ours",
     .act = go_away_by_the_largest},
    {.name = "HEADERS behind a reply",
     .end = VIOLATES,
     .detail = "HEADERS came twice, or behind a reply",
     .act = send_headers_late,
     .replies = 1},
    {.name = "GOAWAY twice", .end = VIOLATES, .detail = "GOAWAY came twice", .act = go_away_twice},
    {.name = "calls after GOAWAY", .end = SURVIVES, .act = call_after_going_away, .runs = 9, .events = 1},
    WRONG("GOAWAY with a stream", "GOAWAY has a stream", .type = FRAME_GOAWAY, .stream = 1, .length = 4, .size = 4),
    WRONG("GOAWAY with a method", "GOAWAY has a stream", .type = FRAME_GOAWAY, .id = 1, .length = 4, .size = 4),
    WRONG("GOAWAY with aux", "GOAWAY has a stream", .type = FRAME_GOAWAY, .aux = 1, .length = 4, .size = 4),
    WRONG("GOAWAY without number", "GOAWAY has a stream", .type = FRAME_GOAWAY),
    WRONG("GOAWAY of 5 bytes", "GOAWAY has a stream", .type = FRAME_GOAWAY, .length = 5, .size = 5),
    WRONG("GOAWAY of 4 GiB", "GOAWAY has a stream", .type = FRAME_GOAWAY, .length = 0xffffffffu),
    {.name = NULL},
};
