/*
 * around.c: see sim.h: what goes around messages: metadata, details of a status, interceptors; and pings, which are
 * calls without any.
 */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#define VALUE_MAX 10000

/* ---- Lists ------------------------------------------------------------------------------------------------------ */

static bool is_binary(unsigned at) {
    return at % 3 == 2;
}

/* Keys are there several times. */
static void write_key(enum sim_list_kind kind, unsigned at, char key[16]) {
    (void)snprintf(key, 16, is_binary(at) ? "b%u-bin" : "key.%u", (unsigned)kind);
}

static uint32_t choose_value_length(void) {
    unsigned choice = sim_below(100);
    return choice < 85 ? sim_below(40) : choice < 97 ? sim_below(400) : sim_below(VALUE_MAX);
}

/* Add an entry; what adding it has to give is known but for a lack of memory. */
static void add_entry(struct sim_call *call, enum sim_list_kind kind, struct yoke_metadata *metadata, size_t limit) {
    struct sim_list *list = &call->lists[kind];
    char key[16], value[VALUE_MAX + 1];
    if (list->count == SIM_ENTRIES_MAX) {
        return;
    }
    uint32_t length = choose_value_length();
    write_key(kind, list->count, key);
    memcpy(value, sim_text(call, kind, list->count), length);
    value[length] = '\0';
    size_t size = 7 + strlen(key) + length;
    bool is_late = metadata != NULL && (metadata->is_sealed || (kind == SIM_HEADERS && call->down.sent > 0));
    int expected = list->bytes + size > limit ? -EMSGSIZE : 0;
    expected = metadata == NULL ? -ENOMEM : is_late ? -EPERM : expected;
    int error = is_binary(list->count) ? yoke_metadata_add_binary(metadata, key, value, length)
                                       : yoke_metadata_add(metadata, key, value);
    sim_record(kind == SIM_REQUEST ? call->side : sim_server_side(call), "adds an entry", call, error);
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    if (error == 0) {
        list->lengths[list->count++] = length;
        list->bytes += size;
    }
}

struct yoke_metadata *sim_make_metadata(struct sim_call *call) {
    struct yoke_metadata *metadata;
    if (yoke_metadata_create(&metadata) != 0) {
        SIM_CHECK(world.memory_has_failed);
        return NULL;
    }
    do {
        add_entry(call, SIM_REQUEST, metadata, 65536);
    } while (sim_chance(50));
    return metadata;
}

void sim_check_list(const struct sim_call *call, enum sim_list_kind kind, const struct yoke_metadata *metadata,
                    bool is_whole) {
    const struct sim_list *list = &call->lists[kind];
    struct yoke_metadata_entry entry = {0};
    unsigned at = 0;
    for (; yoke_metadata_next(metadata, &entry); at++) {
        char key[16];
        SIM_CHECK_CALL(call, at < list->count);
        write_key(kind, at, key);
        SIM_CHECK_CALL(call, strcmp(entry.key, key) == 0 && entry.length == list->lengths[at]);
        SIM_CHECK_CALL(call, memcmp(entry.value, sim_text(call, kind, at), entry.length) == 0);
        SIM_CHECK_CALL(call, entry.value[entry.length] == '\0');
    }
    SIM_CHECK_CALL(call, at == list->count || !is_whole);
}

/* ---- With an answer --------------------------------------------------------------------------------------------- */

static void add_detail(struct sim_call *call) {
    struct sim_list *list = &call->lists[SIM_DETAILS];
    if (list->count == SIM_ENTRIES_MAX) {
        return;
    }
    Sim__Reason reason = SIM__REASON__INIT;
    uint32_t length = choose_value_length();
    reason.data.len = length;
    reason.data.data = (uint8_t *)(uintptr_t)sim_text(call, SIM_DETAILS, list->count);
    size_t size = 7 + strlen("sim.Reason") + sim_encoded_length(length);
    int expected = list->bytes + size > call->server->engine->limits.max_metadata_bytes ? -EMSGSIZE : 0;
    int error = sim_reason_detail_add(call->server, &reason);
    sim_record(sim_server_side(call), "adds a detail", call, error);
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    if (error == 0) {
        list->lengths[list->count++] = length;
        list->bytes += size;
    }
}

