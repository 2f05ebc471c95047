/* run.c: see sim.h: one run: the steps that a seed chooses, and the end of it all. */
#include "sim.h"

#include "memory.h"
#include "rpc/cancel.h"

#include <string.h>

#define ROUNDS_MAX 20000

struct sim_world world;

/* ---- Steps ------------------------------------------------------------------------------------------------------ */

static struct sim_side *choose_side(void) {
    return &world.sides[sim_below(2)];
}

static void deliver(void) {
    uint32_t most = world.config.piece_max;
    size_t max = sim_chance(20) ? SIZE_MAX : 1 + sim_below(most < SIM_WIRE_SIZE ? most : SIM_WIRE_SIZE);
    struct sim_side *side = choose_side();
    sim_record(side->index, "reads", NULL, (int64_t)sim_deliver(side, max));
}

static void flush(void) {
    sim_flush(choose_side());
}

static void settle(void) {
    struct sim_side *side = choose_side();
    sim_record(side->index, "settles", NULL, 0);
    sim_side_settle(side);
}

/* By some time; or to a deadline, or to just before it. */
static void advance(void) {
    const struct yoke_call *first = yoke__deadlines_first(&choose_side()->engine.deadlines);
    if (first != NULL && first->deadline_ns > world.now_ns && sim_chance(30)) {
        world.now_ns = first->deadline_ns - sim_below(2);
    } else {
        world.now_ns += sim_chance(10) ? sim_below(20) * MS_NS : sim_below(2000000);
    }
}

/* As if much had been sent and received before, in one direction of a call. */
static void age_flow(const struct yoke_call *from, const struct yoke_call *to) {
    struct yoke__stream *sender = from->streaming, *receiver = to->streaming;
    if (sender == NULL || receiver == NULL || !from->is_mapped || !to->is_mapped || to->input_ended) {
        return;
    }
    size_t room = YOKE__CREDIT_INITIAL / 2 - 1 - receiver->consumed;
    size_t most = room < sender->send_credit ? room : sender->send_credit;
    size_t amount = most - (most > 0 ? sim_below(most < 4000 ? (uint32_t)most : 4000) : 0);
    sender->send_credit -= amount;
    receiver->receive_credit -= amount;
    receiver->consumed += amount;
    if (sender->outbox != NULL && !yoke__link_is_alone(&sender->sender) &&
        sender->send_credit <= YOKE__FRAME_HEADER_SIZE + YOKE__TOTAL_SIZE) {
        yoke__link_remove(&sender->sender);
    }
}

static void age(void) {
    if (!world.config.ages || world.call_count == 0) {
        return;
    }
    struct sim_call *call = &world.calls[sim_below(world.call_count)];
    if (call->client != NULL && call->server != NULL) {
        sim_record(call->side, "ages", call, 0);
        age_flow(call->client, call->server);
        age_flow(call->server, call->client);
    }
}

/* As a worker stops: first its patience with what is in flight begins, then it ends. */
static void go_away(struct sim_side *side) {
    if (side->connection.closed) {
        return;
    }
    if (!side->connection.going_away) {
        sim_record(side->index, "goes away", NULL, 0);
        yoke__connection_go_away(&side->connection);
    } else {
        sim_record(side->index, "gives up", NULL, 0);
        side->has_given_up = true;
        unsigned count = world.call_count;
        yoke__connection_give_up(&side->connection, "the process has given up");
        /* Those that hooks make meanwhile go on. */
        for (unsigned i = 0; i < count; i++) {
            const struct sim_call *call = &world.calls[i];
            bool is_ours = call->side == side->index && call->client != NULL;
            SIM_CHECK_CALL(call, !is_ours || call->client->connection == NULL);
        }
    }
}

static void cut(void) {
    struct sim_side *side = choose_side();
    if (!sim_chance(5)) {
        return;
    }
    switch (sim_below(4)) {
    case 0:
        sim_side_close(side, "the process is killed");
        sim_truncate(side, sim_below((uint32_t)(side->out.end - side->out.begin) + 1));
        break;
    case 1:
        sim_flush(side);
        sim_side_close(side, "the process exits");
        break;
    case 2:
        sim_side_shut_down(side);
        break;
    default:
        go_away(side);
        break;
    }
}

static void check_all(struct sim_states *states) {
    sim_attend();
    sim_check_side(&world.sides[0]);
    sim_check_side(&world.sides[1]);
    sim_check_pairs();
    if (states != NULL) {
        sim_states_note(states);
    }
}

static void step(struct sim_states *states) {
    static const struct {
        const char *name;
        void (*run)(void);
    } steps[] = {{"deliver", deliver}, {"flush", flush}, {"settle", settle},
                 {"advance", advance}, {"age", age},     {"cut", cut}};
    static const char *const acts[] = {"call", "send",   "half-close", "cancel", "reply", "answer",
                                       "hold", "resume", "hook",       "emit",   "add",   "ask"};
    const unsigned count = sizeof(steps) / sizeof(*steps);
    bool fails = sim_chance(world.config.memory_failures);
    if (fails) {
        world.memory_has_failed = true;
        memory_fail_once(sim_below(6));
    }
    unsigned choice = sim_pick(world.config.weights, SIM_ACT_COUNT + count);
    if (choice < SIM_ACT_COUNT) {
        world.step_name = acts[choice];
        sim_act(choose_side(), (enum sim_act)choice);
    } else {
        world.step_name = steps[choice - SIM_ACT_COUNT].name;
        steps[choice - SIM_ACT_COUNT].run();
    }
    if (fails) {
        (void)memory_fail_never();
    }
    check_all(states);
}

