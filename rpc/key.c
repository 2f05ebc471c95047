/* key.c: the hash of a request's key. It holds within one build of the library; nothing sends or stores it. */
#include "rpc/random.h"

#include <yoke/rpc.h>

#include <string.h>

/* 0 stands for a request without a key. */
static uint64_t not_zero(uint64_t hash) {
    return hash != 0 ? hash : 1;
}

uint64_t yoke_key_of_integer(uint64_t value) {
    return not_zero(yoke__mix(value + UINT64_C(0x9e3779b97f4a7c15)));
}

uint64_t yoke_key_of_bytes(const void *bytes, size_t length) {
    const uint8_t *at = bytes;
    uint64_t hash = yoke__mix((uint64_t)length + 1);
    while (length > 0) {
        uint64_t word = 0;
        const size_t size = length < sizeof word ? length : sizeof word;
        memcpy(&word, at, size);
        hash = yoke__mix(hash ^ word) + UINT64_C(0x9e3779b97f4a7c15);
        at += size;
        length -= size;
    }
    return not_zero(hash);
}

uint64_t yoke_key_of_string(const char *string) {
    return yoke_key_of_bytes(string, string != NULL ? strlen(string) : 0);
}
