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
    [ACT_KILL] =
        {.name = "kill", .cards = 8, .reasons = REASON(SIGNALLED), .signal = SIGKILL, .exit_code = -1, .kills = true},
    [ACT_SEGV] =
        {.name = "segv", .cards = 3, .reasons = REASON(SIGNALLED), .signal = SIGSEGV, .exit_code = -1, .kills = true},
    [ACT_TERM] =
        {.name = "term", .cards = 3, .reasons = REASON(SIGNALLED), .signal = SIGTERM, .exit_code = -1, .kills = true},
    [ACT_FREEZE] = {.name = "freeze",
                    .cards = 2,
                    .reasons = REASON(HUNG) | REASON(START_TIMEOUT),
                    .exit_code = -1,
                    .kills = true,
                    .hangs = true},
    [ACT_PAUSE] = {.name = "pause", .cards = 3, .exit_code = -1},
    [ACT_EXIT_0] = {.name = "exit-0", .cards = 2, .reasons = REASON(EXITED), .exit_code = 0, .kills = true},
    [ACT_EXIT_1] = {.name = "exit-1", .cards = 2, .reasons = REASON(EXITED), .exit_code = 1, .kills = true},
    [ACT_LEAVE_0] =
        {.name = "leave-0", .cards = 2, .calm_cards = 1, .reasons = REASON(EXITED), .exit_code = 0, .kills = true},
    [ACT_LEAVE_3] = {.name = "leave-3", .cards = 2, .reasons = REASON(EXITED), .exit_code = 3, .kills = true},
    [ACT_EXIT_FINAL] =
        {.name = "exit-final", .cards = 1, .reasons = REASON(EXITED), .exit_code = EXIT_FINAL, .kills = true},
    [ACT_CRASH] =
        {.name = "crash", .cards = 2, .reasons = REASON(SIGNALLED), .signal = SIGSEGV, .exit_code = -1, .kills = true},
    [ACT_LOOP] = {.name = "loop", .cards = 2, .reasons = REASON(HUNG), .exit_code = -1, .kills = true, .hangs = true},
    [ACT_BLOCK] = {.name = "block", .cards = 2, .reasons = REASON(HUNG), .exit_code = -1, .kills = true, .hangs = true},
    [ACT_VIOLATE] =
        {.name = "violate", .cards = 2, .reasons = REASON(PROTOCOL_VIOLATION), .exit_code = -1, .kills = true},
    [ACT_HANG_UP] = {.name = "hang-up",
                     .cards = 2,
                     .reasons = REASON(CHANNEL_CLOSED),
                     .exit_code = -1,
                     .kills = true,
                     .hangs = true},
    [ACT_LEAK] = {.name = "leak", .cards = 2, .reasons = REASON(RECYCLED), .exit_code = -1, .kills = true},
    [ACT_HOARD] = {.name = "hoard", .cards = 2, .exit_code = -1},
    [ACT_SHOUT] = {.name = "shout", .cards = 2, .calm_cards = 1, .exit_code = -1},
    [ACT_PRINT] = {.name = "print", .cards = 2, .calm_cards = 1, .exit_code = -1},
    [ACT_START_SLOWLY] = {.name = "start-slowly", .cards = 2, .exit_code = -1},
    [ACT_START_EXIT] =
        {.name = "start-exit", .cards = 2, .reasons = REASON(EXITED), .exit_code = EXIT_START, .kills = true},
    [ACT_START_CRASH] = {.name = "start-crash",
                         .cards = 2,
                         .reasons = REASON(SIGNALLED),
                         .signal = SIGSEGV,
                         .exit_code = -1,
                         .kills = true},
    [ACT_START_NEVER] = {.name = "start-never",
                         .cards = 1,
                         .reasons = REASON(START_TIMEOUT),
                         .exit_code = -1,
                         .kills = true,
                         .hangs = true},
    [ACT_RELOAD] = {.name = "reload", .cards = 3, .calm_cards = 3, .exit_code = -1},
    [ACT_RELOAD_ALL] = {.name = "reload-all", .cards = 1, .calm_cards = 1, .exit_code = -1},
    [ACT_SCALE] = {.name = "scale", .cards = 4, .calm_cards = 2, .exit_code = -1},
    [ACT_RECYCLE] = {.name = "recycle", .cards = 3, .calm_cards = 2, .exit_code = -1},
    [ACT_BROADCAST] = {.name = "broadcast", .cards = 3, .calm_cards = 1, .exit_code = -1},

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
