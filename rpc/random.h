/*
 * random.h: numbers by chance, for spreading things in time and over workers. A generator is its 64 bits of state; nothing here is
 * fit for secrets.
 */
#ifndef YOKE_RPC_RANDOM_H
#define YOKE_RPC_RANDOM_H

#include <stdint.h>

/* Scatter the bits of a number, so that numbers that are close together become ones that are not (MurmurHash3's finaliser). */
static inline uint64_t yoke__mix(uint64_t value) {
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    value ^= value >> 33;
    return value;
}

/* The next of a sequence (SplitMix64); any state is fine to begin with. */
static inline uint64_t yoke__random(uint64_t *state) {
    *state += UINT64_C(0x9e3779b97f4a7c15);
    return yoke__mix(*state);
}

/* One of 0 … bound - 1; 0 when `bound` is 0. */
static inline uint64_t yoke__random_below(uint64_t *state, uint64_t bound) {
    return (uint64_t)(((unsigned __int128)yoke__random(state) * bound) >> 64);
}

#endif
