/*
 * connection_split_test.c: bytes arrive in any pieces. One conversation that has everything in it is heard whole, then
 * cut at each byte, then in pieces of each size; what is heard and answered must be the same.
 */
#include "harness.h"
#include "machine.h"
#include "random.h"
#include "wire.h"

#include <string.h>

/* Larger requests, replies and events than this are skipped. */
#define MESSAGE_MAX 1500

#define CALLS 5

/* All that a worker shows of what it heard. */
struct hearing {
    struct outcome outcomes[CALLS];
    unsigned handled, notes, readies;
    char last_note[32];
    unsigned log_count;
    uint8_t output[32768];
    size_t output_length;
    uint64_t input_offset;
};

static struct machine worker;
static struct wire wire;
static struct hearing whole, heard;

static void on_note(const struct yoke_peer *peer, const Unit__Note *note, void *user_data) {
    struct hearing *hearing = user_data;
    (void)peer;
    hearing->notes++;
    (void)snprintf(hearing->last_note, sizeof(hearing->last_note), "%s", note->text);
}

static void begin(struct hearing *hearing) {
    const struct yoke_limits limits = {.max_message_bytes = MESSAGE_MAX};
    memset(hearing, 0, sizeof(*hearing));
    machine_init(&worker, false, &limits);
    REQUIRE_INT(unit_note_on(&worker.events, on_note, hearing), 0);
    for (unsigned i = 0; i < CALLS; i++) {
        REQUIRE_INT(machine_call_later(&worker, "call", 4, &hearing->outcomes[i]), 0);
    }
}

static void end(struct hearing *hearing) {
    CHECK_STR(worker.connection.failure, "");
    CHECK(worker.connection.input == NULL);
    hearing->handled = worker.handled;
    hearing->readies = worker.readies;
    hearing->log_count = worker.log_count;
    hearing->input_offset = worker.connection.input_offset;
    hearing->output_length = machine_take(&worker, hearing->output, sizeof(hearing->output));
    machine_release(&worker);
    for (unsigned i = 0; i < CALLS; i++) {
        /* Told at the release. */
        hearing->outcomes[i].then = NULL;
    }
    while (worker.held_count > 0) {
        (void)machine_answer_held(&worker, "late", 4);
    }
}

/* What a master says: every type of frame, small, empty and oversized, twice over. */
static void say_everything(void) {
    wire.length = 0;
    wire_hello(&wire);
    for (uint32_t round = 0; round < 2; round++) {
        const uint32_t first = 1 + 20 * round;
        wire_open(&wire, first, &unit_echo_now_method, 10);
        wire_open(&wire, first + 2, &unit_other_call_method, 5);
        wire_open(&wire, first + 4, &unit_echo_later_method, 3);
        wire_open(&wire, first + 6, &unit_echo_now_method, MESSAGE_MAX + 30);
        wire_note(&wire, "small");
        wire_end(&wire, 2 + 4 * round, &unit_echo_later_method, 20);
        wire_frame(&wire, &(struct yoke__frame){.type = YOKE__FRAME_CANCEL, .stream = first + 4}, NULL);
        wire_frame(&wire,
                   &(struct yoke__frame){.type = YOKE__FRAME_EVENT, .method = unit_note_event.id, .length = 2000},
                   NULL);
        wire_end_error(&wire, 4 + 4 * round, &unit_echo_later_method, YOKE_NOT_FOUND, "no such ox");
        wire_frame(&wire,
                   &(struct yoke__frame){.type = YOKE__FRAME_OPEN,
                                         .stream = first + 8,
                                         .method = unit_echo_missing_method.id,
                                         .flags = YOKE__FLAG_END_STREAM},
                   NULL);
        wire_open(&wire, first + 10, &unit_echo_as_method, MESSAGE_MAX - 10);
    }
    wire_frame(
        &wire,
        &(struct yoke__frame){
            .type = YOKE__FRAME_END, .stream = 10, .method = unit_echo_later_method.id, .length = MESSAGE_MAX + 1},
        NULL);
    wire_note(&wire, "last");
}

static void hear_whole(void) {
    say_everything();
    begin(&whole);
    REQUIRE_INT(machine_feed(&worker, wire.bytes, wire.length, 0), wire.length);
    CHECK_INT(whole.outcomes[0].code, YOKE_OK);
    CHECK_INT(whole.outcomes[1].code, YOKE_NOT_FOUND);
    CHECK_STR(whole.outcomes[1].message, "no such ox");
    CHECK_INT(whole.outcomes[4].code, YOKE_RESOURCE_EXHAUSTED);
    CHECK_INT(whole.outcomes[4].count, 1);
    CHECK_INT(whole.notes, 3);
    CHECK_STR(whole.last_note, "last");
    CHECK_INT(worker.handled, 6);
    CHECK_INT(worker.log_count, 2);
    end(&whole);
    CHECK_INT(whole.input_offset, wire.length);
    CHECK(whole.output_length > 0);
}

