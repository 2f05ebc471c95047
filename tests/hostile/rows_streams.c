/* rows_streams.c: frames that would be right for another call, or at another time: ids, credit, fragments. */
#include "row.h"

#include <stdlib.h>

#define LIE 0xffffffffu

#define ECHO (&probe_common_echo_method)
#define TREE (&probe_common_echo_tree_method)
#define CHAT (&probe_streams_chat_method)

#define WRONG(row_name, row_detail, ...)                                                      \
    {                                                                                         \
        .name = (row_name), .end = VIOLATES, .detail = (row_detail), .frame = { __VA_ARGS__ } \
    }

static void send_to(struct peer *peer, int stream, uint8_t type, const struct yoke_method *method, unsigned flags,
                    size_t size) {
    const struct header header = {
        .type = type, .stream = peer_stream(peer, stream), .method = method->id, .flags = (uint8_t)flags};
    peer_frame(peer, header, NULL, size);
}

static void open_call(struct peer *peer, int stream, const struct yoke_method *method, unsigned flags) {
    send_to(peer, stream, FRAME_OPEN, method, flags, 0);
}

static void await_end(struct peer *peer, int stream, enum yoke_code code) {
    PEER_AWAIT(peer, peer->own_ends[stream] > 0);
    if (peer->own_ends[stream] != 1 || peer->own_code[stream] != code) {
        peer_fail(peer, "stream %d ended %u times, with %s", stream, peer->own_ends[stream],
                  yoke_code_name(peer->own_code[stream]));
    }
}

/* ---- Ids */

static void open_twice(struct peer *peer) {
    open_call(peer, 1, &probe_common_never_method, FLAG_END_STREAM);
    open_call(peer, 1, &probe_common_never_method, FLAG_END_STREAM);
}

static void open_again_after_its_end(struct peer *peer) {
    open_call(peer, 1, &probe_common_echo_method, FLAG_END_STREAM);
    await_end(peer, 1, YOKE_OK);
    open_call(peer, 1, &probe_common_echo_method, FLAG_END_STREAM);
    PEER_AWAIT(peer, peer->own_ends[1] == 2);
}

static void open_again_after_cancel(struct peer *peer) {
    for (unsigned i = 0; i < 100; i++) {
        open_call(peer, 1, &probe_common_never_method, FLAG_END_STREAM);
        send_to(peer, 1, FRAME_CANCEL, &probe_common_never_method, 0, 0);
    }
    open_call(peer, 1, &probe_common_echo_method, FLAG_END_STREAM);
    await_end(peer, 1, YOKE_OK);
}

static void end_twice(struct peer *peer) {
    send_to(peer, -HONEST_TREE, FRAME_END, &probe_common_echo_tree_method, 0, 0);
    send_to(peer, -HONEST_TREE, FRAME_END, &probe_common_echo_tree_method, 0, 0);
    send_to(peer, -HONEST_TREE, FRAME_END, &probe_common_echo_method, FLAG_NO_MESSAGE, 0);
}

/* Whatever still comes for calls that are over, however wrong it would be for live ones, is passed over. */
static void go_on_after_ends(struct peer *peer) {
    open_call(peer, 1, &probe_common_echo_method, FLAG_END_STREAM);
    await_end(peer, 1, YOKE_OK);
    send_to(peer, -HONEST_CHAT, FRAME_END, &probe_streams_chat_method, FLAG_NO_MESSAGE, 0);
    const int over[] = {1, -HONEST_CHAT};
    for (unsigned i = 0; i < 2; i++) {
        send_to(peer, over[i], FRAME_MESSAGE, &probe_streams_chat_method, 0, 1u << 20);
        send_to(peer, over[i], FRAME_MESSAGE, &probe_streams_chat_method, FLAG_MORE, 3);
        send_to(peer, over[i], FRAME_CREDIT, &probe_streams_chat_method, 0, 4);
    }
    send_to(peer, 1, FRAME_CANCEL, &probe_common_echo_method, 0, 0);
    send_to(peer, 1, FRAME_CANCEL, &probe_common_never_method, 0, 0);
}

