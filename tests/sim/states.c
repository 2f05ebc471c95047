/* states.c: see sim.h: which states of a call were visited: one number for what a side knows, two for both sides. */
#include "sim.h"

#include <stdatomic.h>
#include <sys/mman.h>

#define SET_BITS 22

/* Open addressing; 0 is an empty slot. */
struct set {
    _Atomic uint64_t count;
    _Atomic uint64_t slots[(size_t)1 << SET_BITS];
};

struct sim_states {
    struct set sides, pairs;
};

struct sim_states *sim_states_create(void) {
    struct sim_states *states =
        mmap(NULL, sizeof(*states), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return states != MAP_FAILED ? states : NULL;
}

static uint64_t scramble(uint64_t value) {
    value = (value ^ value >> 31) * UINT64_C(0x9e3779b97f4a7c15);
    value = (value ^ value >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return value ^ value >> 32;
}

static void insert(struct set *set, uint64_t value) {
    uint64_t mask = ((uint64_t)1 << SET_BITS) - 1;
    uint64_t key = scramble(value) | 1;
    if (atomic_load_explicit(&set->count, memory_order_relaxed) > mask / 2) {
        return;
    }
    for (uint64_t at = key >> 8 & mask;; at = (at + 1) & mask) {
        uint64_t found = atomic_load_explicit(&set->slots[at], memory_order_relaxed);
        if (found == 0 && atomic_compare_exchange_strong(&set->slots[at], &found, key)) {
            atomic_fetch_add(&set->count, 1);
            return;
        }
        if (found == key) {
            return;
        }
    }
}

/* ---- What makes a state ----------------------------------------------------------------------------------------- */

static uint64_t state;

static void add(uint64_t value, unsigned bits) {
    state = state << bits | value;
}

static void add_flag(bool flag) {
    add(flag, 1);
}

/* None, some, or all of the credit. */
static void add_credit(size_t credit) {
    bool is_all = credit == YOKE__CREDIT_INITIAL;
    add(credit <= YOKE__FRAME_HEADER_SIZE + YOKE__TOTAL_SIZE ? 0 : is_all ? 2 : 1, 2);
}

static void add_stream(const struct yoke__stream *stream) {
    add_flag(stream != NULL);
    if (stream == NULL) {
        return;
    }
    add_credit(stream->send_credit);
    add_credit(stream->receive_credit);
    add_flag(stream->outbox != NULL);
    add_flag(stream->outbox_begun);
    add_flag(stream->send_ended);
    add_flag(stream->wants_writable);
    add_flag(!yoke__link_is_alone(&stream->sender));
    add_flag(!yoke__link_is_alone(&stream->waiter));
    add_flag(!yoke__link_is_alone(&stream->wakeup));
    add_flag(stream->inbox_part != NULL);
    add_flag(stream->inbox_part_cost > 0);
    add_flag(stream->inbox_only != NULL);
    add(stream->inbox_count < 2 ? stream->inbox_count : 2, 2);
    add_flag(stream->held);
    add_flag(stream->has_status);
}

static void add_connection(const struct yoke__connection *connection) {
    add_flag(connection->can_call);
    add_flag(connection->going_away);
    add_flag(connection->peer_going_away);
    add_flag(connection->unreachable);
    add_flag(connection->hello_received);
}

static uint64_t state_of(const struct sim_call *call, const struct yoke_call *handle, bool is_client) {
    state = 1;
    add((uint64_t)call->kind, 3);
    add_flag(is_client);
    if (handle == NULL) {
        add_flag(call->done || call->answered);
        return state;
    }
    add_flag(handle->connection != NULL);
    add_flag(handle->is_mapped);
    add_flag(handle->is_timed);
    add_flag(is_client ? call->parent != NULL : !yoke__link_is_alone(&handle->children));
    add_flag(handle->dispatched);
    add_flag(handle->input_ended);
    add_flag(handle->cancelled);
    add_flag(handle->on_cancel != NULL);
    add((uint64_t)handle->verdict & 7, 3);
    add_stream(handle->streaming);
    add_connection(&world.sides[is_client ? call->side : sim_server_side(call)].connection);
    return state;
}

void sim_states_note(struct sim_states *states) {
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *call = &world.calls[i];
        uint64_t client = state_of(call, call->client, true);
        uint64_t server = state_of(call, call->server, false);
        if (client == call->last_states[0] && server == call->last_states[1]) {
            continue;
        }
        call->last_states[0] = client;
        call->last_states[1] = server;
        insert(&states->sides, client);
        insert(&states->sides, server);
        insert(&states->pairs, scramble(client) + server);
    }
}

uint64_t sim_states_sides(const struct sim_states *states) {
    return atomic_load(&states->sides.count);
}

uint64_t sim_states_pairs(const struct sim_states *states) {
    return atomic_load(&states->pairs.count);
}
