/* account.c: see account.h. */
#include "account.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[ACCOUNT_METHODS] = {"Ask", "Look", "Add", "Count", "Follow", "Sum", "Chat", "Obey"};

const char *account_method_name(enum account_method method) {
    return names[method];
}

/* All is touched at once, so that the process does not grow later. */
static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (memory == NULL) {
        abort();
    }
    memset(memory, 0, size);
    return memory;
}

void accounts_init(struct accounts *accounts) {
    *accounts = (struct accounts){.queued = CHAOS_SLOTS};
    accounts->calls = allocate(CHAOS_SLOTS * sizeof *accounts->calls);
    accounts->queue = allocate(CHAOS_SLOTS * sizeof *accounts->queue);
    for (uint32_t slot = 0; slot < CHAOS_SLOTS; slot++) {
        accounts->calls[slot] = (struct account_call){.accounts = accounts, .slot = slot};
        accounts->queue[slot] = slot;
    }
}

void accounts_release(struct accounts *accounts) {
    free(accounts->calls);
    free(accounts->queue);
}

/* ---- Slots ---------------------------------------------------------------------------------------------------------- */

static void enqueue(struct accounts *accounts, uint32_t slot) {
    accounts->queue[(accounts->first + accounts->queued++) % CHAOS_SLOTS] = slot;
}

static bool is_idempotent(enum account_method method) {
    return method == METHOD_ASK || method == METHOD_LOOK || method == METHOD_FOLLOW;
}

/* It ended long ago: what have its handlers noted? */
static void settle(struct account_call *call) {
    unsigned handled = atomic_load(&chaos->slots[call->slot].handled);
    const char *name = names[call->method];
    if (call->state == ACCOUNT_REFUSED) {
        chaos_check(handled == 0, "%s %u was refused, and handled %u times", name, call->slot, handled);
    } else if (call->state == ACCOUNT_DONE) {
        unsigned most = is_idempotent(call->method) && !call->is_broadcast ? UINT32_MAX : call->expected;
        chaos_check(handled <= most, "%s %u was handled %u times", name, call->slot, handled);
        chaos_check(!call->was_safe || handled == 0, "%s %u was said to be safe to retry, and handled %u times", name,
                    call->slot, handled);
        chaos_check(call->code != YOKE_OK || handled > 0, "%s %u ended well, and was never handled", name, call->slot);
        call->accounts->again += handled > call->expected ? handled - call->expected : 0;
    }
    call->state = ACCOUNT_FREE;
}

struct account_call *account_open(struct accounts *accounts, enum account_method method, unsigned pool) {
    if (accounts->queued == 0) {
        return NULL;
    }
    struct account_call *call = &accounts->calls[accounts->queue[accounts->first]];
    accounts->first = (accounts->first + 1) % CHAOS_SLOTS;
    accounts->queued--;
    settle(call);
    *call = (struct account_call){
        .accounts = accounts,
        .slot = call->slot,
        .serial = call->serial + 1,
        .expected = 1,
        .state = ACCOUNT_OPEN,
        .method = method,
        .pool = pool,
        .started_ns = chaos_now_ns(),
    };
    atomic_store(&chaos->slots[call->slot].handled, 0);
    atomic_store(&chaos->slots[call->slot].serial, call->serial);
    accounts->in_flight++;
    accounts->in_flight_of[pool]++;
    accounts->started++;
    return call;
}

static void leave(struct account_call *call, enum account_state state) {
    struct accounts *accounts = call->accounts;
    call->state = state;
    call->call = NULL;
    accounts->in_flight--;
    accounts->in_flight_of[call->pool]--;
    enqueue(accounts, call->slot);
}

void account_refuse(struct account_call *call) {
    call->accounts->refused++;
    call->accounts->started--;
    leave(call, ACCOUNT_REFUSED);
}

void accounts_settle(struct accounts *accounts) {
    for (uint32_t slot = 0; slot < CHAOS_SLOTS; slot++) {
        struct account_call *call = &accounts->calls[slot];
        chaos_check(call->state != ACCOUNT_OPEN, "%s %u in pool %u never ended", names[call->method], slot, call->pool);
        settle(call);
    }
}

/* ---- Ends ----------------------------------------------------------------------------------------------------------- */

/*
 * Its worker has died, and it is not to be made again, or there is no time left to. In a calm that does not happen; but a stream of requests cannot be made again, not even one
 * that crosses its worker's announcement that it stops.
 */
static bool may_be_unavailable(const struct account_call *call, const struct yoke_call *yoke) {
    const struct accounts *accounts = call->accounts;
    if (call->is_calm && !accounts->is_excused) {
        return call->requests > 0 && accounts->is_left[call->pool] && yoke_call_is_safe_to_retry(yoke);
    }
    bool is_made_again = is_idempotent(call->method) && call->received == 0 && !call->is_hurried &&
                         !call->is_broadcast && !call->is_pointed;
    return !is_made_again || accounts->is_over;
}

static bool is_right(const struct account_call *call, const struct yoke_call *yoke, enum yoke_code code) {
    switch (code) {
    case YOKE_OK:
        return call->received == call->replies;
    case YOKE_CANCELLED:
        return call->is_cancelled;
    case YOKE_DEADLINE_EXCEEDED:
        return call->is_hurried;
    case YOKE_UNAVAILABLE:
        return may_be_unavailable(call, yoke);
    default:
        return false;
    }
}

void account_complete(struct account_call *call, struct yoke_call *yoke, const struct yoke_status *status) {
    struct accounts *accounts = call->accounts;
    const char *name = names[call->method];
    if (!chaos_check(call->state == ACCOUNT_OPEN, "%s %u was completed again, or after it was refused: %s", name,
                     call->slot, status->message)) {
        return;
    }
    chaos_check(is_right(call, yoke, status->code), "%s%s %u in pool %u, %u of %u messages, ended as %s: %s",
                call->is_calm ? "in a calm, " : "", name, call->slot, call->pool, call->received, call->replies,
                yoke_code_name(status->code), status->message);
    uint64_t took_ns = chaos_now_ns() - call->started_ns;
    if (status->code == YOKE_OK && took_ns > accounts->slowest_ns) {
        accounts->slowest_ns = took_ns;
    }
    accounts->ends[call->method][status->code]++;
    call->code = call->completed == 0 || status->code != YOKE_OK ? status->code : call->code;
    call->was_safe = status->code != YOKE_OK && !call->is_broadcast && yoke_call_is_safe_to_retry(yoke);
    accounts->safe += call->was_safe;
    call->completed++;
    if (call->completed == call->expected) {
        leave(call, ACCOUNT_DONE);
    }
}
