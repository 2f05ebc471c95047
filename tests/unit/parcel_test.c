/*
 * parcel_test.c: decoding a message that lies in shared memory, of which a large field of bytes is left where it is, or copied
 * once; and writing a message around such a field. Whatever the shape, what is decoded is what it would be otherwise.
 */
#include "rpc/borrow.h"
#include "rpc/codec.h"

#include "harness.h"
#include "random.h"

#include "shapes.pb-c.h"
#include "unit.yoke.h"
#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, GROUP = 3, FIXED32 = 5 };

static struct yoke__engine engine;

static const struct yoke_type shape = {
    .name = "unit.Shape", .codec = &yoke_codec_protobuf_c, .descriptor = &unit__shape__descriptor, .deep = true};
static const struct yoke_type whole = {
    .name = "unit.Whole", .codec = &yoke_codec_protobuf_c, .descriptor = &unit__whole__descriptor};
static const struct yoke_type counted = {
    .name = "unit.Counted", .codec = &yoke_codec_protobuf_c, .descriptor = &unit__counted__descriptor};

/* ---- Messages in the making ---------------------------------------------------------------------------------------- */

static uint8_t wire[400000];
static size_t wire_length;

static void add(const void *bytes, size_t length) {
    REQUIRE(length <= sizeof(wire) - wire_length);
    memcpy(wire + wire_length, bytes, length);
    wire_length += length;
}

static void add_varint(uint64_t value) {
    uint8_t bytes[10];
    size_t length = 0;
    do {
        bytes[length++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        value >>= 7;
    } while (value != 0);
    add(bytes, length);
}

/* The same number in `length` bytes. */
static void add_overlong(uint64_t value, size_t length) {
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)((value & 0x7f) | (i + 1 < length ? 0x80 : 0));
        value >>= 7;
        add(&byte, 1);
    }
}

static void add_key(uint32_t field, unsigned type) {
    add_varint((uint64_t)field << 3 | type);
}

static void add_content(size_t length, unsigned seed) {
    REQUIRE(length <= sizeof(wire) - wire_length);
    for (size_t i = 0; i < length; i++) {
        wire[wire_length++] = (uint8_t)(i * 7 + i / 253 + seed);
    }
}

static void add_bytes(uint32_t field, size_t length, unsigned seed) {
    add_key(field, BYTES);
    add_varint(length);
    add_content(length, seed);
}

static void add_number(uint32_t field, uint64_t value) {
    add_key(field, VARINT);
    add_varint(value);
}

/* ---- Decoding each way ---------------------------------------------------------------------------------------------- */

static void start(const struct yoke_limits *limits) {
    REQUIRE_INT(yoke__engine_init(&engine, limits, NULL, NULL), 0);
}

static void finish(void) {
    yoke__engine_release(&engine);
}

struct result {
    enum yoke_code code;
    uint8_t *packed; /* what was decoded, encoded again */
    size_t length;
    bool is_in_place; /* some of it is the original memory */
};

static struct result pack_again(enum yoke_code code, const void *message, struct yoke_arena *arena) {
    struct result result = {.code = code};
    if (code == YOKE_OK) {
        result.length = protobuf_c_message_get_packed_size(message);
        result.packed = malloc(result.length + 1);
        REQUIRE(result.packed != NULL);
        protobuf_c_message_pack(message, result.packed);
        yoke__engine_put_arena(&engine, arena);
    }
    return result;
}

/* How it is decoded from our own memory. */
static struct result decode_plain(const struct yoke_type *type, const uint8_t *bytes, size_t length) {
    struct yoke_arena *arena = NULL;
    const void *message = NULL;
    enum yoke_code code =
        yoke__message_decode(&engine, type, &(struct yoke__parcel){bytes, length, NULL}, &arena, &message);
    return pack_again(code, message, arena);
}

/* From a buffer of the peer's, which ends where the message ends. */
static struct result decode_parcel(const struct yoke_type *type, const uint8_t *bytes, size_t length, bool is_trusted) {
    uint8_t *copy = malloc(length + (length == 0));
    REQUIRE(copy != NULL);
    memcpy(copy, bytes, length);
    struct yoke__loan loan = {.bytes = copy, .size = length, .references = 1, .is_trusted = is_trusted};
    const struct yoke__parcel parcel = {copy, length, &loan};
    struct yoke_arena *arena = NULL;
    const void *message = NULL;
    enum yoke_code code = yoke__message_decode(&engine, type, &parcel, &arena, &message);
    bool is_in_place = loan.references == 2;
    CHECK(is_trusted || !is_in_place);
    if (!is_in_place) {
        /* Nothing that was decoded is there. */
        memset(copy, 0xdd, length);
    }
    struct result result = pack_again(code, message, arena);
    result.is_in_place = is_in_place;
    CHECK_INT(loan.references, 1);
    free(copy);
    return result;
}

