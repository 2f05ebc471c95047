/*
 * fuzz_decode.c: messages of a peer through the guard, protobuf-c and the arena. Whatever the bytes are: no deeper than
 * allowed, no more memory than promised, and what decodes can be encoded and decodes again.
 */
#include "fuzz.h"

#include "memory.h"
#include "rpc/borrow.h"
#include "rpc/codec.h"

#include "unit.yoke.h"
#include <stdlib.h>
#include <string.h>

#define BUDGET_BASE ((size_t)256 * 1024)

static const struct yoke_type *const *message_types(size_t *ret_count) {
    static const struct yoke_type *types[5];
    types[0] = unit_echo_tree_method.request;
    types[1] = unit_grown_event.type;
    types[2] = unit_echo_now_method.request;
    types[3] = unit_other_flat_method.request;
    types[4] = unit_note_event.type;
    *ret_count = sizeof(types) / sizeof(*types);
    return types;
}

/* ---- How deep protobuf-c goes is seen on its stack, also when it refuses the message in the end ------------------ */

static const char *deepest;

static void *watching_alloc(void *data, size_t size) {
    const char *here = __builtin_frame_address(0);
    (void)data;
    deepest = here < deepest ? here : deepest;
    return malloc(size + 1);
}

static void watching_free(void *data, void *memory) {
    (void)data;
    free(memory);
}

static size_t stack_used(const struct yoke_type *type, const uint8_t *bytes, size_t length) {
    ProtobufCAllocator allocator = {.alloc = watching_alloc, .free = watching_free};
    const char *here = __builtin_frame_address(0);
    deepest = here;
    ProtobufCMessage *message = protobuf_c_message_unpack(type->descriptor, &allocator, length, bytes);
    if (message != NULL) {
        protobuf_c_message_free_unpacked(message, &allocator);
    }
    return (size_t)(here - deepest);
}

/* Stack for one more level, seen on a Node within a Node. */
static size_t stack_of_a_level(void) {
    static size_t level;
    if (level == 0) {
        const struct yoke_type *node = unit_echo_tree_method.request;
        size_t one = stack_used(node, (const uint8_t *)"\x08\x01", 2);
        size_t two = stack_used(node, (const uint8_t *)"\x12\x02\x08\x01", 4);
        FUZZ_CHECK(two > one);
        level = two - one;
    }
    return level;
}

/* ---- One input --------------------------------------------------------------------------------------------------- */

static struct yoke__engine engine;

/* What the heap may hold where decoding may use `budget`: also an arena's first block, and what malloc() rounds up. */
static size_t heap_of(size_t budget) {
    return budget + budget / 32 + 6000;
}

/* A field of number 0 somewhere: a key of one byte below 8. Where there is none this is certain. */
static bool has_zero_field(const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] < 8) {
            return true;
        }
    }
    return false;
}

/*
 * A message that was decoded is encoded, decoded and encoded: the same bytes. Only unknown fields of number 0, which
 * protobuf-c takes when they are written in more bytes than needed, do not come back.
 */
static void check_comes_back(const struct yoke_type *type, const void *message) {
    static const struct yoke_limits generous = {.decode_memory_factor = 100000};
    struct yoke__engine other;
    FUZZ_CHECK(yoke__engine_init(&other, &generous, NULL, NULL) == 0);
    size_t length = type->codec->size(type->descriptor, message);
    uint8_t *bytes = malloc(2 * length + 1);
    FUZZ_CHECK(bytes != NULL);
    type->codec->pack(type->descriptor, message, bytes);
    struct yoke_arena *arena;
    const void *again;
    const struct yoke__parcel parcel = {bytes, length, NULL};
    enum yoke_code code = yoke__message_decode(&other, type, &parcel, &arena, &again);
    if (code == YOKE_OK) {
        FUZZ_CHECK(type->codec->size(type->descriptor, again) == length);
        type->codec->pack(type->descriptor, again, bytes + length);
        FUZZ_CHECK(memcmp(bytes, bytes + length, length) == 0);
        yoke__engine_put_arena(&other, arena);
    } else {
        FUZZ_CHECK(code == YOKE_INTERNAL && has_zero_field(bytes, length));
    }
    yoke__engine_release(&other);
    free(bytes);
}

/* What a message is, encoded again, or that it is none. */
struct meaning {
    enum yoke_code code;
    uint8_t *bytes;
    size_t length;
};

