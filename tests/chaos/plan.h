/*
 * plan.h: which acts there are, what deaths they explain, and in which order they come: a function of the seed alone.
 */
#ifndef YOKE_TESTS_CHAOS_PLAN_H
#define YOKE_TESTS_CHAOS_PLAN_H

#include "chaos.h"

#define PLAN_DECK_MAX 96

struct plan_act {
    const char *name;
    unsigned cards;      /* how many of a storm's deck */
    unsigned calm_cards; /* and of a calm's, in which no call may fail */
    uint32_t reasons;    /* of death that it explains, 1 << DeathReason */
    int signal;          /* that the worker then dies of; 0: none */
    int exit_code;       /* that it then has; -1: none */
    bool kills;          /* the worker has to die of it */
    bool hangs;          /* it is not to be stopped by asking */
};

extern const struct plan_act plan_acts[ACT_COUNT];

/* What is to be done next. */
struct plan_step {
    enum chaos_act act;
    unsigned pool;
    uint32_t place;    /* of the worker, modulo their number */
    uint32_t amount;   /* random */
    uint32_t pause_ms; /* before */
};

/* Cards are dealt until none is left; then the deck is shuffled anew. So every act comes soon. */
struct plan_deck {
    enum chaos_act cards[PLAN_DECK_MAX];
    unsigned count, dealt;
    uint64_t random;
    bool is_calm;
};

/* `only` and `without` name acts, separated by commas, that alone are there, or are not; NULL: no matter. */
void plan_init(struct plan_deck *deck, uint64_t seed, bool is_calm, const char *only, const char *without);
bool plan_is_empty(const struct plan_deck *deck);
struct plan_step plan_next(struct plan_deck *deck);

#endif
