/* control_test.c: the payloads of HELLO and of error END, right, wrong and cut short. */
#include "rpc/control.h"

#include "harness.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct yoke__hello make_hello(size_t count) {
    struct yoke__hello hello = {.service_count = count};
    for (size_t i = 0; i < count; i++) {
        hello.services[i] = (uint32_t)(0x01020304u * (i + 1));
    }
    return hello;
}

/* ---- HELLO ------------------------------------------------------------------------------------------------------ */

static void hello_comes_back(void) {
    for (size_t count = 0; count <= YOKE_SERVICES_MAX; count++) {
        struct yoke__hello hello = make_hello(count);
        hello.is_starting = count % 2 == 0;
        uint8_t bytes[YOKE__CONTROL_SIZE_MAX];
        size_t length = yoke__hello_encode(&hello, bytes);
        CHECK(count == 0 || length > 4 * count);
        struct yoke__hello decoded;
        REQUIRE_INT(yoke__hello_decode(bytes, length, &decoded), 0);
        REQUIRE_INT(decoded.service_count, count);
        CHECK_INT(decoded.is_starting, count % 2 == 0);
        CHECK(memcmp(decoded.services, hello.services, count * sizeof(*hello.services)) == 0);
    }
}

static void a_hello_cut_short_is_refused(void) {
    const struct yoke__hello hello = make_hello(5);
    uint8_t bytes[YOKE__CONTROL_SIZE_MAX];
    size_t length = yoke__hello_encode(&hello, bytes);
    for (size_t cut = 1; cut < length; cut++) {
        /* On the heap and no larger, so that a read past the end is noticed. */
        uint8_t *copy = malloc(cut);
        REQUIRE(copy != NULL);
        memcpy(copy, bytes, cut);
        struct yoke__hello decoded = {.service_count = 77};
        CHECK_INT(yoke__hello_decode(copy, cut, &decoded), -EBADMSG);
        CHECK_INT(decoded.service_count, 77);
        free(copy);
    }
}

/* services = 1, fixed32: packed is one field of wire type 2, unpacked a field of wire type 5 each. */
static size_t write_services(bool is_packed, size_t count, uint8_t *out) {
    uint8_t *at = out;
    if (is_packed) {
        *at++ = 0x0a;
        *at++ = (uint8_t)(0x80 | ((4 * count) & 0x7f));
        *at++ = (uint8_t)((4 * count) >> 7);
    }
    for (size_t i = 0; i < count; i++) {
        if (!is_packed) {
            *at++ = 0x0d;
        }
        memset(at, (int)(i & 0xff), 4);
        at += 4;
    }
    return (size_t)(at - out);
}

static void no_more_services_than_fit(void) {
    for (int is_packed = 0; is_packed <= 1; is_packed++) {
        uint8_t bytes[2048];
        struct yoke__hello decoded = {.service_count = 77};
        size_t length = write_services(is_packed, YOKE_SERVICES_MAX, bytes);
        CHECK_INT(yoke__hello_decode(bytes, length, &decoded), 0);
        CHECK_INT(decoded.service_count, YOKE_SERVICES_MAX);
        decoded.service_count = 77;
        length = write_services(is_packed, YOKE_SERVICES_MAX + 1, bytes);
        CHECK_INT(yoke__hello_decode(bytes, length, &decoded), -EBADMSG);
        length = write_services(is_packed, 2 * YOKE_SERVICES_MAX, bytes);
        CHECK_INT(yoke__hello_decode(bytes, length, &decoded), -EBADMSG);
        CHECK_INT(decoded.service_count, 77);
    }
}

static void a_hello_of_a_later_version_is_understood(void) {
    uint8_t bytes[64];
    size_t length = write_services(true, 2, bytes);
    static const uint8_t later[] = {0x48, 0x01, 0x52, 0x03, 'a', 'b', 'c', 0x5d, 1, 2, 3, 4};
    memcpy(bytes + length, later, sizeof(later));
    struct yoke__hello decoded;
    CHECK_INT(yoke__hello_decode(bytes, length + sizeof(later), &decoded), 0);
    CHECK_INT(decoded.service_count, 2);
}

/* ---- Status ----------------------------------------------------------------------------------------------------- */

/* What arrives of a message. */
static const char *travel(const char *message) {
    static char arrived[YOKE_STATUS_MESSAGE_MAX + 1];
    uint8_t bytes[YOKE__CONTROL_SIZE_MAX];
    size_t length = yoke__status_encode(message, bytes);
    memset(arrived, 0xee, sizeof(arrived));
    REQUIRE_INT(yoke__status_decode(bytes, length, arrived), 0);
    return arrived;
}

static void messages_that_fit_come_back(void) {
    CHECK_STR(travel(NULL), "");
    char message[YOKE_STATUS_MESSAGE_MAX + 1];
    for (size_t length = 0; length <= YOKE_STATUS_MESSAGE_MAX; length++) {
        memset(message, 'a', length);
        message[length] = '\0';
        CHECK_STR(travel(message), message);
    }
}