static void check_same(const struct hearing *hearing) {
    REQUIRE_INT(hearing->handled, whole.handled);
    REQUIRE_INT(hearing->notes, whole.notes);
    REQUIRE_INT(hearing->readies, whole.readies);
    REQUIRE_INT(hearing->log_count, whole.log_count);
    REQUIRE_INT(hearing->input_offset, whole.input_offset);
    REQUIRE_INT(hearing->output_length, whole.output_length);
    REQUIRE(memcmp(hearing->output, whole.output, whole.output_length) == 0);
    REQUIRE(strcmp(hearing->last_note, whole.last_note) == 0);
    for (unsigned i = 0; i < CALLS; i++) {
        const struct outcome *one = &hearing->outcomes[i];
        const struct outcome *other = &whole.outcomes[i];
        REQUIRE_INT(one->count, 1);
        REQUIRE_INT(one->code, other->code);
        REQUIRE_INT(one->length, other->length);
        REQUIRE(strcmp(one->message, other->message) == 0);
        REQUIRE(memcmp(one->data, other->data, sizeof(one->data)) == 0);
    }
}

static void cut_at_each_byte(void) {
    hear_whole();
    for (size_t cut = 1; cut < wire.length; cut++) {
        begin(&heard);
        REQUIRE_INT(machine_feed(&worker, wire.bytes, cut, 0), cut);
        REQUIRE_INT(machine_feed(&worker, wire.bytes + cut, wire.length - cut, 0), wire.length - cut);
        end(&heard);
        check_same(&heard);
    }
}

static void in_pieces_of_each_size(void) {
    hear_whole();
    for (size_t piece = 1; piece <= 64; piece++) {
        begin(&heard);
        REQUIRE_INT(machine_feed(&worker, wire.bytes, wire.length, piece), wire.length);
        end(&heard);
        check_same(&heard);
    }
}

static void in_random_pieces(void) {
    struct random random = {21};
    hear_whole();
    for (unsigned round = 0; round < 500; round++) {
        begin(&heard);
        for (size_t at = 0; at < wire.length;) {
            size_t left = wire.length - at;
            size_t size = 1 + random_below(&random, 1 + (1u << random_below(&random, 13)));
            size = size < left ? size : left;
            REQUIRE_INT(machine_feed(&worker, wire.bytes + at, size, 0), size);
            at += size;
        }
        end(&heard);
        check_same(&heard);
    }
}

/* A call that is larger than the usual buffer, in pieces that end anywhere. */
static void frames_larger_than_a_chunk(void) {
    static struct machine master;
    static uint8_t data[3 * YOKE__CHUNK_SIZE];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7 + i / 256);
    }
    static const size_t pieces[] = {0, 1, 1000, 16, 17, YOKE__CHUNK_SIZE - 1, YOKE__CHUNK_SIZE, YOKE__CHUNK_SIZE + 1};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        struct outcome outcomes[3] = {0};
        machine_init_pair(&master, &worker, NULL);
        REQUIRE_INT(machine_call_now(&master, "before", 6, &outcomes[0]), 0);
        REQUIRE_INT(machine_call_now(&master, data, sizeof(data), &outcomes[1]), 0);
        REQUIRE_INT(machine_call_now(&master, "after", 5, &outcomes[2]), 0);
        (void)machine_carry(&master, &worker, pieces[i]);
        (void)machine_carry(&worker, &master, pieces[i]);
        CHECK_INT(outcomes[0].count + outcomes[1].count + outcomes[2].count, 3);
        CHECK_INT(outcomes[1].code, YOKE_OK);
        CHECK_INT(outcomes[1].length, sizeof(data));
        CHECK(memcmp(outcomes[1].data, data, sizeof(outcomes[1].data)) == 0);
        CHECK_INT(outcomes[2].length, 5);
        CHECK(master.connection.input == NULL && worker.connection.input == NULL);
        machine_release(&master);
        machine_release(&worker);
    }
}

static const struct test_case cases[] = {
    {.name = "cut at each byte", .run = cut_at_each_byte},
    {.name = "in pieces of each size", .run = in_pieces_of_each_size},
    {.name = "in random pieces", .run = in_random_pieces},
    {.name = "frames larger than a chunk", .run = frames_larger_than_a_chunk},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "connection: pieces", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
