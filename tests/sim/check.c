/*
 * check.c: see sim.h: what holds between any two steps: counters are what a walk over the structures says, credit is
 * what was not used, whoever waits for something is on the list of it.
 */
#include "sim.h"

#include "memory.h"
#include "rpc/lend.h"

/* What a walk over one side sums up. */
struct sums {
    size_t outgoing, incoming, mapped, timed, outbox_bytes, buffered_bytes, senders, waiters;
};

static size_t length_of(const struct yoke__link *list) {
    size_t count = 0;
    for (const struct yoke__link *at = list->next; at != list; at = at->next) {
        SIM_CHECK(at->next->previous == at);
        count++;
    }
    return count;
}

static bool is_linked(const struct yoke__link *link) {
    return !yoke__link_is_alone(link);
}

/* ---- One stream ------------------------------------------------------------------------------------------------- */

static void check_sending(const struct sim_call *call, const struct yoke__stream *stream, const struct sim_flow *flow) {
    const struct yoke_call *handle = stream->call;
    const struct yoke__chunk *outbox = stream->outbox;
    bool has_credit = stream->send_credit > YOKE__FRAME_HEADER_SIZE + YOKE__TOTAL_SIZE;
    SIM_CHECK_CALL(call, stream->send_credit <= YOKE__CREDIT_INITIAL);
    SIM_CHECK_CALL(call, !is_linked(&stream->sender) || outbox != NULL);
    SIM_CHECK_CALL(call, outbox == NULL || !has_credit || is_linked(&stream->sender));
    SIM_CHECK_CALL(call, outbox == NULL || outbox->begin < outbox->end);
    SIM_CHECK_CALL(call, stream->wants_writable == flow->waits);
    bool can_go_on = stream->wants_writable && outbox == NULL && has_credit && !stream->send_ended && handle->is_mapped;
    SIM_CHECK_CALL(call, !can_go_on || is_linked(&stream->wakeup) || is_linked(&stream->waiter));
    SIM_CHECK_CALL(call, !handle->answered || !handle->is_mapped || outbox != NULL);
}

static void check_receiving(const struct sim_call *call, const struct yoke__stream *stream,
                            const struct sim_flow *flow) {
    const struct yoke_call *handle = stream->call;
    bool takes_one = handle->is_client ? !yoke__replies_stream(handle->method) : !yoke__requests_stream(handle->method);
    size_t kept = stream->inbox.queued + (stream->inbox_only != NULL ? stream->inbox_only->end : 0) +
                  (stream->inbox_part != NULL ? stream->inbox_part_total : 0);
    SIM_CHECK_CALL(call, stream->buffered == kept);
    SIM_CHECK_CALL(call, stream->receive_credit + stream->consumed + stream->inbox_part_cost <= YOKE__CREDIT_INITIAL);
    SIM_CHECK_CALL(call, handle->input_ended || stream->consumed < YOKE__CREDIT_INITIAL / 2 || !handle->is_mapped);
    SIM_CHECK_CALL(call, stream->held == flow->held);
    if (!takes_one && !handle->answered) {
        SIM_CHECK_CALL(call, stream->inbox_count == flow->arrived - flow->received);
        SIM_CHECK_CALL(call, stream->inbox_count == 0 || stream->held || is_linked(&stream->wakeup));
    }
    SIM_CHECK_CALL(call, !handle->is_client || !stream->has_status || stream->inbox_count > 0);
}

/* ---- Buffers ---------------------------------------------------------------------------------------------------- */

static void check_buffers(const struct sim_side *side) {
    const struct yoke__borrowed *borrowed = &side->connection.borrowed;
    size_t total = 0;
    for (unsigned i = 0; i < YOKE__BUFFERS_MAX; i++) {
        const struct yoke__loan *loan = borrowed->loans[i];
        total += loan != NULL ? loan->size : 0;
        /* What a master reads is a copy. */
        SIM_CHECK(loan == NULL || side->index == 1 || loan->references == 0 || side->connection.is_receiving);
    }
    SIM_CHECK(total == borrowed->total && total <= borrowed->limit);
    SIM_CHECK(yoke__lend_total(&side->connection) <= borrowed->limit);
}

/* ---- One call at one side --------------------------------------------------------------------------------------- */

static void add_call(struct sums *sums, const struct yoke_call *handle) {
    const struct yoke__stream *stream = handle->streaming;
    sums->mapped += handle->is_mapped;
    sums->timed += handle->is_timed;
    sums->buffered_bytes += handle->held_bytes;
    if (stream != NULL) {
        sums->outbox_bytes += stream->outbox != NULL ? stream->outbox->end : 0;
        sums->buffered_bytes += stream->buffered;
        sums->senders += is_linked(&stream->sender);
        sums->waiters += is_linked(&stream->waiter);
    }
}

/* A cancelled stream has nothing that counts. */
static void check_void(const struct sim_call *call, const struct yoke_call *handle) {
    const struct yoke__stream *stream = handle->streaming;
    SIM_CHECK_CALL(call, !handle->is_mapped && !handle->is_timed);
    SIM_CHECK_CALL(call, stream == NULL || (stream->outbox == NULL && stream->inbox_part == NULL &&
                                            stream->inbox.queued == 0 && stream->buffered == 0));
}

