/*
 * rows_conversation.c: a conversation with nothing wrong in it, but for how it comes: byte by byte, or cut off
 * anywhere. Each frame that is there completely counts, and what is left of the next one does not.
 */
#include "row.h"

#include <stdio.h>
#include <stdlib.h>

#define CONVERSATION_MAX 512
#define FRAMES_MAX 32

/* The bytes, and where each frame ends and what it adds. */
struct conversation {
    const struct peer *peer;
    struct bytes bytes;
    struct row sum; /* of the frames so far */
    struct {
        size_t end;
        struct row sum;
    } frames[FRAMES_MAX];
    unsigned count;
};

static void add(struct conversation *conversation, struct header header, int stream, const void *payload, size_t size) {
    header.stream = peer_stream(conversation->peer, stream);
    bytes_frame(&conversation->bytes, header, payload, size);
    conversation->frames[conversation->count].end = conversation->bytes.size;
    conversation->frames[conversation->count].sum = conversation->sum;
    conversation->count++;
}

static void converse(struct conversation *conversation) {
    struct row *sum = &conversation->sum;
    const uint32_t echo = probe_common_echo_method.id;
    const uint32_t tree = probe_common_echo_tree_method.id;
    const uint32_t chat = probe_streams_chat_method.id;
    const uint32_t never = probe_common_never_method.id;
    add(conversation, (struct header){.type = FRAME_HELLO, .method = MAGIC, .aux = 1}, 0, NULL, 0);
    sum->runs++;
    add(conversation, (struct header){.type = FRAME_OPEN, .method = echo, .flags = FLAG_END_STREAM}, 1, "\x0a\x01x", 3);
    sum->events++;
    add(conversation, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id}, 0, "\x08\x01", 2);
    sum->runs++;
    add(conversation, (struct header){.type = FRAME_OPEN, .method = chat, .flags = FLAG_NO_MESSAGE}, 2, NULL, 0);
    sum->received++;
    add(conversation, (struct header){.type = FRAME_MESSAGE, .method = chat}, 2, "\x0a\x01x", 3);
    add(conversation, (struct header){.type = FRAME_MESSAGE, .method = chat, .flags = FLAG_MORE}, 2, "\x03\0\0\0\x0a",
        5);
    sum->received++;
    add(conversation, (struct header){.type = FRAME_MESSAGE, .method = chat}, 2, "\x01x", 2);
    sum->runs++;
    add(conversation, (struct header){.type = FRAME_OPEN, .method = never, .flags = FLAG_END_STREAM}, 3, NULL, 0);
    add(conversation, (struct header){.type = FRAME_CANCEL, .method = never}, 3, NULL, 0);
    add(conversation,
        (struct header){.type = FRAME_MESSAGE, .method = chat, .flags = FLAG_END_STREAM | FLAG_NO_MESSAGE}, 2, NULL, 0);
    sum->replies++;
    add(conversation, (struct header){.type = FRAME_MESSAGE, .method = chat}, -HONEST_CHAT, "\x0a\x01x", 3);
    add(conversation, (struct header){.type = FRAME_CREDIT, .method = chat}, -HONEST_CHAT, "\x01\0\0\0", 4);
    sum->chat = ENDED(YOKE_OK);
    add(conversation, (struct header){.type = FRAME_END, .method = chat, .flags = FLAG_NO_MESSAGE}, -HONEST_CHAT, NULL,
        0);
    sum->tree = ENDED(YOKE_ABORTED);
    add(conversation, (struct header){.type = FRAME_END, .method = tree, .aux = YOKE_ABORTED}, -HONEST_TREE,
        "\x0a\x01x", 3);
}

static void converse_byte_by_byte(struct peer *peer) {
    struct conversation conversation = {.peer = peer};
    converse(&conversation);
    for (size_t i = 0; i < conversation.bytes.size; i++) {
        peer_send(peer, conversation.bytes.data + i, 1);
        peer_await_read(peer);
    }
    bytes_release(&conversation.bytes);
}

static void converse_in_part(struct peer *peer) {
    struct conversation conversation = {.peer = peer};
    converse(&conversation);
    peer_send(peer, conversation.bytes.data, peer->number);
    if (peer->is_master) {
        /* A worker whose master is gone has no more to do; a master reads what its dead worker has sent. */
        peer_await_read(peer);
    }
    bytes_release(&conversation.bytes);
}

static struct row make_row(const struct conversation *conversation, size_t size) {
    struct row row = {.end = LEAVES};
    for (unsigned i = 0; i < conversation->count && conversation->frames[i].end <= size; i++) {
        row = conversation->frames[i].sum;
    }
    row.end = LEAVES;
    row.silent = true;
    return row;
}

const struct row *conversation_rows(void) {
    static struct row rows[CONVERSATION_MAX];
    static char names[CONVERSATION_MAX][40];
    const struct peer peer = {.is_master = true};
    struct conversation conversation = {.peer = &peer};
    if (rows[0].name != NULL) {
        return rows;
    }
    converse(&conversation);
    if (conversation.bytes.size > CONVERSATION_MAX - 3) {
        abort();
    }
    for (unsigned size = 0; size <= conversation.bytes.size; size++) {
        snprintf(names[size], sizeof(names[size]), "a conversation cut at byte %u", size);
        rows[size] = make_row(&conversation, size);
        rows[size].name = names[size];
        rows[size].act = converse_in_part;
        rows[size].number = size;
    }
    struct row *whole = &rows[conversation.bytes.size + 1];
    *whole = make_row(&conversation, conversation.bytes.size);
    whole->name = "a conversation byte by byte";
    whole->act = converse_byte_by_byte;
    bytes_release(&conversation.bytes);
    return rows;
}