/* A long message that has one character of each length in UTF-8 at each place around the limit. */
static void long_messages_are_cut_between_characters(void) {
    static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x82"};
    for (size_t c = 0; c < 4; c++) {
        size_t size = strlen(characters[c]);
        for (size_t at = YOKE_STATUS_MESSAGE_MAX - 8; at <= YOKE_STATUS_MESSAGE_MAX + 1; at++) {
            char message[YOKE_STATUS_MESSAGE_MAX + 100];
            memset(message, 'x', sizeof(message));
            memcpy(message + at, characters[c], size);
            message[sizeof(message) - 1] = '\0';
            /* All that fits, but for a character that does not fit as a whole. */
            bool is_split = at < YOKE_STATUS_MESSAGE_MAX && at + size > YOKE_STATUS_MESSAGE_MAX;
            char expected[YOKE_STATUS_MESSAGE_MAX + 1];
            size_t kept = is_split ? at : YOKE_STATUS_MESSAGE_MAX;
            memcpy(expected, message, kept);
            expected[kept] = '\0';
            CHECK_STR(travel(message), expected);
        }
    }
}

static void a_message_that_ends_at_the_limit_is_whole(void) {
    char message[YOKE_STATUS_MESSAGE_MAX + 2];
    memset(message, 'x', sizeof(message));
    memcpy(message + YOKE_STATUS_MESSAGE_MAX - 3, "\xe2\x82\xac", 4);
    CHECK_STR(travel(message), message);
    memset(message, 'x', sizeof(message));
    message[YOKE_STATUS_MESSAGE_MAX + 1] = '\0';
    CHECK_INT(strlen(travel(message)), YOKE_STATUS_MESSAGE_MAX);
}

static void what_is_no_utf_8_travels_too(void) {
    CHECK_STR(travel("\xff\xfe\x80"), "\xff\xfe\x80");
    char message[1000];
    memset(message, 0x80, sizeof(message));
    message[sizeof(message) - 1] = '\0';
    /* Nothing to cut at, but no character is longer than four bytes, so there is no need to lose more. */
    CHECK(strlen(travel(message)) >= YOKE_STATUS_MESSAGE_MAX - 3);
}

static void a_status_cut_short_is_refused(void) {
    uint8_t bytes[YOKE__CONTROL_SIZE_MAX];
    size_t length = yoke__status_encode("not enough of anything", bytes);
    for (size_t cut = 1; cut < length; cut++) {
        uint8_t *copy = malloc(cut);
        REQUIRE(copy != NULL);
        memcpy(copy, bytes, cut);
        char message[YOKE_STATUS_MESSAGE_MAX + 1] = "untouched";
        CHECK_INT(yoke__status_decode(copy, cut, message), -EBADMSG);
        CHECK_STR(message, "untouched");
        free(copy);
    }
}

static void a_status_that_is_too_long_is_refused(void) {
    uint8_t bytes[3 + 1000];
    for (size_t size = YOKE_STATUS_MESSAGE_MAX - 1; size < 1000; size++) {
        bytes[0] = 0x0a;
        bytes[1] = (uint8_t)(0x80 | (size & 0x7f));
        bytes[2] = (uint8_t)(size >> 7);
        memset(bytes + 3, 'a', size);
        char message[YOKE_STATUS_MESSAGE_MAX + 1] = "untouched";
        int error = yoke__status_decode(bytes, 3 + size, message);
        if (size <= YOKE_STATUS_MESSAGE_MAX) {
            CHECK_INT(error, 0);
            CHECK_INT(strlen(message), size);
        } else {
            CHECK_INT(error, -EBADMSG);
            CHECK_STR(message, "untouched");
        }
    }
}

static void malformed_statuses_are_refused(void) {
    static const struct {
        const char *what;
        size_t length;
        uint8_t bytes[16];
    } table[] = {
        {"a length past the end", 3, {0x0a, 0x05, 'a'}},
        {"an endless varint", 12, {0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
        {"a huge length", 7, {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 'a'}},
        {"field 0", 2, {0x00, 0x00}},
        {"wire type 7", 2, {0x0f, 0x00}},
        {"another wire type", 2, {0x08, 0x01}},
        {"an endless key", 11, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        char message[YOKE_STATUS_MESSAGE_MAX + 1] = "untouched";
        int error = yoke__status_decode(table[i].bytes, table[i].length, message);
        test_check_int(error, -EBADMSG, table[i].what, __FILE__, __LINE__, false);
        CHECK_STR(message, "untouched");
    }
}

static void nothing_is_allocated(void) {
    size_t before = memory_allocation_count();
    hello_comes_back();
    messages_that_fit_come_back();
    no_more_services_than_fit();
    CHECK_INT(memory_allocation_count(), before);
}

static const struct test_case cases[] = {
    {.name = "a HELLO comes back, with 0 to 128 services", .run = hello_comes_back},
    {.name = "a HELLO cut short at any byte is refused", .run = a_hello_cut_short_is_refused},
    {.name = "no more services than fit, packed or not", .run = no_more_services_than_fit},
    {.name = "a HELLO with fields of a later version is understood", .run = a_hello_of_a_later_version_is_understood},
    {.name = "status messages up to 511 bytes come back", .run = messages_that_fit_come_back},
    {.name = "longer ones are cut between characters", .run = long_messages_are_cut_between_characters},
    {.name = "one that ends at the limit is whole", .run = a_message_that_ends_at_the_limit_is_whole},
    {.name = "what is no UTF-8 travels too", .run = what_is_no_utf_8_travels_too},
    {.name = "a status cut short at any byte is refused", .run = a_status_cut_short_is_refused},
    {.name = "a status over 511 bytes is refused", .run = a_status_that_is_too_long_is_refused},
    {.name = "malformed statuses are refused", .run = malformed_statuses_are_refused},
    {.name = "nothing is allocated", .run = nothing_is_allocated},
    {.name = NULL},
};

int main(int argc, char **argv) {
    static const struct test_suite suites[] = {{.name = "control", .cases = cases}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
