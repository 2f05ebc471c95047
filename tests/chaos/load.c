/* load.c: see load.h. */
#include "load.h"

#include "run.h"

#include "chaos.yoke.h"

#include <errno.h>
#include <string.h>

#define TICK_S 0.005
#define BURST 4              /* calls of a pool in each tick, at most */
#define GENEROUS_US 90000000 /* within which every call that can end well has */
#define HURRIED_US_MAX 5000
#define DELAY_US_MAX 3000
#define STREAM_MAX 8
#define SMALL_BYTES 300
#define LARGE_BYTES 300000
#define LAST_CALLS 32

static uint8_t noise[LARGE_BYTES];

static struct run *run_of(const struct account_call *call);

/* ---- How calls end -------------------------------------------------------------------------------------------------- */

static struct load *load_of(const struct account_call *call) {
    return &run_of(call)->load;
}

static struct run *run_of(const struct account_call *call) {
    return (struct run *)((char *)call->accounts - offsetof(struct run, accounts));
}

static bool is_answer_to(const struct account_call *call, const Chaos__Answer *answer) {
    return chaos_check(answer->slot == call->slot && answer->serial == call->serial,
                       "call %u/%u got the answer to %u/%u", call->slot, call->serial, answer->slot, answer->serial);
}

static void compare_place(struct load *load, const struct account_call *call, unsigned place) {
    if (pools_kinds[call->pool].route != YOKE_ROUTE_STICKY || !load->is_sticky || !call->is_calm || call->key == 0 ||
        call->is_broadcast) {
        return;
    }
    unsigned *known = &load->places[call->key % LOAD_KEYS];
    chaos_check(*known == 0 || *known == place + 1, "key %u went to place %u, and now to place %u", (unsigned)call->key,
                *known - 1, place);
    *known = place + 1;
    load->compared++;
}

static void on_answer(struct yoke_call *yoke, const struct yoke_status *status, const Chaos__Answer *answer,
                      void *user_data) {
    struct account_call *call = user_data;
    chaos_check((status->code == YOKE_OK) == (answer != NULL), "an answer with %s", yoke_code_name(status->code));
    if (answer != NULL && is_answer_to(call, answer)) {
        compare_place(load_of(call), call, answer->place);
        call->received = call->method == METHOD_SUM ? answer->number : call->received;
    }
    account_complete(call, yoke, status);
}

static void on_message(struct yoke_call *yoke, const Chaos__Answer *answer, void *user_data) {
    (void)yoke;
    struct account_call *call = user_data;
    if (is_answer_to(call, answer)) {
        chaos_check(answer->number == call->received, "reply %u of call %u came as %u", answer->number, call->slot,
                    call->received);
        call->received++;
    }
}

static void on_done(struct yoke_call *yoke, const struct yoke_status *status, void *user_data) {
    account_complete(user_data, yoke, status);
}

/* ---- Making calls --------------------------------------------------------------------------------------------------- */

static bool chance(struct load *load, unsigned per_mille) {
    return chaos_below(&load->random, 1000) < per_mille;
}

static Chaos__Question question_of(struct load *load, const struct account_call *call) {
    Chaos__Question question = CHAOS__QUESTION__INIT;
    question.slot = call->slot;
    question.serial = call->serial;
    question.key = call->key;
    question.replies = call->replies;
    question.delay_us = chance(load, 300) ? chaos_below(&load->random, DELAY_US_MAX) : 0;
    question.ask_home = chance(load, 100);
    question.reply_bytes = chaos_below(&load->random, chance(load, 3) ? LARGE_BYTES : SMALL_BYTES);
    uint32_t size = chaos_below(&load->random, chance(load, 3) ? LARGE_BYTES : SMALL_BYTES);
    question.data = (ProtobufCBinaryData){.len = size, .data = noise};
    return question;
}

/* What is taken of the rest of a stream of requests. */
static void send_requests(struct account_call *call, Chaos__Question *question) {
    int error = 0;
    for (; error == 0 && call->sent < call->requests; call->sent += error == 0) {
        question->number = call->sent;
        error = call->method == METHOD_SUM ? chaos_work_sum_send(call->call, question)
                                           : chaos_work_chat_send(call->call, question);
    }
    if (error == 0) {
        error = yoke_call_half_close(call->call);
    }
    chaos_check(error == 0 || error == -EAGAIN || error == -ECANCELED, "sending a stream gave %d", error);
}

