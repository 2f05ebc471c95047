/* prefix_test.c: what precedes a message in OPEN and END: written and read back, and cut short anywhere. */
#include "rpc/prefix.h"

#include "harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t pairs[] = "\1\0\0\0\1k\0v";            /* with the NUL behind it a list of one entry */
static const uint8_t details[] = "\2\0\0\0\3a.B\0\xff\xfe"; /* the same */
static const uint64_t deadline_ns = UINT64_C(0x0102030405060708);

static struct yoke__prefix prefix_of(unsigned parts) {
    return (struct yoke__prefix){
        .deadline_ns = (parts & 1) != 0 ? deadline_ns : 0,
        .metadata = {pairs, (parts & 2) != 0 ? sizeof(pairs) : 0},
        .details = {details, (parts & 4) != 0 ? sizeof(details) : 0},
    };
}

static void check_block(const struct yoke__block *block, const uint8_t *bytes, size_t length) {
    CHECK_INT(block->length, length);
    CHECK(block->length != length || length == 0 || memcmp(block->bytes, bytes, length) == 0);
}

/* Every set of parts, with a message behind them. */
static void what_is_written_is_read(void) {
    for (unsigned parts = 0; parts < 8; parts++) {
        const struct yoke__prefix prefix = prefix_of(parts);
        size_t size = yoke__prefix_size(&prefix);
        CHECK_INT(size, ((parts & 1) != 0 ? 8 : 0) + ((parts & 2) != 0 ? 4 + sizeof(pairs) : 0) +
                            ((parts & 4) != 0 ? 4 + sizeof(details) : 0));
        unsigned flags = yoke__prefix_flags(&prefix);
        CHECK_INT(flags, ((parts & 1) != 0 ? YOKE__FLAG_DEADLINE : 0) | ((parts & 2) != 0 ? YOKE__FLAG_METADATA : 0) |
                             ((parts & 4) != 0 ? YOKE__FLAG_DETAILS : 0));
        uint8_t out[64];
        memset(out, 'm', sizeof(out));
        CHECK(yoke__prefix_write(&prefix, out) == out + size);
        CHECK_INT(out[size], 'm');
        /* The flags of others are not its business. */
        struct yoke__frame frame = {.length = (uint32_t)size + 3, .flags = (uint8_t)(flags | YOKE__FLAG_END_STREAM)};
        struct yoke__prefix read;
        CHECK_INT(yoke__prefix_read(&frame, out, &read), 0);
        CHECK_INT(read.size, size);
        CHECK(read.deadline_ns == prefix.deadline_ns);
        check_block(&read.metadata, pairs, prefix.metadata.length);
        check_block(&read.details, details, prefix.details.length);
        CHECK(size <= yoke__prefix_bound(&frame, 20));
        CHECK(size >= yoke__prefix_bound(&frame, 1));
    }
}

/* From the shortest that its flags allow on, in a block of just that size: there is a list missing, or a part of it. */
static void what_is_cut_short_is_refused(void) {
    for (unsigned parts = 2; parts < 8; parts++) {
        const struct yoke__prefix prefix = prefix_of(parts);
        size_t size = yoke__prefix_size(&prefix);
        uint8_t out[64];
        (void)yoke__prefix_write(&prefix, out);
        struct yoke__frame frame = {.flags = (uint8_t)yoke__prefix_flags(&prefix)};
        for (size_t length = yoke__prefix_bound(&frame, 0); length < size; length++) {
            uint8_t *payload = malloc(length);
            REQUIRE(payload != NULL);
            memcpy(payload, out, length);
            frame.length = (uint32_t)length;
            struct yoke__prefix read = {.size = 99};
            CHECK_INT(yoke__prefix_read(&frame, payload, &read), -EBADMSG);
            CHECK_INT(read.size, 99);
            free(payload);
        }
    }
}

/* A list may be empty, but not longer than any list. */
static void lengths_are_bounded(void) {
    static uint8_t payload[4 + YOKE__METADATA_BYTES_MAX + 16];
    static const uint8_t key[] = {5, 'k', '-', 'b', 'i', 'n', 0};
    static const uint8_t type[] = {9, 0, 0, 0, 1, 0, 0, 0, 1, 'K', 0, 'v', 0};
    struct yoke__frame frame = {.length = 4, .flags = YOKE__FLAG_METADATA};
    struct yoke__prefix read;
    CHECK_INT(yoke__prefix_read(&frame, payload, &read), 0);
    CHECK_INT(read.size, 4);
    CHECK_INT(read.metadata.length, 0);
    /* One entry of exactly the most, and one of a byte more: key "k-bin", its value zeroes. */
    for (uint32_t more = 0; more < 2; more++) {
        const uint32_t length = YOKE__METADATA_BYTES_MAX + more;
        const uint32_t value = length - YOKE__METADATA_OVERHEAD - 5;
        memcpy(payload, &length, sizeof(length));
        memcpy(payload + 4, &value, sizeof(value));
        memcpy(payload + 8, key, sizeof(key));
        frame.length = 4 + length;
        CHECK_INT(yoke__prefix_read(&frame, payload, &read), more == 0 ? 0 : -EBADMSG);
    }
    /* Names of types are no keys of metadata, and dashes no names of types. */
    frame.length = 4 + 9;
    memcpy(payload, type, sizeof(type));
    CHECK_INT(yoke__prefix_read(&frame, payload, &read), -EBADMSG);
    frame.flags = YOKE__FLAG_DETAILS;
    CHECK_INT(yoke__prefix_read(&frame, payload, &read), 0);
    payload[9] = '-';
    CHECK_INT(yoke__prefix_read(&frame, payload, &read), -EBADMSG);
}

static const struct test_case cases[] = {
    {.name = "what is written is read", .run = what_is_written_is_read},
    {.name = "what is cut short is refused", .run = what_is_cut_short_is_refused},
    {.name = "lengths are bounded", .run = lengths_are_bounded},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"prefix", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