/* Calls of every kind that are not what their methods say, as far as a frame can tell. */
static void mix_kinds(struct peer *peer) {
    open_call(peer, 1, &probe_common_echo_method, FLAG_NO_MESSAGE | FLAG_END_STREAM);
    await_end(peer, 1, YOKE_UNIMPLEMENTED);
    open_call(peer, 2, &probe_common_echo_method, FLAG_NO_MESSAGE);
    send_to(peer, 2, FRAME_MESSAGE, &probe_common_echo_method, 0, 0);
    send_to(peer, 2, FRAME_MESSAGE, &probe_common_echo_method, FLAG_END_STREAM, 0);
    await_end(peer, 2, YOKE_UNIMPLEMENTED);
    open_call(peer, 3, &probe_common_echo_method, 0);
    send_to(peer, 3, FRAME_MESSAGE, &probe_common_echo_method, FLAG_END_STREAM, 0);
    await_end(peer, 3, YOKE_UNIMPLEMENTED);
    open_call(peer, 4, &probe_common_no_handler_method, FLAG_END_STREAM);
    await_end(peer, 4, YOKE_UNIMPLEMENTED);
    open_call(peer, 5, &probe_nowhere_call_method, FLAG_END_STREAM);
    await_end(peer, 5, YOKE_UNIMPLEMENTED);
    open_call(peer, 6, &probe_streams_unserved_method, FLAG_NO_MESSAGE);
    await_end(peer, 6, YOKE_UNIMPLEMENTED);
    send_to(peer, -HONEST_TREE, FRAME_END, &probe_common_echo_tree_method, FLAG_NO_MESSAGE, 0);
}

static void reply_twice(struct peer *peer) {
    send_to(peer, -HONEST_TREE, FRAME_MESSAGE, &probe_common_echo_tree_method, 0, 0);
    send_to(peer, -HONEST_TREE, FRAME_MESSAGE, &probe_common_echo_tree_method, 0, 0);
    PEER_AWAIT(peer, peer->their_cancels[HONEST_TREE] == 1);
}

static void speak_after_half_close(struct peer *peer) {
    open_call(peer, 1, &probe_streams_sum_method, FLAG_NO_MESSAGE | FLAG_END_STREAM);
    open_call(peer, 2, &probe_streams_sum_method, FLAG_NO_MESSAGE);
    send_to(peer, 2, FRAME_MESSAGE, &probe_streams_sum_method, FLAG_END_STREAM, 10);
    send_to(peer, 2, FRAME_MESSAGE, &probe_streams_sum_method, 0, 10);
}

static void half_close_twice(struct peer *peer) {
    open_call(peer, 1, &probe_streams_sum_method, FLAG_NO_MESSAGE);
    send_to(peer, 1, FRAME_MESSAGE, &probe_streams_sum_method, FLAG_END_STREAM, 10);
    send_to(peer, 1, FRAME_MESSAGE, &probe_streams_sum_method, FLAG_END_STREAM | FLAG_NO_MESSAGE, 0);
}

