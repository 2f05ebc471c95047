/* load.h: the service Load: calls that are a burden to who serves them, and Echo for who measures that. */
#ifndef YOKE_TESTS_SOAK_LOAD_H
#define YOKE_TESTS_SOAK_LOAD_H

#include "soak.h"

#include "soak.yoke.h"

#include <stdatomic.h>

#define POURS_MAX 64
#define POUR_MESSAGE_BYTES (16 * KIB)

/* A stream that is sent as long as it may. */
struct pour {
    struct yoke_call *call; /* NULL: it has ended */
    uint64_t accepted_bytes;
    uint64_t refused;
};

/* Calls that have come in and been let go of, in whichever process serves them. Shared. */
struct load_counts {
    atomic_ullong opened, freed;
};

struct load_service {
    struct load_counts *counts;
    void (*on_echo)(uint64_t count, void *user_data); /* after each; may be NULL */
    void *on_echo_data;
    uint64_t echo_count;
    struct pour pours[POURS_MAX];
    unsigned pour_count;
};

extern const struct soak_load_handlers load_handlers; /* user_data: struct load_service */

/* Send on all streams what they take. */
void load_pour_all(struct load_service *service);

/* Is every stream full? */
bool load_is_full(const struct load_service *service);

#endif
