/* key_test.c: the hash of a request's key. */
#include "harness.h"

#include <yoke/rpc.h>

#include <stdlib.h>
#include <string.h>

static void equal_keys_are_equal(void) {
    const char text[] = "the key of a request, longer than a word";
    char copy[sizeof text + 1];
    memcpy(copy + 1, text, sizeof text);
    CHECK(yoke_key_of_string(text) == yoke_key_of_string(copy + 1));
    CHECK(yoke_key_of_string(text) == yoke_key_of_bytes(text, strlen(text)));
    CHECK(yoke_key_of_string("") == yoke_key_of_string(NULL));
    CHECK(yoke_key_of_bytes(NULL, 0) == yoke_key_of_bytes(text, 0));
    CHECK(yoke_key_of_integer(7) == yoke_key_of_integer(7));
}

static int compare(const void *left, const void *right) {
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

/* Keys as they are: numbers in a row, names with a number, strings of one byte repeated, of all lengths. */
static void different_keys_differ_and_none_is_zero(void) {
    static uint64_t hashes[3 * 10000];
    size_t count = 0;
    char text[10000];
    memset(text, 0, sizeof text);
    for (uint64_t i = 0; i < 10000; i++) {
        hashes[count++] = yoke_key_of_integer(i - 5000);
        char name[32];
        snprintf(name, sizeof name, "user-%llu", (unsigned long long)i);
        hashes[count++] = yoke_key_of_string(name);
        hashes[count++] = yoke_key_of_bytes(text, i);
    }
    qsort(hashes, count, sizeof *hashes, compare);
    CHECK(hashes[0] != 0);
    for (size_t i = 1; i < count; i++) {
        CHECK(hashes[i] != hashes[i - 1]);
    }
}

/* Each bit of a key changes about half of the bits of the hash. */
static void every_bit_counts(void) {
    const uint64_t hash = yoke_key_of_integer(0x123456789abcdef);
    uint8_t bytes[32] = "thirty-one bytes as a sample...";
    const uint64_t of_bytes = yoke_key_of_bytes(bytes, sizeof bytes);
    for (unsigned i = 0; i < 64; i++) {
        int changed = __builtin_popcountll(hash ^ yoke_key_of_integer(0x123456789abcdef ^ (UINT64_C(1) << i)));
        CHECK(changed > 12 && changed < 52);
    }
    for (unsigned i = 0; i < 8 * sizeof bytes; i++) {
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        int changed = __builtin_popcountll(of_bytes ^ yoke_key_of_bytes(bytes, sizeof bytes));
        bytes[i / 8] ^= (uint8_t)(1u << i % 8);
        CHECK(changed > 12 && changed < 52);
    }
}

static const struct test_case cases[] = {
    {.name = "equal keys are equal", .run = equal_keys_are_equal},
    {.name = "different keys differ, and none is zero", .run = different_keys_differ_and_none_is_zero},
    {.name = "every bit counts", .run = every_bit_counts},
    {.name = NULL},
};

int main(int argc, char **argv) {
    const struct test_suite suites[] = {{"keys", cases, NULL}, {.name = NULL}};
    return test_main(argc, argv, suites);
}