const struct row stream_rows[] = {
    WRONG("OPEN with stream 0", "not the peer's to give", .type = FRAME_OPEN, .method = ECHO, .flags = FLAG_END_STREAM),
    WRONG("OPEN with the other side's parity", "not the peer's to give", .type = FRAME_OPEN, .stream = -9,
          .method = ECHO, .flags = FLAG_END_STREAM),
    WRONG("END for stream 0", "END is for no call of ours", .type = FRAME_END, .method = ECHO),
    WRONG("END for a call that was never made", "END is for no call of ours", .type = FRAME_END, .stream = -4711,
          .method = ECHO),
    WRONG("END for a call of its own", "END is for no call of ours", .type = FRAME_END, .stream = 1, .method = ECHO),
    WRONG("CANCEL for stream 0", "not the peer's to give", .type = FRAME_CANCEL, .method = ECHO),
    WRONG("CANCEL for the other side's call", "not the peer's to give", .type = FRAME_CANCEL, .stream = -HONEST_TREE,
          .method = TREE),
    WRONG("MESSAGE for stream 0", "MESSAGE is for no call", .type = FRAME_MESSAGE, .method = CHAT),
    WRONG("MESSAGE for a call that was never made", "MESSAGE is for no call", .type = FRAME_MESSAGE, .stream = -4711,
          .method = CHAT),
    WRONG("CREDIT for stream 0", "CREDIT is for no call", .type = FRAME_CREDIT, .method = CHAT, .length = 4, .size = 4),
    WRONG("CREDIT for a call that was never made", "CREDIT is for no call", .type = FRAME_CREDIT, .stream = -4711,
          .method = CHAT, .length = 4, .size = 4),
    {.name = "CANCEL for a call that was never opened",
     .end = SURVIVES,
     .frame = {.type = FRAME_CANCEL, .stream = 4711, .method = ECHO}},
    {.name = "MESSAGE for a call that was never opened",
     .end = SURVIVES,
     .frame = {.type = FRAME_MESSAGE, .stream = 4711, .method = CHAT}},
    {.name = "OPEN of a live stream",
     .end = VIOLATES,
     .detail = "OPEN reuses a live stream",
     .act = open_twice,
     .runs = 1},
    {.name = "OPEN of a stream that has ended", .end = SURVIVES, .act = open_again_after_its_end, .runs = 2},
    {.name = "OPEN of a stream that was cancelled", .end = SURVIVES, .act = open_again_after_cancel, .runs = 101},
    {.name = "END twice", .end = SURVIVES, .act = end_twice, .tree = ENDED(YOKE_OK)},
    {.name = "frames for calls that are over",
     .end = SURVIVES,
     .act = go_on_after_ends,
     .runs = 1,
     .chat = ENDED(YOKE_OK),
     .peak_kib = 3 << 10},
    {.name = "calls that are not what their methods say",
     .end = SURVIVES,
     .act = mix_kinds,
     .tree = ENDED(YOKE_UNIMPLEMENTED)},
    {.name = "two replies to one request", .end = SURVIVES, .act = reply_twice, .tree = ENDED(YOKE_UNIMPLEMENTED)},
    {.name = "MESSAGE behind the end of its stream",
     .end = VIOLATES,
     .detail = "comes behind the end of the stream",
     .act = speak_after_half_close,
     .runs = 2,
     .received = 0},
    {.name = "the end of a stream twice",
     .end = VIOLATES,
     .detail = "comes behind the end of the stream",
     .act = half_close_twice,
     .runs = 1},
    {.name = "MESSAGE that ends its stream and does not",
     .end = VIOLATES,
     .detail = "ends a stream within a message",
     .frame = {.type = FRAME_MESSAGE, .stream = 1, .method = CHAT, .flags = FLAG_MORE | FLAG_END_STREAM}},
    {.name = "MESSAGE with a message and without",
     .end = VIOLATES,
     .detail = "MESSAGE says that it has no message",
     .frame = {.type = FRAME_MESSAGE,
               .stream = 1,
               .method = CHAT,
               .flags = FLAG_NO_MESSAGE | FLAG_END_STREAM,
               .length = 1,
               .size = 1}},
    {.name = "MESSAGE without message and without meaning",
     .end = VIOLATES,
     .detail = "MESSAGE says that it has no message",
     .frame = {.type = FRAME_MESSAGE, .stream = 1, .method = CHAT, .flags = FLAG_NO_MESSAGE}},
    {.name = NULL},
};

/* ---- Credit */

static void give_credit(struct peer *peer, int stream, const struct yoke_method *method, uint32_t amount) {
    struct bytes payload = {0};
    bytes_number(&payload, amount, 4);
    peer_frame(peer, (struct header){.type = FRAME_CREDIT, .stream = peer_stream(peer, stream), .method = method->id},
               payload.data, payload.size);
    bytes_release(&payload);
}

/* What its Chat has used so far: one message. */
#define USED (HEADER_SIZE + HONEST_MESSAGE_SIZE)

static void give_back_what_was_used(struct peer *peer) {
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, USED - 1);
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, 1);
}

static void give_back_one_more(struct peer *peer) {
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, USED + 1);
}

static void give_back_twice(struct peer *peer) {
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, USED);
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, USED);
}

static void give_two_gib(struct peer *peer) {
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, 0x80000000u);
}

static void give_minus_one(struct peer *peer) {
    give_credit(peer, -HONEST_CHAT, &probe_streams_chat_method, 0xffffffffu);
}

static void give_to_a_unary_call(struct peer *peer) {
    give_credit(peer, -HONEST_TREE, &probe_common_echo_tree_method, 1);
}

