/* metadata_test.c: lists of keys and values by themselves: what they take, what they refuse, and what a peer may
 * send. */
#include "rpc/metadata.h"

#include "harness.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct yoke_metadata *list;
static size_t live; /* blocks, before */

static void start(void) {
    live = memory_live_blocks();
    REQUIRE_INT(yoke_metadata_create(&list), 0);
}

static void finish(void) {
    yoke_metadata_destroy(list);
    CHECK_INT(memory_live_blocks(), live);
}

/* All entries, "key=value " each. */
static const char *contents(const struct yoke_metadata *metadata) {
    static char text[512];
    struct yoke_metadata_entry entry = {0};
    text[0] = '\0';
    while (yoke_metadata_next(metadata, &entry)) {
        size_t used = strlen(text);
        CHECK_INT(entry.value[entry.length], '\0');
        (void)snprintf(text + used, sizeof(text) - used, "%s=%s ", entry.key, entry.value);
    }
    return text;
}

static void entries_keep_their_order(void) {
    start();
    CHECK_STR(contents(list), "");
    CHECK_INT(yoke_metadata_add(list, "b", "1"), 0);
    CHECK_INT(yoke_metadata_add(list, "a", ""), 0);
    CHECK_INT(yoke_metadata_add(list, "b", "2"), 0);
    CHECK_INT(yoke_metadata_add_binary(list, "c-bin", "x", 1), 0);
    CHECK_INT(yoke_metadata_add_binary(list, "c-bin", NULL, 0), 0);
    CHECK_STR(contents(list), "b=1 a= b=2 c-bin=x c-bin= ");
    struct yoke_metadata_entry entry = {0};
    CHECK(yoke_metadata_find(list, "b", &entry));
    CHECK_STR(entry.value, "1");
    CHECK(yoke_metadata_find(list, "b", &entry));
    CHECK_STR(entry.value, "2");
    CHECK(!yoke_metadata_find(list, "b", &entry));
    CHECK_STR(entry.value, "2");
    finish();
}

static void entries_can_be_removed(void) {
    start();
    CHECK_INT(yoke_metadata_remove(list, "b"), 0);
    CHECK_INT(yoke_metadata_add(list, "b", "1"), 0);
    CHECK_INT(yoke_metadata_add(list, "a", "2"), 0);
    CHECK_INT(yoke_metadata_add(list, "b", "3"), 0);
    CHECK_INT(yoke_metadata_add(list, "bb", "4"), 0);
    CHECK_INT(yoke_metadata_remove(list, "c"), 0);
    CHECK_INT(yoke_metadata_remove(list, "b"), 2);
    CHECK_STR(contents(list), "a=2 bb=4 ");
    char long_key[300];
    memset(long_key, 'b', sizeof(long_key));
    long_key[sizeof(long_key) - 1] = '\0';
    CHECK_INT(yoke_metadata_remove(list, long_key), 0);
    CHECK_INT(yoke_metadata_remove(list, "bb"), 1);
    CHECK_INT(yoke_metadata_remove(list, "a"), 1);
    CHECK_STR(contents(list), "");
    finish();
}

/* Copies of what is in the list already, which moves as it grows; removal by a key of the list itself. */
static void a_list_can_be_changed_by_what_is_in_it(void) {
    start();
    char value[100];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    CHECK_INT(yoke_metadata_add(list, "k", value), 0);
    CHECK_INT(yoke_metadata_add(list, "j", "last"), 0);
    for (unsigned i = 0; i < 50; i++) {
        struct yoke_metadata_entry first = {0};
        CHECK(yoke_metadata_next(list, &first));
        CHECK_INT(yoke_metadata_add(list, first.key, first.value), 0);
    }
    struct yoke_metadata_entry entry = {0};
    unsigned copies = 0;
    while (yoke_metadata_find(list, "k", &entry)) {
        CHECK_STR(entry.value, value);
        copies++;
    }
    CHECK_INT(copies, 51);
    entry = (struct yoke_metadata_entry){0};
    CHECK(yoke_metadata_next(list, &entry));
    CHECK_INT(yoke_metadata_remove(list, entry.key), 51);
    CHECK_STR(contents(list), "j=last ");
    finish();
}

/* Of a list as a peer may send it: no beginning is taken unless it ends with an entry, and no byte is read beyond
 * it. */
