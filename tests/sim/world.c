/* world.c: see sim.h: the two sides: their machines, and what the owner of each does as a master or a worker does. */
#include "sim.h"

#include "rpc/cancel.h"

#include <string.h>

/* More than this waiting is flushed at once, as a socket does. */
#define EARLY_FLUSH_BYTES (64u * 1024u)

static uint64_t now_ns(void) {
    return world.now_ns;
}

static struct sim_side *side_of(struct yoke__connection *connection) {
    return YOKE__CONTAINER(connection, struct sim_side, connection);
}

static void on_attention(struct yoke__connection *connection) {
    struct sim_side *side = side_of(connection);
    if (world.config.early_flush && connection->output.queued >= EARLY_FLUSH_BYTES) {
        sim_flush(side);
    }
}

static void on_ready(struct yoke__connection *connection) {
    struct sim_side *side = side_of(connection);
    sim_record(side->index, "ready", NULL, 0);
    sim_side_attend_channel(side);
}

static void on_leaving(struct yoke__connection *connection) {
    struct sim_side *side = side_of(connection);
    sim_record(side->index, "is left", NULL, 0);
    side->channel.channel.expects_peer = false;
    sim_side_attend_channel(side);
}

/* Ids of calls that are about to run out, sometimes, so that they wrap around. */
static uint32_t choose_first_stream(unsigned index) {
    uint32_t first = index == 0 ? 1 : 2;
    return sim_chance(10) ? (uint32_t)(first - 2 * sim_below(20)) : first;
}

void sim_side_init(unsigned index) {
    static const struct yoke__connection_hooks hooks = {
        .attention = on_attention, .ready = on_ready, .leaving = on_leaving};
    struct sim_side *side = &world.sides[index];
    const struct yoke_peer peers[] = {{.worker_id = 7, .pid = 1007}, {.worker_id = 0, .pid = 1000}};
    side->index = index;
    SIM_CHECK(yoke__engine_init(&side->engine, &world.config.limits[index], NULL, NULL) == 0);
    side->engine.clock_ns = side->engine.rough_clock_ns = now_ns;
    yoke__events_init(&side->events, &side->engine);
    memset(&side->server, 0, sizeof(side->server));
    sim_serve(side);
    sim_subscribe(side);
    yoke__single_channel_init(&side->channel, &side->engine);
    if (world.config.intercepts[index]) {
        sim_intercept(side);
    }
    yoke__connection_init(&side->connection, &side->engine, &side->server, &side->events, &peers[index], index == 0,
                          &hooks);
    if (world.config.shared_min_bytes[index] != 0) {
        side->engine.shared_min_bytes = world.config.shared_min_bytes[index];
        yoke__connection_allow_sharing(&side->connection);
    }
    side->channel.connection = &side->connection;
    if (world.config.keeps[index]) {
        side->channel.channel.is_routed = true;
        side->channel.channel.retry = (struct yoke__retry){.max_attempts = 3,
                                                           .max_request_bytes = 1u << 20,
                                                           .budget_percent = 10,
                                                           .pause_ns = MS_NS,
                                                           .max_pause_ns = MS_NS};
        yoke__retry_init(&side->channel.channel.retry, 1);
    }
    side->first_stream = side->connection.next_stream = choose_first_stream(index);
    if (sim_chance(50)) {
        SIM_CHECK(yoke__connection_greet(&side->connection) == 0);
    }
}

struct sim_call *sim_find_call(uint32_t stream) {
    const struct sim_side *side = &world.sides[(stream & 1) == 1 ? 0 : 1];
    uint32_t at = (stream - side->first_stream) / 2;
    return at < sizeof(side->by_stream) / sizeof(*side->by_stream) ? side->by_stream[at] : NULL;
}

/* ---- Callbacks -------------------------------------------------------------------------------------------------- */

void sim_enter_callback(struct sim_side *side) {
    SIM_CHECK(!world.is_calling && !side->muted);
    SIM_CHECK(side->engine.callback_depth > 0);
    world.callback_depth++;
    world.callbacks++;
}

