/* plan.c: see plan.h. */
#include "plan.h"

#include "pools.h"

#include <signal.h>
#include <string.h>
#include <yoke/v1/lifecycle.yoke.h>

#define PAUSE_MS_MIN 5
#define PAUSE_MS_MAX 120

#define REASON(name) (1u << YOKE__V1__DEATH_REASON__DEATH_REASON_##name)

const struct plan_act plan_acts[ACT_COUNT] = {
    [ACT_KILL] = {"kill", 8, 0, REASON(SIGNALLED), SIGKILL, -1, .kills = true},
    [ACT_SEGV] = {"segv", 3, 0, REASON(SIGNALLED), SIGSEGV, -1, .kills = true},
    [ACT_TERM] = {"term", 3, 0, REASON(SIGNALLED), SIGTERM, -1, .kills = true},
    [ACT_FREEZE] = {"freeze", 2, 0, REASON(HUNG) | REASON(START_TIMEOUT), 0, -1, .kills = true, .hangs = true},
    [ACT_PAUSE] = {"pause", 3, 0, 0, 0, -1},
    [ACT_EXIT_0] = {"exit-0", 2, 0, REASON(EXITED), 0, 0, .kills = true},
    [ACT_EXIT_1] = {"exit-1", 2, 0, REASON(EXITED), 0, 1, .kills = true},
    [ACT_LEAVE_0] = {"leave-0", 2, 1, REASON(EXITED), 0, 0, .kills = true},
    [ACT_LEAVE_3] = {"leave-3", 2, 0, REASON(EXITED), 0, 3, .kills = true},
    [ACT_EXIT_FINAL] = {"exit-final", 1, 0, REASON(EXITED), 0, EXIT_FINAL, .kills = true},
    [ACT_CRASH] = {"crash", 2, 0, REASON(SIGNALLED), SIGSEGV, -1, .kills = true},
    [ACT_LOOP] = {"loop", 2, 0, REASON(HUNG), 0, -1, .kills = true, .hangs = true},
    [ACT_BLOCK] = {"block", 2, 0, REASON(HUNG), 0, -1, .kills = true, .hangs = true},
    [ACT_VIOLATE] = {"violate", 2, 0, REASON(PROTOCOL_VIOLATION), 0, -1, .kills = true},
    [ACT_HANG_UP] = {"hang-up", 2, 0, REASON(CHANNEL_CLOSED), 0, -1, .kills = true, .hangs = true},
    [ACT_LEAK] = {"leak", 2, 0, REASON(RECYCLED), 0, -1, .kills = true},
    [ACT_HOARD] = {"hoard", 2, 0, 0, 0, -1},
    [ACT_SHOUT] = {"shout", 2, 1, 0, 0, -1},
    [ACT_PRINT] = {"print", 2, 1, 0, 0, -1},
    [ACT_START_SLOWLY] = {"start-slowly", 2, 0, 0, 0, -1},
    [ACT_START_EXIT] = {"start-exit", 2, 0, REASON(EXITED), 0, EXIT_START, .kills = true},
    [ACT_START_CRASH] = {"start-crash", 2, 0, REASON(SIGNALLED), SIGSEGV, -1, .kills = true},
    [ACT_START_NEVER] = {"start-never", 1, 0, REASON(START_TIMEOUT), 0, -1, .kills = true, .hangs = true},
    [ACT_RELOAD] = {"reload", 3, 3, 0, 0, -1},
    [ACT_RELOAD_ALL] = {"reload-all", 1, 1, 0, 0, -1},
    [ACT_SCALE] = {"scale", 4, 2, 0, 0, -1},
    [ACT_RECYCLE] = {"recycle", 3, 2, 0, 0, -1},
    [ACT_BROADCAST] = {"broadcast", 3, 1, 0, 0, -1},
};

static void shuffle(struct plan_deck *deck) {
    for (unsigned left = deck->count; left > 1; left--) {
        unsigned other = chaos_below(&deck->random, left);
        enum chaos_act card = deck->cards[left - 1];
        deck->cards[left - 1] = deck->cards[other];
        deck->cards[other] = card;
    }
    deck->dealt = 0;
}

/* Is the name in the comma-separated list? */
static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

void plan_init(struct plan_deck *deck, uint64_t seed, bool is_calm, const char *only, const char *without) {
    *deck = (struct plan_deck){.random = seed * 2 + is_calm, .is_calm = is_calm};
    for (unsigned act = 0; act < ACT_COUNT; act++) {
        unsigned cards = is_calm ? plan_acts[act].calm_cards : plan_acts[act].cards;
        const char *name = plan_acts[act].name;
        if ((only != NULL && !is_listed(only, name)) || (without != NULL && is_listed(without, name))) {
            continue;
        }
        for (unsigned i = 0; i < cards && deck->count < PLAN_DECK_MAX; i++) {
            deck->cards[deck->count++] = (enum chaos_act)act;
        }
    }
    shuffle(deck);
}

static unsigned draw_pool(uint64_t *random, enum chaos_act act) {
    for (;;) {
        unsigned pool = chaos_below(random, CHAOS_POOLS);
        if (pools_suit(pool, act)) {
            return pool;
        }
    }
}

bool plan_is_empty(const struct plan_deck *deck) {
    return deck->count == 0;
}

struct plan_step plan_next(struct plan_deck *deck) {
    if (deck->dealt == deck->count) {
        shuffle(deck);
    }
    enum chaos_act act = deck->cards[deck->dealt++];
    unsigned pool = draw_pool(&deck->random, act);
    uint32_t place = (uint32_t)chaos_random(&deck->random);
    uint32_t amount = (uint32_t)chaos_random(&deck->random);
    uint32_t pause_ms = PAUSE_MS_MIN + chaos_below(&deck->random, PAUSE_MS_MAX - PAUSE_MS_MIN);
    return (struct plan_step){act, pool, place, amount, pause_ms};
}