static void on_writable(struct yoke_call *yoke, void *user_data) {
    (void)yoke;
    struct account_call *call = user_data;
    Chaos__Question question = CHAOS__QUESTION__INIT;
    question.slot = call->slot;
    question.serial = call->serial;
    send_requests(call, &question);
}

static int open_call(struct account_call *call, struct yoke_channel *channel, struct yoke_call_options *options,
                     const Chaos__Question *question) {
    options->ret_call = &call->call;
    switch (call->method) {
    case METHOD_ASK:
        return chaos_work_ask(channel, question, options, on_answer, call);
    case METHOD_LOOK:
        return chaos_work_look(channel, question, options, on_answer, call);
    case METHOD_ADD:
        return chaos_work_add(channel, question, options, on_answer, call);
    case METHOD_COUNT:
        return chaos_work_count(channel, question, options, on_message, on_done, call);
    case METHOD_FOLLOW:
        return chaos_work_follow(channel, question, options, on_message, on_done, call);
    case METHOD_SUM:
        return chaos_work_sum(channel, options, on_answer, call, &call->call);
    default:
        return chaos_work_chat(channel, options, on_message, on_done, call, &call->call);
    }
}

static enum account_method draw_method(struct load *load, unsigned pool) {
    static const struct {
        enum account_method method;
        unsigned percent;
    } shares[] = {{METHOD_ASK, 40},   {METHOD_LOOK, 12}, {METHOD_ADD, 28}, {METHOD_COUNT, 6},
                  {METHOD_FOLLOW, 6}, {METHOD_SUM, 4},   {METHOD_CHAT, 4}};
    if (pools_kinds[pool].ends) {
        /* Others have to succeed, and here there may be nobody left. */
        return METHOD_ADD;
    }
    unsigned percent = chaos_below(&load->random, 100);
    size_t i = 0;
    while (percent >= shares[i].percent) {
        percent -= shares[i++].percent;
    }
    return shares[i].method;
}

static void shape(struct load *load, struct account_call *call) {
    call->is_calm = load->run->phase == PHASE_CALM;
    call->is_hurried = chance(load, 30);
    bool sends = call->method == METHOD_SUM || call->method == METHOD_CHAT;
    call->key = !sends && chance(load, 900) ? 1 + chaos_below(&load->random, LOAD_KEYS - 1) : 0;
    bool gets = call->method == METHOD_COUNT || call->method == METHOD_FOLLOW;
    call->requests = sends ? 1 + chaos_below(&load->random, STREAM_MAX) : 0;
    call->replies = sends ? call->requests : gets ? chaos_below(&load->random, STREAM_MAX) : 0;
}

static void cancel(struct account_call *call) {
    call->is_cancelled = true;
    int error = yoke_call_cancel(call->call);
    chaos_check(error == 0, "cancelling gave %d", error);
}

static void maybe_cancel(struct load *load, struct account_call *call) {
    if (chance(load, 10)) {
        cancel(call);
    } else if (chance(load, 30) && load->victim_count < LOAD_VICTIMS) {
        load->victims[load->victim_count++] = (struct load_victim){call, call->serial};
    }
}

/* False: there is no use in trying again now. */
static bool make_call(struct load *load, unsigned pool) {
    struct account_call *call = account_open(&load->run->accounts, draw_method(load, pool), pool);
    if (call == NULL) {
        return false;
    }
    shape(load, call);
    struct yoke_call_options options = {
        YOKE_CALL_OPTIONS_INIT,
        .timeout_us = call->is_hurried ? 1 + chaos_below(&load->random, HURRIED_US_MAX) : GENEROUS_US,
        .wait_for_ready = call->method == METHOD_ASK || call->method == METHOD_LOOK || call->method == METHOD_FOLLOW,
    };
    Chaos__Question question = question_of(load, call);
    int error = open_call(call, yoke_pool_channel(load->run->pools[pool]), &options, &question);
    if (error != 0) {
        bool is_alone = error == -ENOTCONN && !options.wait_for_ready && (!call->is_calm || pools_kinds[pool].ends);
        chaos_check(is_alone, "%s%s in pool %u cannot be made: %d", call->is_calm ? "in a calm, " : "",
                    account_method_name(call->method), pool, error);
        account_refuse(call);
        return false;
    }
    if (call->requests > 0) {
        yoke_call_on_writable(call->call, on_writable, call);
        send_requests(call, &question);
    }
    maybe_cancel(load, call);
    return true;
}

