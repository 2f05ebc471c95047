/*
 * codec_test.c: decoding what a peer sent: how deep it may nest, how much memory it may take, and that malformed bytes
 * end in a status. Where protobuf-c alone would crash, so would these tests.
 */
#include "rpc/codec.h"

#include "harness.h"
#include "memory.h"
#include "random.h"

#include "unit.yoke.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Wire types. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, GROUP_END = 4, FIXED32 = 5 };

/* Fields of unit.Node. */
enum {
    VALUE = 1,
    CHILD = 2,
    CHILDREN = 3,
    NAMED = 4,
    LEFT = 5,
    LEAF = 6,
    NUMBERS = 7,
    WORDS = 8,
    DATA = 9,
    WIDE = 100000
};

/* The field of a map's entries that holds the value. */
#define MAP_VALUE 2

static const struct yoke_type *node_type(void) {
    return unit_echo_tree_method.request;
}

static const struct yoke_type *bytes_type(void) {
    return unit_echo_now_method.request;
}

/* ---- Messages are built from the inside out, so the buffer is filled from its end ------------------------------- */

struct builder {
    uint8_t *buffer;
    size_t capacity, length; /* the bytes in use are the last `length` */
};

static struct builder build(size_t capacity) {
    struct builder builder = {.buffer = malloc(capacity), .capacity = capacity};
    REQUIRE(builder.buffer != NULL);
    return builder;
}

static const uint8_t *built(const struct builder *builder) {
    return builder->buffer + builder->capacity - builder->length;
}

static void prepend(struct builder *builder, const void *bytes, size_t length) {
    REQUIRE(length <= builder->capacity - builder->length);
    builder->length += length;
    memcpy(builder->buffer + builder->capacity - builder->length, bytes, length);
}

static void prepend_varint(struct builder *builder, uint64_t value) {
    uint8_t bytes[10];
    size_t length = 0;
    do {
        bytes[length++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value != 0);
    prepend(builder, bytes, length);
}

/* All that was built becomes the content of a field. */
static void wrap(struct builder *builder, uint32_t field) {
    prepend_varint(builder, builder->length);
    prepend_varint(builder, (uint64_t)field << 3 | BYTES);
}

/* A Node with Nodes within, `levels` in all. */
static struct builder nested(size_t levels, uint32_t field) {
    struct builder builder = build(levels * 12);
    for (size_t level = 1; level < levels; level++) {
        wrap(&builder, field);
    }
    return builder;
}

/* ---- Decoding ---------------------------------------------------------------------------------------------------- */

static struct yoke__engine engine;

/* For tests of something else than memory: a Node is some 200 bytes, two on the wire. */
static const struct yoke_limits generous = {.decode_memory_factor = 1000};

static void start(const struct yoke_limits *limits) {
    static const struct yoke_limits defaults = {0};
    REQUIRE_INT(yoke__engine_init(&engine, limits != NULL ? limits : &defaults, NULL, NULL), 0);
}

static void finish(void) {
    yoke__engine_release(&engine);
}

static int check(const uint8_t *bytes, size_t length, uint32_t max_nesting) {
    return yoke_codec_protobuf_c.check_nesting(node_type()->descriptor, bytes, length, max_nesting);
}

/* Decodes from a copy that ends where the bytes end. Outputs must be untouched on failure. */
static enum yoke_code decode(const struct yoke_type *type, const uint8_t *bytes, size_t length) {
    static struct yoke_arena *const no_arena = (struct yoke_arena *)&engine;
    uint8_t *copy = malloc(length + (length == 0));
    REQUIRE(copy != NULL);
    if (length > 0) {
        memcpy(copy, bytes, length);
    }
    struct yoke_arena *arena = no_arena;
    const void *message = &engine;
    const struct yoke__parcel parcel = {copy, length, NULL};
    enum yoke_code code = yoke__message_decode(&engine, type, &parcel, &arena, &message);
    if (code == YOKE_OK) {
        CHECK(message != &engine && arena != no_arena);
        yoke__engine_put_arena(&engine, arena);
    } else {
        CHECK(message == &engine && arena == no_arena);
    }
    free(copy);
    return code;
}

static void messages_come_back(void) {
    start(NULL);
    uint8_t data[64];
    memset(data, 'z', sizeof(data));
    Unit__Bytes message = UNIT__BYTES__INIT;
    message.data = (ProtobufCBinaryData){.len = sizeof(data), .data = data};
    const struct yoke_codec *codec = bytes_type()->codec;
    uint8_t encoded[80];
    size_t size = codec->size(bytes_type()->descriptor, &message);
    REQUIRE_INT(size, 66);
    memset(encoded, 0xee, sizeof(encoded));
    codec->pack(bytes_type()->descriptor, &message, encoded);
    CHECK_INT(encoded[size], 0xee);
    struct yoke_arena *arena;
    const void *decoded;
    const struct yoke__parcel parcel = {encoded, size, NULL};
    REQUIRE_INT(yoke__message_decode(&engine, bytes_type(), &parcel, &arena, &decoded), YOKE_OK);
    const Unit__Bytes *bytes = decoded;
    CHECK_INT(bytes->data.len, sizeof(data));
    CHECK(memcmp(bytes->data.data, data, sizeof(data)) == 0);
    yoke__engine_put_arena(&engine, arena);
    CHECK_INT(decode(bytes_type(), NULL, 0), YOKE_OK);
    CHECK_INT(decode(node_type(), NULL, 0), YOKE_OK);
    finish();
}

/* ---- Nesting ----------------------------------------------------------------------------------------------------- */

static void the_schema_says_what_is_checked(void) {
    CHECK(node_type()->deep);
    CHECK(unit_grown_event.type->deep);
    CHECK(!bytes_type()->deep);
    CHECK(!unit_note_event.type->deep);
}

static void exactly_max_nesting_levels(void) {
    static const uint32_t fields[] = {CHILD, CHILDREN, LEFT};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        for (uint32_t max = 1; max <= 64; max++) {
            const struct yoke_limits limits = {.max_nesting = max};
            start(&limits);
            struct builder fits = nested(max, fields[i]);
            struct builder exceeds = nested(max + 1, fields[i]);
            CHECK_INT(check(built(&fits), fits.length, max), 0);
            CHECK_INT(decode(node_type(), built(&fits), fits.length), YOKE_OK);
            CHECK_INT(check(built(&exceeds), exceeds.length, max), -EBADMSG);
            CHECK_INT(decode(node_type(), built(&exceeds), exceeds.length), YOKE_INTERNAL);
            free(fits.buffer);
            free(exceeds.buffer);
            finish();
        }
    }
}