/* ---- The end ---------------------------------------------------------------------------------------------------- */

/* As two loops do until nothing happens any more. */
static void run_until_quiet(struct sim_states *states) {
    bool is_busy = true;
    for (unsigned round = 0; is_busy; round++) {
        SIM_CHECK(round < ROUNDS_MAX);
        is_busy = false;
        for (unsigned i = 0; i < 2; i++) {
            struct sim_side *side = &world.sides[i];
            is_busy |= yoke__calls_due_ns(&side->engine) <= world.now_ns;
            sim_side_settle(side);
            sim_flush(side);
            is_busy |= side->out.begin < side->out.end;
            check_all(NULL);
            is_busy |= sim_deliver(side, SIZE_MAX) > 0;
            check_all(NULL);
        }
    }
    if (states != NULL) {
        sim_states_note(states);
    }
}

static bool is_whole(void) {
    return !world.sides[0].has_lost && !world.sides[1].has_lost && !world.sides[0].ended && !world.sides[1].ended;
}

/* Everybody goes on until all that was begun has ended well. */
static void finish_all(struct sim_states *states) {
    world.step_name = "let all go on";
    for (unsigned i = 0; i < 2; i++) {
        /* Or calls that wait for the peer would wait for ever. */
        SIM_CHECK(world.sides[i].ended || yoke__connection_greet(&world.sides[i].connection) == 0);
    }
    sim_resume_all();
    run_until_quiet(states);
    if (is_whole()) {
        sim_check_quiet();
    }
    world.step_name = "let all end";
    for (unsigned i = 0; i < 2; i++) {
        sim_end_all();
        run_until_quiet(states);
    }
    if (is_whole()) {
        SIM_CHECK(yoke__connection_is_idle(&world.sides[0].connection));
        SIM_CHECK(yoke__connection_is_idle(&world.sides[1].connection));
        sim_check_over();
    }
}

static void close_all(void) {
    world.step_name = "close";
    unsigned first = sim_below(2);
    for (unsigned i = 0; i < 2; i++) {
        struct sim_side *side = &world.sides[first ^ i];
        if (sim_chance(10)) {
            side->muted = side->engine.is_mute = true;
        }
        sim_side_close(side, "the run is over");
        while (yoke__calls_due_ns(&side->engine) <= world.now_ns) {
            sim_side_settle(side);
        }
        sim_check_side(side);
        SIM_CHECK(side->connection.buffered_bytes == 0 && side->connection.outbox_bytes == 0);
        SIM_CHECK(side->connection.calls.count == 0 && side->engine.deadlines.count == 0);
        SIM_CHECK(yoke__link_is_alone(&side->channel.channel.waiting) && side->channel.channel.waiting_bytes == 0);
    }
    sim_check_pairs();
}

static void release_all(void) {
    world.step_name = "release";
    for (unsigned i = 0; i < world.call_count; i++) {
        if (sim_chance(50)) {
            sim_answer(&world.calls[i]);
        }
    }
    sim_side_release(&world.sides[0]);
    sim_side_release(&world.sides[1]);
    for (unsigned i = 0; i < world.call_count; i++) {
        sim_answer(&world.calls[i]);
    }
    sim_check_over();
}

static void start(uint64_t seed) {
    /* Not the buffers of the wire, which are large. */
    memset(world.calls, 0, sizeof(world.calls[0]) * world.call_count);
    world.call_count = world.step = world.callback_depth = 0;
    world.seed = seed;
    /* Seeds that are near each other shall not be alike. */
    world.random.state = (seed + 1) * UINT64_C(0xbf58476d1ce4e5b9);
    for (unsigned i = 0; i < 4; i++) {
        (void)random_next(&world.random);
    }
    world.now_ns = 3600 * 1000 * MS_NS;
    world.digest = seed;
    world.is_ending = world.memory_has_failed = false;
    world.current = NULL;
    world.step_name = "start";
    sim_choose_config();
    for (unsigned i = 0; i < 2; i++) {
        struct sim_side *side = &world.sides[i];
        side->out.begin = side->out.end = side->out.header_size = side->out.payload_left = 0;
        side->out.closed = side->out.broken = false;
        side->out.delivered = side->emitted = side->emitted_arrived = side->noticed = 0;
        side->has_lost = side->ended = side->muted = side->also_subscribed = side->has_given_up = false;
        memset(side->by_stream, 0, sizeof(side->by_stream));
        sim_side_init(i);
    }
}

uint64_t sim_run(uint64_t seed, struct sim_states *states) {
    size_t blocks = memory_live_blocks();
    start(seed);
    while (world.step++ < world.config.steps) {
        step(states);
    }
    world.is_ending = true;
    if (sim_chance(85)) {
        finish_all(states);
    }
    close_all();
    release_all();
    SIM_CHECK(memory_live_blocks() == blocks);
    return world.digest;
}