void sim_leave_callback(struct sim_side *side, struct sim_call *call) {
    while (!world.is_ending && sim_chance(world.config.mischief)) {
        enum sim_act act = (enum sim_act)sim_pick(world.config.weights, SIM_ACT_COUNT);
        if (call != NULL && sim_chance(60)) {
            sim_act_on(side, call, act);
        } else {
            sim_act(side, act);
        }
    }
    world.callback_depth--;
}

/* ---- What the owners do ----------------------------------------------------------------------------------------- */

void sim_side_settle(struct sim_side *side) {
    bool was_due = yoke__calls_due_ns(&side->engine) <= world.now_ns;
    bool has_run = yoke__calls_settle(&side->engine);
    SIM_CHECK(has_run == was_due);
    const struct yoke_call *first = yoke__deadlines_first(&side->engine.deadlines);
    SIM_CHECK(first == NULL || first->deadline_ns > world.now_ns);
}

/* Which calls of ours must be over afterwards. */
static void check_calls_over(const struct sim_side *side) {
    SIM_CHECK(side->connection.outgoing_count == 0);
    for (unsigned i = 0; i < world.call_count; i++) {
        const struct sim_call *call = &world.calls[i];
        bool is_open = call->side == side->index && call->accepted && !call->done && !side->muted;
        SIM_CHECK_CALL(call, !is_open || call->client->connection == NULL);
    }
}

void sim_side_attend_channel(struct sim_side *side) {
    yoke__channel_attend(&side->channel.channel);
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *call = &world.calls[i];
        if (call->side == side->index && call->client != NULL && call->client->stream != 0 && call->stream == 0) {
            call->stream = call->client->stream;
            sim_expect_stream(side, call, call->stream);
            /* It is told of its chance. */
            call->up.waits = sim_streams_up(call) && !call->up.ended;
        }
    }
}

/* Nobody is there any more, nor will be. */
static void withdraw(struct sim_side *side) {
    side->channel.connection = NULL;
    side->channel.channel.expects_peer = false;
    sim_side_attend_channel(side);
    SIM_CHECK(yoke__link_is_alone(&side->channel.channel.waiting));
}

static void begin_end(struct sim_side *side, const char *message) {
    sim_record(side->index, message, NULL, 0);
    if (!side->ended) {
        side->ended = true;
        side->end_message = message;
    }
    withdraw(side);
}

void sim_side_end_input(struct sim_side *side, const char *message) {
    if (!side->ended) {
        begin_end(side, message);
        yoke__connection_end_input(&side->connection, message);
        check_calls_over(side);
    }
}

void sim_side_close(struct sim_side *side, const char *message) {
    if (side->connection.closed) {
        return;
    }
    begin_end(side, message);
    side->out.closed = true;
    struct sim_wire *in = &world.sides[1 - side->index].out;
    in->broken = true;
    sim_drop_descriptors(in, 0);
    in->begin = in->end = 0;
    yoke__connection_close(&side->connection, message);
    check_calls_over(side);
    SIM_CHECK(yoke__connection_is_idle(&side->connection));
}

/* As a master stops a worker: it has nothing more to say, and says so. */
void sim_side_shut_down(struct sim_side *side) {
    if (!side->ended && yoke__connection_is_idle(&side->connection)) {
        sim_record(side->index, "shuts down", NULL, 0);
        withdraw(side);
        side->connection.unreachable = true;
        side->has_lost = true;
        side->out.closed = true;
    }
}

static void attend(struct sim_side *side) {
    if (side->connection.closed) {
        return;
    }
    if (side->connection.failure[0] != '\0') {
        sim_record(side->index, "fails", NULL, 0);
        sim_check_failure(side);
        sim_side_close(side, "the connection has failed");
    } else if (side->connection.unreachable && !side->has_lost) {
        side->has_lost = true;
        withdraw(side);
        if (side->index == 1) {
            /* A worker that finds the master gone does not wait for the end of what it sent. */
            sim_side_end_input(side, "the peer cannot be reached");
        }
    }
}

void sim_attend(void) {
    attend(&world.sides[0]);
    attend(&world.sides[1]);
}

void sim_side_release(struct sim_side *side) {
    sim_drop_descriptors(&side->out, 0);
    yoke__connection_release(&side->connection);
    yoke__events_release(&side->events);
    yoke__server_release(&side->server);
    yoke__engine_release(&side->engine);
}