/* An entry of a map is a message itself, so each map on the way is two levels. */
static void a_map_is_two_levels(void) {
    start(NULL);
    for (size_t maps = 31; maps <= 32; maps++) {
        struct builder builder = build(2000);
        for (size_t i = 0; i < maps; i++) {
            wrap(&builder, MAP_VALUE);
            wrap(&builder, NAMED);
        }
        bool fits = 1 + 2 * maps <= 64;
        CHECK_INT(check(built(&builder), builder.length, 64), fits ? 0 : -EBADMSG);
        CHECK_INT(decode(node_type(), built(&builder), builder.length), fits ? YOKE_OK : YOKE_INTERNAL);
        free(builder.buffer);
    }
    finish();
}

/* The deepest place counts, wherever it is, and levels are left again. */
static void the_deepest_place_counts(void) {
    start(&generous);
    for (size_t levels = 63; levels <= 64; levels++) {
        struct builder deep = nested(levels, CHILD);
        wrap(&deep, CHILDREN);
        struct builder shallow = nested(20, CHILD);
        wrap(&shallow, CHILDREN);
        struct builder builder = build(4000);
        for (unsigned i = 0; i < 10; i++) {
            prepend(&builder, built(&shallow), shallow.length);
        }
        prepend(&builder, built(&deep), deep.length);
        prepend(&builder, built(&shallow), shallow.length);
        CHECK_INT(decode(node_type(), built(&builder), builder.length), levels == 63 ? YOKE_OK : YOKE_INTERNAL);
        free(builder.buffer);
        free(shallow.buffer);
        free(deep.buffer);
    }
    finish();
}

/* A schema with a fixed number of levels is checked when the limit is lower. */
static void a_low_limit_holds_for_every_type(void) {
    const struct yoke_type *type = unit_other_flat_method.request;
    CHECK(!type->deep);
    for (uint32_t max = 1; max <= 3; max++) {
        start(&(struct yoke_limits){.max_nesting = max});
        CHECK_INT(decode(type, (const uint8_t *)"\x0a\x02\x0a\x00", 4), max == 1 ? YOKE_INTERNAL : YOKE_OK);
        CHECK_INT(decode(bytes_type(), (const uint8_t *)"\x0a\x02\x0a\x00", 4), YOKE_OK);
        finish();
    }
}