static void give_for_another_method(struct peer *peer) {
    give_credit(peer, -HONEST_CHAT, &probe_common_echo_tree_method, 1);
}

/* Sum is on hold, so nothing is given back. */
static void fill_credit(struct peer *peer) {
    open_call(peer, 1, &probe_streams_sum_method, FLAG_NO_MESSAGE);
    send_to(peer, 1, FRAME_MESSAGE, &probe_streams_sum_method, 0, CREDIT_INITIAL / 2 - HEADER_SIZE);
    send_to(peer, 1, FRAME_MESSAGE, &probe_streams_sum_method, 0, CREDIT_INITIAL / 2 - HEADER_SIZE);
}

static void exceed_credit(struct peer *peer) {
    fill_credit(peer);
    send_to(peer, 1, FRAME_MESSAGE, &probe_streams_sum_method, 0, 0);
}

static void send_zeroes_for_a_message(struct peer *peer) {
    send_to(peer, -HONEST_CHAT, FRAME_MESSAGE, &probe_streams_chat_method, 0, 4);
    PEER_AWAIT(peer, peer->their_cancels[HONEST_CHAT] == 1);
    send_to(peer, -HONEST_CHAT, FRAME_MESSAGE, &probe_streams_chat_method, 0, 4);
}

/* Many streams on hold, each filled: in all more than a peer may make us keep. */
static void fill_many(struct peer *peer) {
    for (int stream = 1; stream < PEER_STREAMS - 1; stream++) {
        open_call(peer, stream, &probe_streams_sum_method, FLAG_NO_MESSAGE);
        send_to(peer, stream, FRAME_MESSAGE, &probe_streams_sum_method, 0, CREDIT_INITIAL / 2 - HEADER_SIZE);
    }
    PEER_AWAIT(peer, peer->ends > 0);
    PEER_CHECK(peer, peer->codes[YOKE_RESOURCE_EXHAUSTED] == peer->ends);
}

const struct row credit_rows[] = {
    {.name = "CREDIT of what was used", .end = SURVIVES, .act = give_back_what_was_used},
    {.name = "CREDIT of one byte more than was used",
     .end = VIOLATES,
     .detail = "CREDIT gives 119 bytes back",
     .act = give_back_one_more},
    {.name = "CREDIT twice", .end = VIOLATES, .detail = "where 0 are due", .act = give_back_twice},
    {.name = "CREDIT of 0",
     .end = VIOLATES,
     .detail = "CREDIT gives 0 bytes back",
     .frame = {.type = FRAME_CREDIT, .stream = -HONEST_CHAT, .method = CHAT, .length = 4, .size = 4}},
    {.name = "CREDIT of 2 GiB", .end = VIOLATES, .detail = "CREDIT gives 2147483648 bytes", .act = give_two_gib},
    {.name = "CREDIT of -1", .end = VIOLATES, .detail = "CREDIT gives 4294967295 bytes", .act = give_minus_one},
    {.name = "CREDIT for a call that sent no message",
     .end = VIOLATES,
     .detail = "where 0 are due",
     .act = give_to_a_unary_call},
    {.name = "CREDIT of another method",
     .end = VIOLATES,
     .detail = "CREDIT names another method",
     .act = give_for_another_method},
    WRONG("CREDIT without amount", "CREDIT has flags or not 4 bytes", .type = FRAME_CREDIT, .stream = -HONEST_CHAT,
          .method = CHAT),
    WRONG("CREDIT of 3 bytes", "CREDIT has flags or not 4 bytes", .type = FRAME_CREDIT, .stream = -HONEST_CHAT,
          .method = CHAT, .length = 3, .size = 3),
    WRONG("CREDIT of 5 bytes", "CREDIT has flags or not 4 bytes", .type = FRAME_CREDIT, .stream = -HONEST_CHAT,
          .method = CHAT, .length = 5, .size = 5),
    WRONG("CREDIT with aux", "CREDIT has flags or not 4 bytes", .type = FRAME_CREDIT, .stream = -HONEST_CHAT,
          .method = CHAT, .aux = 1, .length = 4, .size = 4),
    {.name = "all credit of a stream on hold", .end = SURVIVES, .act = fill_credit, .runs = 1, .peak_kib = 5 << 10},
    {.name = "MESSAGE beyond its credit",
     .end = VIOLATES,
     .detail = "is more than its credit",
     .act = exceed_credit,
     .runs = 1,
     .peak_kib = 5 << 10},
    {.name = "MESSAGE without a message in it",
     .end = SURVIVES,
     .act = send_zeroes_for_a_message,
     .chat = ENDED(YOKE_INTERNAL)},
    {.name = "many streams on hold", .end = SURVIVES, .act = fill_many, .runs = PEER_STREAMS - 2, .peak_kib = 12 << 10},
    {.name = NULL},
};