/* Is what comes of `wire` the same in every way? Returns whether it was decoded in place. */
static bool compare(const struct yoke_type *type, enum yoke_code *ret_code) {
    struct result plain = decode_plain(type, wire, wire_length);
    bool is_in_place = false;
    for (unsigned is_trusted = 0; is_trusted < 2; is_trusted++) {
        struct result parcel = decode_parcel(type, wire, wire_length, is_trusted != 0);
        REQUIRE_INT(parcel.code, plain.code);
        REQUIRE_INT(parcel.length, plain.length);
        REQUIRE(plain.length == 0 || memcmp(parcel.packed, plain.packed, plain.length) == 0);
        is_in_place = parcel.is_in_place;
        free(parcel.packed);
    }
    free(plain.packed);
    *ret_code = plain.code;
    return is_in_place;
}

static void check_shape(const struct yoke_type *type, enum yoke_code code, bool is_in_place, const char *what) {
    enum yoke_code actual;
    bool was_in_place = compare(type, &actual);
    test_check_int(actual, code, what, __FILE__, __LINE__, false);
    test_check_int(was_in_place, is_in_place, what, __FILE__, __LINE__, false);
    wire_length = 0;
}

/* ---- Shapes ---------------------------------------------------------------------------------------------------------- */

#define LARGE 100000u

static const struct yoke_limits generous = {.decode_memory_factor = 100};

static void what_is_left_in_place(void) {
    start(&generous);
    add_bytes(1, LARGE, 1);
    check_shape(&shape, YOKE_OK, true, "alone");
    add_number(7, 5);
    add_bytes(6, 100, 2);
    add_bytes(1, LARGE, 1);
    check_shape(&shape, YOKE_OK, true, "behind others");
    add_bytes(1, LARGE, 1);
    add_number(7, 5);
    add_bytes(5, 3, 65);
    check_shape(&shape, YOKE_OK, true, "before others");
    add_bytes(1, 50, 1);
    add_bytes(1, LARGE, 2);
    check_shape(&shape, YOKE_OK, true, "twice, the last one large");
    add_bytes(2, LARGE, 1);
    check_shape(&shape, YOKE_OK, true, "with a default");
    add_bytes(2000000, LARGE, 1);
    check_shape(&shape, YOKE_OK, true, "with a large number");
    add_bytes(1, LARGE, 1);
    add_bytes(2, 1000, 1);
    check_shape(&shape, YOKE_OK, true, "another of the kind behind it");
    add_number(77, 7);
    add_bytes(78, 500, 1);
    add_bytes(1, LARGE, 1);
    add_number(79, 7);
    check_shape(&shape, YOKE_OK, true, "among fields that are not known");
    add_number(1, 1);
    add_bytes(2, LARGE, 3);
    check_shape(&counted, YOKE_OK, true, "beside a required one");
    add_bytes(2, LARGE, 3);
    add_number(1, 1);
    check_shape(&counted, YOKE_OK, true, "before a required one");
    add_bytes(9, LARGE, 3);
    add_number(1, 9);
    check_shape(unit_echo_tree_method.request, YOKE_OK, true, "of proto3");
    add_bytes(1, LARGE, 3);
    check_shape(unit_echo_now_method.request, YOKE_OK, true, "of proto3, alone");
    finish();
}