static void ten_thousand_levels_end_in_a_status(void) {
    start(NULL);
    static const uint32_t fields[] = {CHILD, CHILDREN, LEFT, WIDE};
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        for (size_t levels = 10000; levels <= 100000; levels *= 10) {
            struct builder builder = nested(levels, fields[i]);
            /* A Wide holds Bytes and no more, so what is in its fields of other numbers is not looked at. */
            CHECK_INT(decode(node_type(), built(&builder), builder.length),
                      fields[i] == WIDE ? YOKE_OK : YOKE_INTERNAL);
            free(builder.buffer);
        }
    }
    struct builder event = nested(10000, CHILD);
    wrap(&event, 1);
    CHECK_INT(decode(unit_grown_event.type, built(&event), event.length), YOKE_INTERNAL);
    free(event.buffer);
    finish();
}

/* What looks like a deep message but is not read as one. */
static void only_messages_nest(void) {
    static const uint32_t fields[] = {LEAF, DATA, WORDS, 15, 536870911};
    start(NULL);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        struct builder builder = nested(200, CHILD);
        wrap(&builder, fields[i]);
        CHECK_INT(decode(node_type(), built(&builder), builder.length), YOKE_OK);
        free(builder.buffer);
    }
    /* Packed numbers: bytes that would be fields elsewhere. */
    struct builder builder = build(2000);
    for (unsigned i = 0; i < 600; i++) {
        prepend(&builder, "\x12", 1);
    }
    wrap(&builder, NUMBERS);
    CHECK_INT(decode(node_type(), built(&builder), builder.length), YOKE_OK);
    free(builder.buffer);
    finish();
}

/* ---- Malformed bytes --------------------------------------------------------------------------------------------- */

struct sample {
    const char *what;
    size_t length;
    uint8_t bytes[24];
    bool is_well_formed;
};

#define FF9 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

