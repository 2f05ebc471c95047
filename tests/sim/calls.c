/* calls.c: see sim.h: calls at the side that makes them, from the stub to the last callback. */
#include "sim.h"

static struct sim_side *side_of(const struct sim_call *call) {
    return &world.sides[call->side];
}

/* ---- Callbacks -------------------------------------------------------------------------------------------------- */

void sim_complete(struct sim_call *call, const struct yoke_status *status, const Sim__Bytes *reply) {
    sim_record(call->side, "done", call, status->code);
    SIM_CHECK_CALL(call, call->accepted && !call->done);
    SIM_CHECK_CALL(call, call->started[0] == call->finished[0]);
    call->is_safe = yoke_call_is_safe_to_retry(call->client);
    SIM_CHECK_CALL(call, !call->is_safe || (!call->dispatched && status->code != YOKE_OK));
    if (reply != NULL) {
        sim_check_message(call, false, reply);
    }
    sim_check_status(call, status);
    call->done = true;
    call->client = NULL;
    sim_enter_callback(side_of(call));
    sim_leave_callback(side_of(call), NULL);
}

static void complete(struct yoke_call *handle, struct sim_call *call, const struct yoke_status *status,
                     const Sim__Bytes *reply) {
    SIM_CHECK_CALL(call, call->client == handle);
    sim_complete(call, status, reply);
}

static void on_done(struct yoke_call *handle, const struct yoke_status *status, const Sim__Bytes *reply,
                    void *user_data) {
    SIM_CHECK_CALL((struct sim_call *)user_data, (reply != NULL) == (status->code == YOKE_OK));
    complete(handle, user_data, status, reply);
}

static void on_stream_done(struct yoke_call *handle, const struct yoke_status *status, void *user_data) {
    complete(handle, user_data, status, NULL);
}

static void on_message(struct yoke_call *handle, const Sim__Bytes *message, void *user_data) {
    struct sim_call *call = user_data;
    SIM_CHECK_CALL(call, call->client == handle && !call->done);
    sim_check_list(call, SIM_HEADERS, yoke_call_headers(handle), true);
    sim_enter_callback(side_of(call));
    sim_check_message(call, false, message);
    sim_leave_callback(side_of(call), call);
}

void sim_on_writable(struct yoke_call *handle, void *user_data) {
    struct sim_call *call = user_data;
    bool is_up = handle->is_client;
    struct sim_flow *flow = is_up ? &call->up : &call->down;
    struct sim_side *side = &world.sides[is_up ? call->side : sim_server_side(call)];
    sim_record(side->index, "writable", call, is_up);
    SIM_CHECK_CALL(call, handle == (is_up ? call->client : call->server));
    SIM_CHECK_CALL(call, flow->waits);
    flow->waits = false;
    struct sim_call *outer = world.current;
    world.current = is_up ? outer : call;
    sim_enter_callback(side);
    if (!world.is_ending && sim_chance(70)) {
        if (is_up) {
            (void)sim_send(call);
        } else {
            (void)sim_reply(call);
        }
    }
    sim_leave_callback(side, call);
    world.current = outer;
}

/* ---- Making calls ----------------------------------------------------------------------------------------------- */

const struct yoke_method *sim_method_of(enum sim_kind kind) {
    static const struct yoke_method *const methods[] = {
        &sim_calls_unary_method, &sim_calls_timed_method,   &sim_calls_down_method,  &sim_calls_up_method,
        &sim_calls_both_method,  &sim_calls_missing_method, &sim_absent_call_method,
    };
    return methods[kind];
}

static int start_call(struct sim_side *side, struct sim_call *call, const Sim__Bytes *request,
                      const struct yoke_call_options *options) {
    struct yoke_channel *channel = &side->channel.channel;
    switch (call->kind) {
    case SIM_UNARY:
        return sim_calls_unary(channel, request, options, on_done, call);
    case SIM_TIMED:
        return sim_calls_timed(channel, request, options, on_done, call);
    case SIM_DOWN:
        return sim_calls_down(channel, request, options, on_message, on_stream_done, call);
    case SIM_UP:
        return sim_calls_up(channel, options, on_done, call, NULL);
    case SIM_BOTH:
        return sim_calls_both(channel, options, on_message, on_stream_done, call, NULL);
    case SIM_MISSING:
        return sim_calls_missing(channel, request, options, on_done, call);
    default:
        return sim_absent_call(channel, request, options, on_done, call);
    }
}

