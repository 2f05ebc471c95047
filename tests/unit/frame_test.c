/* frame_test.c: the 16 bytes of a frame's header. */
#include "harness.h"
#include "rpc/frame.h"

#include <string.h>

/* A frame with a different byte everywhere, and the bytes that docs/protocol.md draws for it. */
static const struct yoke__frame frame = {
    .length = 0x04030201, .stream = 0x08070605, .method = 0x0c0b0a09, .type = 0x0d, .flags = 0x0e, .aux = 0x100f};
static const uint8_t encoded[YOKE__FRAME_HEADER_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

static void check_equal(const struct yoke__frame *actual, const struct yoke__frame *expected) {
    CHECK_INT(actual->length, expected->length);
    CHECK_INT(actual->stream, expected->stream);
    CHECK_INT(actual->method, expected->method);
    CHECK_INT(actual->type, expected->type);
    CHECK_INT(actual->flags, expected->flags);
    CHECK_INT(actual->aux, expected->aux);
}

static void each_field_has_its_place(void) {
    uint8_t bytes[YOKE__FRAME_HEADER_SIZE + 1] = {0};
    bytes[YOKE__FRAME_HEADER_SIZE] = 0xee;
    yoke__frame_encode(&frame, bytes);
    CHECK(memcmp(bytes, encoded, sizeof(encoded)) == 0);
    CHECK_INT(bytes[YOKE__FRAME_HEADER_SIZE], 0xee);
    struct yoke__frame decoded;
    yoke__frame_decode(encoded, &decoded);
    check_equal(&decoded, &frame);
}

static void takes_unaligned_bytes(void) {
    uint8_t bytes[2 * YOKE__FRAME_HEADER_SIZE];
    for (size_t offset = 0; offset < YOKE__FRAME_HEADER_SIZE; offset++) {
        struct yoke__frame decoded;
        yoke__frame_encode(&frame, bytes + offset);
        yoke__frame_decode(bytes + offset, &decoded);
        check_equal(&decoded, &frame);
    }
}

/* Decoding refuses nothing, so decoding and encoding again gives the same bytes, whatever they are. */
static void every_pattern_survives(void) {
    uint32_t random = 1;
    for (unsigned round = 0; round < 10000; round++) {
        uint8_t bytes[YOKE__FRAME_HEADER_SIZE];
        uint8_t again[YOKE__FRAME_HEADER_SIZE];
        for (size_t i = 0; i < sizeof(bytes); i++) {
            random = random * 1664525 + 1013904223;
            bytes[i] = round == 0 ? 0x00 : round == 1 ? 0xff : (uint8_t)(random >> 24);
        }
        struct yoke__frame decoded;
        yoke__frame_decode(bytes, &decoded);
        yoke__frame_encode(&decoded, again);
        REQUIRE(memcmp(bytes, again, sizeof(bytes)) == 0);
    }
}

static const struct test_case cases[] = {
    {.name = "each field has its place, little-endian", .run = each_field_has_its_place},
    {.name = "takes unaligned bytes", .run = takes_unaligned_bytes},
    {.name = "every pattern survives decoding and encoding", .run = every_pattern_survives},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "frame", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