static void check_client(const struct yoke_call *handle) {
    const struct sim_call *call = handle->user_data;
    SIM_CHECK_CALL(call, call->client == handle && call->accepted && !call->done && handle->stream == call->stream);
    SIM_CHECK_CALL(call, call->must == SIM_NO_CODE && handle->in_handler == 0);
    SIM_CHECK_CALL(call, handle->is_timed == (handle->is_mapped && handle->deadline_ns != 0));
    SIM_CHECK_CALL(call, !call->down.end_arrived || !handle->is_mapped);
    SIM_CHECK_CALL(call, handle->is_mapped || (handle->streaming != NULL && handle->streaming->has_status));
    if (handle->streaming != NULL) {
        check_sending(call, handle->streaming, &call->up);
        check_receiving(call, handle->streaming, &call->down);
    }
}

static void check_server(const struct yoke_call *handle) {
    const struct sim_call *call = sim_find_call(handle->stream);
    SIM_CHECK_CALL(call, call->open_arrived && handle->in_handler == 0 && !handle->retired);
    SIM_CHECK_CALL(call, handle->dispatched == call->dispatched && handle->answered == call->answered);
    SIM_CHECK_CALL(call, !handle->dispatched || handle->answered || call->server == handle);
    if (handle->cancelled) {
        SIM_CHECK_CALL(call, handle->dispatched && !handle->answered);
        check_void(call, handle);
        return;
    }
    SIM_CHECK_CALL(call, handle->is_mapped && !call->cancel_arrived);
    SIM_CHECK_CALL(call, handle->is_timed == (handle->deadline_ns != 0));
    SIM_CHECK_CALL(call, handle->input_ended == call->up.end_arrived || handle->answered);
    if (handle->streaming != NULL) {
        check_sending(call, handle->streaming, &call->down);
        check_receiving(call, handle->streaming, &call->up);
    }
}

/* ---- One side --------------------------------------------------------------------------------------------------- */

static void walk(struct sums *sums, const struct yoke__link *list, void (*check)(const struct yoke_call *)) {
    for (const struct yoke__link *at = list->next; at != list; at = at->next) {
        const struct yoke_call *handle = YOKE__CONTAINER(at, struct yoke_call, link);
        check(handle);
        add_call(sums, handle);
    }
}

/* Calls that wait for a peer. */
static void check_waiting(const struct yoke_channel *channel, struct sums *sums) {
    size_t bytes = 0;
    for (const struct yoke__link *at = channel->waiting.next; at != &channel->waiting; at = at->next) {
        const struct yoke_call *handle = YOKE__CONTAINER(at, struct yoke_call, link);
        const struct sim_call *call = handle->user_data;
        SIM_CHECK_CALL(call, call->client == handle && call->has_waited && call->stream == 0);
        SIM_CHECK_CALL(call,
                       handle->connection == NULL && handle->draft->channel == channel && handle->draft->is_waiting);
        SIM_CHECK_CALL(call, handle->is_timed == (handle->deadline_ns != 0) && handle->safe_to_retry == false);
        sums->timed += handle->is_timed;
        bytes += handle->draft->cost;
    }
    SIM_CHECK(channel->waiting_bytes == bytes);
}

static void check_engine(const struct yoke__engine *engine, const struct sums *sums) {
    SIM_CHECK(engine->callback_depth == 0 && engine->current_call == NULL);
    SIM_CHECK(engine->deadlines.count == sums->timed);
    for (const struct yoke_call *handle = engine->deadlines.first; handle != NULL; handle = handle->later) {
        SIM_CHECK(handle->is_timed && (handle->later == NULL || handle->deadline_ns <= handle->later->deadline_ns));
    }
    for (size_t i = 0; i < engine->deadlines.heap_count; i++) {
        const struct yoke_call *handle = engine->deadlines.heap[i];
        SIM_CHECK(handle->is_timed && handle->deadline_index == i);
        SIM_CHECK(engine->deadlines.heap[(i - (i > 0)) / 2]->deadline_ns <= handle->deadline_ns);
    }
    for (const struct yoke__link *at = engine->wakeups.next; at != &engine->wakeups; at = at->next) {
        const struct yoke__stream *stream = YOKE__CONTAINER(at, struct yoke__stream, wakeup);
        SIM_CHECK(stream->call->streaming == stream);
    }
    for (const struct yoke__link *at = engine->settled.next; at != &engine->settled; at = at->next) {
        const struct yoke_call *handle = YOKE__CONTAINER(at, struct yoke_call, link);
        const struct sim_call *call = handle->user_data;
        SIM_CHECK_CALL(call, call->client == handle && !call->done && handle->connection == NULL);
    }
}

static void check_input(const struct sim_side *side) {
    const struct yoke__connection *connection = &side->connection;
    const struct yoke__chunk *input = connection->input;
    size_t unparsed = input != NULL ? input->end - input->begin : 0;
    SIM_CHECK(!connection->is_receiving && !connection->is_pumping);
    SIM_CHECK(connection->failure[0] != '\0' ||
              connection->input_offset + unparsed == world.sides[1 - side->index].out.delivered);
}

