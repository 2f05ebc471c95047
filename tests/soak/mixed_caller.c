/* mixed_caller.c: see mixed.h: makes planned calls and judges how they end. */
#include "mixed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* What is to happen soon happens within two of these, or with the next completion. */
#define TICK_S 0.005

struct mixed_attempt {
    struct mixed_caller *caller;
    struct mixed_plan plan;
    uint64_t index;
    struct yoke_call *call;
    unsigned sent, received;
    bool is_cancelled; /* by us */
};

static void make_calls(struct mixed_caller *caller);

static struct mixed_slot *slot_of(const struct mixed_attempt *attempt) {
    return &attempt->caller->direction->slots[attempt->index];
}

static Soak__Packet request_of(const struct mixed_attempt *attempt, unsigned number) {
    Soak__Packet packet = SOAK__PACKET__INIT;
    packet.index = attempt->index;
    packet.upwards = attempt->caller->worker_id != 0;
    packet.number = number;
    packet.data = mixed_data(&attempt->plan, false, number);
    return packet;
}

static void cancel(struct mixed_attempt *attempt) {
    attempt->is_cancelled = true;
    int error = yoke_call_cancel(attempt->call);
    soak_check(error == 0 || error == -EALREADY, "cancelling gave %d", error);
}

/* ---- How calls end ----------------------------------------------------------------------------------------------- */

/* A right reply, or the last of them, is known to have come. */
static bool may_be_ok(const struct mixed_attempt *attempt) {
    const struct mixed_plan *plan = &attempt->plan;
    return (plan->act == ACT_ANSWER || plan->act == ACT_ANSWER_LATER) && attempt->received == plan->replies &&
           atomic_load(&slot_of(attempt)->handled) == 1;
}

static bool is_as_planned(const struct mixed_attempt *attempt, const struct yoke_status *status) {
    const struct mixed_plan *plan = &attempt->plan;
    switch (status->code) {
    case YOKE_OK:
        return may_be_ok(attempt);
    case YOKE_CANCELLED:
        return attempt->is_cancelled;
    case YOKE_DEADLINE_EXCEEDED:
        return plan->end == END_DEADLINE;
    case YOKE_UNAVAILABLE:
        /* The worker that was asked has been killed. A worker's master lives. */
        return atomic_load(&attempt->caller->book->killed[yoke_call_peer(attempt->call)->worker_id]) != 0;
    default:
        return (plan->act == ACT_FAIL || plan->act == ACT_FAIL_EARLY) && status->code == plan->code &&
               strcmp(status->message, MIXED_FAILURE) == 0;
    }
}

static void complete(struct mixed_attempt *attempt, const struct yoke_status *status) {
    struct mixed_caller *caller = attempt->caller;
    soak_check(is_as_planned(attempt, status),
               "call %" PRIu64 " of kind %d, act %d, end %d, ended with %s \"%s\" after %u requests and %u replies",
               attempt->index, (int)attempt->plan.kind, (int)attempt->plan.act, (int)attempt->plan.end,
               yoke_code_name(status->code), status->message, attempt->sent, attempt->received);
    soak_check(atomic_fetch_add(&slot_of(attempt)->completed, 1) == 0, "call %" PRIu64 " was completed again",
               attempt->index);
    atomic_fetch_add(&caller->direction->ends[attempt->plan.kind][status->code], 1);
    atomic_fetch_add(&caller->direction->completed, 1);
    atomic_fetch_sub(&caller->book->in_flight[caller->worker_id], 1);
    caller->in_flight--;
    if (caller->victim == attempt) {
        caller->victim = NULL;
    }
    if (caller->on_hold == attempt) {
        caller->on_hold = NULL;
    }
    free(attempt);
    if (caller->victim != NULL && !caller->victim->is_cancelled) {
        cancel(caller->victim);
    }
    make_calls(caller);
}

static void take_reply(struct mixed_attempt *attempt, const Soak__Packet *reply) {
    struct mixed_book *book = attempt->caller->book;
    soak_check(reply->index == attempt->index, "call %" PRIu64 " got a reply to %" PRIu64, attempt->index,
               reply->index);
    soak_check(attempt->received < attempt->plan.replies, "call %" PRIu64 " got too many replies", attempt->index);
    soak_check(!attempt->is_cancelled, "call %" PRIu64 " got a reply after it was cancelled", attempt->index);
    atomic_fetch_add(&book->bytes, mixed_check(&attempt->plan, true, attempt->received, reply));
    atomic_fetch_add(&book->messages, 1);
    attempt->received++;
}

static void on_reply(struct yoke_call *call, const struct yoke_status *status, const Soak__Packet *reply,
                     void *user_data) {
    (void)call;
    if (reply != NULL) {
        take_reply(user_data, reply);
    }
    complete(user_data, status);
}

static void on_message(struct yoke_call *call, const Soak__Packet *reply, void *user_data) {
    struct mixed_attempt *attempt = user_data;
    struct mixed_caller *caller = attempt->caller;
    take_reply(attempt, reply);
    if (attempt->received == 1 && attempt->plan.end == END_CANCEL_AT_MESSAGE) {
        cancel(attempt);
    } else if (attempt->received == 1 && attempt->plan.holds && caller->on_hold == NULL) {
        soak_check(yoke_call_hold(call) == 0, "a stream cannot be held");
        caller->on_hold = attempt;
    }
}

