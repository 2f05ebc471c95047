/* service.c: see sim.h: the service of each side: handlers that answer now or later, and what they are told. */
#include "sim.h"

#include <stdio.h>

static struct sim_side *side_of(const struct sim_call *call) {
    return &world.sides[sim_server_side(call)];
}

/* ---- Answering -------------------------------------------------------------------------------------------------- */

/* What an answer gives when there is nobody to get it, else 0. */
static int expect_answer(const struct yoke_call *handle) {
    if (handle->connection == NULL || handle->connection->unreachable) {
        return -ENOTCONN;
    }
    return handle->cancelled ? -ECANCELED : 0;
}

bool sim_reply(struct sim_call *call) {
    struct sim_flow *flow = &call->down;
    if (call->server == NULL || !sim_streams_down(call) || flow->sent == SIM_MESSAGES_MAX) {
        return false;
    }
    const struct yoke_call *handle = call->server;
    uint32_t length = sim_choose_length(sim_server_side(call), handle->streaming);
    const Sim__Bytes message = sim_message(call, false, flow->sent, length);
    int expected = expect_answer(handle);
    expected = expected == -ENOTCONN && handle->cancelled ? -ECANCELED : expected;
    bool is_oversized = sim_encoded_length(length) > handle->engine->limits.max_message_bytes;
    expected = expected == 0 && is_oversized ? -EMSGSIZE : expected;
    int error = call->kind == SIM_DOWN ? sim_calls_down_reply(call->server, &message)
                                       : sim_calls_both_reply(call->server, &message);
    sim_record(sim_server_side(call), "replies", call, error);
    if (error == 0) {
        SIM_CHECK_CALL(call, expected == 0);
        flow->lengths[flow->sent++] = length;
        flow->has_oversized |= sim_encoded_length(length) > call->max_reply_bytes;
    } else if (error == -EAGAIN) {
        SIM_CHECK_CALL(call, expected == 0 && handle->streaming->wants_writable);
        flow->waits = true;
    } else {
        SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
    }
    return error == 0;
}

static int fail(struct sim_call *call, struct yoke_call *handle) {
    static const enum yoke_code codes[] = {YOKE_NOT_FOUND, YOKE_ABORTED,         YOKE_DATA_LOSS,
                                           YOKE_CANCELLED, YOKE_UNAUTHENTICATED, (enum yoke_code)99};
    enum yoke_code code = codes[sim_below(6)];
    bool is_code = code <= YOKE_UNAUTHENTICATED;
    char message[32];
    (void)snprintf(message, sizeof message, "failure of call %u", call->number);
    call->answer_code = (int)(is_code ? code : YOKE_UNKNOWN);
    int error = yoke_call_fail(handle, code, message);
    return error == -EINVAL && !is_code ? 0 : error;
}

static int reply_once(struct sim_call *call, struct yoke_call *handle, int *expected) {
    uint32_t length = sim_choose_length(sim_server_side(call), NULL);
    const Sim__Bytes reply = sim_message(call, false, 0, length);
    size_t encoded = sim_encoded_length(length);
    if (*expected == 0 && encoded > handle->engine->limits.max_message_bytes) {
        *expected = -EMSGSIZE;
    }
    call->answer_code = YOKE_OK;
    call->down.lengths[0] = length;
    call->down.has_oversized = encoded > call->max_reply_bytes;
    int error = call->kind == SIM_UP      ? sim_calls_up_reply(handle, &reply)
                : call->kind == SIM_TIMED ? sim_calls_timed_reply(handle, &reply)
                                          : sim_calls_unary_reply(handle, &reply);
    call->down.sent = error == 0;
    return error;
}

void sim_answer(struct sim_call *call) {
    struct yoke_call *handle = call->server;
    if (handle == NULL) {
        return;
    }
    int expected = expect_answer(handle);
    int error;
    call->answered = true;
    call->was_cancelled = yoke_call_is_cancelled(handle);
    call->server = NULL;
    if (sim_chance(25)) {
        error = fail(call, handle);
    } else if (sim_streams_down(call)) {
        call->answer_code = YOKE_OK;
        error = yoke_call_finish(handle);
    } else {
        error = reply_once(call, handle, &expected);
    }
    call->answer_result = error;
    if (call->answer_code == YOKE_OK && sim_map_answer(call, YOKE_OK) != YOKE_OK && !sim_streams_down(call)) {
        /* An interceptor has put an error in its place. */
        call->down.sent = 0;
    }
    call->answer_code = sim_map_answer(call, call->answer_code);
    call->down.ended = error == 0;
    sim_record(sim_server_side(call), "answers", call, error);
    SIM_CHECK_CALL(call, error == expected || sim_lacks_memory(error));
}

/* ---- Being told ------------------------------------------------------------------------------------------------- */

