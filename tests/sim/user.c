/* user.c: see sim.h: the users, who make calls and do with them what can be done, also within callbacks. */
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

static const struct yoke_method *method_of(enum sim_kind kind) {
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

/* What the call must give, but for -ENOMEM. */
static int expect_call(const struct sim_side *side, const struct sim_call *call, size_t length, bool may_wait) {
    const struct yoke_channel *channel = &side->channel.channel;
    if (may_wait && (side->channel.connection == NULL || !side->connection.hello_received) && channel->expects_peer) {
        size_t waiting = sim_streams_up(call) ? 0 : length;
        return waiting > side->engine.limits.max_message_bytes                           ? -EMSGSIZE
               : channel->waiting_bytes + waiting > side->engine.limits.max_queued_bytes ? -ENOBUFS
                                                                                         : 0;
    }
    if (side->channel.connection == NULL || !side->connection.can_call || side->connection.peer_going_away) {
        return -ENOTCONN;
    }
    if (!sim_streams_up(call) && length > side->engine.limits.max_message_bytes) {
        return -EMSGSIZE;
    }
    return yoke__streams_are_congested(&side->connection) ? -ENOBUFS : 0;
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
    struct sim_call *parent = chosen != NULL ? chosen : world.current;
    if (independent || (parent != NULL && (parent->answered || sim_server_side(parent) != side->index))) {
        parent = NULL;
    }
    uint64_t default_us = method_of(call->kind)->timeout_us;
    call->deadline_ns = expect_deadline(parent, options.timeout_us != 0 ? options.timeout_us : default_us);
    uint32_t most = side->engine.limits.max_message_bytes;
    call->max_reply_bytes =
        options.max_reply_bytes != 0 && options.max_reply_bytes < most ? options.max_reply_bytes : most;
    call->up.lengths[0] = length;
    const struct yoke_limits *theirs = &world.sides[sim_server_side(call)].engine.limits;
    call->up.has_oversized = !sim_streams_up(call) && sim_encoded_length(length) > theirs->max_message_bytes;
    const Sim__Bytes request = sim_message(call, true, 0, length);
    bool is_over = (parent != NULL && yoke_call_is_cancelled(parent->server)) ||
                   (call->deadline_ns != 0 && call->deadline_ns <= world.now_ns);
    int expected = is_over ? 0 : expect_call(side, call, sim_encoded_length(length), options.wait_for_ready);
    expected = call->lists[SIM_REQUEST].bytes > side->engine.limits.max_metadata_bytes ? -EMSGSIZE : expected;
    sim_expect_stream(side, call, side->connection.next_stream);
    world.is_calling = true;
    int error = start_call(side, call, &request, &options);
    world.is_calling = false;
    yoke_metadata_destroy(metadata);
    sim_record(side->index, "calls", call, error);
    expected = call->must != SIM_NO_CODE ? 0 : expected; /* an interceptor has refused it before */
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    SIM_CHECK_CALL(call, (call->client != NULL) == (error == 0));
    if (error == 0) {
        begin_call(side, call, parent);
    }
}

/* ---- Using them ------------------------------------------------------------------------------------------------- */

/* Is this one on which requests can be sent? */
static int expect_usable(const struct yoke_call *handle) {
    if (yoke__call_is_waiting(handle)) {
        return -EAGAIN;
    }
    return handle->connection == NULL || handle->connection->unreachable || !handle->is_mapped ? -ECANCELED : 0;
}

bool sim_send(struct sim_call *call) {
    struct sim_flow *flow = &call->up;
    if (call->client == NULL || !sim_streams_up(call) || flow->sent == SIM_MESSAGES_MAX) {
        return false;
    }
    const struct sim_side *side = side_of(call);
    uint32_t length = sim_choose_length(call->side, call->client->streaming);
    const Sim__Bytes message = sim_message(call, true, flow->sent, length);
    bool is_oversized = sim_encoded_length(length) > side->engine.limits.max_message_bytes;
    int expected = expect_usable(call->client);
    expected = expected == 0 && is_oversized ? -EMSGSIZE : expected;
    expected = (expected == 0 || expected == -EAGAIN) && flow->ended ? -EPIPE : expected;
    int error = yoke_call_send(call->client, method_of(call->kind), &message);
    sim_record(call->side, "sends", call, error);
    if (error == 0) {
        SIM_CHECK_CALL(call, expected == 0);
        flow->lengths[flow->sent++] = length;
        const struct yoke_limits *theirs = &world.sides[sim_server_side(call)].engine.limits;
        flow->has_oversized |= sim_encoded_length(length) > theirs->max_message_bytes;
    } else if (error == -EAGAIN) {
        SIM_CHECK_CALL(call, expected == -EAGAIN || (expected == 0 && call->client->streaming->wants_writable));
        flow->waits = true;
    } else {
        SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    }
    return error == 0;
}

void sim_half_close(struct sim_call *call) {
    if (call->client == NULL || !sim_streams_up(call)) {
        return;
    }
    int expected = expect_usable(call->client);
    expected = expected == -EAGAIN ? 0 : expected;
    expected = expected == 0 && call->up.ended ? -EPIPE : expected;
    int error = yoke_call_half_close(call->client);
    sim_record(call->side, "half-closes", call, error);
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    call->up.ended |= error == 0;
}

void sim_cancel(struct sim_call *call) {
    if (call->client == NULL) {
        return;
    }
    bool is_over = call->client->connection == NULL && !yoke__call_is_waiting(call->client);
    int expected = is_over ? -EALREADY : 0;
    int error = yoke_call_cancel(call->client);
    sim_record(call->side, "cancels", call, error);
    SIM_CHECK_CALL(call, error == expected);
    if (error == 0) {
        SIM_CHECK_CALL(call, call->must == SIM_NO_CODE);
        call->must = YOKE_CANCELLED;
    }
}

/* ---- Events ----------------------------------------------------------------------------------------------------- */

static void on_tick(const struct yoke_peer *peer, const Sim__Tick *tick, void *user_data) {
    struct sim_side *side = user_data;
    struct sim_side *sender = &world.sides[1 - side->index];
    sim_record(side->index, "event", NULL, (int64_t)tick->number);
    SIM_CHECK(peer->pid == side->connection.peer.pid);
    SIM_CHECK(tick->number == sender->noticed || (tick->number > sender->noticed && world.memory_has_failed));
    SIM_CHECK(tick->number < sender->emitted && tick->number < sender->emitted_arrived);
    sender->noticed = tick->number + 1;
    sim_enter_callback(side);
    sim_leave_callback(side, NULL);
}

static void on_tick_too(const struct yoke_peer *peer, const Sim__Tick *tick, void *user_data) {
    struct sim_side *side = user_data;
    (void)peer;
    SIM_CHECK(side->also_subscribed && tick->number + 1 == world.sides[1 - side->index].noticed);
}

void sim_subscribe(struct sim_side *side) {
    SIM_CHECK(sim_tick_on(&side->events, on_tick, side) == 0);
}

void sim_toggle_subscription(struct sim_side *side) {
    if (side->also_subscribed) {
        SIM_CHECK(sim_tick_off(&side->events, on_tick_too, side) == 0);
        side->also_subscribed = false;
    } else {
        int error = sim_tick_on(&side->events, on_tick_too, side);
        SIM_CHECK(error == 0 || sim_lacks_memory(error));
        side->also_subscribed = error == 0;
    }
}

void sim_emit(struct sim_side *side) {
    Sim__Tick tick = SIM__TICK__INIT;
    tick.number = side->emitted;
    int expected = side->channel.connection == NULL || !side->connection.can_call ? -ENOTCONN
                   : yoke__streams_are_congested(&side->connection)               ? -ENOBUFS
                                                                                  : 0;
    int error = sim_tick_emit(&side->channel.channel, &tick);
    sim_record(side->index, "emits", NULL, error);
    SIM_CHECK(error == expected || sim_lacks_memory(error));
    side->emitted += error == 0;
}

/* ---- Anything --------------------------------------------------------------------------------------------------- */

static void hold(struct sim_call *call, bool is_client) {
    struct yoke_call *handle = is_client ? call->client : call->server;
    int error = yoke_call_hold(handle);
    sim_record(is_client ? call->side : sim_server_side(call), "holds", call, error);
    SIM_CHECK_CALL(call, error == (handle->connection == NULL && !yoke__call_is_waiting(handle) ? -ECANCELED : 0) ||
                             sim_lacks_memory(error));
    if (error == 0) {
        *(is_client ? &call->down.held : &call->up.held) = true;
    }
}

static void resume(struct sim_call *call, bool is_client) {
    sim_record(is_client ? call->side : sim_server_side(call), "resumes", call, 0);
    yoke_call_resume(is_client ? call->client : call->server);
    *(is_client ? &call->down.held : &call->up.held) = false;
}

static void use(struct sim_call *call, bool is_client, enum sim_act act) {
    switch (act) {
    case SIM_SEND:
    case SIM_REPLY:
        /* Sometimes as many as are taken. */
        while ((is_client ? sim_send : sim_reply)(call) && sim_chance(world.config.eagerness)) {
        }
        break;
    case SIM_HALF_CLOSE:
        sim_half_close(call);
        break;
    case SIM_CANCEL:
        sim_cancel(call);
        break;
    case SIM_ANSWER:
        sim_answer(call);
        break;
    case SIM_HOLD:
        hold(call, is_client);
        break;
    case SIM_RESUME:
        resume(call, is_client);
        break;
    case SIM_ADD:
        sim_add_around(call);
        break;
    default:
        sim_hook(call);
        break;
    }
}

/* Is the call there, at the caller or at the handler? */
static bool is_there(const struct sim_side *side, const struct sim_call *call, bool is_client) {
    return (call->side == side->index) == is_client && call->kind != SIM_PING &&
           (is_client ? call->client : call->server) != NULL;
}

/* What an act is done to: a call that we made, or one that we handle. */
static bool is_for_client(enum sim_act act) {
    return act == SIM_SEND || act == SIM_HALF_CLOSE || act == SIM_CANCEL ||
           ((act == SIM_HOLD || act == SIM_RESUME) && sim_chance(50));
}

void sim_act_on(struct sim_side *side, struct sim_call *call, enum sim_act act) {
    bool is_client = call->side == side->index;
    if (act == SIM_CALL || act == SIM_EMIT || act == SIM_ASK) {
        sim_act(side, act);
    } else if (is_there(side, call, is_client)) {
        use(call, is_client, act);
    }
}

void sim_act(struct sim_side *side, enum sim_act act) {
    if (act == SIM_CALL) {
        sim_make_call(side);
        return;
    }
    if (act == SIM_EMIT) {
        (sim_chance(80) ? sim_emit : sim_toggle_subscription)(side);
        return;
    }
    if (act == SIM_ASK) {
        sim_ping(side);
        return;
    }
    bool is_client = is_for_client(act);
    unsigned start = world.call_count > 0 ? sim_below(world.call_count) : 0;
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *call = &world.calls[(start + i) % world.call_count];
        if (is_there(side, call, is_client)) {
            use(call, is_client, act);
            return;
        }
    }
}

void sim_resume_all(void) {
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *call = &world.calls[i];
        if (call->client != NULL && call->kind != SIM_PING) {
            resume(call, true);
        }
        if (call->server != NULL) {
            resume(call, false);
        }
    }
}

void sim_end_all(void) {
    for (unsigned i = 0; i < world.call_count; i++) {
        sim_half_close(&world.calls[i]);
        sim_answer(&world.calls[i]);
    }
}