static void every_beginning_and_every_other_byte_is_judged(void) {
    static const char bytes[] = "\1\0\0\0\1k\0v\0\2\0\0\0\5k-bin\0\xff\0\0";
    const size_t length = sizeof(bytes) - 1;
    for (size_t size = 0; size <= length; size++) {
        /* In a block of just this size, so that a byte too many is noticed. */
        uint8_t *copy = malloc(size > 0 ? size : 1);
        REQUIRE(copy != NULL);
        memcpy(copy, bytes, size);
        CHECK_INT(yoke__metadata_is_valid(copy, size, YOKE__METADATA_PAIRS), size == 0 || size == 9 || size == length);
        for (size_t at = 0; at < size; at++) {
            for (unsigned value = 0; value < 256; value++) {
                copy[at] = (uint8_t)value;
                bool is_valid = yoke__metadata_is_valid(copy, size, YOKE__METADATA_PAIRS);
                struct yoke_metadata sent = {.bytes = copy, .length = size};
                struct yoke_metadata_entry entry = {0};
                size_t read = 0;
                while (is_valid && yoke_metadata_next(&sent, &entry)) {
                    CHECK(entry.value[entry.length] == '\0' && strlen(entry.key) > 0);
                    read += YOKE__METADATA_OVERHEAD + strlen(entry.key) + entry.length;
                }
                CHECK_INT(read, is_valid ? size : 0);
            }
            copy[at] = (uint8_t)bytes[at];
        }
        free(copy);
    }
}

static void keys_and_values_must_be_of_their_kind(void) {
    char long_key[257];
    memset(long_key, 'k', 256);
    long_key[256] = '\0';
    start();
    static const char *const bad_keys[] = {"", "A", "a b", "a:", "\xc3\xa4", "yoke-x", "a/", "a`", "a{"};
    for (size_t i = 0; i < sizeof(bad_keys) / sizeof(*bad_keys); i++) {
        CHECK_INT(yoke_metadata_add(list, bad_keys[i], "v"), -EINVAL);
    }
    CHECK_INT(yoke_metadata_add(list, long_key, "v"), -EINVAL);
    CHECK_INT(yoke_metadata_add(list, "a-bin", "v"), -EINVAL);
    CHECK_INT(yoke_metadata_add_binary(list, "a", "v", 1), -EINVAL);
    CHECK_INT(yoke_metadata_add_binary(list, "A-bin", "v", 1), -EINVAL);
    CHECK_INT(yoke_metadata_add_binary(list, "yoke-bin", "v", 1), -EINVAL);
    CHECK_INT(yoke_metadata_add(list, "a", "\x1f"), -EINVAL);
    CHECK_INT(yoke_metadata_add(list, "a", "\x7f"), -EINVAL);
    CHECK_STR(contents(list), "");
    CHECK_INT(yoke_metadata_add(list, long_key + 1, " ~"), 0);
    CHECK_INT(yoke_metadata_add(list, "-bin", "0_9.z"), 0);
    CHECK_INT(yoke_metadata_add_binary(list, "0_9.-bin", "\0\xff", 2), 0);
    finish();
}

/* A list of one's own may have 64 KiB, each entry with 7 bytes besides. */
static void a_list_is_bounded(void) {
    static uint8_t data[65536];
    start();
    const size_t room = 65536 - 7 - strlen("k-bin");
    CHECK_INT(yoke_metadata_add_binary(list, "k-bin", data, room + 1), -EMSGSIZE);
    CHECK_INT(yoke_metadata_add_binary(list, "k-bin", data, 65537), -EMSGSIZE);
    CHECK_INT(yoke_metadata_add_binary(list, "k-bin", data, room - 9), 0);
    CHECK_INT(yoke_metadata_add(list, "k", "xx"), -EMSGSIZE);
    CHECK_INT(yoke_metadata_add(list, "k", "x"), 0);
    CHECK_INT(yoke_metadata_add(list, "k", ""), -EMSGSIZE);
    CHECK_INT(list->length, 65536);
    finish();
}

static void a_sealed_list_does_not_change(void) {
    start();
    CHECK_INT(yoke_metadata_add(list, "k", "v"), 0);
    list->is_sealed = true;
    CHECK_INT(yoke_metadata_add(list, "k", "v"), -EPERM);
    CHECK_INT(yoke_metadata_add_binary(list, "k-bin", "v", 1), -EPERM);
    CHECK_INT(yoke_metadata_remove(list, "k"), 0);
    CHECK_STR(contents(list), "k=v ");
    finish();
}

static void no_list_is_an_empty_one(void) {
    struct yoke_metadata_entry entry = {0};
    CHECK(!yoke_metadata_next(NULL, &entry));
    CHECK(!yoke_metadata_find(NULL, "k", &entry));
    CHECK_INT(yoke_metadata_remove(NULL, "k"), 0);
    CHECK_INT(yoke_metadata_add(NULL, "k", "v"), -ENOMEM);
    CHECK_INT(yoke_metadata_add_binary(NULL, "k-bin", "v", 1), -ENOMEM);
    yoke_metadata_destroy(NULL);
}

static void a_failing_malloc_changes_nothing(void) {
    struct yoke_metadata *none = NULL;
    memory_fail_once(0);
    CHECK_INT(yoke_metadata_create(&none), -ENOMEM);
    CHECK(none == NULL);
    start();
    memory_fail_once(0);
    CHECK_INT(yoke_metadata_add(list, "k", "v"), -ENOMEM);
    CHECK_INT(yoke_metadata_add(list, "k", "v"), 0);
    static const char large[1000];
    memory_fail_once(0);
    CHECK_INT(yoke_metadata_add_binary(list, "k-bin", large, sizeof(large)), -ENOMEM);
    CHECK_STR(contents(list), "k=v ");
    memory_fail_once(0);
    CHECK_INT(yoke__metadata_copy(list, (const uint8_t *)large, sizeof(large)), -ENOMEM);
    CHECK_INT(list->length, 0);
    (void)memory_fail_never();
    finish();
}

