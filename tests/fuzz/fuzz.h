/*
 * fuzz.h: what the fuzz targets share. A target is one function; libFuzzer calls it with whatever it makes up (option
 * YOKE_FUZZ), and replay.c with the files of a corpus, in every build.
 */
#ifndef YOKE_TESTS_FUZZ_FUZZ_H
#define YOKE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. CHECK and REQUIRE of the harness end the program, too (check.c). */
#define FUZZ_CHECK(condition) fuzz_check((condition), #condition, __FILE__, __LINE__)
void fuzz_check(int holds, const char *what, const char *file, unsigned line);

/* The rest of an input. Beyond its end are zeroes. */
struct input {
    const uint8_t *at;
    size_t left;
};

uint8_t input_byte(struct input *input);
uint16_t input_u16(struct input *input);
uint32_t input_u32(struct input *input);

/* Up to `wanted` bytes, fewer at the end. Returns how many. */
size_t input_bytes(struct input *input, size_t wanted, const uint8_t **ret_bytes);

#endif