static struct meaning meaning_of(struct yoke__engine *other, const struct yoke_type *type, enum yoke_code code,
                                 struct yoke_arena *arena, const void *message) {
    struct meaning meaning = {.code = code};
    if (code == YOKE_OK) {
        meaning.length = type->codec->size(type->descriptor, message);
        meaning.bytes = malloc(meaning.length + 1);
        FUZZ_CHECK(meaning.bytes != NULL);
        type->codec->pack(type->descriptor, message, meaning.bytes);
        yoke__engine_put_arena(other, arena);
    }
    return meaning;
}

/* A message in a buffer of the peer's is the same as anywhere else. So that short inputs get there, too, they are lengthened: by
 * an unknown field, or by one of bytes at the top. */
static void check_parcel(const struct yoke_type *type, const uint8_t *bytes, size_t length, uint32_t max_nesting,
                         unsigned more) {
    const struct yoke_limits generous = {.decode_memory_factor = 100000, .max_nesting = max_nesting};
    static const uint8_t heads[][4] = {{0x4a, 0xb0, 0x27}, {0x0a, 0xb0, 0x27}, {0x7a, 0xb0, 0x27}, {0x0a, 0xb0, 0xa7}};
    const size_t total = length + 3 + 5040;
    uint8_t *copy = calloc(1, total);
    FUZZ_CHECK(copy != NULL);
    /* Before, or behind the input. */
    const size_t at = (more & 4) != 0 ? 5043 : 0;
    if (length > 0) {
        memcpy(copy + at, bytes, length);
    }
    memcpy(copy + (at == 0 ? length : 0), heads[more % 4], 3);
    struct yoke__engine other;
    FUZZ_CHECK(yoke__engine_init(&other, &generous, NULL, NULL) == 0);
    struct yoke_arena *arena = NULL;
    const void *message = NULL;
    enum yoke_code code =
        yoke__message_decode(&other, type, &(struct yoke__parcel){copy, total, NULL}, &arena, &message);
    const struct meaning plain = meaning_of(&other, type, code, arena, message);
    for (unsigned is_trusted = 0; is_trusted < 2; is_trusted++) {
        struct yoke__loan loan = {.bytes = copy, .size = total, .references = 1, .is_trusted = is_trusted != 0};
        code = yoke__message_decode(&other, type, &(struct yoke__parcel){copy, total, &loan}, &arena, &message);
        const struct meaning meaning = meaning_of(&other, type, code, arena, message);
        FUZZ_CHECK(loan.references == 1);
        FUZZ_CHECK(meaning.code == plain.code && meaning.length == plain.length);
        FUZZ_CHECK(meaning.length == 0 || memcmp(meaning.bytes, plain.bytes, plain.length) == 0);
        free(meaning.bytes);
    }
    free(plain.bytes);
    yoke__engine_release(&other);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    size_t type_count;
    const struct yoke_type *const *types = message_types(&type_count);
    const struct yoke_type *type = types[input_byte(&input) % type_count];
    const struct yoke_limits limits = {
        .decode_memory_factor = 1u + input_byte(&input) % 64,
        .max_nesting = 1u + input_byte(&input) % 64,
    };
    const uint8_t *bytes;
    size_t length = input_bytes(&input, input.left, &bytes);

    FUZZ_CHECK(yoke__engine_init(&engine, &limits, NULL, NULL) == 0);
    if (yoke_codec_protobuf_c.check_nesting(type->descriptor, bytes, length, limits.max_nesting) == 0) {
        /* One more than allowed, for what is done at the deepest level. */
        FUZZ_CHECK(stack_used(type, bytes, length) <= (limits.max_nesting + 1) * stack_of_a_level() + 4096);
    }
    size_t before = memory_live_bytes();
    memory_reset_peak();
    struct yoke_arena *arena = NULL;
    const void *message = NULL;
    const struct yoke__parcel parcel = {bytes, length, NULL};
    enum yoke_code code = yoke__message_decode(&engine, type, &parcel, &arena, &message);
    FUZZ_CHECK(memory_peak_bytes() - before <= heap_of(BUDGET_BASE + length * limits.decode_memory_factor));
    if (code == YOKE_OK) {
        check_comes_back(type, message);
        yoke__engine_put_arena(&engine, arena);
    } else {
        FUZZ_CHECK(arena == NULL && message == NULL);
        FUZZ_CHECK(code == YOKE_INTERNAL || code == YOKE_RESOURCE_EXHAUSTED);
    }
    check_parcel(type, bytes, length, limits.max_nesting, (unsigned)length);
    yoke__engine_release(&engine);
    FUZZ_CHECK(memory_live_bytes() == before);
    return 0;
}