/* A list that is used again keeps its memory, unless that is much. */
static void a_reset_list_is_empty(void) {
    static const char large[2000];
    start();
    CHECK_INT(yoke_metadata_add(list, "k", "v"), 0);
    list->is_sealed = true;
    yoke__metadata_reset(list, 20);
    CHECK_STR(contents(list), "");
    CHECK(list->capacity > 0);
    CHECK_INT(yoke_metadata_add(list, "k", "0123456789abc"), -EMSGSIZE);
    CHECK_INT(yoke_metadata_add(list, "k", "0123456789ab"), 0);
    yoke__metadata_reset(list, YOKE__METADATA_BYTES_MAX);
    CHECK_INT(yoke_metadata_add_binary(list, "k-bin", large, sizeof(large)), 0);
    yoke__metadata_reset(list, YOKE__METADATA_BYTES_MAX);
    CHECK_INT(list->capacity, 0);
    finish();
}

/* ---- What a peer may send ---------------------------------------------------------------------------------------- */

struct sent {
    const char *bytes;
    size_t length;
    bool is_pairs, is_details;
};
#define SENT(bytes, pairs, details) \
    { bytes, sizeof(bytes) - 1, pairs, details }

static void what_a_peer_sends_is_checked(void) {
    static const struct sent table[] = {
        SENT("", true, true),
        SENT("\1\0\0\0\1k\0v\0", true, true),
        SENT("\0\0\0\0\1k\0\0", true, true),
        SENT("\1\0\0\0\1k\0v\0\1\0\0\0\1k\0v\0", true, true),
        /* Binary values, in a key for them and in another. */
        SENT("\1\0\0\0\5k-bin\0\xff\0", true, false),
        SENT("\1\0\0\0\1k\0\xff\0", false, true),
        /* Names of types. */
        SENT("\1\0\0\0\3a.B\0\xff\0", false, true),
        SENT("\1\0\0\0\3a-b\0v\0", true, false),
        /* Lengths that lie, strings that do not end, no key. */
        SENT("\2\0\0\0\1k\0v\0", false, false),
        SENT("\0\0\0\0\1k\0v\0", false, false),
        SENT("\xff\xff\xff\xff\1k\0v\0", false, false),
        SENT("\1\0\0\0\2k\0v\0", false, false),
        SENT("\1\0\0\0\1kkv\0", false, false),
        SENT("\1\0\0\0\1k\0vv", false, false),
        SENT("\1\0\0\0\0\0v\0", false, false),
        SENT("\1\0\0\0\1k", false, false),
        SENT("\1\0\0\0\1 \0v\0", false, false),
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        const uint8_t *bytes = (const uint8_t *)table[i].bytes;
        printf("row %zu\n", i);
        CHECK_INT(yoke__metadata_is_valid(bytes, table[i].length, YOKE__METADATA_PAIRS), table[i].is_pairs);
        CHECK_INT(yoke__metadata_is_valid(bytes, table[i].length, YOKE__METADATA_DETAILS), table[i].is_details);
    }
}

/* Wherever the byte is, and whatever is beside it. */
static void each_byte_of_a_value_is_judged(void) {
    static const char sides[] = " ~";
    for (uint8_t length = 1; length <= 20; length++) {
        for (unsigned at = 0; at < 2u * length; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t bytes[32] = {length, 0, 0, 0, 1, 'k', '\0'};
                memset(bytes + 7, sides[at % 2], length);
                bytes[7 + at / 2] = (uint8_t)byte;
                CHECK_INT(yoke__metadata_is_valid(bytes, 8u + length, YOKE__METADATA_PAIRS),
                          byte >= 0x20 && byte <= 0x7e);
            }
        }
    }
}

static const struct test_case cases[] = {
    {.name = "entries keep their order", .run = entries_keep_their_order},
    {.name = "entries can be removed", .run = entries_can_be_removed},
    {.name = "a list can be changed by what is in it", .run = a_list_can_be_changed_by_what_is_in_it},
    {.name = "every beginning and every other byte is judged", .run = every_beginning_and_every_other_byte_is_judged},
    {.name = "keys and values must be of their kind", .run = keys_and_values_must_be_of_their_kind},
    {.name = "a list is bounded", .run = a_list_is_bounded},
    {.name = "a sealed list does not change", .run = a_sealed_list_does_not_change},
    {.name = "no list is an empty one", .run = no_list_is_an_empty_one},
    {.name = "a failing malloc changes nothing", .run = a_failing_malloc_changes_nothing},
    {.name = "a reset list is empty", .run = a_reset_list_is_empty},
    {.name = "what a peer sends is checked", .run = what_a_peer_sends_is_checked},
    {.name = "each byte of a value is judged", .run = each_byte_of_a_value_is_judged},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"metadata", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