bool load_order(struct load *load, unsigned pool, struct yoke_child *child, enum chaos_act act, uint32_t amount) {
    struct account_call *call = account_open(&load->run->accounts, METHOD_OBEY, pool);
    if (call == NULL) {
        return false;
    }
    /* It may wait for long behind others, in a queue or in a worker that is hung. */
    call->is_hurried = true;
    call->is_pointed = true;
    const struct yoke_call_options options = {
        YOKE_CALL_OPTIONS_INIT,
        .timeout_us = GENEROUS_US,
        .ret_call = &call->call,
        .handler_timeout_us = pools_kinds[pool].has_heartbeat ? 0 : POOLS_HANDLER_US,
    };
    Chaos__Order order = CHAOS__ORDER__INIT;
    order.slot = call->slot;
    order.serial = call->serial;
    order.act = act;
    order.amount = amount;
    int error = chaos_work_obey(yoke_child_channel(child), &order, &options, on_answer, call);
    chaos_check(error == 0 || error == -ENOTCONN, "an order gave %d", error);
    if (error != 0) {
        account_refuse(call);
    }
    return error == 0;
}

bool load_broadcast(struct load *load, unsigned pool) {
    struct account_call *call = account_open(&load->run->accounts, METHOD_LOOK, pool);
    if (call == NULL) {
        return false;
    }
    call->is_broadcast = true;
    call->is_calm = load->run->phase == PHASE_CALM && !pools_kinds[pool].ends;
    const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .timeout_us = GENEROUS_US};
    const Chaos__Question question = question_of(load, call);
    struct yoke_pool *yoke = load->run->pools[pool];
    int count = yoke_channel_call_all(yoke_pool_channel(yoke), &chaos_work_look_method, &question, &options,
                                      (yoke_function *)on_answer, call);
    if (count <= 0) {
        chaos_check(!call->is_calm && (count == 0 || count == -ENOTCONN), "a broadcast gave %d", count);
        account_refuse(call);
        return false;
    }
    chaos_check(count == (int)yoke_pool_size(yoke), "a broadcast to %u places gave %d", yoke_pool_size(yoke), count);
    call->expected = (uint32_t)count;
    return true;
}

void load_last_calls(struct load *load, unsigned pool) {
    struct yoke_pool *yoke = load->run->pools[pool];
    for (unsigned i = 0; i < LAST_CALLS && yoke_pool_ready(yoke) > 0; i++) {
        struct account_call *call = account_open(&load->run->accounts, METHOD_ADD, pool);
        if (call == NULL) {
            return;
        }
        call->is_calm = true;
        const struct yoke_call_options options = {YOKE_CALL_OPTIONS_INIT, .ret_call = &call->call};
        const Chaos__Question question = question_of(load, call);
        int error = chaos_work_add(yoke_pool_channel(yoke), &question, &options, on_answer, call);
        if (!chaos_check(error == 0, "one of the last calls gave %d", error)) {
            account_refuse(call);
        }
    }
}

/* ---- Pace ----------------------------------------------------------------------------------------------------------- */

static void cancel_victims(struct load *load) {
    for (unsigned i = 0; i < load->victim_count; i++) {
        struct load_victim *victim = &load->victims[i];
        if (victim->call->serial == victim->serial && victim->call->state == ACCOUNT_OPEN) {
            cancel(victim->call);
        }
    }
    load->victim_count = 0;
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    struct load *load = timer->data;
    cancel_victims(load);
    for (unsigned pool = 0; pool < CHAOS_POOLS && !load->is_off; pool++) {
        unsigned burst = BURST;
        while (burst-- > 0 && load->run->accounts.in_flight_of[pool] < pools_kinds[pool].depth &&
               make_call(load, pool)) {
        }
    }
}

void load_start(struct load *load, struct run *run, uint64_t seed) {
    *load = (struct load){.run = run, .random = seed};
    ev_timer_init(&load->tick, on_tick, TICK_S, TICK_S);
    load->tick.data = load;
    ev_timer_start(run->loop, &load->tick);
}

void load_stop(struct load *load) {
    cancel_victims(load);
    ev_timer_stop(load->run->loop, &load->tick);
}

void load_expect_sticky(struct load *load, bool is_sticky) {
    load->is_sticky = is_sticky;
    memset(load->places, 0, sizeof load->places);
}