static void send_headers(struct sim_call *call) {
    const struct yoke_call *handle = call->server;
    bool is_gone = handle->connection == NULL || handle->connection->unreachable;
    bool is_sent = call->down.sent > 0 || handle->headers_passed;
    int expected = is_gone ? -ENOTCONN : handle->cancelled ? -ECANCELED : is_sent ? -EALREADY : 0;
    int error = yoke_call_send_headers(call->server);
    sim_record(sim_server_side(call), "sends headers", call, error);
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
}

void sim_add_around(struct sim_call *call) {
    struct yoke_call *handle = call->server;
    if (handle == NULL) {
        return;
    }
    size_t limit = handle->engine->limits.max_metadata_bytes;
    switch (sim_below(4)) {
    case 0:
        add_entry(call, SIM_HEADERS, yoke_call_headers(handle), limit);
        break;
    case 1:
        add_entry(call, SIM_TRAILERS, yoke_call_trailers(handle), limit);
        break;
    case 2:
        add_detail(call);
        break;
    default:
        send_headers(call);
        break;
    }
}

void sim_check_details(const struct sim_call *call) {
    const struct sim_list *list = &call->lists[SIM_DETAILS];
    for (unsigned i = 0; i <= list->count; i++) {
        const Sim__Reason *reason;
        int error = sim_reason_detail_get(call->client, i, &reason);
        SIM_CHECK_CALL(call, error == (i < list->count ? 0 : -ENOENT) || sim_lacks_memory(error));
        if (error == 0) {
            SIM_CHECK_CALL(call, reason->data.len == list->lengths[i]);
            SIM_CHECK_CALL(call, reason->data.len == 0 ||
                                     memcmp(reason->data.data, sim_text(call, SIM_DETAILS, i), reason->data.len) == 0);
        }
    }
}

static void on_headers(struct yoke_call *handle, void *user_data) {
    struct sim_call *call = user_data;
    sim_record(call->side, "has headers", call, 0);
    SIM_CHECK_CALL(call, call->client == handle && !call->done && call->headers_arrived);
    SIM_CHECK_CALL(call, ++call->headers_told == 1 && call->down.received == 0);
    sim_check_list(call, SIM_HEADERS, yoke_call_headers(handle), true);
    sim_enter_callback(&world.sides[call->side]);
    sim_leave_callback(&world.sides[call->side], call);
}

void sim_listen_for_headers(struct sim_call *call) {
    int error = yoke_call_on_headers(call->client, on_headers, call);
    SIM_CHECK_CALL(call, error == 0 || sim_lacks_memory(error));
}

/* ---- Interceptors ----------------------------------------------------------------------------------------------- */

/* Which one it is. */
struct place {
    unsigned side, at;
    bool is_server;
};

/* A server's outer interceptor finds fault with some calls. */
static bool is_spoiled(const struct sim_call *call) {
    return world.config.intercepts[sim_server_side(call)] && call->number % 16 == 5;
}

int sim_map_answer(const struct sim_call *call, int code) {
    if (code == YOKE_OK && is_spoiled(call)) {
        return YOKE_ABORTED;
    }
    return code == YOKE_DATA_LOSS && world.config.intercepts[sim_server_side(call)] ? YOKE_FAILED_PRECONDITION : code;
}

int sim_map_status(const struct sim_call *call, int code) {
    return code == YOKE_NOT_FOUND && world.config.intercepts[call->side] ? YOKE_OUT_OF_RANGE : code;
}

static struct sim_call *call_of(const struct yoke_call *handle, const struct place *place) {
    return place->is_server ? sim_find_call(handle->stream) : handle->user_data;
}

static void choose_timeout(struct sim_call *call, struct yoke_call *handle, const struct place *place) {
    uint64_t timeout_us = 1 + sim_below(20000);
    int error = yoke_call_set_timeout(handle, timeout_us);
    SIM_CHECK_CALL(call, error == 0 || sim_lacks_memory(error));
    if (error == 0) {
        *(place->is_server ? &call->server_deadline_ns : &call->deadline_ns) = world.now_ns + timeout_us * 1000;
    }
}

