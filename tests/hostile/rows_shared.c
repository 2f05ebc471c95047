/* rows_shared.c: memory that is shared with a hostile worker, and references to memory that is not. */
#include "row.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ECHO (&probe_common_echo_method)
#define TREE (&probe_common_echo_tree_method)
#define CHAT (&probe_streams_chat_method)

/* A message that goes to and fro in memory, and how often it does. A list of so many numbers takes its reader milliseconds. */
#define LENGTH 100000u
#define ROUNDS (row_flood / 200)
#define LIST_ROUNDS (row_flood / 1000)

/* A HELLO that takes 4 GiB of buffers. */
static void greet(struct peer *peer) {
    peer_frame(peer, (struct header){.type = FRAME_HELLO, .method = MAGIC, .aux = 1}, "\x10\xff\xff\xff\xff\x0f", 6);
    PEER_AWAIT(peer, peer->opens >= HONEST_BRIEF - 1);
}

static void refer(struct peer *peer, struct header header) {
    struct bytes reference = {0};
    bytes_number(&reference, 0, 4);
    bytes_number(&reference, 0, 4);
    bytes_number(&reference, LENGTH, 4);
    header.flags |= FLAG_SHARED;
    peer_frame(peer, header, reference.data, reference.size);
    bytes_release(&reference);
}

/* Have the master make a buffer for what we send. Returns it, mapped. */
static uint8_t *get_memory(struct peer *peer) {
    struct bytes tick = {0};
    bytes_field(&tick, 2, NULL, LENGTH);
    peer_frame(peer, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id}, tick.data, tick.size);
    bytes_release(&tick);
    PEER_AWAIT(peer, peer->given >= 0);
    uint8_t *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_SHARED, peer->given, 0);
    PEER_CHECK(peer, memory != MAP_FAILED);
    /* Nor can it be taken from under its reader. */
    PEER_CHECK(peer, ftruncate(peer->given, 0) != 0);
    return memory;
}

/* Changes the message for as long as it lives: what it says of itself, again and again, in every way. */
static void keep_changing(uint8_t *memory) {
    static const uint8_t heads[][8] = {
        {0x0a, 0x9c, 0x8d, 0x06, 0, 0, 0, 0}, /* all of it is one field */
        {0x0a, 0x9b, 0x8d, 0x06, 0, 0, 0, 0}, /* all but a byte */
        {0x0a, 0xff, 0xff, 0xff, 0xff, 0x07}, /* 2 GiB */
        {0x0a, 0x90, 0x8d, 0x06, 0, 0, 0, 0}, /* all but what stands at the end, below */
        {0x0a, 0x00, 0x0a, 0x95, 0x8d, 0x06}, /* twice */
        {0x78, 0x00, 0x78, 0x00, 0x0a, 0x02}, /* unknown fields */
    };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0;; i++) {
        memcpy(memory, heads[(i * 7 + i / 5) % 6], sizeof(heads[0]));
        memcpy(memory + LENGTH - 12, i % 3 == 0 ? "\x0a\x0a          " : "\x0a\xff\xff\xff\xff\x07      ", 12);
    }
}

/* A packed list of many numbers, then of one that does not end: whoever counts them, makes room for so many, and then reads them
 * where they were, writes beyond it. */
static void keep_counting(uint8_t *memory) {
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    memcpy(memory, "\x0a\x9c\x8d\x06", 4);
    for (;;) {
        memset(memory + 4, 0x01, LENGTH - 4);
        for (size_t i = 4; i < LENGTH; i += 8) {
            memcpy(memory + i, "\x81\x81\x81\x81\x81\x81\x81\x01", 8);
        }
    }
}

/* What a master makes of it does not matter, if only it survives, and each message ends in some way. */
static void race(struct peer *peer, const struct yoke_method *method, void (*change)(uint8_t *memory),
                 unsigned rounds) {
    greet(peer);
    if (peer->is_master) {
        return;
    }
    uint8_t *memory = get_memory(peer);
    pid_t racer = fork();
    PEER_CHECK(peer, racer >= 0);
    if (racer == 0) {
        change(memory);
    }
    for (unsigned i = 0; i < rounds; i++) {
        unsigned ends = peer->ends;
        refer(peer, (struct header){.type = FRAME_OPEN,
                                    .stream = peer_stream(peer, (int)(PEER_STREAMS + i)),
                                    .method = method->id,
                                    .flags = FLAG_END_STREAM});
        PEER_AWAIT(peer, peer->ends == ends + 1 && peer->releases == 2 * i + 1);
        refer(peer, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id});
        PEER_AWAIT(peer, peer->releases == 2 * i + 2);
    }
    kill(racer, SIGKILL);
    PEER_CHECK(peer, waitpid(racer, NULL, 0) == racer);
    munmap(memory, LENGTH);
}

static void change_what_is_read(struct peer *peer) {
    race(peer, ECHO, keep_changing, ROUNDS);
}

static void change_what_is_counted(struct peer *peer) {
    race(peer, &probe_common_echo_lists_method, keep_counting, LIST_ROUNDS);
}

/* What has a codec of its own, without a thought of buffers, gets something that it cannot decode. */
static void ping_in_memory(struct peer *peer) {
    greet(peer);
    if (peer->is_master) {
        return;
    }
    munmap(get_memory(peer), LENGTH);
    refer(peer, (struct header){.type = FRAME_OPEN,
                                .stream = peer_stream(peer, PEER_STREAMS),
                                .method = yoke_name_id("yoke.v1.Connection/Ping"),
                                .flags = FLAG_END_STREAM});
    PEER_AWAIT(peer, peer->codes[YOKE_INTERNAL] == 1 && peer->releases == 1);
}