static void what_is_decoded_as_a_whole(void) {
    start(&generous);
    add_bytes(1, LARGE, 1);
    add_bytes(1, 50, 2);
    check_shape(&shape, YOKE_OK, false, "the last one counts");
    add_bytes(1, LARGE, 1);
    add_bytes(1, LARGE, 2);
    check_shape(&shape, YOKE_OK, false, "the last one of two counts");
    add_bytes(1, LARGE, 1);
    add_number(1, 2);
    check_shape(&shape, YOKE_INTERNAL, false, "again with another type");
    add_bytes(3, LARGE, 1);
    check_shape(&shape, YOKE_OK, false, "repeated");
    add_bytes(4, LARGE, 1);
    check_shape(&shape, YOKE_OK, false, "of a oneof");
    add_bytes(6, LARGE, 65);
    check_shape(&shape, YOKE_OK, false, "a string");
    add_bytes(77, LARGE, 1);
    check_shape(&shape, YOKE_OK, false, "not known");
    add_bytes(1, LARGE, 1);
    check_shape(&whole, YOKE_OK, false, "required");
    add_bytes(2, LARGE, 1);
    check_shape(&counted, YOKE_INTERNAL, false, "beside a required one that is not there");
    add_bytes(1, 4000, 1);
    check_shape(&shape, YOKE_OK, false, "small");
    wire_length = 0;
    add_number(8 << 0, 0);
    check_shape(&shape, YOKE_INTERNAL, false, "small and wrong");
    finish();
}

/* Of what is around the field so much is looked at: 4,096 bytes before its content, key and length included, and as many behind
 * it. */
static void what_is_around_it_is_bounded(void) {
    start(&generous);
    for (size_t around = 4050; around <= 4150; around++) {
        add_bytes(6, around, 65);
        size_t before = wire_length;
        add_bytes(1, LARGE, 1);
        check_shape(&shape, YOKE_OK, before + 4 <= 4096, "before");
        add_bytes(1, LARGE, 1);
        size_t end = wire_length;
        add_bytes(6, around, 65);
        check_shape(&shape, YOKE_OK, wire_length - end <= 4096, "behind");
        /* Small fields of the kind, which end about where the looking ends. */
        add_bytes(1, around - 20, 1);
        add_bytes(2, around, 1);
        enum yoke_code code;
        (void)compare(&shape, &code);
        CHECK_INT(code, YOKE_OK);
        wire_length = 0;
        add_bytes(1, around - 6, 1);
        add_bytes(2, 0, 1);
        add_bytes(6, 6000, 65);
        (void)compare(&shape, &code);
        CHECK_INT(code, YOKE_OK);
        wire_length = 0;
    }
    finish();
}

static void what_is_malformed(void) {
    start(&generous);
    add_bytes(1, LARGE, 1);
    wire_length--;
    check_shape(&shape, YOKE_INTERNAL, false, "cut short");
    add_bytes(1, LARGE, 1);
    add("\xff", 1);
    check_shape(&shape, YOKE_INTERNAL, false, "half a key behind");
    add_bytes(1, LARGE, 1);
    add_key(6, BYTES);
    add_varint(100);
    check_shape(&shape, YOKE_INTERNAL, false, "half a field behind");
    add_key(1, GROUP);
    add_bytes(1, LARGE, 1);
    check_shape(&shape, YOKE_INTERNAL, false, "a group before");
    add_key(1, BYTES);
    add_varint(UINT64_MAX);
    add_content(LARGE, 1);
    check_shape(&shape, YOKE_INTERNAL, false, "a length that is a lie");
    add_key(1, BYTES);
    add_varint(LARGE + 1);
    add_content(LARGE, 1);
    check_shape(&shape, YOKE_INTERNAL, false, "one byte too many");
    add_overlong(1 << 3 | BYTES, 6);
    add_varint(LARGE);
    add_content(LARGE, 1);
    check_shape(&shape, YOKE_INTERNAL, false, "a key of six bytes");
    add_key(1, BYTES);
    add_overlong(LARGE, 6);
    add_content(LARGE, 1);
    check_shape(&shape, YOKE_INTERNAL, false, "a length of six bytes");
    add_overlong(1 << 3 | BYTES, 5);
    add_overlong(LARGE, 5);
    add_content(LARGE, 1);
    check_shape(&shape, YOKE_OK, true, "both of five bytes");
    add_key(0, BYTES);
    add_varint(LARGE);
    add_content(LARGE, 1);
    enum yoke_code code;
    (void)compare(&shape, &code);
    wire_length = 0;
    add_content(5000, 0x80);
    (void)compare(&shape, &code);
    wire_length = 0;
    memset(wire, 0xff, 5000);
    wire_length = 5000;
    check_shape(&shape, YOKE_INTERNAL, false, "no key at all");
    finish();
}