/* ---- Fragments */

static void fragment(struct peer *peer, int stream, const struct yoke_method *method, int64_t total, unsigned flags,
                     size_t size) {
    struct bytes payload = {0};
    if (total >= 0) {
        bytes_number(&payload, (uint64_t)total, 4);
    }
    bytes_add(&payload, NULL, size);
    const struct header header = {
        .type = FRAME_MESSAGE, .stream = peer_stream(peer, stream), .method = method->id, .flags = (uint8_t)flags};
    peer_frame(peer, header, payload.data, payload.size);
    bytes_release(&payload);
}

#define OF_CHAT -HONEST_CHAT, &probe_streams_chat_method
#define NO_TOTAL (-1)

static void lack_the_total(struct peer *peer) {
    fragment(peer, OF_CHAT, NO_TOTAL, FLAG_MORE, 3);
}

static void send_more_than_the_total(struct peer *peer) {
    fragment(peer, OF_CHAT, 10, FLAG_MORE, 11);
}

static void send_more_than_the_total_later(struct peer *peer) {
    fragment(peer, OF_CHAT, 10, FLAG_MORE, 10);
    fragment(peer, OF_CHAT, NO_TOTAL, FLAG_MORE, 0);
    fragment(peer, OF_CHAT, NO_TOTAL, 0, 1);
}

static void send_less_than_the_total(struct peer *peer) {
    fragment(peer, OF_CHAT, 100, FLAG_MORE, 50);
    fragment(peer, OF_CHAT, NO_TOTAL, 0, 49);
}

static void announce_4_gib(struct peer *peer) {
    fragment(peer, OF_CHAT, LIE, FLAG_MORE, 60000);
    PEER_AWAIT(peer, peer->their_cancels[HONEST_CHAT] == 1);
    fragment(peer, OF_CHAT, NO_TOTAL, FLAG_MORE, 60000);
}

static void announce_4_gib_in_a_request(struct peer *peer) {
    open_call(peer, 1, &probe_common_echo_method, FLAG_NO_MESSAGE);
    fragment(peer, 1, &probe_common_echo_method, LIE, FLAG_MORE, 60000);
    await_end(peer, 1, YOKE_RESOURCE_EXHAUSTED);
    fragment(peer, 1, &probe_common_echo_method, NO_TOTAL, FLAG_END_STREAM, 60000);
}

/* Four bytes of credit buy four mebibytes of the receiver's memory, but only so often. */
static void begin_many(struct peer *peer) {
    for (int stream = 1; stream < PEER_STREAMS - 1; stream++) {
        open_call(peer, stream, &probe_common_echo_method, FLAG_NO_MESSAGE);
        fragment(peer, stream, &probe_common_echo_method, 4 << 20, FLAG_MORE, 0);
    }
    PEER_AWAIT(peer, peer->ends == PEER_STREAMS - 2 - 2);
    PEER_CHECK(peer, peer->codes[YOKE_RESOURCE_EXHAUSTED] == peer->ends);
}

static void never_end(struct peer *peer) {
    struct bytes many = {0};
    const struct header header = {.type = FRAME_MESSAGE,
                                  .stream = peer_stream(peer, -HONEST_CHAT),
                                  .method = probe_streams_chat_method.id,
                                  .flags = FLAG_MORE};
    fragment(peer, OF_CHAT, 1 << 20, FLAG_MORE, 0);
    for (unsigned i = 0; i < row_flood / 10; i++) {
        bytes_frame(&many, header, NULL, 0);
    }
    peer_send(peer, many.data, many.size);
    bytes_release(&many);
}