static void on_cancelled(struct yoke_call *handle, void *user_data) {
    struct sim_call *call = user_data;
    sim_record(sim_server_side(call), "is told", call, 0);
    SIM_CHECK_CALL(call, call->server == handle && call->hooked && yoke_call_is_cancelled(handle));
    call->told++;
    SIM_CHECK_CALL(call, call->told == 1);
    sim_check_cancelled(call);
    struct sim_call *outer = world.current;
    world.current = call;
    sim_enter_callback(side_of(call));
    if (sim_chance(50)) {
        sim_answer(call);
    }
    sim_leave_callback(side_of(call), call);
    world.current = outer;
}

void sim_hook(struct sim_call *call) {
    if (call->server == NULL) {
        return;
    }
    bool is_late = yoke_call_is_cancelled(call->server);
    bool is_on = sim_chance(80);
    SIM_CHECK_CALL(call, yoke_call_on_cancel(call->server, is_on ? on_cancelled : NULL, call) == 0);
    if (!is_late) {
        call->hooked = is_on;
    }
}

/* ---- Handlers --------------------------------------------------------------------------------------------------- */

/* Around each callback of a handler. */
static struct sim_call *enter(struct yoke_call *handle, struct sim_call *call) {
    struct sim_call *outer = world.current;
    SIM_CHECK_CALL(call, handle->engine->current_call == handle);
    world.current = call;
    sim_enter_callback(side_of(call));
    return outer;
}

static void leave(struct sim_call *call, struct sim_call *outer) {
    sim_leave_callback(side_of(call), call);
    world.current = outer;
}

/* The call has come. `request` is NULL when requests stream. */
static void begin(struct yoke_call *handle, const Sim__Bytes *request, void *user_data) {
    const struct sim_side *side = user_data;
    struct sim_call *call = sim_find_call(handle->stream);
    SIM_CHECK(call != NULL && call->side == 1 - side->index);
    sim_record(side->index, "begins", call, handle->deadline_ns != 0);
    SIM_CHECK_CALL(call, call->accepted && !call->dispatched && call->open_arrived);
    SIM_CHECK_CALL(call, !call->cancel_arrived || !world.config.one_frame);
    SIM_CHECK_CALL(call, !call->is_safe && !call->refused &&
                             call->started[1] * !call->finished[1] ==
                                 SIM_INTERCEPTORS * world.config.intercepts[side->index]);
    uint64_t deadline_ns = call->server_deadline_ns != 0 ? call->server_deadline_ns : call->deadline_ns;
    SIM_CHECK_CALL(call, handle->deadline_ns == deadline_ns);
    uint64_t left_ns = deadline_ns > world.now_ns ? deadline_ns - world.now_ns : 0;
    SIM_CHECK_CALL(call, yoke_call_remaining_us(handle) == (deadline_ns != 0 ? left_ns / 1000 : UINT64_MAX));
    sim_check_list(call, SIM_REQUEST, yoke_call_metadata(handle), true);
    call->dispatched = true;
    call->server = handle;
    yoke_call_set_data(handle, call);
    yoke_call_on_writable(handle, sim_on_writable, call);
    struct sim_call *outer = enter(handle, call);
    if (request != NULL) {
        sim_check_message(call, true, request);
        SIM_CHECK_CALL(call, call->up.end_arrived);
        call->up.end_received = true;
    }
    if (!world.is_ending && sim_chance(30)) {
        sim_hook(call);
    }
    if (request != NULL && (world.is_ending || sim_chance(30))) {
        sim_answer(call);
    }
    leave(call, outer);
}

static void begin_stream(struct yoke_call *handle, void *user_data) {
    begin(handle, NULL, user_data);
}

static void take(struct yoke_call *handle, const Sim__Bytes *message, void *user_data) {
    struct sim_call *call = yoke_call_data(handle);
    (void)user_data;
    SIM_CHECK_CALL(call, call->server == handle && !call->answered && !yoke_call_is_cancelled(handle));
    struct sim_call *outer = enter(handle, call);
    sim_check_message(call, true, message);
    leave(call, outer);
}

static void take_end(struct yoke_call *handle, void *user_data) {
    struct sim_call *call = yoke_call_data(handle);
    (void)user_data;
    sim_record(sim_server_side(call), "gets the end", call, call->up.received);
    SIM_CHECK_CALL(call, call->server == handle && !call->answered && !yoke_call_is_cancelled(handle));
    SIM_CHECK_CALL(call, call->up.ended && call->up.end_arrived && !call->up.end_received);
    SIM_CHECK_CALL(call, call->up.received == call->up.sent);
    call->up.end_received = true;
    struct sim_call *outer = enter(handle, call);
    if (world.is_ending || sim_chance(50)) {
        sim_answer(call);
    }
    leave(call, outer);
}

void sim_serve(struct sim_side *side) {
    static const struct sim_calls_handlers handlers = {
        .unary = begin,
        .timed = begin,
        .down = begin,
        .up = begin_stream,
        .up_message = take,
        .up_end = take_end,
        .both = begin_stream,
        .both_message = take,
        .both_end = take_end,
    };
    SIM_CHECK(sim_calls_serve(&side->server, &handlers, side) == 0);
}
