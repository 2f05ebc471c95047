/* random.h: numbers that look random and are the same in every run. */
#ifndef YOKE_TESTS_UNIT_RANDOM_H
#define YOKE_TESTS_UNIT_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

/* The next number. PCG-XSH-RR without its stream: 64 bits of state, 32 of output. */
static inline uint32_t random_next(struct random *random) {
    uint64_t state = random->state;
    random->state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint32_t mixed = (uint32_t)(((state >> 18) ^ state) >> 27);
    uint32_t turn = (uint32_t)(state >> 59);
    return (mixed >> turn) | (mixed << ((32 - turn) & 31));
}

/* A number below `bound`, which is not 0. */
static inline uint32_t random_below(struct random *random, uint32_t bound) {
    return random_next(random) % bound;
}

#endif