static void on_done(struct yoke_call *call, const struct yoke_status *status, void *user_data) {
    (void)call;
    complete(user_data, status);
}

/* ---- Sending streams --------------------------------------------------------------------------------------------- */

static int send_one(struct mixed_attempt *attempt) {
    const Soak__Packet packet = request_of(attempt, attempt->sent);
    return attempt->plan.kind == MIXED_UP ? soak_mixed_up_send(attempt->call, &packet)
                                          : soak_mixed_both_send(attempt->call, &packet);
}

static void send_requests(struct mixed_attempt *attempt) {
    int error = 0;
    while (attempt->sent < attempt->plan.requests && (error = send_one(attempt)) == 0) {
        attempt->sent++;
    }
    if (error == 0) {
        error = yoke_call_half_close(attempt->call);
    }
    soak_check(error == 0 || error == -EAGAIN || error == -ECANCELED, "sending request %u of call %" PRIu64 " gave %d",
               attempt->sent, attempt->index, error);
}

static void on_writable(struct yoke_call *call, void *user_data) {
    (void)call;
    send_requests(user_data);
}

/* ---- Making calls ------------------------------------------------------------------------------------------------ */

static int open_call(struct mixed_attempt *attempt) {
    struct yoke_channel *channel = attempt->caller->channel;
    const Soak__Packet request = request_of(attempt, 0);
    struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = attempt->plan.timeout_us};
    switch (attempt->plan.kind) {
    case MIXED_UNARY:
        options.ret_call = &attempt->call;
        return soak_mixed_unary(channel, &request, &options, on_reply, attempt);
    case MIXED_DOWN:
        options.ret_call = &attempt->call;
        return soak_mixed_down(channel, &request, &options, on_message, on_done, attempt);
    case MIXED_UP:
        return soak_mixed_up(channel, &options, on_reply, attempt, &attempt->call);
    default:
        return soak_mixed_both(channel, &options, on_message, on_done, attempt, &attempt->call);
    }
}

/* The call has been accepted. */
static void begin(struct mixed_attempt *attempt) {
    struct mixed_caller *caller = attempt->caller;
    struct mixed_slot *slot = slot_of(attempt);
    slot->worker_id = caller->worker_id;
    soak_check(atomic_fetch_add(&slot->accepted, 1) == 0, "call %" PRIu64 " was accepted again", attempt->index);
    caller->in_flight++;
    if (attempt->plan.end == END_CANCEL_AT_ONCE) {
        cancel(attempt);
        return;
    }
    if (attempt->plan.kind == MIXED_UP || attempt->plan.kind == MIXED_BOTH) {
        yoke_call_on_writable(attempt->call, on_writable, attempt);
        send_requests(attempt);
    }
    if (attempt->plan.end == END_CANCEL_SOON) {
        if (caller->victim != NULL && !caller->victim->is_cancelled) {
            cancel(caller->victim);
        }
        caller->victim = attempt;
    }
}

/* Take the index of the next call. False when there is none. It counts as in flight before anybody can see it taken. */
static bool take_index(struct mixed_caller *caller) {
    if (caller->has_index || atomic_load(&caller->book->truce)) {
        return caller->has_index;
    }
    atomic_fetch_add(&caller->book->in_flight[caller->worker_id], 1);
    caller->index = atomic_fetch_add(&caller->direction->next, 1);
    caller->has_index = caller->index < caller->direction->total;
    if (!caller->has_index) {
        atomic_fetch_sub(&caller->book->in_flight[caller->worker_id], 1);
    }
    return caller->has_index;
}

static bool make_call(struct mixed_caller *caller) {
    struct mixed_attempt *attempt = calloc(1, sizeof *attempt);
    if (attempt == NULL) {
        abort();
    }
    attempt->caller = caller;
    attempt->index = caller->index;
    attempt->plan = mixed_plan_of(caller->book->seed, caller->worker_id != 0, attempt->index);
    int error = open_call(attempt);
    if (error != 0) {
        soak_check(error == -ENOTCONN || error == -ENOBUFS, "call %" PRIu64 " cannot be made: %d", attempt->index,
                   error);
        atomic_fetch_add(&caller->direction->refused, 1);
        free(attempt);
        return false;
    }
    caller->has_index = false;
    begin(attempt);
    return true;
}

static void make_calls(struct mixed_caller *caller) {
    while (caller->in_flight < caller->depth && take_index(caller) && make_call(caller)) {
    }
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct mixed_caller *caller = timer->data;
    if (caller->victim != NULL && !caller->victim->is_cancelled) {
        cancel(caller->victim);
    }
    if (caller->on_hold != NULL) {
        struct mixed_attempt *attempt = caller->on_hold;
        caller->on_hold = NULL;
        yoke_call_resume(attempt->call);
    }
    make_calls(caller);
}

void mixed_caller_start(struct mixed_caller *caller, struct ev_loop *loop) {
    ev_timer_init(&caller->tick, on_tick, TICK_S, TICK_S);
    caller->tick.data = caller;
    ev_timer_start(loop, &caller->tick);
}

void mixed_caller_stop(struct mixed_caller *caller, struct ev_loop *loop) {
    ev_timer_stop(loop, &caller->tick);
    soak_check(caller->in_flight == 0 && !caller->has_index, "%u calls have not been completed", caller->in_flight);
}