static void end_ok_within_a_message(struct peer *peer) {
    fragment(peer, OF_CHAT, 100, FLAG_MORE, 50);
    send_to(peer, -HONEST_CHAT, FRAME_END, &probe_streams_chat_method, FLAG_NO_MESSAGE, 0);
}

static void fail_within_a_message(struct peer *peer) {
    fragment(peer, OF_CHAT, 100, FLAG_MORE, 50);
    peer_frame(peer,
               (struct header){.type = FRAME_END,
                               .stream = peer_stream(peer, -HONEST_CHAT),
                               .method = probe_streams_chat_method.id,
                               .aux = YOKE_ABORTED},
               NULL, 0);
}

static void end_requests_within_a_message(struct peer *peer) {
    open_call(peer, 1, &probe_streams_chat_method, FLAG_NO_MESSAGE);
    fragment(peer, 1, &probe_streams_chat_method, 100, FLAG_MORE, 50);
    fragment(peer, 1, &probe_streams_chat_method, NO_TOTAL, FLAG_END_STREAM | FLAG_NO_MESSAGE, 0);
}

static void cancel_within_a_message(struct peer *peer) {
    for (unsigned i = 0; i < 100; i++) {
        open_call(peer, 1, &probe_streams_chat_method, FLAG_NO_MESSAGE);
        fragment(peer, 1, &probe_streams_chat_method, 4 << 20, FLAG_MORE, 50);
        send_to(peer, 1, FRAME_CANCEL, &probe_streams_chat_method, 0, 0);
    }
}

static void fragment_a_second_message(struct peer *peer) {
    open_call(peer, 1, &probe_common_echo_method, FLAG_NO_MESSAGE);
    fragment(peer, 1, &probe_common_echo_method, 0, FLAG_MORE, 0);
    fragment(peer, 1, &probe_common_echo_method, NO_TOTAL, 0, 0);
    fragment(peer, 1, &probe_common_echo_method, 0, FLAG_MORE, 0);
    await_end(peer, 1, YOKE_UNIMPLEMENTED);
}

static void fragment_rightly(struct peer *peer) {
    fragment(peer, OF_CHAT, 0, FLAG_MORE, 0);
    fragment(peer, OF_CHAT, NO_TOTAL, 0, 0);
}

const struct row fragment_rows[] = {
    {.name = "an empty message in two fragments", .end = SURVIVES, .act = fragment_rightly, .replies = 1},
    {.name = "a first fragment without its total", .end = VIOLATES, .detail = "lacks its total", .act = lack_the_total},
    {.name = "a fragment larger than its total",
     .end = VIOLATES,
     .detail = "are not its 10 bytes",
     .act = send_more_than_the_total},
    {.name = "fragments larger than their total",
     .end = VIOLATES,
     .detail = "are not its 10 bytes",
     .act = send_more_than_the_total_later},
    {.name = "fragments smaller than their total",
     .end = VIOLATES,
     .detail = "are not its 100 bytes",
     .act = send_less_than_the_total},
    {.name = "a total of 4 GiB", .end = SURVIVES, .act = announce_4_gib, .chat = ENDED(YOKE_RESOURCE_EXHAUSTED)},
    {.name = "a total of 4 GiB in a request", .end = SURVIVES, .act = announce_4_gib_in_a_request},
    {.name = "large messages that are begun and left", .end = SURVIVES, .act = begin_many, .peak_kib = 9 << 10},
    {.name = "fragments that never end", .end = SURVIVES, .act = never_end, .peak_kib = 2 << 10},
    {.name = "END OK within a message",
     .end = VIOLATES,
     .detail = "END says OK within a message",
     .act = end_ok_within_a_message},
    {.name = "an error within a message", .end = SURVIVES, .act = fail_within_a_message, .chat = ENDED(YOKE_ABORTED)},
    {.name = "the end of requests within a message",
     .end = VIOLATES,
     .detail = "ends the stream within a message",
     .act = end_requests_within_a_message,
     .runs = 1},
    {.name = "CANCEL within a message",
     .end = SURVIVES,
     .act = cancel_within_a_message,
     .runs = 100,
     .peak_kib = 9 << 10},
    {.name = "a second message in fragments", .end = SURVIVES, .act = fragment_a_second_message},
    {.name = NULL},
};
