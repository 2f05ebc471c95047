/* row.c: see row.h: finding rows, playing them, and the ones that are made by rule. */
#include "row.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

unsigned row_flood = 200000;

/* ---- Frames with one flag too many */

#define FLAG_ROWS_MAX 80

static struct row made_rows[FLAG_ROWS_MAX];
static char made_names[FLAG_ROWS_MAX][60];

/* Right frames of each kind, and the flags that may be added to them. */
static const struct {
    const char *name;
    struct row_frame frame;
    uint8_t allowed;
    const char *detail;
} right_frames[] = {
    {"OPEN",
     {.type = FRAME_OPEN, .stream = 1, .method = &probe_common_echo_method, .flags = FLAG_END_STREAM},
     FLAG_END_STREAM | FLAG_DEADLINE | FLAG_NO_MESSAGE | FLAG_METADATA | FLAG_SHARED,
     "OPEN has unknown flags"},
    {"END",
     {.type = FRAME_END, .stream = -HONEST_TREE, .method = &probe_common_echo_tree_method},
     FLAG_NO_MESSAGE | FLAG_METADATA | FLAG_SHARED,
     "END has unknown flags"},
    {"a failing END",
     {.type = FRAME_END, .stream = -HONEST_TREE, .method = &probe_common_echo_tree_method, .aux = YOKE_ABORTED},
     FLAG_METADATA | FLAG_DETAILS,
     "END has unknown flags"},
    {"EVENT", {.type = FRAME_EVENT, .event = &probe_tick_event}, FLAG_SHARED, "EVENT has a stream or flags"},
    {"CANCEL",
     {.type = FRAME_CANCEL, .stream = 1, .method = &probe_common_echo_method},
     0,
     "CANCEL has flags or a payload"},
    {"MESSAGE",
     {.type = FRAME_MESSAGE, .stream = -HONEST_CHAT, .method = &probe_streams_chat_method},
     FLAG_MORE | FLAG_SHARED,
     "MESSAGE has unknown flags"},
    {"CREDIT",
     {.type = FRAME_CREDIT, .stream = -HONEST_CHAT, .method = &probe_streams_chat_method, .length = 4, .size = 4},
     0,
     "CREDIT has flags or not 4 bytes"},
    {"HEADERS",
     {.type = FRAME_HEADERS, .stream = -HONEST_TREE, .method = &probe_common_echo_tree_method},
     0,
     "HEADERS have flags"},
    {"GOAWAY", {.type = FRAME_GOAWAY, .length = 4, .size = 4}, 0, "GOAWAY has a stream, a method, flags"},
};

const struct row *flag_rows(void) {
    size_t count = 0;
    for (size_t i = 0; i < sizeof(right_frames) / sizeof(right_frames[0]) && made_rows[0].name == NULL; i++) {
        for (unsigned bit = 1; bit < 0x100 && count < FLAG_ROWS_MAX - 1; bit <<= 1) {
            if ((bit & right_frames[i].allowed) != 0) {
                continue;
            }
            snprintf(made_names[count], sizeof(made_names[count]), "%s with flag 0x%02x", right_frames[i].name, bit);
            made_rows[count + 1] = (struct row){.name = made_names[count],
                                                .end = VIOLATES,
                                                .detail = right_frames[i].detail,
                                                .frame = right_frames[i].frame};
            made_rows[count + 1].frame.flags |= (uint8_t)bit;
            count++;
        }
    }
    made_rows[0].name = "made";
    return made_rows + 1;
}

/* ---- Finding and playing */

const struct row *row_find(const char *name) {
    const struct row *const groups[] = {hello_rows,    frame_rows,          flag_rows(), stream_rows,     credit_rows,
                                        fragment_rows, message_rows,        flood_rows,  descriptor_rows, metadata_rows,
                                        shared_rows,   conversation_rows(), list_rows()};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        for (const struct row *row = groups[i]; row->name != NULL; row++) {
            if (strcmp(row->name, name) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

static void send_frame(struct peer *peer, const struct row_frame *frame) {
    struct bytes bytes = {0};
    struct header header = {
        .length = frame->length,
        .stream = peer_stream(peer, frame->stream),
        .method = frame->method != NULL  ? frame->method->id
                  : frame->event != NULL ? frame->event->id
                                         : frame->id,
        .type = frame->type,
        .flags = frame->flags,
        .aux = frame->aux,
    };
    bytes_header(&bytes, &header);
    bytes_add(&bytes, NULL, frame->size);
    peer_send(peer, bytes.data, bytes.size);
    bytes_release(&bytes);
}

/* The calls of the other side come before what is done to them. The last one can be over before it has begun. */
static void await_calls(struct peer *peer) {
    while (!peer->closed && peer->opens < HONEST_BRIEF - 1) {
        peer_listen(peer);
    }
}

_Noreturn static void live_on(void) {
    for (;;) {
        pause();
    }
}

void row_play(const struct row *row, int fd, bool is_master) {
    static struct peer peer;
    peer = (struct peer){.fd = fd, .is_master = is_master, .given = -1, .number = row->number};
    if (!row->silent) {
        peer_hello(&peer);
        await_calls(&peer);
    }
    if (row->frame.type != 0 || row->frame.id != 0) {
        send_frame(&peer, &row->frame);
    }
    if (row->act != NULL) {
        row->act(&peer);
    }
    switch (row->end) {
    case VIOLATES:
        if (peer_is_answered(&peer, PEER_STREAMS - 1)) {
            peer_fail(&peer, "the other side goes on after this: %s", row->name);
        }
        break;
    case SURVIVES:
        if (!peer_is_answered(&peer, PEER_STREAMS - 1) || peer.own_code[PEER_STREAMS - 1] != YOKE_OK) {
            peer_fail(&peer, "the other side does not go on after this: %s", row->name);
        }
        break;
    case LEAVES:
        break;
    case HANGS_UP:
        close(fd);
        if (!is_master) {
            live_on();
        }
        break;
    }
    _exit(0);
}