/* A call that this side handles, to be a parent; NULL when there is none. */
static struct sim_call *choose_parent(const struct sim_side *side) {
    unsigned start = world.call_count > 0 ? sim_below(world.call_count) : 0;
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *call = &world.calls[(start + i) % world.call_count];
        if (call->server != NULL && sim_server_side(call) == side->index) {
            return call;
        }
    }
    return NULL;
}

/* Does the peer take calls? */
static bool has_peer(const struct sim_side *side) {
    return side->channel.connection != NULL && side->connection.can_call && !side->connection.peer_going_away;
}

/* Is a call that may wait for the peer going to? */
static bool will_wait(const struct sim_side *side, bool may_wait) {
    bool is_ready = has_peer(side) && side->connection.hello_received;
    return may_wait && !is_ready && side->channel.channel.expects_peer;
}

/* What the call must give, but for -ENOMEM, and but for a lack of room to wait in. */
static int expect_call(const struct sim_side *side, const struct sim_call *call, size_t length, bool may_wait) {
    bool waits = will_wait(side, may_wait);
    if (!waits && !has_peer(side)) {
        return -ENOTCONN;
    }
    if (!sim_streams_up(call) && length > side->engine.limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    return !waits && yoke__connection_is_congested(&side->connection) ? -ENOBUFS : 0;
}

/* Is there no room for the call among those that wait? Interceptors may have added to its metadata. */
static bool is_crowded(const struct sim_side *side, const struct sim_call *call, size_t waiting_bytes) {
    size_t length = sim_streams_up(call) ? 0 : sim_encoded_length(call->up.lengths[0]);
    return waiting_bytes + length + call->lists[SIM_REQUEST].bytes > side->engine.limits.max_queued_bytes;
}

static uint64_t expect_deadline(const struct sim_call *parent, uint64_t timeout_us) {
    uint64_t inherited = parent != NULL ? parent->server->deadline_ns : 0;
    uint64_t own = timeout_us != 0 ? world.now_ns + timeout_us * 1000 : 0;
    return own == 0 || (inherited != 0 && inherited < own) ? inherited : own;
}

/* The stub has returned. */
static void begin_call(struct sim_side *side, struct sim_call *call, struct sim_call *parent) {
    uint64_t expected_deadline = call->deadline_ns;
    call->accepted = true;
    call->stream = call->client->stream;
    SIM_CHECK_CALL(call, call->client->deadline_ns == expected_deadline);
    call->parent = parent;
    call->up.ended = !sim_streams_up(call);
    call->up.sent = !sim_streams_up(call);
    if (parent != NULL && yoke_call_is_cancelled(parent->server)) {
        call->must = YOKE_CANCELLED;
    } else if (call->deadline_ns != 0 && call->deadline_ns <= world.now_ns) {
        call->must = YOKE_DEADLINE_EXCEEDED;
    }
    bool is_sent = call->client->connection == &side->connection;
    call->has_waited = yoke__call_is_waiting(call->client);
    SIM_CHECK_CALL(call, (is_sent || call->has_waited) == (call->must == SIM_NO_CODE));
    SIM_CHECK_CALL(call, !is_sent || sim_find_call(call->stream) == call);
    yoke_call_on_writable(call->client, sim_on_writable, call);
    if (sim_chance(50)) {
        sim_listen_for_headers(call);
    }
}

void sim_expect_stream(struct sim_side *side, struct sim_call *call, uint32_t stream) {
    uint32_t at = ((stream != 0 ? stream : 2) - side->first_stream) / 2;
    SIM_CHECK(at < sizeof(side->by_stream) / sizeof(*side->by_stream));
    side->by_stream[at] = call;
}

struct sim_call *sim_new_call(struct sim_side *side, enum sim_kind kind) {
    struct sim_call *call = &world.calls[world.call_count];
    *call = (struct sim_call){
        .number = world.call_count++, .side = side->index, .kind = kind, .must = SIM_NO_CODE, .end_code = SIM_NO_CODE};
    return call;
}

/* The call that a new one is a part of. */
static struct sim_call *expect_parent(const struct sim_side *side, struct sim_call *chosen, bool independent) {
    struct sim_call *parent = chosen != NULL ? chosen : world.current;
    bool is_free = independent || parent == NULL || parent->answered || sim_server_side(parent) != side->index;
    return is_free ? NULL : parent;
}

/* What the model has to know of a call before it is made. */
static void describe_call(struct sim_call *call, const struct sim_call *parent, uint32_t length,
                          const struct yoke_call_options *options) {
    const struct yoke_limits *ours = &world.sides[call->side].engine.limits;
    const struct yoke_limits *theirs = &world.sides[sim_server_side(call)].engine.limits;
    uint64_t default_us = sim_method_of(call->kind)->timeout_us;
    call->deadline_ns = expect_deadline(parent, options->timeout_us != 0 ? options->timeout_us : default_us);
    bool has_limit = options->max_reply_bytes != 0 && options->max_reply_bytes < ours->max_message_bytes;
    call->max_reply_bytes = has_limit ? options->max_reply_bytes : ours->max_message_bytes;
    call->up.lengths[0] = length;
    call->up.has_oversized = !sim_streams_up(call) && sim_encoded_length(length) > theirs->max_message_bytes;
}

/* Make it, with what is described. */
static void launch(struct sim_side *side, struct sim_call *call, struct sim_call *parent,
                   const struct yoke_call_options *options) {
    uint32_t length = call->up.lengths[0];
    const Sim__Bytes request = sim_message(call, true, 0, length);
    bool is_over = (parent != NULL && yoke_call_is_cancelled(parent->server)) ||
                   (call->deadline_ns != 0 && call->deadline_ns <= world.now_ns);
    int expected = is_over ? 0 : expect_call(side, call, sim_encoded_length(length), options->wait_for_ready);
    expected = call->lists[SIM_REQUEST].bytes > side->engine.limits.max_metadata_bytes ? -EMSGSIZE : expected;
    bool waits = !is_over && will_wait(side, options->wait_for_ready);
    size_t waiting_bytes = side->channel.channel.waiting_bytes;
    sim_expect_stream(side, call, side->connection.next_stream);
    world.is_calling = true;
    int error = start_call(side, call, &request, options);
    world.is_calling = false;
    sim_record(side->index, "calls", call, error);
    expected = expected == 0 && waits && is_crowded(side, call, waiting_bytes) ? -ENOBUFS : expected;
    expected = call->must != SIM_NO_CODE ? 0 : expected; /* an interceptor has refused it before */
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    SIM_CHECK_CALL(call, (call->client != NULL) == (error == 0));
    if (error == 0) {
        begin_call(side, call, parent);
    }
}

void sim_make_call(struct sim_side *side) {
    static const unsigned kinds[] = {6, 1, 5, 4, 8, 1, 1};
    if (world.call_count == SIM_CALLS_MAX) {
        return;
    }
    struct sim_call *call = sim_new_call(side, (enum sim_kind)sim_pick(kinds, SIM_KIND_COUNT));
    bool independent = sim_chance(10);
    struct sim_call *chosen = !independent && sim_chance(40) ? choose_parent(side) : NULL;
    uint32_t length = sim_choose_length(side->index, NULL);
    struct yoke_metadata *metadata = sim_chance(25) ? sim_make_metadata(call) : NULL;
    const struct yoke_call_options options = {
        YOKE_CALL_OPTIONS_INIT,
        .parent = chosen != NULL ? chosen->server : NULL,
        .independent = independent,
        .timeout_us = world.config.timeouts && sim_chance(40) ? 1 + sim_below(20000) : 0,
        .max_reply_bytes = sim_chance(10) ? 1 + sim_below(2000) : 0,
        .ret_call = &call->client,
        .metadata = metadata,
        .wait_for_ready = sim_chance(15),
    };
    struct sim_call *parent = expect_parent(side, chosen, independent);
    describe_call(call, parent, length, &options);
    launch(side, call, parent, &options);
    yoke_metadata_destroy(metadata);
}
