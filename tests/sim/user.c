/* user.c: see sim.h: the users, who do with calls what can be done, also within callbacks, and emit events. */
#include "sim.h"

static struct sim_side *side_of(const struct sim_call *call) {
    return &world.sides[call->side];
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
    int error = yoke_call_send(call->client, sim_method_of(call->kind), &message);
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
                   : yoke__connection_is_congested(&side->connection)             ? -ENOBUFS
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