static void on_start(struct yoke_call *handle, struct yoke_status *status, void **call_data, void *user_data) {
    const struct place *place = user_data;
    struct sim_call *call = call_of(handle, place);
    sim_record(place->side, "is asked", call, place->at);
    SIM_CHECK_CALL(call, *call_data == NULL && status->code == YOKE_OK && place->is_server != world.is_calling);
    SIM_CHECK_CALL(call, call->started[place->is_server] == place->at && call->finished[place->is_server] == 0);
    SIM_CHECK_CALL(call, !call->dispatched && (place->is_server || handle->connection == NULL));
    call->started[place->is_server]++;
    *call_data = &call->marks[place->is_server][place->at];
    if (world.config.timeouts && sim_chance(10)) {
        choose_timeout(call, handle, place);
    }
    if (place->is_server) {
        sim_check_list(call, SIM_REQUEST, yoke_call_metadata(handle), true);
    } else if (sim_chance(20)) {
        add_entry(call, SIM_REQUEST, yoke_call_metadata(handle), handle->engine->limits.max_metadata_bytes);
    }
    if (sim_chance(3)) {
        *status = (struct yoke_status){YOKE_PERMISSION_DENIED, "refused"};
        call->refused = true;
        if (!place->is_server) {
            call->must = YOKE_PERMISSION_DENIED;
        }
    }
}

static void on_finish(struct yoke_call *handle, struct yoke_status *status, void **call_data, void *user_data) {
    const struct place *place = user_data;
    struct sim_call *call = call_of(handle, place);
    bool is_server = place->is_server;
    sim_record(place->side, "hears the end", call, status->code);
    SIM_CHECK_CALL(call, *call_data == &call->marks[is_server][place->at] && status->message != NULL);
    SIM_CHECK_CALL(call, call->started[is_server] == place->at + 1 + call->finished[is_server]);
    call->finished[is_server]++;
    if (is_server && place->at == 1 && sim_chance(20)) {
        add_entry(call, SIM_TRAILERS, yoke_call_trailers(handle), handle->engine->limits.max_metadata_bytes);
    }
    if (place->at != 0) {
        return;
    }
    if (is_server && status->code == YOKE_OK && is_spoiled(call)) {
        *status = (struct yoke_status){YOKE_ABORTED, "spoiled"};
    }
    status->code = (enum yoke_code)(is_server ? sim_map_answer : sim_map_status)(call, (int)status->code);
}

void sim_intercept(struct sim_side *side) {
    static struct place places[2][2][SIM_INTERCEPTORS];
    static const struct yoke_interceptor interceptor = {on_start, on_finish};
    for (unsigned at = 0; at < SIM_INTERCEPTORS; at++) {
        struct place *ours = &places[side->index][0][at], *theirs = &places[side->index][1][at];
        *ours = (struct place){side->index, at, false};
        *theirs = (struct place){side->index, at, true};
        SIM_CHECK(yoke_channel_intercept(&side->channel.channel, &interceptor, ours) == 0);
        SIM_CHECK(yoke_server_intercept(&side->server, &interceptor, theirs) == 0);
    }
}

/* ---- Pings ------------------------------------------------------------------------------------------------------ */

static void on_answer(const struct yoke_status *status, uint64_t answer_us, void *user_data) {
    struct sim_call *call = user_data;
    SIM_CHECK_CALL(call, answer_us == (world.now_ns - call->started_ns) / 1000);
    sim_complete(call, status, NULL);
}

static int expect_ping(const struct sim_side *side) {
    if (side->channel.connection == NULL || !side->connection.can_call || side->connection.peer_going_away) {
        return -ENOTCONN;
    }
    return yoke__connection_is_congested(&side->connection) ? -ENOBUFS : 0;
}

void sim_ping(struct sim_side *side) {
    if (world.call_count == SIM_CALLS_MAX) {
        return;
    }
    struct sim_call *call = sim_new_call(side, SIM_PING);
    uint64_t timeout_us = world.config.timeouts && sim_chance(50) ? 1 + sim_below(20000) : 0;
    int expected = expect_ping(side);
    sim_expect_stream(side, call, side->connection.next_stream);
    world.is_calling = true;
    int error = yoke_channel_ping(&side->channel.channel, timeout_us, on_answer, call);
    world.is_calling = false;
    sim_record(side->index, "pings", call, error);
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    if (error == 0) {
        /* The last one in the list. */
        call->client = YOKE__CONTAINER(side->connection.outgoing.previous, struct yoke_call, link);
        call->stream = call->client->stream;
        call->accepted = true;
        call->started_ns = world.now_ns;
        call->deadline_ns = timeout_us != 0 ? world.now_ns + timeout_us * 1000 : 0;
        call->up.ended = true;
        call->up.sent = call->down.sent = 1;
    }
}