void sim_check_side(struct sim_side *side) {
    const struct yoke__connection *connection = &side->connection;
    struct sums sums = {0};
    walk(&sums, &connection->outgoing, check_client);
    sums.outgoing = length_of(&connection->outgoing);
    walk(&sums, &connection->incoming, check_server);
    sums.incoming = length_of(&connection->incoming);
    check_waiting(&side->channel.channel, &sums);
    SIM_CHECK(connection->outgoing_count == sums.outgoing && connection->incoming_count == sums.incoming);
    SIM_CHECK(connection->calls.count == sums.mapped);
    check_buffers(side);
    SIM_CHECK(connection->outbox_bytes == sums.outbox_bytes);
    SIM_CHECK(connection->buffered_bytes == sums.buffered_bytes);
    SIM_CHECK(length_of(&connection->senders) == sums.senders && length_of(&connection->waiters) == sums.waiters);
    SIM_CHECK(connection->incoming_count <= side->engine.limits.max_incoming_calls);
    check_engine(&side->engine, &sums);
    check_input(side);
}

/* ---- Both sides of a call --------------------------------------------------------------------------------------- */

static void check_credit(const struct sim_call *call, const struct yoke_call *from, const struct yoke_call *to) {
    if (from->streaming != NULL && to->streaming != NULL && from->is_mapped && to->is_mapped) {
        SIM_CHECK_CALL(call, from->streaming->send_credit <= to->streaming->receive_credit);
    }
}

/* A handler's call that is cancelled: for a reason, with its handler told, and all that was part of it, too. */
static void check_revoked(struct sim_call *call) {
    if (!yoke_call_is_cancelled(call->server)) {
        SIM_CHECK_CALL(call, !call->cancel_arrived && call->told == 0);
        return;
    }
    sim_check_cancelled(call);
    SIM_CHECK_CALL(call, !call->hooked || call->told == 1 || world.sides[sim_server_side(call)].muted);
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *child = &world.calls[i];
        SIM_CHECK_CALL(child, child->parent != call || child->client == NULL ||
                                  (child->client->connection == NULL && !yoke__call_is_waiting(child->client)));
    }
}

void sim_check_pairs(void) {
    for (unsigned i = 0; i < world.call_count; i++) {
        struct sim_call *call = &world.calls[i];
        if (call->server != NULL) {
            check_revoked(call);
        }
        if (call->server != NULL && call->client != NULL) {
            check_credit(call, call->client, call->server);
            check_credit(call, call->server, call->client);
        }
    }
}

/* The credit of one direction of a call when nothing is under way. */
static void check_quiet_credit(const struct sim_call *call, const struct yoke_call *from, const struct yoke_call *to) {
    const struct yoke__stream *sender = from->streaming, *receiver = to->streaming;
    SIM_CHECK_CALL(call, sender == NULL || sender->outbox == NULL);
    if (sender == NULL || receiver == NULL || to->input_ended) {
        return;
    }
    SIM_CHECK_CALL(call, sender->send_credit == receiver->receive_credit);
    SIM_CHECK_CALL(call, receiver->receive_credit + receiver->consumed == YOKE__CREDIT_INITIAL);
}

void sim_check_quiet(void) {
    for (unsigned i = 0; i < world.call_count; i++) {
        const struct sim_call *call = &world.calls[i];
        bool is_live = call->client != NULL && call->server != NULL;
        SIM_CHECK_CALL(call, call->client == NULL || !call->answered || call->answer_result != 0);
        SIM_CHECK_CALL(call, call->client == NULL || call->kind != SIM_PING);
        if (!is_live) {
            continue;
        }
        SIM_CHECK_CALL(call, call->client->is_mapped && call->server->is_mapped);
        SIM_CHECK_CALL(call, (!call->up.waits || call->up.ended) && !call->down.waits);
        SIM_CHECK_CALL(call, call->up.received == call->up.sent && call->down.received == call->down.sent);
        SIM_CHECK_CALL(call, call->up.ended == call->up.end_received);
        check_quiet_credit(call, call->client, call->server);
        check_quiet_credit(call, call->server, call->client);
    }
    for (unsigned i = 0; i < 2; i++) {
        SIM_CHECK(world.sides[i].noticed == world.sides[i].emitted || world.memory_has_failed);
        SIM_CHECK(world.sides[i].connection.output.queued == 0);
    }
}

/* ---- At the end ------------------------------------------------------------------------------------------------- */

void sim_check_over(void) {
    for (unsigned i = 0; i < world.call_count; i++) {
        const struct sim_call *call = &world.calls[i];
        SIM_CHECK_CALL(call, call->done == call->accepted || world.sides[call->side].muted);
        SIM_CHECK_CALL(call, call->server == NULL && (!call->dispatched || call->answered));
        SIM_CHECK_CALL(call, call->started[0] == call->finished[0] || world.sides[call->side].muted);
        SIM_CHECK_CALL(call, call->started[1] == call->finished[1] || world.sides[sim_server_side(call)].muted);
    }
}