/* Deep messages around the field are found, too. */
static void nesting_counts_around_it(void) {
    for (uint32_t max = 1; max <= 4; max++) {
        const struct yoke_limits limits = {.decode_memory_factor = 100, .max_nesting = max};
        start(&limits);
        add("\x42\x04\x42\x02\x42\x00", 6);
        add_bytes(1, LARGE, 1);
        check_shape(&shape, max >= 4 ? YOKE_OK : YOKE_INTERNAL, max >= 4, "nested");
        finish();
    }
}

/* What is left where it is needs none of it; what is around it is bounded as any message. */
static void memory_stays_within_the_budget(void) {
    const struct yoke_limits limits = {.decode_memory_factor = 1};
    start(&limits);
    for (unsigned i = 0; i < 1000; i++) {
        add("\x78\x00", 2);
    }
    add_bytes(1, LARGE, 1);
    for (unsigned i = 0; i < 1000; i++) {
        add("\x78\x00", 2);
    }
    for (unsigned is_trusted = 0; is_trusted < 2; is_trusted++) {
        struct result result = decode_parcel(&shape, wire, wire_length, is_trusted != 0);
        CHECK_INT(result.code, YOKE_OK);
        CHECK_INT(result.is_in_place, is_trusted);
        free(result.packed);
    }
    wire_length = 0;
    while (wire_length < 300000) {
        add("\x78\x00", 2);
    }
    check_shape(&shape, YOKE_RESOURCE_EXHAUSTED, false, "unknown fields");
    finish();
}

/* ---- Any message ------------------------------------------------------------------------------------------------------ */

static const uint32_t fields[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 77, 2000000};

static void add_random_field(struct random *random, bool may_be_large) {
    /* Mostly one that takes any type, because it is not known. */
    uint32_t field =
        random_below(random, 10) != 0 ? 77 : fields[random_below(random, sizeof(fields) / sizeof(*fields))];
    unsigned seed = random_below(random, 64);
    switch (random_below(random, may_be_large ? 9 : 7)) {
    case 0:
        add_number(field, random_next(random));
        break;
    case 1:
        add_key(field, FIXED32);
        add_content(4, seed);
        break;
    case 2:
        add_key(field, FIXED64);
        add_content(8, seed);
        break;
    case 3:
        add_number(7, random_next(random));
        break;
    case 4:
        add_bytes(field == 8 ? 1 : field, random_below(random, 40), seed);
        break;
    case 5:
        add_bytes(1 + random_below(random, 2), random_below(random, 2000), seed);
        break;
    case 6:
        add("\x42\x02\x38\x05", 4);
        break;
    default:
        add_bytes(random_below(random, 3) == 0 ? 3 : 1 + random_below(random, 2), 3000 + random_below(random, 9000),
                  seed);
        break;
    }
}

static void spoil(struct random *random) {
    if (random_below(random, 3) == 0) {
        wire_length -= random_below(random, (uint32_t)(wire_length < 100 ? wire_length : 100));
    }
    for (unsigned i = random_below(random, 3); i > 0; i--) {
        /* Where the structure is: near one of the ends. */
        size_t near = random_below(random, (uint32_t)(wire_length < 300 ? wire_length : 300));
        wire[random_below(random, 2) == 0 ? near : wire_length - 1 - near] = (uint8_t)random_next(random);
    }
}

static void every_message_means_the_same(void) {
    const struct yoke_type *const types[] = {
        &shape, &shape, &whole, &counted, unit_echo_tree_method.request, unit_echo_now_method.request};
    struct random random = {42};
    start(&generous);
    unsigned in_place = 0, fine = 0, bad = 0;
    for (unsigned round = 0; round < 12000; round++) {
        wire_length = 0;
        for (unsigned i = random_below(&random, 6); i > 0; i--) {
            add_random_field(&random, round % 4 == 0);
        }
        if (random_below(&random, 5) != 0) {
            add_bytes(1 + random_below(&random, 2), 4000 + random_below(&random, 5000), 3);
        }
        for (unsigned i = random_below(&random, 5); i > 0; i--) {
            add_random_field(&random, round % 8 == 0);
        }
        if (round % 3 == 0 && wire_length > 0) {
            spoil(&random);
        }
        enum yoke_code code;
        in_place += compare(types[random_below(&random, sizeof(types) / sizeof(*types))], &code);
        fine += code == YOKE_OK;
        bad += code == YOKE_INTERNAL;
    }
    CHECK(in_place > 1000);
    CHECK(fine - in_place > 1000);
    CHECK(bad > 1000);
    finish();
}