static const struct sample samples[] = {
    {"a varint", 2, {0x08, 0x05}, true},
    {"a varint of ten bytes", 11, {0x08, FF9, 0x01}, true},
    {"a varint of ten bytes that ends in 0x7f", 11, {0x08, FF9, 0x7f}, true},
    {"a varint of eleven bytes", 12, {0x08, FF9, 0xff, 0x01}, false},
    {"a varint that does not end", 3, {0x08, 0x80, 0x80}, false},
    {"a key without its varint", 1, {0x08}, false},
    {"a key that does not end", 1, {0x88}, false},
    {"field number 0", 2, {0x00, 0x01}, false},
    {"a key of five bytes", 6, {0xf8, 0xff, 0xff, 0xff, 0x0f, 0x00}, true},
    {"a key of eleven bytes", 12, {FF9, 0xff, 0xff, 0x00}, false},
    {"a key over 32 bits", 7, {0xf8, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00}, false},
    {"32 bits that are there", 5, {0x55, 1, 2, 3, 4}, true},
    {"32 bits that are not", 4, {0x55, 1, 2, 3}, false},
    {"64 bits that are there", 9, {0x59, 1, 2, 3, 4, 5, 6, 7, 8}, true},
    {"64 bits that are not", 8, {0x59, 1, 2, 3, 4, 5, 6, 7}, false},
    {"bytes that are there", 4, {0x4a, 0x02, 'a', 'b'}, true},
    {"bytes that are not", 3, {0x4a, 0x02, 'a'}, false},
    {"a length of 2^31 and more", 7, {0x4a, 0xff, 0xff, 0xff, 0xff, 0x0f, 'a'}, false},
    {"a length of 2^64 - 1", 12, {0x4a, FF9, 0x01, 'a'}, false},
    {"a length that wraps to before the field",
     12,
     {0x4a, 0xf6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a'},
     false},
    {"a length that does not end", 2, {0x4a, 0x80}, false},
    {"a group", 4, {0x13, 0x08, 0x01, 0x14}, false},
    {"a group of an unknown field", 4, {0x7b, 0x08, 0x01, 0x7c}, false},
    {"an end of a group", 1, {0x14}, false},
    {"wire type 6", 2, {0x0e, 0x00}, false},
    {"wire type 7", 2, {0x0f, 0x00}, false},
    {"a message that is a varint", 2, {0x10, 0x05}, false},
    {"a message that is 32 bits", 5, {0x15, 1, 2, 3, 4}, false},
    {"a submessage cut short", 4, {0x12, 0x02, 0x08, 0x80}, false},
    {"a submessage longer than its parent", 5, {0x12, 0x02, 0x12, 0x02, 0x08}, false},
    {"unknown fields of each kind", 13, {0x78, 0x05, 0x7a, 0x01, 'a', 0x7d, 1, 2, 3, 4, 0x78, 0x80, 0x01}, true},
    {"packed numbers", 5, {0x3a, 0x03, 0x01, 0x80, 0x01}, true},
    {"packed numbers cut short", 4, {0x3a, 0x02, 0x01, 0x80}, false},
    {"numbers that are not packed", 4, {0x38, 0x01, 0x38, 0x02}, true},
    {"the same submessage twice", 12, {0x82, 0xea, 0x30, 0x02, 0x0a, 0x00, 0x82, 0xea, 0x30, 0x02, 0x0a, 0x00}, true},
    /* A right message, which protobuf-c 1.4.1 refuses: it cannot merge two that have a oneof. */
    {"the same submessage with a oneof twice", 8, {0x12, 0x02, 0x08, 0x01, 0x12, 0x02, 0x08, 0x02}, false},
    {"two of a oneof", 7, {0x2a, 0x02, 0x08, 0x01, 0x32, 0x01, 'x'}, true},
};

static void malformed_bytes_end_in_a_status(void) {
    start(NULL);
    for (size_t i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
        const struct sample *sample = &samples[i];
        enum yoke_code expected = sample->is_well_formed ? YOKE_OK : YOKE_INTERNAL;
        test_check_int(decode(node_type(), sample->bytes, sample->length), expected, sample->what, __FILE__, __LINE__,
                       false);
        /* The same, further in. */
        struct builder builder = build(1000);
        prepend(&builder, sample->bytes, sample->length);
        for (unsigned level = 0; level < 60; level++) {
            wrap(&builder, level % 2 == 0 ? CHILD : CHILDREN);
        }
        test_check_int(decode(node_type(), built(&builder), builder.length), expected, sample->what, __FILE__, __LINE__,
                       false);
        free(builder.buffer);
    }
    finish();
}

static void types_that_are_not_deep_too(void) {
    start(NULL);
    /* Field 1 of unit.Bytes, cut short, and a group. */
    CHECK_INT(decode(bytes_type(), (const uint8_t *)"\x0a\x05xx", 4), YOKE_INTERNAL);
    CHECK_INT(decode(bytes_type(), (const uint8_t *)"\x0b\x0c", 2), YOKE_INTERNAL);
    CHECK_INT(decode(bytes_type(), (const uint8_t *)"\x0a\x02xx", 4), YOKE_OK);
    finish();
}

/* ---- The check looks where protobuf-c looks ---------------------------------------------------------------------- */

/* How deep protobuf-c goes is seen on the stack, also when it fails in the end. */
static const char *stack_base, *stack_deepest;

static void *watch_stack(void *data, size_t size) {
    const char *here = __builtin_frame_address(0);
    (void)data;
    stack_deepest = here < stack_deepest ? here : stack_deepest;
    return malloc(size + 1);
}

static void watched_free(void *data, void *memory) {
    (void)data;
    free(memory);
}

static size_t stack_of_decoding(const uint8_t *bytes, size_t length) {
    ProtobufCAllocator allocator = {.alloc = watch_stack, .free = watched_free};
    stack_base = stack_deepest = __builtin_frame_address(0);
    ProtobufCMessage *message = protobuf_c_message_unpack(node_type()->descriptor, &allocator, length, bytes);
    if (message != NULL) {
        protobuf_c_message_free_unpacked(message, &allocator);
    }
    return (size_t)(stack_base - stack_deepest);
}

/* Breaks some bytes of a message without making it longer. */
static void mutate(struct random *random, uint8_t *bytes, size_t length) {
    static const uint8_t likely[] = {0x00, 0x02, 0x12, 0x1a, 0x22, 0x2a, 0x7f, 0x80, 0xff, 0x92, 0x82, 0x13};
    for (unsigned i = 1 + random_below(random, 4); i > 0; i--) {
        size_t at = random_below(random, (uint32_t)length);
        bytes[at] =
            random_below(random, 3) == 0 ? (uint8_t)random_next(random) : likely[random_below(random, sizeof(likely))];
    }
}

/* Whatever the check accepts makes protobuf-c go no deeper than it was allowed, also when it ends up refusing it. */
static void what_is_accepted_is_not_deep(void) {
    struct random random = {13};
    static const uint32_t fields[] = {CHILD, CHILDREN, LEFT};
    struct builder calibration = nested(8, CHILD);
    size_t allowed = 2 * stack_of_decoding(built(&calibration), calibration.length);
    free(calibration.buffer);
    unsigned accepted = 0;
    for (unsigned round = 0; round < 30000; round++) {
        struct builder builder =
            nested(2 + random_below(&random, round % 2 ? 9 : 120), fields[random_below(&random, 3)]);
        uint8_t *bytes = builder.buffer + builder.capacity - builder.length;
        mutate(&random, bytes, builder.length);
        if (check(bytes, builder.length, 8) == 0) {
            accepted++;
            size_t used = stack_of_decoding(bytes, builder.length);
            REQUIRE(used <= allowed);
        }
        free(builder.buffer);
    }
    CHECK(accepted > 1000);
    /* That the measure works: without the check it goes deeper. */
    struct builder deep = nested(64, CHILD);
    CHECK(stack_of_decoding(built(&deep), deep.length) > 2 * allowed);
    free(deep.buffer);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* Messages that cost much for their size: the bytes of one part, repeated. */
static const struct {
    const char *what;
    size_t length;
    uint8_t bytes[8];
} inflators[] = {
    {"unknown fields", 2, {0x78, 0x00}},
    {"unknown bytes", 2, {0x7a, 0x00}},
    {"empty children", 2, {0x1a, 0x00}},
    {"the same empty child again", 2, {0x12, 0x00}},
    {"the same child with a number again", 4, {0x12, 0x02, 0x38, 0x01}},
    {"empty map entries", 2, {0x22, 0x00}},
    {"empty words", 2, {0x42, 0x00}},
    {"numbers that are not packed", 2, {0x38, 0x01}},
    {"packed lists of one number", 3, {0x3a, 0x01, 0x01}},
    {"the choice again", 2, {0x2a, 0x00}},
    {"the other choice again", 2, {0x32, 0x00}},
    {"bytes again", 3, {0x4a, 0x01, 'x'}},
    {"the same empty wide again", 4, {0x82, 0xea, 0x30, 0x00}},
    {"the same wide with a part again", 6, {0x82, 0xea, 0x30, 0x02, 0x0a, 0x00}},
};

/* What the heap may hold where decoding may use `budget`: also the arena's first block, and what malloc() rounds up. */
static size_t heap_of(size_t budget) {
    return budget + budget / 32 + 6000;
}

static void inflate(size_t part, size_t total, uint32_t factor) {
    const struct yoke_limits limits = {.decode_memory_factor = factor};
    start(&limits);
    size_t length = total / inflators[part].length * inflators[part].length;
    uint8_t *bytes = malloc(length);
    REQUIRE(bytes != NULL);
    for (size_t at = 0; at < length; at += inflators[part].length) {
        memcpy(bytes + at, inflators[part].bytes, inflators[part].length);
    }
    size_t before = memory_live_bytes();
    memory_reset_peak();
    struct yoke_arena *arena = NULL;
    const void *message;
    const struct yoke__parcel parcel = {bytes, length, NULL};
    enum yoke_code code = yoke__message_decode(&engine, node_type(), &parcel, &arena, &message);
    size_t budget = 256 * 1024 + length * factor;
    test_check(memory_peak_bytes() - before <= heap_of(budget), inflators[part].what, __FILE__, __LINE__, false);
    test_check(code == YOKE_OK || code == YOKE_RESOURCE_EXHAUSTED || code == YOKE_INTERNAL, inflators[part].what,
               __FILE__, __LINE__, false);
    yoke__engine_put_arena(&engine, arena);
    free(bytes);
    finish();
}

static void memory_stays_within_the_budget(void) {
    static const size_t totals[] = {100, 4000, 50000, 1u << 18};
    static const uint32_t factors[] = {1, 32};
    for (size_t part = 0; part < sizeof(inflators) / sizeof(*inflators); part++) {
        for (size_t total = 0; total < sizeof(totals) / sizeof(*totals); total++) {
            for (size_t factor = 0; factor < sizeof(factors) / sizeof(*factors); factor++) {
                inflate(part, totals[total], factors[factor]);
            }
        }
    }
}

/* A message made of `count` unknown fields of two bytes. */
static enum yoke_code decode_unknown_fields(const struct yoke_type *type, size_t count) {
    uint8_t *bytes = malloc(2 * count);
    REQUIRE(bytes != NULL);
    for (size_t i = 0; i < count; i++) {
        memcpy(bytes + 2 * i, "\x78", 2);
    }
    enum yoke_code code = decode(type, bytes, 2 * count);
    free(bytes);
    return code;
}

static void a_megabyte_of_unknown_fields_is_refused(void) {
    start(NULL);
    CHECK_INT(decode_unknown_fields(node_type(), 1u << 19), YOKE_RESOURCE_EXHAUSTED);
    CHECK_INT(decode_unknown_fields(bytes_type(), 1u << 19), YOKE_RESOURCE_EXHAUSTED);
    CHECK_INT(decode_unknown_fields(bytes_type(), 10), YOKE_OK);
    finish();
}

/* Messages as people make them are nowhere near the limit. */
static void honest_messages_fit(void) {
    start(NULL);
    struct builder builder = build(2u << 20);
    static const uint8_t child[] = {0x08, 0x05, 0x42, 0x05, 'w', 'o', 'r', 'd', 's', 0x4a, 0x06, 1, 2, 3, 4, 5, 6};
    for (unsigned i = 0; i < 50000; i++) {
        prepend(&builder, child, sizeof(child));
        prepend(&builder, "\x1a\x11", 2);
    }
    CHECK_INT(decode(node_type(), built(&builder), builder.length), YOKE_OK);
    builder.length = 0;
    uint8_t *large = calloc(1, 1u << 20);
    REQUIRE(large != NULL);
    prepend(&builder, large, 1u << 20);
    wrap(&builder, DATA);
    CHECK_INT(decode(node_type(), built(&builder), builder.length), YOKE_OK);
    free(large);
    free(builder.buffer);
    finish();
}

static void want_of_memory_is_a_status(void) {
    struct builder builder = build(10000);
    for (unsigned i = 0; i < 2000; i++) {
        prepend(&builder, "\x1a\x02\x08\x05", 4);
    }
    size_t nth = 0;
    for (bool has_failed = true; has_failed; nth++) {
        start(&generous);
        size_t live = memory_live_blocks();
        struct yoke_arena *arena = NULL;
        const void *message;
        memory_fail_once(nth);
        const struct yoke__parcel parcel = {built(&builder), builder.length, NULL};
        enum yoke_code code = yoke__message_decode(&engine, node_type(), &parcel, &arena, &message);
        has_failed = memory_fail_never();
        CHECK_INT(code, has_failed ? YOKE_RESOURCE_EXHAUSTED : YOKE_OK);
        yoke__engine_put_arena(&engine, arena);
        finish();
        CHECK_INT(memory_live_blocks(), live);
    }
    CHECK(nth > 4);
    free(builder.buffer);
}

static const struct test_case cases[] = {
    {.name = "messages come back", .run = messages_come_back},
    {.name = "the schema says what is checked", .run = the_schema_says_what_is_checked},
    {.name = "exactly max_nesting levels are taken", .run = exactly_max_nesting_levels},
    {.name = "a map is two levels", .run = a_map_is_two_levels},
    {.name = "the deepest place counts", .run = the_deepest_place_counts},
    {.name = "a low limit holds for every type", .run = a_low_limit_holds_for_every_type},
    {.name = "10,000 levels end in a status", .run = ten_thousand_levels_end_in_a_status},
    {.name = "only messages nest", .run = only_messages_nest},
    {.name = "malformed bytes end in a status", .run = malformed_bytes_end_in_a_status},
    {.name = "malformed bytes of types that are not deep, too", .run = types_that_are_not_deep_too},
    {.name = "what the check accepts is not deep", .run = what_is_accepted_is_not_deep},
    {.name = "memory stays within the budget", .run = memory_stays_within_the_budget},
    {.name = "1 MiB of unknown fields is refused", .run = a_megabyte_of_unknown_fields_is_refused},
    {.name = "honest messages fit", .run = honest_messages_fit},
    {.name = "want of memory is a status", .run = want_of_memory_is_a_status},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "codec", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
