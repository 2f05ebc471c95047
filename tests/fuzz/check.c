/*
 * check.c: see fuzz.h. Stands in for the harness, too: a fuzz target has no cases, so an assertion that fails ends the
 * program, which is how libFuzzer learns of it.
 */
#include "fuzz.h"

#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_check(int holds, const char *what, const char *file, unsigned line) {
    if (!holds) {
        fprintf(stderr, "%s:%u: %s\n", file, line, what);
        abort();
    }
}

void test_check(bool holds, const char *what, const char *file, unsigned line, bool fatal) {
    (void)fatal;
    fuzz_check(holds, what, file, line);
}

void test_check_int(long long actual, long long expected, const char *what, const char *file, unsigned line,
                    bool fatal) {
    (void)fatal;
    if (actual != expected) {
        fprintf(stderr, "it is %lld, not %lld\n", actual, expected);
        fuzz_check(0, what, file, line);
    }
}

uint8_t input_byte(struct input *input) {
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

uint16_t input_u16(struct input *input) {
    uint16_t low = input_byte(input);
    return (uint16_t)(low | input_byte(input) << 8);
}

uint32_t input_u32(struct input *input) {
    uint32_t low = input_u16(input);
    return low | (uint32_t)input_u16(input) << 16;
}

size_t input_bytes(struct input *input, size_t wanted, const uint8_t **ret_bytes) {
    size_t size = wanted < input->left ? wanted : input->left;
    *ret_bytes = input->at;
    input->at += size;
    input->left -= size;
    return size;
}