/* ---- Writing around a field ------------------------------------------------------------------------------------------- */

/* Write a message around the largest of its fields; is it the same message as ever? False when it cannot be written so. */
static bool write_around(const struct yoke_type *type, const void *message, size_t size) {
    const struct yoke_codec *codec = type->codec;
    struct yoke_large large;
    if (!codec->find_large(type->descriptor, message, &large)) {
        return false;
    }
    size_t length = codec->size(type->descriptor, message);
    if (large.length > length) {
        /* A default, which the message does not have. */
        return false;
    }
    uint8_t *out = malloc(length + 1);
    REQUIRE(out != NULL);
    size_t around = length - large.length;
    out[around] = 0xee;
    bool is_written = codec->pack_around(type->descriptor, message, &large, out, size != 0 ? size : around);
    if (is_written) {
        CHECK_INT(out[around], 0xee);
        memcpy(out + around, large.data, large.length);
        struct result from_it = decode_plain(type, out, length);
        codec->pack(type->descriptor, message, out);
        struct result from_usual = decode_plain(type, out, length);
        CHECK_INT(from_it.code, YOKE_OK);
        CHECK_INT(from_it.length, from_usual.length);
        CHECK(from_it.code == YOKE_OK && memcmp(from_it.packed, from_usual.packed, from_usual.length) == 0);
        free(from_it.packed);
        free(from_usual.packed);
    }
    free(out);
    return is_written;
}

static void messages_are_written_around_a_field(void) {
    start(&generous);
    static uint8_t content[5000];
    Unit__Shape message = UNIT__SHAPE__INIT;
    CHECK(!write_around(&shape, &message, 0));
    message.has_data = true;
    message.data = (ProtobufCBinaryData){.len = sizeof(content), .data = content};
    CHECK(write_around(&shape, &message, 0));
    message.has_other = true;
    message.other = (ProtobufCBinaryData){.len = 10, .data = content};
    message.name = (char *)(uintptr_t) "name";
    message.has_wide = true;
    message.choice_case = UNIT__SHAPE__CHOICE_CHOSEN;
    message.chosen = (ProtobufCBinaryData){.len = 300, .data = content};
    message.has_far = true;
    message.far = (ProtobufCBinaryData){.len = 4999, .data = content};
    CHECK(write_around(&shape, &message, 0));
    /* The other one is larger now. */
    message.far.len = 5000;
    message.data.len = 4000;
    CHECK(write_around(&shape, &message, 0));
    /* Only where it fits exactly. */
    unsigned fits = 0;
    for (size_t size = 1; size < 6000; size++) {
        fits += write_around(&shape, &message, size);
    }
    CHECK_INT(fits, 1);
    finish();
}

/* A field that is set and that the message says it does not have is none. */
static void a_field_that_is_not_there_is_not_sent(void) {
    start(&generous);
    static uint8_t content[5000];
    Unit__Shape message = UNIT__SHAPE__INIT;
    message.data = (ProtobufCBinaryData){.len = sizeof(content), .data = content};
    message.has_other = true;
    message.other = (ProtobufCBinaryData){.len = 4990, .data = content};
    struct yoke_large large;
    uint8_t out[6000];
    size_t length = shape.codec->size(shape.descriptor, &message);
    for (size_t size = 0; size <= length; size++) {
        bool is_found = shape.codec->find_large(shape.descriptor, &message, &large);
        CHECK(!is_found || large.length != 5000 ||
              !shape.codec->pack_around(shape.descriptor, &message, &large, out, size) ||
              large.length + size != length);
    }
    finish();
}

static const struct test_case cases[] = {
    {.name = "what is left in place", .run = what_is_left_in_place},
    {.name = "what is decoded as a whole", .run = what_is_decoded_as_a_whole},
    {.name = "what is around it is bounded", .run = what_is_around_it_is_bounded},
    {.name = "what is malformed", .run = what_is_malformed},
    {.name = "nesting counts around it", .run = nesting_counts_around_it},
    {.name = "memory stays within the budget", .run = memory_stays_within_the_budget},
    {.name = "every message means the same", .run = every_message_means_the_same},
    {.name = "messages are written around a field", .run = messages_are_written_around_a_field},
    {.name = "a field that is not there is not sent", .run = a_field_that_is_not_there_is_not_sent},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "parcels", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