/* A message of unknown fields, each of which would cost many times its size. */
static void inflate_in_memory(struct peer *peer) {
    greet(peer);
    if (peer->is_master) {
        return;
    }
    uint8_t *memory = get_memory(peer);
    for (size_t i = 0; i < LENGTH; i += 2) {
        memcpy(memory + i, "\x78\x00", 2);
    }
    for (unsigned i = 0; i < 20; i++) {
        refer(peer, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id});
        PEER_AWAIT(peer, peer->releases == i + 1);
    }
    munmap(memory, LENGTH);
}

/* What is referred to is in use until it comes back. */
static void refer_without_waiting(struct peer *peer) {
    greet(peer);
    if (!peer->is_master) {
        munmap(get_memory(peer), LENGTH);
    }
    /* The one that is read in the meantime comes back; the number that never was does not. */
    refer(peer, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id});
    struct bytes reference = {0};
    bytes_number(&reference, 7, 4);
    bytes_number(&reference, 0, 8);
    peer_frame(peer, (struct header){.type = FRAME_EVENT, .method = probe_tick_event.id, .flags = FLAG_SHARED},
               reference.data, reference.size);
    bytes_release(&reference);
}

#define WRONG(row_name, row_detail, ...)                                                      \
    {                                                                                         \
        .name = (row_name), .end = VIOLATES, .detail = (row_detail), .frame = { __VA_ARGS__ } \
    }

#define NOWHERE "where none can be"
#define NO_RELEASE "RELEASE is for no buffer"

const struct row shared_rows[] = {
    WRONG("OPEN in no buffer", NOWHERE, .type = FRAME_OPEN, .stream = 1, .method = ECHO,
          .flags = FLAG_END_STREAM | FLAG_SHARED, .length = 12, .size = 12),
    WRONG("END in no buffer", NOWHERE, .type = FRAME_END, .stream = -HONEST_TREE, .method = TREE, .flags = FLAG_SHARED,
          .length = 12, .size = 12),
    WRONG("MESSAGE in no buffer", NOWHERE, .type = FRAME_MESSAGE, .stream = -HONEST_CHAT, .method = CHAT,
          .flags = FLAG_SHARED, .length = 12, .size = 12),
    WRONG("EVENT in no buffer", NOWHERE, .type = FRAME_EVENT, .event = &probe_tick_event, .flags = FLAG_SHARED,
          .length = 12, .size = 12),
    WRONG("EVENT with half a reference", "too short for its reference", .type = FRAME_EVENT, .event = &probe_tick_event,
          .flags = FLAG_SHARED, .length = 11, .size = 11),
    WRONG("a failing END in a buffer", "END has unknown flags", .type = FRAME_END, .stream = -HONEST_TREE,
          .method = TREE, .aux = YOKE_ABORTED, .flags = FLAG_SHARED, .length = 12, .size = 12),
    WRONG("a fragment in a buffer", "no whole message", .type = FRAME_MESSAGE, .stream = -HONEST_CHAT, .method = CHAT,
          .flags = FLAG_SHARED | FLAG_MORE, .length = 12, .size = 12),
    WRONG("RELEASE of nothing", NO_RELEASE, .type = FRAME_RELEASE),
    WRONG("RELEASE of number 65535", NO_RELEASE, .type = FRAME_RELEASE, .aux = 65535),
    WRONG("RELEASE of nothing upward", NO_RELEASE, .type = FRAME_RELEASE, .flags = 1),
    WRONG("RELEASE that declines nothing", NO_RELEASE, .type = FRAME_RELEASE, .flags = 2),
    WRONG("RELEASE that declines nothing upward", NO_RELEASE, .type = FRAME_RELEASE, .flags = 3, .aux = 15),
    WRONG("RELEASE with a payload", "RELEASE has a stream", .type = FRAME_RELEASE, .length = 4, .size = 4),
    WRONG("RELEASE with a stream", "RELEASE has a stream", .type = FRAME_RELEASE, .stream = 1),
    WRONG("BUFFER with a stream", "BUFFER ", .type = FRAME_BUFFER, .stream = 1, .length = 4, .size = 4),
    WRONG("BUFFER of 4 GiB", "BUFFER ", .type = FRAME_BUFFER, .length = 0xffffffffu),
    WRONG("BUFFER that takes nothing away", "BUFFER ", .type = FRAME_BUFFER, .length = 4, .size = 4),
    {.name = "a ping in a buffer", .end = SURVIVES, .act = ping_in_memory, .silent = true, .events = ANY_COUNT},
    {.name = "a message that changes while it is read",
     .end = SURVIVES,
     .act = change_what_is_read,
     .silent = true,
     .runs = ANY_COUNT,
     .events = ANY_COUNT,
     .peak_kib = 20 << 10},
    {.name = "a list that changes while it is counted",
     .end = SURVIVES,
     .act = change_what_is_counted,
     .silent = true,
     .runs = ANY_COUNT,
     .events = ANY_COUNT,
     .peak_kib = 20 << 10},
    {.name = "a message in a buffer that inflates",
     .end = SURVIVES,
     .act = inflate_in_memory,
     .silent = true,
     .events = ANY_COUNT,
     .peak_kib = 20 << 10},
    {.name = "a reference to no buffer behind one to a buffer",
     .end = VIOLATES,
     .detail = NOWHERE,
     .act = refer_without_waiting,
     .silent = true,
     .events = ANY_COUNT,
     .peak_kib = 20 << 10},
    {.name = NULL},
};
